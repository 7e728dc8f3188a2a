//! Commands of the application, and the first answer to an interaction.

use serde_json::{Value, json};

use super::super::check::{self, Shape};
use super::super::wire::{Refusal, items};
use super::super::world::Snowflake;
use super::super::{State, check_commands};
use super::messages::{apply_edit, draft, publish};
use super::{Answer, Call, Outcome};

const EPHEMERAL: u64 = 1 << 6;
/// Offered completions.
const CHOICES_MAX: usize = 25;
const CHOICE_LENGTH_MAX: usize = 100;

pub(super) fn commands(state: &mut State, app: &str) -> Outcome {
    state.own_application(app)?;
    Answer::ok(json!(state.world.commands))
}

/// Replaces all commands. One that keeps its name keeps its id.
pub(super) fn put_commands(state: &mut State, app: &str, body: &Value) -> Outcome {
    state.own_application(app)?;
    check_commands::commands(body)?;
    let mut commands = Vec::new();
    for command in items(body) {
        let known = state.world.commands.iter().find(|known| known["name"] == command["name"]);
        let id = known.map(|known| known["id"].clone());
        let id = id.unwrap_or_else(|| json!(state.world.next_id()));
        let mut full = json!({
            "id": id, "application_id": state.world.application, "version": state.world.next_id(),
            "default_member_permissions": null, "type": 1, "nsfw": false, "dm_permission": true, "contexts": null,
            "integration_types": [0],
        });
        for (name, value) in command.as_object().into_iter().flatten() {
            full[name] = value.clone();
        }
        commands.push(full);
    }
    state.world.commands = commands;
    Answer::ok(json!(state.world.commands))
}

pub(super) fn callback(state: &mut State, id: &str, token: &str, call: &Call) -> Outcome {
    let unknown = || Refusal::new(404, 10062, "Unknown interaction");
    let id = Snowflake::parse(id).ok_or_else(unknown)?;
    let interaction = state.world.interactions.get(&id).filter(|known| known.token == token).ok_or_else(unknown)?;
    let (kind, answered, waited) = (interaction.kind, interaction.answer, interaction.made.elapsed());
    if answered.is_some() {
        return Err(Refusal::new(400, 40060, "Interaction has already been acknowledged.").fault());
    }
    if interaction.expired || waited > state.options.interaction_patience {
        return Err(unknown());
    }
    check::fields("", &call.body, &["type", "data", "attachments"])?;
    let answer = call.body["type"].as_u64().and_then(|kind| u8::try_from(kind).ok()).unwrap_or_default();
    let fits = match answer {
        4 | 5 => kind != 4,
        6 | 7 => kind == 3,
        8 => kind == 4,
        _ => false,
    };
    if !fits {
        return Err(Refusal::form(
            "type",
            "INVALID",
            format!("an interaction of type {kind} takes no answer {answer}"),
        ));
    }
    let data = &call.body["data"];
    match answer {
        4 | 7 => {
            let call = Call {
                method: "POST",
                segments: &[],
                query: Vec::new(),
                body: data.clone(),
                files: call.files.clone(),
            };
            match interaction.original.filter(|_| answer == 7) {
                Some(original) => apply_edit(state, original, &call)?,
                None => drop(first_message(state, id, &call)?),
            }
        }
        5 => {
            check::fields("data.", data, &["flags"])?;
            let ephemeral = data["flags"].as_u64().is_some_and(|flags| flags & EPHEMERAL != 0);
            state.interaction(id).ephemeral = ephemeral;
        }
        8 => state.interaction(id).choices = choices(data)?,
        _ => {}
    }
    let interaction = state.interaction(id);
    interaction.answer = Some(answer);
    interaction.answered_after = Some(waited);
    Answer::done()
}

/// The message that answers an interaction; later ones of the same token are followups.
pub(super) fn first_message(state: &mut State, id: Snowflake, call: &Call) -> Result<Snowflake, Refusal> {
    let message = interaction_message(state, id, call)?;
    let interaction = state.interaction(id);
    if interaction.original.is_none() {
        interaction.original = Some(message);
    } else {
        interaction.followups.push(message);
    }
    Ok(message)
}

fn interaction_message(state: &mut State, id: Snowflake, call: &Call) -> Result<Snowflake, Refusal> {
    check::message(&call.body, &call.files, Shape::Webhook, state.options.upload_max_bytes)?;
    let (channel, kind, name) = {
        let interaction = &state.world.interactions[&id];
        (interaction.channel, interaction.kind, interaction.original.is_none())
    };
    let place = state.world.places[&channel].clone();
    let mut message = draft(state, &place, &call.body, &call.files)?;
    message.interaction = Some(id);
    message.kind = if kind == 2 && name { 20 } else { 0 };
    if state.world.interactions[&id].ephemeral {
        // What was deferred for one person's eyes stays there.
        message.flags |= EPHEMERAL;
    }
    Ok(publish(state, message))
}

fn choices(data: &Value) -> Result<Vec<(String, Value)>, Refusal> {
    check::fields("data.", data, &["choices"])?;
    let choices = items(&data["choices"]);
    if choices.len() > CHOICES_MAX {
        return Err(Refusal::too_long("data.choices", CHOICES_MAX));
    }
    let mut read = Vec::new();
    for (at, choice) in choices.iter().enumerate() {
        check::fields(&format!("data.choices.{at}."), choice, &["name", "name_localizations", "value"])?;
        let length = |value: &Value| value.as_str().map(|text| text.chars().count());
        if !length(&choice["name"]).is_some_and(|length| (1..=CHOICE_LENGTH_MAX).contains(&length)) {
            return Err(Refusal::form(
                &format!("data.choices.{at}.name"),
                "BASE_TYPE_BAD_LENGTH",
                "Must be between 1 and 100 in length.",
            ));
        }
        if length(&choice["value"]).is_some_and(|length| length > CHOICE_LENGTH_MAX) || choice["value"].is_null() {
            return Err(Refusal::too_long(&format!("data.choices.{at}.value"), CHOICE_LENGTH_MAX));
        }
        read.push((choice["name"].as_str().unwrap_or_default().to_owned(), choice["value"].clone()));
    }
    Ok(read)
}

impl State {
    fn own_application(&self, app: &str) -> Result<(), Refusal> {
        if Snowflake::parse(app) == Some(self.world.application) {
            return Ok(());
        }
        Err(Refusal::new(403, 20012, "You are not authorized to perform this action on this application").fault())
    }

    pub(super) fn interaction(&mut self, id: Snowflake) -> &mut super::super::DiscordInteraction {
        self.world.interactions.get_mut(&id).expect("interactions are never removed")
    }
}
