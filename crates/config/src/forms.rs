//! The forms in which a secret turns up in texts that others write about it. Pure.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::syntax::hex;

/// The secret as it is, quoted, in an address, and encoded; each form once, longest first. Of a short one these forms would stand in
/// ordinary words too, so the caller decides which secrets are long enough.
pub fn secret_forms(secret: &str) -> Vec<String> {
    // Errors quote what they are about, and values are shown with `Debug`.
    let quoted = format!("{secret:?}");
    let escaped = quoted[1..quoted.len() - 1].to_owned();
    let hex = hex(secret.as_bytes());
    let mut forms = vec![
        secret.to_owned(),
        escaped,
        percent_encoded(secret),
        // Without padding, so that it is found with and without.
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
        hex.to_uppercase(),
        hex,
    ];
    forms.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
    forms.dedup();
    forms
}

fn percent_encoded(secret: &str) -> String {
    secret.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}
