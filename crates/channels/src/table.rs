//! The channels there are. Adding one is a folder and a line here.

use crate::{Kind, discord, telegram};

/// Every kind, in the order in which lists show them.
pub const CHANNELS: &[Kind] = &[discord::KIND, telegram::KIND];
