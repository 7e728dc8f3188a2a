//! Reads `.env` files: `NAME=value`, optional `export`, quotes and comments.
//!
//! Only the one in the state directory is ever read. A `.env` of the working directory is not: the gateway is often started
//! inside an agent's workspace or a checkout, and whoever can write a file there must not be able to change the gateway.

/// Variables of a file, in its order, and the lines (from 1) that are none.
pub(crate) fn parse(text: &str) -> (Vec<(String, String)>, Vec<usize>) {
    let mut pairs = Vec::new();
    let mut wrong = Vec::new();
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match parse_line(line) {
            Some(pair) => pairs.push(pair),
            None => wrong.push(index + 1),
        }
    }
    (pairs, wrong)
}

fn parse_line(line: &str) -> Option<(String, String)> {
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=')?;
    let name = name.trim();
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts_well || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return None;
    }
    Some((name.to_owned(), parse_value(value.trim())?))
}

/// Single quotes keep everything, double quotes know `\n`, `\t`, `\r`, `\"`, `\\` and `\$`, a bare value ends at ` #`.
fn parse_value(value: &str) -> Option<String> {
    if let Some(inner) = value.strip_prefix('\'') {
        let (content, after) = inner.split_once('\'')?;
        return is_comment(after).then(|| content.to_owned());
    }
    if let Some(inner) = value.strip_prefix('"') {
        return parse_double_quoted(inner);
    }
    let end = value.find(" #").or_else(|| value.find("\t#")).unwrap_or(value.len());
    let bare = &value[..end];
    Some(if bare.starts_with('#') { String::new() } else { bare.trim_end().to_owned() })
}

fn parse_double_quoted(inner: &str) -> Option<String> {
    let mut content = String::new();
    let mut chars = inner.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return is_comment(&inner[at + 1..]).then_some(content),
            '\\' => content.push(match chars.next()?.1 {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                other => other,
            }),
            other => content.push(other),
        }
    }
    None
}

fn is_comment(after: &str) -> bool {
    let after = after.trim_start();
    after.is_empty() || after.starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn reads_what_people_write() {
        let text = "\u{feff}# keys\nA=1\nexport B = two words  # why\n\nC='it''\nD='a # b' # c\nE=\"x\\ny\\\"\"\nF=\nG=a#b\n1X=no\nnonsense\nH=\"open\r\nI=end\r\n";
        let (pairs, wrong) = parse(text);
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            pairs,
            [("A", "1"), ("B", "two words"), ("D", "a # b"), ("E", "x\ny\""), ("F", ""), ("G", "a#b"), ("I", "end"),]
        );
        assert_eq!(wrong, [5, 10, 11, 12]);
    }
}
