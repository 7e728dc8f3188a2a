//! Telegram's objects as they arrive, cut down to what is used (Bot API 9, <https://core.telegram.org/bots/api#available-types>).
//!
//! Everything but ids is optional, and unknown values pass: a field that Telegram adds or leaves out must never cost a message.

#![allow(clippy::struct_field_names, reason = "the names are Telegram's")]

use serde::Deserialize;

/// One update has one of these; of kinds that were not asked for, none.
#[derive(Debug, Deserialize)]
pub(super) struct Update {
    pub(super) update_id: u32,
    pub(super) message: Option<Box<Message>>,
    pub(super) edited_message: Option<Box<Message>>,
    pub(super) callback_query: Option<Box<CallbackQuery>>,
    pub(super) message_reaction: Option<Box<MessageReaction>>,
    pub(super) my_chat_member: Option<Box<Membership>>,
}

/// Also a message that is no longer there: it has its chat and its id.
#[derive(Debug, Deserialize)]
pub(super) struct Message {
    pub(super) message_id: i32,
    /// Unix seconds.
    #[serde(default)]
    pub(super) date: u64,
    pub(super) chat: Chat,
    pub(super) message_thread_id: Option<i32>,
    pub(super) is_topic_message: Option<bool>,
    pub(super) from: Option<User>,
    pub(super) sender_chat: Option<Chat>,
    pub(super) forward_origin: Option<Origin>,
    pub(super) media_group_id: Option<String>,
    pub(super) reply_to_message: Option<Box<Self>>,
    pub(super) external_reply: Option<ExternalReply>,
    pub(super) quote: Option<TextQuote>,
    pub(super) text: Option<String>,
    pub(super) entities: Option<Vec<MessageEntity>>,
    pub(super) caption: Option<String>,
    pub(super) caption_entities: Option<Vec<MessageEntity>>,
    pub(super) photo: Option<Vec<PhotoSize>>,
    pub(super) voice: Option<SentFile>,
    pub(super) audio: Option<SentFile>,
    pub(super) video_note: Option<SentFile>,
    pub(super) video: Option<SentFile>,
    pub(super) animation: Option<SentFile>,
    pub(super) document: Option<SentFile>,
    pub(super) sticker: Option<Sticker>,
    pub(super) venue: Option<Venue>,
    pub(super) location: Option<Location>,
    pub(super) contact: Option<Contact>,
    pub(super) poll: Option<Poll>,
    pub(super) dice: Option<Dice>,
    pub(super) migrate_to_chat_id: Option<i64>,
    pub(super) migrate_from_chat_id: Option<i64>,
    pub(super) forum_topic_created: Option<ForumTopic>,
}

#[derive(Debug, Deserialize)]
pub(super) struct User {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) is_bot: bool,
    #[serde(default)]
    pub(super) first_name: String,
    pub(super) last_name: Option<String>,
    pub(super) username: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Chat {
    pub(super) id: i64,
    #[serde(rename = "type", default)]
    pub(super) kind: ChatType,
    pub(super) title: Option<String>,
    pub(super) username: Option<String>,
    pub(super) first_name: Option<String>,
    #[serde(default)]
    pub(super) is_forum: bool,
}

/// What is neither a person's own chat nor a channel is under the rules of groups.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ChatType {
    Private,
    Channel,
    #[default]
    #[serde(other)]
    Group,
}

/// A mark in a text. Both numbers count UTF-16 units.
#[derive(Debug, Deserialize)]
pub(super) struct MessageEntity {
    #[serde(rename = "type")]
    pub(super) kind: EntityType,
    pub(super) offset: usize,
    pub(super) length: usize,
    /// Of a mention of somebody without a username.
    pub(super) user: Option<User>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum EntityType {
    Mention,
    BotCommand,
    TextMention,
    #[serde(other)]
    Other,
}

/// Where a message comes from: one of these, which is told by its kind.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Origin {
    pub(super) sender_user: Option<User>,
    /// Of somebody who hides.
    pub(super) sender_user_name: Option<String>,
    /// A group on whose behalf somebody wrote.
    pub(super) sender_chat: Option<Chat>,
    /// A channel.
    pub(super) chat: Option<Chat>,
}

