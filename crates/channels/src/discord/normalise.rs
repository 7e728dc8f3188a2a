//! Turns Discord's events into the words that every channel shares. Pure: an event and the known names in, an event out.

use super::names::Names;
use super::wire::{Attachment, Interaction, Member, Message, Reaction as WireReaction, Sticker, User, made_at_ms};
use crate::context::NativeCommand;
use crate::inbound::{InboundMessage, MediaKind, MediaRef, Mention, MessageId, Quoted, Reaction, Sender};

/// Kinds of messages that somebody said: plain, reply, and the answers of other bots' commands. The rest is Discord's own (a
/// member joined, a message was pinned).
const SAID: [u64; 4] = [0, 19, 20, 23];

/// The flag of a recorded voice message.
const VOICE: u64 = 1 << 13;

/// Who we are there.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Us {
    pub(super) id: String,
    /// Commands are registered with the application, which has an id of its own.
    pub(super) application: String,
    pub(super) name: String,
}

/// A message as it was said; `None` for our own, those of webhooks and those of Discord itself.
pub(super) fn message(us: &Us, names: &Names, message: &Message) -> Option<InboundMessage> {
    let is_ours = message.author.id.is_empty() || message.author.id == us.id;
    if is_ours || message.webhook_id.is_some() || !SAID.contains(&message.kind) {
        return None;
    }
    let mut inbound = place(names, &message.channel_id, message.guild_id.as_deref());
    inbound.event = format!("m:{}", message.id);
    inbound.message = MessageId(message.id.clone());
    inbound.sender = sender(&message.author, message.member.as_ref());
    inbound.mention = mention(us, names, message);
    inbound.text = text(us, names, message);
    inbound.media = media(message);
    inbound.reply_to = message.quoted.as_deref().map(|quoted| quote(us, quoted));
    inbound.is_forward = !message.forwarded.is_empty();
    inbound.sent_at_ms = made_at_ms(&message.id);
    Some(inbound)
}

/// A message with its new content; `None` also where only Discord's preview of a link changed.
pub(super) fn edited(us: &Us, names: &Names, wire: &Message) -> Option<InboundMessage> {
    let edited_at = wire.edited_timestamp.as_deref()?;
    let mut inbound = message(us, names, wire)?;
    inbound.event = format!("e:{}:{edited_at}", wire.id);
    Some(inbound)
}

/// A reaction of somebody else. `event` is the name of the event, which Discord gives none of its own.
pub(super) fn reaction(us: &Us, names: &Names, event: String, wire: &WireReaction, added: bool) -> Option<Reaction> {
    if wire.user_id == us.id {
        return None;
    }
    let mut at = place(names, &wire.channel_id, wire.guild_id.as_deref());
    let unknown = User { id: wire.user_id.clone(), ..User::default() };
    let user = wire.member.as_ref().and_then(|member| member.user.as_ref()).unwrap_or(&unknown);
    at.event.clone_from(&event);
    at.message = MessageId(wire.message_id.clone());
    at.sender = sender(user, wire.member.as_ref());
    let on_ours = wire.message_author_id.as_deref() == Some(us.id.as_str());
    Some(Reaction { event, place: Box::new(at), emoji: wire.emoji.written(), added, on_ours })
}

/// A command, a button or a menu as the message that it stands for; `None` for one that is not ours to read.
pub(super) fn interaction(names: &Names, wire: &Interaction, commands: &[NativeCommand]) -> Option<InboundMessage> {
    let person = wire.member.as_ref().and_then(|member| member.user.as_ref()).or(wire.user.as_ref())?;
    let channel = wire.channel.as_ref().map(|channel| channel.id.clone()).or_else(|| wire.channel_id.clone())?;
    let text = match wire.kind {
        Interaction::COMMAND | Interaction::COMPLETION => command_text(wire, commands),
        Interaction::COMPONENT => pressed_text(wire)?,
        _ => return None,
    };
    let mut inbound = place(names, &channel, wire.guild_id.as_deref());
    inbound.event = format!("i:{}", wire.id);
    // A command has no message; the interaction's own id stands in, which names nothing that could be quoted.
    let carrier = wire.message.as_ref().map_or(&wire.id, |message| &message.id);
    inbound.message = MessageId(carrier.clone());
    inbound.sender = sender(person, wire.member.as_ref());
    inbound.mention.us = true;
    inbound.text = text;
    inbound.is_native_command = true;
    inbound.sent_at_ms = made_at_ms(&wire.id);
    Some(inbound)
}

fn place(names: &Names, channel: &str, guild: Option<&str>) -> InboundMessage {
    let spot = names.spot(channel, guild);
    InboundMessage {
        chat: channel.to_owned(),
        chat_kind: spot.kind,
        chat_id: spot.chat_id,
        thread: spot.thread,
        guild: spot.guild,
        places: spot.places,
        ..InboundMessage::default()
    }
}

