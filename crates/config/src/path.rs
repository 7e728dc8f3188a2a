//! Paths into a configuration, as people write them: `channels.discord.guilds."my.guild".channels[0]`.
//!
//! Owns their syntax and looking a value up. Knows no key by name.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

/// A path from the root of a configuration to one value; the empty path is the root.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyPath(Vec<Segment>);

/// One step of a [`KeyPath`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// A key of an object. Digits also name an element where the value turns out to be a list.
    Key(String),
    /// An element of a list.
    Index(usize),
}

/// A path that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` is not a path: {reason}; write it like gateway.port, agents.list[0].id or guilds.\"my.guild\"")]
pub struct PathError {
    pub path: String,
    pub reason: &'static str,
}

impl KeyPath {
    /// The whole configuration.
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// This path, one key deeper.
    #[must_use]
    pub fn key(&self, name: &str) -> Self {
        self.with(Segment::Key(name.to_owned()))
    }

    /// This path, one element deeper.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.with(Segment::Index(index))
    }

    /// The key of another name beside this one; `None` for an element, the root, and the same name.
    pub fn sibling(&self, name: &str) -> Option<Self> {
        let (Segment::Key(own), above) = self.0.split_last()? else { return None };
        (own != name).then(|| Self(above.to_vec()).key(name))
    }

    /// Whether `self` is `other` or lies inside it.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// The value at this path.
    pub fn get<'v>(&self, root: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(root, |value, segment| segment.of(value))
    }

    /// The value at this path, where `value` is what stands at `base`.
    pub(crate) fn get_below<'v>(&self, base: &Self, value: &'v Value) -> Option<&'v Value> {
        let below = self.0.strip_prefix(base.0.as_slice())?;
        below.iter().try_fold(value, |value, segment| segment.of(value))
    }

    /// The last key on the path, past any elements: `token` for `accounts[0].token`.
    pub(crate) fn last_key(&self) -> Option<&str> {
        self.0.iter().rev().find_map(Segment::as_key)
    }

    fn with(&self, segment: Segment) -> Self {
        let mut segments = self.0.clone();
        segments.push(segment);
        Self(segments)
    }
}

impl Segment {
    /// The key this segment names in an object.
    pub(crate) fn as_key(&self) -> Option<&str> {
        match self {
            Self::Key(name) => Some(name),
            Self::Index(_) => None,
        }
    }

    /// The element this segment names in a list of any length.
    pub(crate) fn as_index(&self) -> Option<usize> {
        match self {
            Self::Index(index) => Some(*index),
            Self::Key(name) => name.parse().ok(),
        }
    }

    fn of<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        match (self, value) {
            (Self::Key(name), Value::Object(map)) => map.get(name),
            (_, Value::Array(list)) => list.get(self.as_index()?),
            _ => None,
        }
    }
}

impl From<Vec<Segment>> for KeyPath {
    fn from(segments: Vec<Segment>) -> Self {
        Self(segments)
    }
}

impl FromStr for KeyPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let fail = |reason| PathError { path: text.to_owned(), reason };
        let mut segments = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (segment, after) = if let Some(inner) = rest.strip_prefix('[') {
                let (segment, after) = read_bracket(inner).map_err(fail)?;
                (segment, after.strip_prefix(']').ok_or_else(|| fail("a `[` is not closed"))?)
            } else if rest.starts_with(['"', '\'']) {
                let (name, after) = read_quoted(rest).map_err(fail)?;
                (Segment::Key(name), after)
            } else {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                if end == 0 {
                    return Err(fail("a part between two dots is empty"));
                }
                (Segment::Key(rest[..end].to_owned()), &rest[end..])
            };
            segments.push(segment);
            rest = match after.strip_prefix('.') {
                Some("") => return Err(fail("it ends with a dot")),
                Some(next) => next,
                None if after.is_empty() || after.starts_with('[') => after,
                None => return Err(fail("a dot is missing after a quoted part")),
            };
        }
        Ok(Self(segments))
    }
}

/// What stands between `[` and `]`: an index, or a quoted key.
fn read_bracket(inner: &str) -> Result<(Segment, &str), &'static str> {
    if inner.starts_with(['"', '\'']) {
        let (name, after) = read_quoted(inner)?;
        return Ok((Segment::Key(name), after));
    }
    let end = inner.find(']').ok_or("a `[` is not closed")?;
    let index = inner[..end].parse().map_err(|_| "`[…]` takes a number or a quoted key")?;
    Ok((Segment::Index(index), &inner[end..]))
}

/// A quoted key and what follows it; a backslash takes the next character as it is.
fn read_quoted(text: &str) -> Result<(String, &str), &'static str> {
    let mut chars = text.char_indices();
    let (_, quote) = chars.next().ok_or("a quote is missing")?;
    let mut name = String::new();
    while let Some((at, c)) = chars.next() {
        if c == quote {
            return Ok((name, &text[at + c.len_utf8()..]));
        }
        let kept = if c == '\\' { chars.next().map(|(_, escaped)| escaped) } else { Some(c) };
        name.extend(kept);
    }
    Err("a quote is not closed")
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(name) => {
                    if place > 0 {
                        f.write_str(".")?;
                    }
                    if needs_quotes(name) {
                        write!(f, "\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))?;
                    } else {
                        f.write_str(name)?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn needs_quotes(name: &str) -> bool {
    name.is_empty() || name.contains(|c: char| c.is_whitespace() || ".[]\"'\\".contains(c))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_the_three_ways_to_write_a_segment() {
        let path: KeyPath = r#"channels.guilds."my.guild"["other one"].list[2].3"#.parse().expect("a path");
        assert_eq!(path.to_string(), r#"channels.guilds."my.guild"."other one".list[2].3"#);
        assert_eq!(path.segments().len(), 7);
    }

    #[test]
    fn digits_name_an_element_of_a_list_and_a_key_of_an_object() {
        let value = json!({"list": ["a", "b"], "guilds": {"1": "c"}});
        let get = |text: &str| text.parse::<KeyPath>().expect("a path").get(&value).cloned();
        assert_eq!(get("list.1"), Some(json!("b")));
        assert_eq!(get("list[1]"), Some(json!("b")));
        assert_eq!(get("guilds.1"), Some(json!("c")));
        assert_eq!(get("guilds[1]"), None);
        assert_eq!(get(""), Some(value.clone()));
    }

    #[test]
    fn says_what_is_wrong_with_a_path() {
        for (text, reason) in [
            ("a..b", "a part between two dots is empty"),
            ("a.", "it ends with a dot"),
            ("a[x]", "`[…]` takes a number or a quoted key"),
            ("a[0", "a `[` is not closed"),
            ("a.\"b", "a quote is not closed"),
            ("a.\"b\"c", "a dot is missing after a quoted part"),
        ] {
            assert_eq!(text.parse::<KeyPath>().expect_err(text).reason, reason, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(keys in prop::collection::vec("\\PC{0,8}", 0..5)) {
            let path = KeyPath(keys.into_iter().map(Segment::Key).collect());
            prop_assert_eq!(path.to_string().parse::<KeyPath>(), Ok(path));
        }
    }
}
