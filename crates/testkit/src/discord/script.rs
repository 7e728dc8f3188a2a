//! What people do on the fake platform, and what a test sees there.

use std::time::Instant;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::gateway::{Event, Told};
use super::payload::{EVERYBODY_MAY, Sight, file_path};
use super::rest::people;
use super::wire::items;
use super::world::{ChannelShape, Guild, Member, Place, Role};
use super::{BotAccess, DiscordFile, DiscordInteraction, DiscordMessage, DiscordTyping, FakeDiscord, Snowflake, State};

/// A message that a person is about to send: [`FakeDiscord::say`] begins it, [`Saying::send`] sends it.
#[must_use = "nothing is said before `send`"]
pub struct Saying<'a> {
    discord: &'a FakeDiscord,
    message: DiscordMessage,
    pings_quoted: bool,
}

impl FakeDiscord {
    /// A person.
    pub fn add_user(&self, username: &str) -> Snowflake {
        self.change(|state| state.world.add_user(username, false))
    }

    /// Another bot.
    pub fn add_bot(&self, username: &str) -> Snowflake {
        self.change(|state| state.world.add_user(username, true))
    }

    /// The name by which a person is shown.
    pub fn set_display_name(&self, user: Snowflake, name: &str) {
        self.change(|state| {
            if let Some(user) = state.world.users.get_mut(&user) {
                user.display_name = Some(name.to_owned());
            }
        });
    }

    /// The person takes no direct messages from here on.
    pub fn close_dms(&self, user: Snowflake) {
        self.change(|state| {
            if let Some(user) = state.world.users.get_mut(&user) {
                user.closes_dms = true;
            }
        });
    }

    /// A server with the bot in it.
    pub fn add_guild(&self, name: &str) -> Snowflake {
        self.change(|state| {
            let id = state.world.next_id();
            let owner = state.world.add_user("owner", false);
            let (bot, own) = (state.world.bot, state.world.next_id());
            let everybody = Role { id, name: "@everyone".to_owned(), permissions: EVERYBODY_MAY, of_bot: None };
            // Who invites a bot with permissions gives it a role of its own; people mistake it for the bot when they mention.
            let name_of_bot = state.options.bot_name.clone();
            let bots = Role { id: own, name: name_of_bot, permissions: EVERYBODY_MAY, of_bot: Some(bot) };
            let as_bot = Member { nick: None, roles: vec![own] };
            let members = [(owner, Member::default()), (bot, as_bot)].into();
            let guild = Guild { id, name: name.to_owned(), owner, roles: vec![everybody, bots], members };
            let created = state.world.guild_create_json(&guild);
            state.world.guilds.insert(id, guild);
            state.dispatch(&Event { name: "GUILD_CREATE", channel: None, told: Told::Plain(created) });
            id
        })
    }

    /// A text channel of a server.
    pub fn add_channel(&self, guild: Snowflake, name: &str) -> Snowflake {
        self.add_place(ChannelShape::Text, guild, None, name)
    }

    /// A channel whose messages are posts, each a thread.
    pub fn add_forum(&self, guild: Snowflake, name: &str) -> Snowflake {
        self.add_place(ChannelShape::Forum, guild, None, name)
    }

    /// A thread of a text channel, or a post of a forum.
    ///
    /// # Panics
    /// When the parent is no channel of a server.
    pub fn add_thread(&self, parent: Snowflake, name: &str) -> Snowflake {
        let guild = self.lock().world.places.get(&parent).and_then(|place| place.guild);
        self.add_place(ChannelShape::Thread, guild.expect("threads stand in servers"), Some(parent), name)
    }

    /// The direct chat with a person.
    pub fn direct_chat(&self, user: Snowflake) -> Snowflake {
        self.change(|state| state.world.direct_chat(user))
    }

    /// A role of a server.
    pub fn add_role(&self, guild: Snowflake, name: &str) -> Snowflake {
        self.change(|state| {
            let id = state.world.next_id();
            if let Some(guild) = state.world.guilds.get_mut(&guild) {
                guild.roles.push(Role { id, name: name.to_owned(), permissions: 0, of_bot: None });
            }
            id
        })
    }

    /// Who a person is on a server: name there, and roles.
    pub fn set_member(&self, guild: Snowflake, user: Snowflake, nick: Option<&str>, roles: &[Snowflake]) {
        self.change(|state| {
            if let Some(guild) = state.world.guilds.get_mut(&guild) {
                guild.members.insert(user, Member { nick: nick.map(str::to_owned), roles: roles.to_vec() });
            }
        });
    }

    /// What the bot may do in a channel (and in its threads).
    pub fn set_access(&self, channel: Snowflake, access: BotAccess) {
        self.change(|state| {
            if let Some(place) = state.world.places.get_mut(&channel) {
                place.access = access;
            }
        });
    }

