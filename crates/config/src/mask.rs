//! Takes secrets out of text that cannot be parsed, and out of comments: by looking only at `name: "value"`.
//!
//! The last resort behind [`crate::redact`]: a broken file has to be shown to whoever repairs it, and a token that was
//! commented out is still a token.

use std::ops::Range;

use crate::redact::{NothingStored, REDACTED, is_reference, is_secret_name};

/// The text with what stands in quotes after a name that sounds secret taken out.
pub(crate) fn mask(text: &str) -> String {
    let mut masked = text.to_owned();
    for found in secrets(text).into_iter().rev() {
        if !is_reference(&text[found.value.clone()]) {
            masked.replace_range(found.value, REDACTED);
        }
    }
    masked
}

/// Puts back what [`mask`] took out of `stored`. Values of one name are told apart by their order, so that there must be as
/// many of them as before.
pub(crate) fn unmask(text: &str, stored: &str) -> Result<String, NothingStored> {
    let (new, old) = (secrets(text), secrets(stored));
    let mut unmasked = text.to_owned();
    for (place, found) in new.iter().enumerate().rev() {
        if &text[found.value.clone()] != REDACTED {
            continue;
        }
        let same_name = |other: &&Found<'_>| other.name == found.name;
        let former: Vec<&Found<'_>> = old.iter().filter(same_name).collect();
        let as_many = former.len() == new.iter().filter(same_name).count();
        let value =
            former.get(new[..place].iter().filter(same_name).count()).map(|former| &stored[former.value.clone()]);
        match value.filter(|value| as_many && *value != REDACTED) {
            Some(value) => unmasked.replace_range(found.value.clone(), value),
            None => return Err(NothingStored { path: found.name.to_owned() }),
        }
    }
    if unmasked.contains(REDACTED) && !stored.contains(REDACTED) {
        // Better refused than a file in which the mark stands for a secret.
        return Err(NothingStored { path: REDACTED.to_owned() });
    }
    Ok(unmasked)
}

struct Found<'t> {
    name: &'t str,
    /// Between the quotes.
    value: Range<usize>,
}

/// Each quoted text after a name that sounds secret. One that is not closed ends with its line.
fn secrets(text: &str) -> Vec<Found<'_>> {
    let mut found: Vec<Found<'_>> = Vec::new();
    let mut from = 0;
    while let Some(colon) = text[from..].find(':').map(|at| from + at) {
        from = colon + 1;
        let Some(value) = quoted(text, from) else { continue };
        // What is hidden is no name: shown text and stored text must be read alike. Right behind it the value of a name that was
        // taken for a value may stand, so it is hidden as well.
        let between = found.last().map_or(&text[..colon], |last| &text[last.value.end..colon]);
        let name = match found.last() {
            Some(last) if between.trim_matches(is_blank_or_quote).is_empty() => last.name,
            _ => name_before(between),
        };
        if is_secret_name(name) && !value.is_empty() {
            from = value.end;
            found.push(Found { name, value });
        }
    }
    found
}

fn is_blank_or_quote(sign: char) -> bool {
    sign.is_whitespace() || matches!(sign, '"' | '\'')
}

fn name_before(text: &str) -> &str {
    let text = text.trim_end().trim_end_matches(['"', '\'']);
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '-' | '.');
    let start = text.char_indices().rev().take_while(|(_, c)| is_part(*c)).last();
    start.map_or("", |(at, _)| &text[at..])
}

fn quoted(text: &str, from: usize) -> Option<Range<usize>> {
    let rest = text[from..].trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let start = text.len() - rest.len() + 1;
    let mut escaped = false;
    let end = text[start..].char_indices().find(|(_, c)| {
        let ends = *c == '\n' || *c == '\r' || (*c == quote && !escaped);
        escaped = *c == '\\' && !escaped;
        ends
    });
    Some(start..end.map_or(text.len(), |(at, _)| start + at))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BROKEN: &str = "{ gateway: { auth: { token: 'hunter2' } // password: \"old\\\"er\"\n 'api-key' :\n\t\"k1\", apiKey: '${KEY}', port: 1\n botToken: 'open\n}";

    #[test]
    fn hides_secrets_of_a_broken_file_and_of_comments() {
        let masked = mask(BROKEN);
        for secret in ["hunter2", "old", "er\"", "k1", "open"] {
            assert!(!masked.contains(secret), "{secret}: {masked}");
        }
        assert!(masked.contains("apiKey: '${KEY}', port: 1"));
        assert_eq!(unmask(&masked, BROKEN), Ok(BROKEN.to_owned()));
    }

    #[test]
    fn a_value_that_looks_like_a_name_hides_what_follows_it() {
        let stored = "{ \"password\":\n \"token\": \"s3cret\", b: 1";
        let masked = mask(stored);
        assert!(!masked.contains("s3cret"), "{masked}");
        assert_eq!(unmask(&masked, stored), Ok(stored.to_owned()));
        let stored = "{ token: 'the-token': 'x', api: 'y' }";
        assert_eq!(unmask(&mask(stored), stored), Ok(stored.to_owned()));
    }

    #[test]
    fn order_tells_values_apart_only_where_their_number_is_the_same() {
        let stored = "{a: {token: 'one'}, b: {token: 'two'}";
        let mended = format!("{{a: {{token: '{REDACTED}'}}, b: {{token: '{REDACTED}'}}}}");
        assert_eq!(unmask(&mended, stored), Ok("{a: {token: 'one'}, b: {token: 'two'}}".into()));
        let one_gone = format!("{{b: {{token: '{REDACTED}'}}}}");
        assert_eq!(unmask(&one_gone, stored), Err(NothingStored { path: "token".into() }));
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in "(token|name|'|\"|:| |\\\\\\\\|\n|[a-zä]|\\PC){0,24}") {
            prop_assert_eq!(unmask(&mask(&text), &text), Ok(text));
        }
    }
}
