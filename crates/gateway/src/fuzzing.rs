//! What must hold for any bytes of a client and any answer of a model: entry points for the crate `fuzz`, in no shipped build.

#![allow(clippy::missing_panics_doc, reason = "to panic is how these say that a promise is broken")]

pub use crate::connection::fuzzing::websocket;
pub use crate::delivery::fuzzing::directives;