    /// Begins a message. `<@id>` in its text names somebody; [`FakeDiscord::mention`] writes the bot's.
    pub fn say(&self, channel: Snowflake, author: Snowflake, text: &str) -> Saying<'_> {
        let message = DiscordMessage::new(Snowflake::default(), channel, author, text.to_owned());
        Saying { discord: self, message, pings_quoted: true }
    }

    /// The role of a server that is the bot's alone.
    ///
    /// # Panics
    /// When there is no such server.
    pub fn bot_role(&self, guild: Snowflake) -> Snowflake {
        let state = self.lock();
        let mut roles = state.world.guilds[&guild].roles.iter();
        roles.find(|role| role.of_bot.is_some()).map(|role| role.id).expect("every server gives the bot one")
    }

    /// How a text names the bot.
    pub fn mention(&self) -> String {
        format!("<@{}>", self.bot())
    }

    /// Gives a message a new text.
    ///
    /// # Panics
    /// When it is gone.
    pub fn edit(&self, message: Snowflake, text: &str) {
        self.change(|state| {
            let mut edited = state.world.messages[&message].clone();
            text.clone_into(&mut edited.content);
            edited.mentions = state.world.named_in(text);
            edited.role_mentions = state.world.roles_in(edited.channel, text);
            edited.edits += 1;
            edited.edited_at_ms = Some(super::world::now_ms());
            people::announce_edit(state, edited);
        });
    }

    /// Removes a message.
    pub fn delete(&self, message: Snowflake) {
        self.change(|state| people::remove(state, message));
    }

    pub fn react(&self, message: Snowflake, user: Snowflake, emoji: &str) {
        self.change(|state| people::set_reaction(state, message, user, emoji, true));
    }

    pub fn unreact(&self, message: Snowflake, user: Snowflake, emoji: &str) {
        self.change(|state| people::set_reaction(state, message, user, emoji, false));
    }

    /// Tells of a message once more, as servers do now and then.
    pub fn redeliver(&self, message: Snowflake) {
        self.change(|state| {
            let channel = state.world.messages.get(&message).map(|message| message.channel);
            state.dispatch(&Event { name: "MESSAGE_CREATE", channel, told: Told::Message(message) });
        });
    }

    /// Sends any event to every session, for shapes that the script has no word for.
    pub fn send_event(&self, name: &'static str, data: &Value) {
        self.change(|state| {
            let sessions: Vec<String> = state.hub.sessions.keys().cloned().collect();
            for session in sessions {
                state.hub.tell(&session, name, data);
            }
        });
    }

    /// A person chooses a command with these arguments.
    ///
    /// # Panics
    /// When the bot has no such command or argument: nobody could choose it.
    pub fn slash(&self, channel: Snowflake, user: Snowflake, name: &str, options: &[(&str, &str)]) -> Snowflake {
        let options: Vec<_> = options.iter().map(|(name, value)| (*name, *value, false)).collect();
        self.command(channel, user, name, 2, &options)
    }

    /// A person types an argument that completes.
    ///
    /// # Panics
    /// When the argument does not offer completions.
    pub fn autocomplete(
        &self,
        channel: Snowflake,
        user: Snowflake,
        name: &str,
        option: &str,
        typed: &str,
    ) -> Snowflake {
        self.command(channel, user, name, 4, &[(option, typed, true)])
    }

    /// A person presses a button, known by its `custom_id` or its label.
    ///
    /// # Panics
    /// When the message has no such button.
    pub fn press(&self, message: Snowflake, user: Snowflake, button: &str) -> Snowflake {
        self.change(|state| {
            let pressed = state.world.messages[&message].clone();
            let mut all = pressed.components.iter().flat_map(|row| items(&row["components"]));
            let found = all.find(|one| one["custom_id"] == button || one["label"] == button);
            let found = found.unwrap_or_else(|| panic!("no button `{button}` under {:?}", pressed.components));
            let data = json!({"component_type": found["type"], "custom_id": found["custom_id"], "id": 1});
            let interaction = state.begin_interaction(pressed.channel, user, 3, button);
            state.interaction_mut(interaction).original = Some(message);
            let shown = state.world.message_json(&pressed, Sight::Gateway { reads_content: true }, &state.base);
            state.announce_interaction(interaction, data, Some(shown));
            interaction
        })
    }

    /// How an interaction stands.
    ///
    /// # Panics
    /// When there is none of this id.
    pub fn interaction(&self, id: Snowflake) -> DiscordInteraction {
        self.lock().world.interactions[&id].clone()
    }

    /// Interactions that nobody has answered.
    pub fn open_interactions(&self) -> Vec<DiscordInteraction> {
        let state = self.lock();
        state.world.interactions.values().filter(|interaction| interaction.answer.is_none()).cloned().collect()
    }

    /// The message that answers an interaction, ephemeral ones too.
    pub fn response(&self, interaction: Snowflake) -> Option<DiscordMessage> {
        let state = self.lock();
        let known = state.world.interactions.get(&interaction)?;
        state.world.messages.get(&known.original?).filter(|message| message.interaction == Some(interaction)).cloned()
    }

    /// What everybody sees in a channel now, oldest first.
    pub fn messages(&self, channel: Snowflake) -> Vec<DiscordMessage> {
        self.lock().world.visible(channel).cloned().collect()
    }

    /// As [`FakeDiscord::messages`], the bot's own only.
    pub fn bot_messages(&self, channel: Snowflake) -> Vec<DiscordMessage> {
        let state = self.lock();
        state.world.visible(channel).filter(|message| message.author == state.world.bot).cloned().collect()
    }

    /// The bot's messages from here on, each as it stands after it was sent or changed.
    pub fn hear_bot(&self) -> mpsc::UnboundedReceiver<DiscordMessage> {
        let (listener, heard) = mpsc::unbounded_channel();
        self.lock().listeners.push(listener);
        heard
    }

    /// The texts of [`FakeDiscord::bot_messages`].
    pub fn bot_texts(&self, channel: Snowflake) -> Vec<String> {
        self.bot_messages(channel).into_iter().map(|message| message.content).collect()
    }

    /// A message as it is now; `None` once it is gone.
    pub fn message(&self, id: Snowflake) -> Option<DiscordMessage> {
        self.lock().world.messages.get(&id).cloned()
    }

    /// Messages that the bot made since the start, deleted ones too.
    pub fn sent_count(&self) -> usize {
        self.lock().sent
    }

    /// When the bot showed that it is writing.
    pub fn typing(&self, channel: Snowflake) -> Vec<Instant> {
        let state = self.lock();
        let there = |typing: &&DiscordTyping| typing.channel == channel;
        state.world.typing.iter().filter(there).map(|typing| typing.at).collect()
    }

    /// The bot's own reactions to a message.
    pub fn bot_reactions(&self, message: Snowflake) -> Vec<String> {
        let state = self.lock();
        let reactions = state.world.messages.get(&message).map(|message| message.reactions.as_slice());
        let own = reactions.unwrap_or_default().iter().filter(|(_, user)| *user == state.world.bot);
        own.map(|(emoji, _)| emoji.clone()).collect()
    }

    /// The registered commands, as the platform keeps them.
    pub fn commands(&self) -> Vec<Value> {
        self.lock().world.commands.clone()
    }

    /// The address of a message's file.
    pub fn file_url(&self, message: Snowflake, file: &DiscordFile) -> String {
        let channel = self.lock().world.messages.get(&message).map(|message| message.channel).unwrap_or_default();
        format!("{}{}", self.url(), file_path(channel, file))
    }

    fn add_place(&self, shape: ChannelShape, guild: Snowflake, parent: Option<Snowflake>, name: &str) -> Snowflake {
        self.change(|state| {
            let id = state.world.next_id();
            let (name, access) = (name.to_owned(), BotAccess::Full);
            let place = Place { id, shape, guild: Some(guild), parent, name, recipient: None, access };
            let created = state.world.place_json(&place);
            state.world.places.insert(id, place);
            let name = if shape == ChannelShape::Thread { "THREAD_CREATE" } else { "CHANNEL_CREATE" };
            state.dispatch(&Event { name, channel: Some(id), told: Told::Plain(created) });
            id
        })
    }

    fn command(
        &self,
        channel: Snowflake,
        user: Snowflake,
        name: &str,
        kind: u8,
        options: &[(&str, &str, bool)],
    ) -> Snowflake {
        self.change(|state| {
            let command = state.world.commands.iter().find(|command| command["name"] == name).cloned();
            let command = command.unwrap_or_else(|| panic!("nobody can choose /{name}: it is not registered"));
            let chosen = |(option, text, focused): &(&str, &str, bool)| {
                let known = items(&command["options"]).iter().find(|known| known["name"] == *option);
                let known = known.unwrap_or_else(|| panic!("/{name} takes no `{option}`"));
                assert!(!focused || known["autocomplete"] == true, "`{option}` of /{name} offers no completion");
                let mut chosen =
                    json!({"name": option, "type": known["type"], "value": typed_value(known, text, kind)});
                if *focused {
                    chosen["focused"] = json!(true);
                }
                chosen
            };
            let chosen: Vec<Value> = options.iter().map(chosen).collect();
            let mut data = json!({"id": command["id"], "name": name, "type": 1});
            if !chosen.is_empty() {
                data["options"] = json!(chosen);
            }
            let interaction = state.begin_interaction(channel, user, kind, name);
            state.announce_interaction(interaction, data, None);
            interaction
        })
    }
}

