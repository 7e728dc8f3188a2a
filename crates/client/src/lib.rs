//! A WebSocket client of the gateway's control plane: for the command line, for fleets, for tests.
//!
//! Owns the handshake, the pairing of answers with requests, and the events. Reads no environment and words nothing for people
//! beyond its errors.

mod client;
mod connection;
mod error;
mod identity;
mod options;

pub use client::{Answers, Client, Events};
pub use error::ClientError;
pub use identity::{DeviceIdentity, IdentityError};
pub use options::ClientOptions;