fn sender(user: &User, member: Option<&Member>) -> Sender {
    let nick = member.and_then(|member| member.nick.as_deref()).filter(|nick| !nick.is_empty());
    Sender {
        id: user.id.clone(),
        name: nick.unwrap_or(user.shown()).to_owned(),
        username: Some(user.username.clone()).filter(|name| !name.is_empty()),
        is_bot: user.bot,
        roles: member.map(|member| member.roles.clone()).unwrap_or_default(),
    }
}

fn mention(us: &Us, names: &Names, message: &Message) -> Mention {
    let replies_to_us = message.quoted.as_deref().is_some_and(|quoted| quoted.author.id == us.id);
    let by_name = message.mentions.iter().any(|user| user.id == us.id);
    let by_role = message.mention_roles.iter().any(|role| names.is_our_role(role));
    let of_us = replies_to_us || by_name || by_role;
    let anybody = !message.mentions.is_empty() || !message.mention_roles.is_empty() || message.mention_everyone;
    Mention { us: of_us, others: anybody && !of_us }
}

/// Stands before what somebody else wrote, so that it is neither taken for the sender's words nor for a command.
const FORWARDED: &str = "[forwarded]";

/// The text without our mention at its beginning, and then that of forwarded messages.
fn text(us: &Us, names: &Names, message: &Message) -> String {
    let mut text = message.content.trim_start();
    while let Some(rest) = without_mention(us, names, text) {
        text = rest.trim_start_matches([' ', ',', ':']).trim_start();
    }
    let mut text = text.to_owned();
    for snapshot in message.forwarded.iter().filter(|snapshot| !snapshot.message.content.is_empty()) {
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(FORWARDED);
        text.push('\n');
        text.push_str(&snapshot.message.content);
    }
    text
}

fn without_mention<'t>(us: &Us, names: &Names, text: &'t str) -> Option<&'t str> {
    let (inside, rest) = text.strip_prefix("<@")?.split_once('>')?;
    let of_us = match inside.strip_prefix('&') {
        Some(role) => names.is_our_role(role),
        None => inside.trim_start_matches('!') == us.id,
    };
    of_us.then_some(rest)
}

fn quote(us: &Us, quoted: &Message) -> Quoted {
    Quoted {
        message: MessageId(quoted.id.clone()),
        sender: sender(&quoted.author, None),
        text: quoted.content.clone(),
        is_ours: quoted.author.id == us.id,
        is_forward: !quoted.forwarded.is_empty(),
    }
}

fn media(message: &Message) -> Vec<MediaRef> {
    let is_voice = message.flags.unwrap_or(0) & VOICE != 0;
    let forwarded = message.forwarded.iter().flat_map(|snapshot| &snapshot.message.attachments);
    let files = message.attachments.iter().chain(forwarded).map(|file| attachment(file, is_voice));
    files.chain(message.sticker_items.iter().filter_map(sticker)).collect()
}

fn attachment(file: &Attachment, is_voice: bool) -> MediaRef {
    let mime = file.content_type.as_deref().map(|mime| mime.split(';').next().unwrap_or(mime).trim().to_owned());
    let kind = match mime.as_deref().and_then(|mime| mime.split('/').next()) {
        _ if is_voice => MediaKind::Voice,
        Some("image") => MediaKind::Image,
        Some("audio") => MediaKind::Audio,
        Some("video") => MediaKind::Video,
        _ => MediaKind::File,
    };
    MediaRef { kind, handle: file.url.clone(), mime, name: file.filename.clone(), bytes: file.size }
}

/// Stickers that are pictures; those drawn by Lottie are programs.
fn sticker(sticker: &Sticker) -> Option<MediaRef> {
    let (extension, mime) = match sticker.format_type {
        1 | 2 => ("png", "image/png"),
        4 => ("gif", "image/gif"),
        _ => return None,
    };
    Some(MediaRef {
        kind: MediaKind::Sticker,
        handle: format!("https://media.discordapp.net/stickers/{}.{extension}", sticker.id),
        mime: Some(mime.to_owned()),
        name: Some(sticker.name.clone()),
        bytes: None,
    })
}

/// The command as it would be typed, its arguments in the order of their definition.
fn command_text(wire: &Interaction, commands: &[NativeCommand]) -> String {
    let rank = |name: &str| {
        let command = commands.iter().find(|command| command.name == wire.data.name);
        command.and_then(|command| command.args.iter().position(|arg| arg.name == name)).unwrap_or(usize::MAX)
    };
    let mut options: Vec<_> = wire.data.options.iter().collect();
    options.sort_by_key(|option| rank(&option.name));
    let mut text = format!("/{}", wire.data.name);
    for option in options {
        text.push(' ');
        match option.value.as_str() {
            Some(value) => text.push_str(value),
            None => text.push_str(&option.value.to_string()),
        }
    }
    text
}

/// What a button or a menu says: its id is the command, and what was chosen comes after it.
fn pressed_text(wire: &Interaction) -> Option<String> {
    let chosen = std::iter::once(&wire.data.custom_id).chain(&wire.data.values).map(String::as_str);
    let text = chosen.collect::<Vec<_>>().join(" ");
    text.starts_with('/').then_some(text)
}
