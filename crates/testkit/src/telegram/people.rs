//! The script's side: people, chats, and what they see.

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::say::Saying;
use super::state::{ChatType, Standing, State, User};
use super::{ChatAction, FakeTelegram, TelegramMessage, wire};

impl FakeTelegram {
    /// Makes a person known. The username is the first word of the name in small letters.
    pub fn user(&self, id: i64, name: &str) -> i64 {
        self.change(|state| state.add_user(id, name, false));
        id
    }

    /// Another bot; its messages say so.
    pub fn other_bot(&self, id: i64, name: &str) -> i64 {
        self.change(|state| state.add_user(id, name, true));
        id
    }

    /// The chat of a person with the bot, which the person has started.
    pub fn private_chat(&self, user: i64) -> i64 {
        self.change(|state| state.add_chat(user, ChatType::Private, "", &[user]));
        user
    }

    /// A basic group.
    pub fn group(&self, title: &str, members: &[i64]) -> i64 {
        self.change(|state| {
            let id = -4_000_000 - state.next_number().cast_signed();
            state.add_chat(id, ChatType::Group, title, members);
            id
        })
    }

    pub fn supergroup(&self, title: &str, members: &[i64]) -> i64 {
        self.change(|state| state.add_supergroup(title, members))
    }

    /// A supergroup with topics.
    pub fn forum(&self, title: &str, members: &[i64]) -> i64 {
        self.change(|state| {
            let id = state.add_supergroup(title, members);
            state.chat_mut(id).is_forum = true;
            id
        })
    }

    /// Opens a topic of a forum; its name on the wire is the id of the message that opens it.
    pub fn topic(&self, forum: i64, user: i64, name: &str) -> i64 {
        self.change(|state| {
            let mut message = state.new_message(forum, user);
            let id = message.id;
            message.topic = Some(id);
            let created = json!({ "name": name, "icon_color": 7_322_096 });
            message.extra.insert("forum_topic_created".to_owned(), created);
            state.chat_mut(forum).topics.insert(id, name.to_owned());
            let shown = state.keep(message);
            state.push_update("message", forum, &shown);
            id
        })
    }

    /// A basic group becomes a supergroup with another id; calls with the old one are refused from now on.
    pub fn migrate(&self, group: i64) -> i64 {
        self.change(|state| {
            let (title, members) = {
                let chat = state.chat(group);
                (chat.title.clone(), chat.members.iter().copied().collect::<Vec<_>>())
            };
            let supergroup = state.add_supergroup(&title, &members);
            state.chat_mut(group).migrated_to = Some(supergroup);
            let person = members.iter().copied().find(|id| *id != state.bot).unwrap_or(state.bot);
            for (chat, field, other) in
                [(group, "migrate_to_chat_id", supergroup), (supergroup, "migrate_from_chat_id", group)]
            {
                let mut message = state.new_message(chat, person);
                message.extra.insert(field.to_owned(), json!(other));
                let shown = state.keep(message);
                state.push_update("message", chat, &shown);
            }
            supergroup
        })
    }

    /// The bot becomes an administrator: it hears everything, reactions too.
    pub fn promote(&self, chat: i64) {
        self.change(|state| state.set_standing(chat, Standing::Administrator));
    }

    /// A person blocks the bot, or a group removes it.
    pub fn kick(&self, chat: i64) {
        self.change(|state| state.set_standing(chat, Standing::Out));
    }

    /// Begins a message; it is sent by [`Saying::send`].
    pub fn say<'a>(&'a self, chat: i64, user: i64, text: &str) -> Saying<'a> {
        Saying::new(self, chat, user, text)
    }

    /// Puts any update into the queue, whatever its kind.
    pub fn push_raw_update(&self, kind: &str, chat: i64, content: &Value) {
        self.change(|state| state.push_any_update(kind, chat, content));
    }

    /// Forgets that the newest confirmed update was confirmed and gives it again, with its old number.
    ///
    /// # Panics
    /// When no update was confirmed yet.
    pub fn redeliver_last(&self) {
        self.change(|state| {
            let update = state.updates.confirmed.last().cloned().expect("an update was confirmed before");
            state.updates.again.push_back(update);
        });
    }

    /// Updates that the bot has not confirmed.
    pub fn waiting_updates(&self) -> usize {
        self.shared.lock().updates.waiting.len()
    }

    /// All messages of a chat as people see them now, oldest first.
    pub fn messages(&self, chat: i64) -> Vec<TelegramMessage> {
        self.shared.lock().chat(chat).messages.values().cloned().collect()
    }

    /// The bot's messages of a chat, oldest first.
    pub fn bot_messages(&self, chat: i64) -> Vec<TelegramMessage> {
        let bot = self.bot_id();
        self.messages(chat).into_iter().filter(|message| message.from == bot).collect()
    }

    /// The bot's messages from here on, each as it stands after it was sent or changed.
    pub fn hear_bot(&self) -> mpsc::UnboundedReceiver<TelegramMessage> {
        let (listener, heard) = mpsc::unbounded_channel();
        self.shared.lock().listeners.push(listener);
        heard
    }

    pub fn actions(&self) -> Vec<ChatAction> {
        self.shared.lock().actions.clone()
    }

    /// Button presses that were not answered yet; their buttons still turn.
    pub fn open_presses(&self) -> Vec<String> {
        self.shared.lock().open_presses.iter().cloned().collect()
    }

    /// The menu of commands, of the default scope.
    pub fn commands(&self) -> Value {
        let state = self.shared.lock();
        state.commands.get("default/").cloned().unwrap_or_else(|| json!([]))
    }

    /// Where the webhook goes, if one is set.
    pub fn webhook_url(&self) -> Option<String> {
        self.shared.lock().webhook.as_ref().map(|hook| hook.url.clone())
    }

    /// How often the webhook was called since it was set.
    pub fn webhook_calls(&self) -> usize {
        self.shared.lock().webhook.as_ref().map_or(0, |hook| hook.calls)
    }
}

impl State {
    fn add_user(&mut self, id: i64, name: &str, is_bot: bool) {
        let username = name.split_whitespace().next().unwrap_or(name).to_lowercase();
        self.users.insert(id, User { id, name: name.to_owned(), username, is_bot });
    }

    fn add_supergroup(&mut self, title: &str, members: &[i64]) -> i64 {
        let id = -1_001_200_000_000 - self.next_number().cast_signed();
        self.add_chat(id, ChatType::Supergroup, title, members);
        id
    }

    fn set_standing(&mut self, chat: i64, standing: Standing) {
        let old = std::mem::replace(&mut self.chat_mut(chat).standing, standing);
        let place = self.chat(chat);
        let person = place.members.iter().copied().find(|id| *id != self.bot).unwrap_or(self.bot);
        let member = |standing| json!({ "user": wire::user(&self.users[&self.bot]), "status": standing_name(standing, place.kind) });
        let change = json!({
            "chat": wire::chat(self, place), "from": wire::user(&self.users[&person]),
            "date": super::state::unix_seconds(), "old_chat_member": member(old), "new_chat_member": member(standing),
        });
        self.push_update("my_chat_member", chat, &change);
    }
}

pub(super) fn standing_name(standing: Standing, kind: ChatType) -> &'static str {
    match (standing, kind) {
        (Standing::Member, _) => "member",
        (Standing::Administrator, _) => "administrator",
        (Standing::Out, ChatType::Private) => "kicked",
        (Standing::Out, ChatType::Group | ChatType::Supergroup) => "left",
    }
}
