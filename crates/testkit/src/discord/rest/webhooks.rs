//! What comes after an interaction's first answer: its message, and more of them, by the interaction's token.

use super::super::State;
use super::super::wire::Refusal;
use super::super::world::Snowflake;
use super::interactions::first_message;
use super::messages::{apply_edit, remove};
use super::{Answer, Call, Outcome};

pub(super) fn follow_up(state: &mut State, app: &str, token: &str, call: &Call) -> Outcome {
    let interaction = state.answered_interaction(app, token)?;
    let message = first_message(state, interaction, call)?;
    Answer::ok(state.shown(message))
}

pub(super) fn get(state: &mut State, app: &str, token: &str, message: &str) -> Outcome {
    let interaction = state.answered_interaction(app, token)?;
    let message = state.message_of(interaction, message)?;
    Answer::ok(state.shown(message))
}

/// Editing the answer of a deferred interaction is what writes it.
pub(super) fn edit(state: &mut State, app: &str, token: &str, message: &str, call: &Call) -> Outcome {
    let interaction = state.answered_interaction(app, token)?;
    let known = &state.world.interactions[&interaction];
    if message == "@original" && known.original.is_none() && known.answer == Some(5) {
        let written = first_message(state, interaction, call)?;
        return Answer::ok(state.shown(written));
    }
    let message = state.message_of(interaction, message)?;
    apply_edit(state, message, call)?;
    Answer::ok(state.shown(message))
}

pub(super) fn delete(state: &mut State, app: &str, token: &str, message: &str) -> Outcome {
    let interaction = state.answered_interaction(app, token)?;
    let known = state.interaction(interaction);
    if message == "@original" && known.original.is_none() && known.answer == Some(5) {
        // Takes the "is thinking" away.
        known.answer = Some(6);
        return Answer::done();
    }
    let message = state.message_of(interaction, message)?;
    remove(state, message);
    Answer::done()
}

impl State {
    /// The interaction of a token that is still taken and was answered once.
    fn answered_interaction(&self, app: &str, token: &str) -> Result<Snowflake, Refusal> {
        let unknown = || Refusal::unknown("Webhook", 10015);
        if Snowflake::parse(app) != Some(self.world.application) {
            return Err(unknown().fault());
        }
        let mut interactions = self.world.interactions.values();
        let interaction = interactions.find(|interaction| interaction.token == token).ok_or_else(unknown)?;
        if interaction.expired {
            return Err(Refusal::new(401, 50027, "Invalid Webhook Token"));
        }
        // Completions take one answer, and no message.
        interaction.answer.filter(|_| interaction.kind != 4).ok_or_else(unknown)?;
        Ok(interaction.id)
    }

    fn message_of(&self, interaction: Snowflake, message: &str) -> Result<Snowflake, Refusal> {
        let known = &self.world.interactions[&interaction];
        let wanted = if message == "@original" { known.original } else { Snowflake::parse(message) };
        let own = wanted.filter(|id| known.original == Some(*id) || known.followups.contains(id));
        let own = own.filter(|id| self.world.messages.contains_key(id));
        own.ok_or_else(|| Refusal::unknown("Message", 10008))
    }
}
