//! Every wire against the strict fake vendor, and failover between models.

mod conformance;
mod embed;
mod failover;
mod support;
mod transcribe;
