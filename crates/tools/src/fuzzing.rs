//! What must hold for any text that a model or a web page gives to a tool: entry points for the crate `fuzz`, in no shipped build.

#![allow(clippy::missing_panics_doc, reason = "to panic is how these say that a promise is broken")]

pub use crate::allowlist::fuzzing::command_lines;
pub use crate::apply_patch::fuzzing::patches;
pub use crate::web_fetch::fuzzing::pages;
