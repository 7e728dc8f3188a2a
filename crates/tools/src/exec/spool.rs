//! The output of one command, kept at both ends and counted in between.

use std::collections::VecDeque;

/// Bytes kept of the beginning: what a build said first.
const HEAD_BYTES: usize = 80_000;
/// Bytes kept of the end: how it went.
const TAIL_BYTES: usize = 120_000;

/// Output of any length in bounded memory. Positions count from the first byte ever written.
#[derive(Debug, Default)]
pub(crate) struct Spool {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: u64,
}

impl Spool {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let (head, rest) = bytes.split_at(bytes.len().min(HEAD_BYTES - self.head.len()));
        self.head.extend_from_slice(head);
        let rest = &rest[rest.len().saturating_sub(TAIL_BYTES)..];
        let surplus = (self.tail.len() + rest.len()).saturating_sub(TAIL_BYTES);
        self.tail.drain(..surplus);
        self.tail.extend(rest);
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// What was written from `position` on; where a middle is gone, a mark says how much.
    pub(crate) fn since(&self, position: u64) -> String {
        let from = |start: u64| usize::try_from(position.saturating_sub(start)).unwrap_or(usize::MAX);
        let head = &self.head[from(0).min(self.head.len())..];
        let tail_start = self.total - self.tail.len() as u64;
        let lost = tail_start.saturating_sub(position.max(self.head.len() as u64));
        let tail: Vec<u8> = self.tail.iter().skip(from(tail_start)).copied().collect();
        if lost == 0 {
            // Joined before decoding, so that no character breaks where the two meet.
            return String::from_utf8_lossy(&[head, &tail].concat()).into_owned();
        }
        format!("{}\n[… {lost} bytes left out …]\n{}", String::from_utf8_lossy(head), String::from_utf8_lossy(&tail))
    }
}

/// Cuts the middle out of a text that is longer than `limit` bytes. The end gets more room: errors stand there.
pub(crate) fn cut_middle(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let head = text.floor_char_boundary(limit * 2 / 5);
    let tail = text.ceil_char_boundary(text.len() - limit * 3 / 5);
    format!("{}\n[… {} bytes left out …]\n{}", &text[..head], tail - head, &text[tail..])
}

/// Takes terminal control sequences out of what a program drew for people.
pub(crate) fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => match characters.next() {
                // CSI: parameters, then one final character.
                Some('[') => while characters.next().is_some_and(|next| !('@'..='~').contains(&next)) {},
                // OSC: up to BEL or ESC \.
                Some(']') => {
                    while let Some(next) = characters.next() {
                        if next == '\u{7}' || (next == '\u{1b}' && characters.next_if_eq(&'\\').is_some()) {
                            break;
                        }
                    }
                }
                Some('(' | ')') => drop(characters.next()),
                _ => {}
            },
            '\r' if characters.peek() == Some(&'\n') => {}
            '\u{8}' => drop(plain.pop()),
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_a_long_output_stay() {
        let mut spool = Spool::default();
        for number in 0..400_000 {
            spool.push(format!("{number}\n").as_bytes());
        }
        let text = spool.since(0);
        assert!(text.starts_with("0\n1\n2\n") && text.ends_with("399998\n399999\n"));
        let kept = text.len();
        assert!(kept < HEAD_BYTES + TAIL_BYTES + 100, "{kept}");
        assert!(text.contains(&format!("[… {} bytes left out …]", spool.total() - (HEAD_BYTES + TAIL_BYTES) as u64)));
        assert_eq!(spool.since(spool.total() - 7), "399999\n");
        assert_eq!(spool.since(spool.total()), "");
    }

    #[test]
    fn a_huge_push_is_the_same_as_many_small_ones() {
        let bytes: Vec<u8> = (0..1_000_000_u32).map(|number| b'a' + u8::try_from(number % 26).unwrap()).collect();
        let (mut whole, mut pieces) = (Spool::default(), Spool::default());
        whole.push(&bytes);
        bytes.chunks(777).for_each(|piece| pieces.push(piece));
        assert_eq!(whole.since(0), pieces.since(0));
        assert_eq!(whole.since(79_990), pieces.since(79_990));
    }

    #[test]
    fn nothing_is_left_out_of_a_short_output() {
        let mut spool = Spool::default();
        let text = "ü".repeat(HEAD_BYTES);
        spool.push(&text.as_bytes()[..=HEAD_BYTES]);
        assert_eq!(spool.since(0).chars().filter(|c| *c == 'ü').count(), HEAD_BYTES / 2);
        assert!(!spool.since(0).contains("left out"));
    }

    #[test]
    fn escapes_are_taken_out() {
        assert_eq!(
            without_escapes("\u{1b}[1;31mred\u{1b}[0m \u{1b}]0;title\u{7}x\u{1b}]8;;u\u{1b}\\y\r\nab\u{8}c\u{1b}"),
            "red xy\nac"
        );
    }

    #[test]
    fn a_cut_keeps_whole_characters() {
        let cut = cut_middle(&"ü".repeat(1000), 101);
        assert!(cut.contains("bytes left out") && cut.len() < 150, "{cut}");
        assert_eq!(cut_middle("short", 101), "short");
    }
}
