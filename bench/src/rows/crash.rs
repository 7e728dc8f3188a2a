//! Resident memory: idle, and what a connected client adds.
