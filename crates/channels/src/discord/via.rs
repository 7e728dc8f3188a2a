//! How the answer to a slash command finds its interaction again: its token, and until when Discord takes it.

use super::wire::{Interaction, made_at_ms};

/// Discord takes a token for 15 minutes; the margin is for a call under way.
const TOKEN_LASTS_MS: i64 = 15 * 60 * 1000 - 30 * 1000;

/// See [`crate::InboundMessage::via`]. Written as `<made at>:<application>:<token>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Via {
    made_at_ms: i64,
    pub(super) application: String,
    pub(super) token: String,
}

impl Via {
    pub(super) fn of(interaction: &Interaction) -> Self {
        Self {
            made_at_ms: made_at_ms(&interaction.id),
            application: interaction.application_id.clone(),
            token: interaction.token.clone(),
        }
    }

    /// `None` for what is no route of ours, or one that Discord no longer takes.
    pub(super) fn live(written: &str, now_ms: i64) -> Option<Self> {
        let mut fields = written.splitn(3, ':');
        let made_at_ms: i64 = fields.next()?.parse().ok()?;
        let (application, token) = (fields.next()?.to_owned(), fields.next()?.to_owned());
        let is_live = now_ms.saturating_sub(made_at_ms) < TOKEN_LASTS_MS;
        is_live.then_some(Self { made_at_ms, application, token })
    }

    pub(super) fn write(&self) -> String {
        format!("{}:{}:{}", self.made_at_ms, self.application, self.token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_read_as_it_was_written_until_its_token_is_dead() {
        let via = Via { made_at_ms: 1_000, application: "7".into(), token: "aW50:ZXI".into() };
        let written = via.write();
        assert_eq!(Via::live(&written, 1_000 + TOKEN_LASTS_MS - 1), Some(via));
        assert_eq!(Via::live(&written, 1_000 + TOKEN_LASTS_MS), None);
        assert_eq!(Via::live("elsewhere", 0), None);
    }
}