/// A message of another chat that is answered.
#[derive(Debug, Deserialize)]
pub(super) struct ExternalReply {
    #[serde(default)]
    pub(super) origin: Origin,
    pub(super) message_id: Option<i32>,
}

/// The part of the answered message that was chosen by hand.
#[derive(Debug, Deserialize)]
pub(super) struct TextQuote {
    #[serde(default)]
    pub(super) text: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct ForumTopic {
    #[serde(default)]
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct PhotoSize {
    pub(super) file_id: String,
    #[serde(default)]
    pub(super) width: u32,
    #[serde(default)]
    pub(super) height: u32,
    pub(super) file_size: Option<u64>,
}

/// A voice message, a piece of music, a video of any kind, a document.
#[derive(Debug, Deserialize)]
pub(super) struct SentFile {
    pub(super) file_id: String,
    pub(super) file_name: Option<String>,
    pub(super) title: Option<String>,
    pub(super) mime_type: Option<String>,
    pub(super) file_size: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Sticker {
    pub(super) file_id: String,
    #[serde(default)]
    pub(super) is_animated: bool,
    #[serde(default)]
    pub(super) is_video: bool,
    pub(super) emoji: Option<String>,
    pub(super) set_name: Option<String>,
    pub(super) file_size: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Venue {
    pub(super) location: Location,
    #[serde(default)]
    pub(super) title: String,
    #[serde(default)]
    pub(super) address: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Location {
    pub(super) latitude: f64,
    pub(super) longitude: f64,
    /// Seconds that it is kept up to date.
    pub(super) live_period: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Contact {
    pub(super) phone_number: String,
    pub(super) first_name: String,
    pub(super) last_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Poll {
    pub(super) question: String,
    pub(super) options: Vec<PollOption>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PollOption {
    pub(super) text: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Dice {
    pub(super) emoji: String,
    pub(super) value: u32,
}

/// A button that was pressed.
#[derive(Debug, Deserialize)]
pub(super) struct CallbackQuery {
    pub(super) id: String,
    pub(super) from: User,
    pub(super) message: Option<Message>,
    pub(super) data: Option<String>,
}

/// The reactions of one person or chat to one message, before and after.
#[derive(Debug, Deserialize)]
pub(super) struct MessageReaction {
    pub(super) chat: Chat,
    pub(super) message_id: i32,
    pub(super) user: Option<User>,
    pub(super) actor_chat: Option<Chat>,
    #[serde(default)]
    pub(super) date: u64,
    #[serde(default)]
    pub(super) old_reaction: Vec<ReactionType>,
    #[serde(default)]
    pub(super) new_reaction: Vec<ReactionType>,
}

/// An emoji, one of somebody's own, or, with neither, a paid one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ReactionType {
    pub(super) emoji: Option<String>,
    pub(super) custom_emoji_id: Option<String>,
}

/// What has become of us in a chat.
#[derive(Debug, Deserialize)]
pub(super) struct Membership {
    pub(super) chat: Chat,
    pub(super) new_chat_member: ChatMember,
}

#[derive(Debug, Deserialize)]
pub(super) struct ChatMember {
    pub(super) status: String,
    /// Of the status `restricted`.
    #[serde(default)]
    pub(super) is_member: bool,
}

/// What `getFile` answers.
#[derive(Debug, Deserialize)]
pub(super) struct File {
    pub(super) file_size: Option<u64>,
    pub(super) file_path: Option<String>,
}

/// What `getWebhookInfo` answers.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct WebhookInfo {
    /// Empty where updates are polled.
    pub(super) url: String,
    pub(super) pending_update_count: u32,
    /// Unix seconds.
    pub(super) last_error_date: Option<i64>,
    pub(super) last_error_message: Option<String>,
}

/// What a refusal says beside its words.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct ResponseParameters {
    pub(super) migrate_to_chat_id: Option<i64>,
    /// Seconds.
    pub(super) retry_after: Option<u32>,
}
