//! `/restart`: the gateway ends as it does when it is stopped, and starts again in the same process.

use super::{Afterwards, Answer};
use crate::app::Gateway;

pub(super) fn reply(gateway: &Gateway) -> Answer {
    if gateway.config.load().commands.restart == Some(false) {
        return "`/restart` is switched off; `commands.restart` in the configuration allows it.".to_owned().into();
    }
    let text = "The gateway restarts now. What is open goes on afterwards.".to_owned();
    Answer { text, afterwards: Afterwards::Restart, ..Answer::default() }
}