/// A chosen value is of its option's type; one that is being typed is still a text.
fn typed_value(option: &Value, text: &str, kind: u8) -> Value {
    let read = match option["type"].as_u64() {
        Some(4 | 5 | 10) if kind == 2 => serde_json::from_str(text).ok(),
        _ => None,
    };
    read.unwrap_or_else(|| json!(text))
}

impl Saying<'_> {
    /// As an answer to a message, whose author is rung.
    pub fn reply_to(mut self, message: Snowflake) -> Self {
        self.message.reply_to = Some(message);
        self.message.kind = 19;
        self
    }

    /// The author of the quoted message is not rung.
    pub fn quietly(mut self) -> Self {
        self.pings_quoted = false;
        self
    }

    /// With a file.
    pub fn attach(self, name: &str, mime: &str, bytes: &[u8]) -> Self {
        self.attach_claiming(name, mime, bytes, bytes.len() as u64)
    }

    /// With a file of which the message claims another size.
    pub fn attach_claiming(mut self, name: &str, mime: &str, bytes: &[u8], size: u64) -> Self {
        let id = self.discord.change(|state| state.world.next_id());
        let (name, mime, bytes) = (name.to_owned(), Some(mime.to_owned()), bytes.to_vec());
        let file = DiscordFile { id, name, mime, bytes, claimed_size: size, duration_secs: None, description: None };
        self.message.attachments.push(file);
        self
    }

    /// The file before is recorded speech of this length.
    pub fn as_voice(mut self, seconds: f64) -> Self {
        if let Some(file) = self.message.attachments.last_mut() {
            file.duration_secs = Some(seconds);
        }
        self.message.flags |= 1 << 13;
        self
    }

    /// With a sticker.
    pub fn sticker(mut self, name: &str) -> Self {
        self.message.stickers.push(name.to_owned());
        self
    }

    /// With an embed, as links and bots make them.
    pub fn embed(mut self, embed: Value) -> Self {
        self.message.embeds.push(embed);
        self
    }

    /// Written by a webhook.
    pub fn as_webhook(mut self) -> Self {
        self.message.webhook = Some(self.message.author);
        self
    }

    /// A message of the system: 7 greets a new member, 6 tells of a pin.
    pub fn of_kind(mut self, kind: u8) -> Self {
        self.message.kind = kind;
        self
    }

    /// Sends it and returns its id.
    pub fn send(self) -> Snowflake {
        let Self { discord, mut message, pings_quoted } = self;
        discord.change(|state| {
            message.id = state.world.next_id();
            message.mentions = state.world.named_in(&message.content);
            message.role_mentions = state.world.roles_in(message.channel, &message.content);
            message.pings_everyone = message.content.contains("@everyone") || message.content.contains("@here");
            let quoted = message.reply_to.and_then(|quoted| state.world.messages.get(&quoted));
            if let Some(author) = quoted.map(|quoted| quoted.author).filter(|_| pings_quoted)
                && !message.mentions.contains(&author)
            {
                message.mentions.push(author);
            }
            let guild = state.world.places.get(&message.channel).and_then(|place| place.guild);
            if let Some(guild) = guild.and_then(|guild| state.world.guilds.get_mut(&guild)) {
                guild.members.entry(message.author).or_default();
            }
            people::publish(state, message)
        })
    }
}

