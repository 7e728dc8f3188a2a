//! The wires: one folder per vendor API, the same four files in each. What they share stands beside them.
//!
//! A wire is two pure parts (request to body, events to answer) and a `Provider` that hands both to [`call::start`].

pub(crate) mod anthropic;
pub(crate) mod call;
pub(crate) mod endpoint;
pub(crate) mod error;
#[cfg(test)]
mod fixture;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
pub(crate) mod gemini;
pub(crate) mod openai_chat;
pub(crate) mod openai_responses;
mod parts;
pub(crate) mod whole;
