//! The machinery of configuration: where the file is, what it says, what is wrong with it, and how to change it.
//!
//! Knows no section of its own besides `env` and `secrets`: every other section's struct stands beside the code that it
//! configures, and the root in the gateway. One of the two crates that read the environment.

mod environment;
mod problem;
mod secret;

pub use environment::{Environment, PREFIXES};
pub use problem::{Problem, Severity};
pub use secret::{Secret, SecretReference, SecretSource};
