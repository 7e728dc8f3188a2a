//! How many tokens a text takes up, without asking a vendor: an estimate on the safe side.

use std::io;

use serde_json::Value;

/// Bytes per token, times ten: English prose and JSON come out at 3.6, on the safe side for both.
pub(crate) const BYTES_PER_TEN_TOKENS: u64 = 36;
/// What vendors bill for an image or a page, at most, in tokens.
const MEDIA_TOKENS: u64 = 1_600;

/// Tokens of so many bytes of text.
pub(crate) fn tokens_of_bytes(bytes: usize) -> u64 {
    (bytes as u64 * 10).div_ceil(BYTES_PER_TEN_TOKENS)
}

/// Tokens of an item's body.
pub(crate) fn tokens_of(body: &Value) -> u64 {
    let (bytes, media) = weigh(body);
    tokens_of_bytes(bytes) + media * MEDIA_TOKENS
}

/// Bytes of a body without its media, and how many media there are.
fn weigh(value: &Value) -> (usize, u64) {
    match value {
        Value::Object(map) if map.contains_key("mime") && map.contains_key("data") => (0, 1),
        Value::Object(map) => map.iter().fold((2, 0), |(bytes, media), (key, value)| {
            let (inner, more) = weigh(value);
            (bytes + key.len() + 4 + inner, media + more)
        }),
        Value::Array(list) => list.iter().map(weigh).fold((2, 0), |sum, one| (sum.0 + one.0 + 1, sum.1 + one.1)),
        Value::String(text) => (text.len() + 2, 0),
        Value::Null | Value::Bool(_) | Value::Number(_) => (5, 0),
    }
}

/// Length of a value as JSON.
pub(crate) fn json_bytes(value: &Value) -> usize {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    let _ = serde_json::to_writer(&mut count, value);
    count.0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_picture_counts_as_one_and_not_by_its_bytes() {
        let words = json!({"text": "look"});
        let picture = json!({"text": "look", "media": [{"mime": "image/png", "data": "A".repeat(1_000_000)}]});
        let more = tokens_of(&picture) - tokens_of(&words);
        assert!((MEDIA_TOKENS..MEDIA_TOKENS + 10).contains(&more), "{more}");
    }
}
