//! Messages in several parts: only one of them may say whom it is for, and all are answered with it.

use std::collections::VecDeque;

use chela_channels::InboundMessage;
use chela_channels::access::{Granted, Verdict};

/// Albums that are remembered; their parts come within a second.
const ALBUMS_MAX: usize = 32;

/// The newest albums of one account that are answered.
#[derive(Debug, Default)]
pub(super) struct Albums(VecDeque<Answered>);

#[derive(Debug)]
struct Answered {
    chat: String,
    sender: String,
    album: String,
    granted: Granted,
}

impl Albums {
    /// The verdict about a part, which is that of the part before it where it says nothing itself.
    pub(super) fn with_the_others(&mut self, message: &InboundMessage, verdict: Verdict) -> Verdict {
        let Some(album) = &message.album else { return verdict };
        let is_same =
            |one: &&Answered| one.album == *album && one.chat == message.chat && one.sender == message.sender.id;
        let known = self.0.iter().find(is_same).map(|one| one.granted.clone());
        match (verdict, known) {
            (Verdict::Overheard, Some(granted)) => Verdict::Answer(granted),
            (Verdict::Answer(granted), None) => {
                if self.0.len() >= ALBUMS_MAX {
                    self.0.pop_front();
                }
                let (chat, sender) = (message.chat.clone(), message.sender.id.clone());
                self.0.push_back(Answered { chat, sender, album: album.clone(), granted: granted.clone() });
                Verdict::Answer(granted)
            }
            (verdict, _) => verdict,
        }
    }
}

#[cfg(test)]
mod tests {
    use chela_channels::Sender;

    use super::*;

    fn part(chat: &str, sender: &str, album: Option<&str>) -> InboundMessage {
        InboundMessage {
            chat: chat.into(),
            sender: Sender { id: sender.into(), ..Sender::default() },
            album: album.map(str::to_owned),
            ..InboundMessage::default()
        }
    }

    #[test]
    fn a_part_without_a_mention_belongs_to_the_part_that_has_one() {
        let mut albums = Albums::default();
        let granted = Granted { was_mentioned: true, ..Granted::default() };
        let mut check = |message: InboundMessage, verdict: Verdict, expected: &Verdict| {
            assert_eq!(albums.with_the_others(&message, verdict), *expected, "{message:?}");
        };
        let answer = Verdict::Answer(granted.clone());
        check(part("1", "ada", Some("a")), Verdict::Overheard, &Verdict::Overheard);
        check(part("1", "ada", Some("a")), answer.clone(), &answer);
        check(part("1", "ada", Some("a")), Verdict::Overheard, &answer);
        check(part("1", "bob", Some("a")), Verdict::Overheard, &Verdict::Overheard);
        check(part("2", "ada", Some("a")), Verdict::Overheard, &Verdict::Overheard);
        check(part("1", "ada", None), Verdict::Overheard, &Verdict::Overheard);
        check(part("1", "ada", Some("a")), Verdict::Ignore("no"), &Verdict::Ignore("no"));
    }
}
