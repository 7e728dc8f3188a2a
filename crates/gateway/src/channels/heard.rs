//! What was said in chats without being answered: context of the next turn there. In memory only: losing it loses no answer.

use std::collections::{HashMap, VecDeque};

use chela_channels::{Heard as HeardMessage, MessageId};

/// Chats of one account that are remembered; the one that was silent longest is forgotten.
const CHATS_MAX: usize = 500;

/// Messages of one chat, whatever the configuration asks for.
const MESSAGES_MAX: usize = 200;

/// Bytes of all texts and names of one chat: with [`CHATS_MAX`] of them, what strangers say takes a few megabytes of memory at most,
/// and a turn is not given a book to read. The newest message is kept whatever it has.
const CHAT_BYTES_MAX: usize = 16 * 1024;

/// Characters of one message: what is longer is a document, and its beginning says what it is about.
const CHARS_MAX: usize = 2_000;

/// The chats of one account.
#[derive(Debug, Default)]
pub(super) struct Heard {
    chats: HashMap<String, Chat>,
    /// Counts what is heard, so that the oldest chat is known without a clock.
    counter: u64,
}

#[derive(Debug, Default)]
struct Chat {
    messages: VecDeque<HeardMessage>,
    last: u64,
}

impl Heard {
    /// Keeps a message, and at most `limit` of its chat. One that is known already takes its newest text.
    pub(super) fn note(&mut self, chat: &str, mut message: HeardMessage, limit: usize) {
        let limit = limit.min(MESSAGES_MAX);
        if limit == 0 {
            return;
        }
        if let Some((end, _)) = message.text.char_indices().nth(CHARS_MAX) {
            message.text.truncate(end);
            message.text.push('…');
        }
        self.make_room(chat);
        self.counter += 1;
        let kept = self.chats.entry(chat.to_owned()).or_default();
        kept.last = self.counter;
        match kept.messages.iter_mut().find(|known| known.message == message.message) {
            Some(known) => *known = message,
            None => kept.messages.push_back(message),
        }
        while kept.messages.len() > limit || (kept.messages.len() > 1 && kept.bytes() > CHAT_BYTES_MAX) {
            kept.messages.pop_front();
        }
    }

    /// Gives a message that is kept its new text; another one is none of ours.
    pub(super) fn edit(&mut self, chat: &str, message: &MessageId, text: &str) {
        let kept = self.chats.get_mut(chat).into_iter().flat_map(|chat| chat.messages.iter_mut());
        for known in kept.filter(|known| known.message == *message) {
            known.text = text.chars().take(CHARS_MAX).collect();
        }
    }

    pub(super) fn delete(&mut self, chat: &str, message: &MessageId) {
        if let Some(kept) = self.chats.get_mut(chat) {
            kept.messages.retain(|known| known.message != *message);
        }
    }

    /// What is kept of a chat, oldest first.
    pub(super) fn of(&self, chat: &str) -> Vec<HeardMessage> {
        self.chats.get(chat).map(|chat| chat.messages.iter().cloned().collect()).unwrap_or_default()
    }

    /// Forgets what a turn has taken up.
    pub(super) fn taken(&mut self, chat: &str, messages: &[HeardMessage]) {
        if let Some(kept) = self.chats.get_mut(chat) {
            kept.messages.retain(|known| !messages.iter().any(|taken| taken.message == known.message));
        }
    }

    fn make_room(&mut self, chat: &str) {
        if self.chats.len() < CHATS_MAX || self.chats.contains_key(chat) {
            return;
        }
        let oldest = self.chats.iter().min_by_key(|(_, chat)| chat.last).map(|(name, _)| name.clone());
        if let Some(oldest) = oldest {
            self.chats.remove(&oldest);
        }
    }
}

impl Chat {
    fn bytes(&self) -> usize {
        self.messages.iter().map(|message| message.text.len() + message.sender_name.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: usize, text: &str) -> HeardMessage {
        HeardMessage { message: MessageId(id.to_string()), sender_name: "Ann".into(), text: text.into(), sent_at_ms: 0 }
    }

    fn texts(heard: &Heard, chat: &str) -> Vec<String> {
        heard.of(chat).into_iter().map(|message| message.text).collect()
    }

    #[test]
    fn a_chat_keeps_its_newest_messages() {
        let mut heard = Heard::default();
        for id in 0..5 {
            heard.note("a", message(id, &id.to_string()), 3);
        }
        heard.note("b", message(9, "other"), 0);
        assert_eq!((texts(&heard, "a"), texts(&heard, "b").len()), (vec!["2".into(), "3".into(), "4".into()], 0));
        heard.edit("a", &MessageId("3".into()), "three");
        heard.delete("a", &MessageId("2".into()));
        heard.note("a", message(4, "again"), 3);
        assert_eq!(texts(&heard, "a"), ["three", "again"], "the same message is one");
        let taken = heard.of("a");
        heard.note("a", message(5, "later"), 3);
        heard.taken("a", &taken);
        assert_eq!(texts(&heard, "a"), ["later"]);
    }

    #[test]
    fn a_flood_of_long_messages_is_cut_to_size() {
        let mut heard = Heard::default();
        for id in 0..10_000 {
            heard.note("a", message(id, &"ä".repeat(CHARS_MAX)), MESSAGES_MAX);
        }
        let kept = heard.of("a");
        assert!(kept.iter().map(|one| one.text.len()).sum::<usize>() <= CHAT_BYTES_MAX);
        assert_eq!(kept.last().unwrap().message, MessageId("9999".into()));
    }

    #[test]
    fn the_chat_that_was_silent_longest_is_forgotten() {
        let mut heard = Heard::default();
        for chat in 0..CHATS_MAX {
            heard.note(&chat.to_string(), message(0, "x"), 1);
        }
        heard.note("0", message(1, "y"), 1);
        heard.note("new", message(0, "x"), 1);
        assert_eq!(heard.chats.len(), CHATS_MAX);
        assert_eq!((texts(&heard, "0").len(), texts(&heard, "1").len(), texts(&heard, "new").len()), (1, 0, 1));
        heard.note("long", message(0, &"ä".repeat(CHARS_MAX + 5)), 1);
        assert_eq!(texts(&heard, "long")[0].chars().count(), CHARS_MAX + 1);
    }
}
