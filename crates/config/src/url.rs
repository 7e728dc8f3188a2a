//! Finds what lets somebody in within a URL that people paste: a password, a name that is a token, a key among the parameters.
//!
//! Takes text apart by its signs only, because what people paste is often no valid URL. Knows no place of the configuration.

use crate::redact::is_secret_name;

/// Names of parameters that hold secrets, besides those that sound like it.
const SECRET_PARAMETERS: &[&str] = &["auth", "code", "key", "sig", "signature"];

/// Schemes under which a name without a password is a token, if it is long: `https://<token>@host`. Elsewhere it is a user.
const WEB_SCHEMES: &[&str] = &["http", "https", "ws", "wss"];

/// Names of users are shorter than tokens.
const TOKEN_MIN_BYTES: usize = 16;

/// Whether whoever sees this text could use what is in it.
pub(crate) fn holds_secret(text: &str) -> bool {
    !secrets(text).is_empty()
}

/// The secrets in a URL, as written and, where that differs, with `%41` read as `A`. Empty for what is no URL.
pub(crate) fn secrets(text: &str) -> Vec<String> {
    let Some((scheme, rest)) = text.split_once("://") else { return Vec::new() };
    let login = login_of(rest).and_then(|login| match login.split_once(':') {
        Some((_, password)) => Some(password),
        None if login.len() >= TOKEN_MIN_BYTES && WEB_SCHEMES.contains(&scheme) => Some(login),
        None => None,
    });
    let parameters = rest.split(['?', '&', '#', ';']).skip(1).filter_map(|pair| pair.split_once('='));
    let parameters = parameters.filter(|(name, _)| is_secret_parameter(name)).map(|(_, value)| value);
    let mut found = Vec::new();
    for secret in login.into_iter().chain(parameters).filter(|secret| !secret.is_empty()) {
        found.push(secret.to_owned());
        found.extend(percent_decoded(secret).filter(|decoded| decoded != secret));
    }
    found
}

/// What stands before the host. A password that was pasted as it is may hold signs that end a host: then what looks like the port is no
/// number.
fn login_of(rest: &str) -> Option<&str> {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    if let Some((login, _)) = authority.rsplit_once('@') {
        return Some(login);
    }
    let (_, port) = authority.split_once(':')?;
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
    rest.rsplit_once('@').filter(|_| !is_port).map(|(login, _)| login)
}

fn is_secret_parameter(name: &str) -> bool {
    is_secret_name(name) || SECRET_PARAMETERS.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// `None` where the bytes are no text.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (first, digit(0), digit(1)) {
            bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::secrets;

    #[test]
    fn finds_what_opens_a_door() {
        let rows: &[(&str, &[&str])] = &[
            ("https://host/path?page=2", &[]),
            ("ssh://git@host/repo", &[]),
            ("https://anna@host", &[]),
            ("no url: a@b", &[]),
            ("https://anna:pa%24s@host", &["pa%24s", "pa$s"]),
            ("https://anna:p@ss@host", &["p@ss"]),
            ("https://host/a@b:c", &[]),
            ("https://:only@host", &["only"]),
            ("ht!tp://me:pa/ss?w@host/x", &["pa/ss?w"]),
            ("https://host:8080/a@b:c", &[]),
            ("redis://:deep@host/0", &["deep"]),
            ("https://ghp_0123456789abcdef@host/x", &["ghp_0123456789abcdef"]),
            ("https://host/v1?key=one&page=2&access_token=two#token=three", &["one", "two", "three"]),
            ("https://host/v1?key=&x-api-key=%", &["%"]),
            ("wss://host?%zz=1&SIG=a%2", &["a%2"]),
        ];
        for (text, expected) in rows {
            assert_eq!(secrets(text), *expected, "{text}");
        }
    }
}
