//! Every wire against the strict fake vendor, and failover between models.

mod conformance;
mod failover;
mod support;
mod transcribe;