impl State {
    fn begin_interaction(&mut self, channel: Snowflake, user: Snowflake, kind: u8, name: &str) -> Snowflake {
        let id = self.world.next_id();
        let guild = self.world.places.get(&channel).and_then(|place| place.guild);
        if let Some(guild) = guild.and_then(|guild| self.world.guilds.get_mut(&guild)) {
            guild.members.entry(user).or_default();
        }
        let interaction = DiscordInteraction {
            id,
            channel,
            user,
            // As long as real ones.
            token: format!("aW50ZXJhY3Rpb246{id}{}", "QmFzZTY0LXRva2Vu".repeat(11)),
            kind,
            answer: None,
            answered_after: None,
            choices: Vec::new(),
            ephemeral: false,
            original: None,
            followups: Vec::new(),
            made: Instant::now(),
            expired: false,
            name: name.to_owned(),
        };
        self.world.interactions.insert(id, interaction);
        id
    }

    fn interaction_mut(&mut self, id: Snowflake) -> &mut DiscordInteraction {
        self.world.interactions.get_mut(&id).expect("interactions are never removed")
    }

    fn announce_interaction(&mut self, id: Snowflake, data: Value, message: Option<Value>) {
        let mut json = self.world.interaction_json(&self.world.interactions[&id]);
        json.insert("data".to_owned(), data);
        if let Some(message) = message {
            json.insert("message".to_owned(), message);
        }
        self.dispatch(&Event { name: "INTERACTION_CREATE", channel: None, told: Told::Plain(Value::Object(json)) });
    }
}
