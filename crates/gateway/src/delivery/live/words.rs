//! What a tool does, in words for people who never heard its name.

use serde_json::Value;

/// Longest name of a thing in a line, in characters.
const NAME_MAX: usize = 60;

/// One line about a tool call: what is done, and with which file or page where that says something.
pub(super) fn step(tool: &str, args: &Value) -> String {
    let named = |key: &str| args.get(key).and_then(Value::as_str).map(shortened).unwrap_or_default();
    let (doing, thing) = match tool {
        "read" => ("Reading", named("path")),
        "write" => ("Writing", named("path")),
        "edit" => ("Editing", named("path")),
        "apply_patch" => ("Changing files", String::new()),
        "ls" | "find" | "grep" => ("Looking through files", String::new()),
        "exec" | "bash" => ("Running a command", String::new()),
        "process" => ("Watching a command", String::new()),
        "web_fetch" => ("Reading a web page", named("url")),
        "web_search" => ("Searching the web", named("query")),
        "session_status" => ("Looking at the session", String::new()),
        "cron" => ("Looking after automations", String::new()),
        other => return format!("Using {}", shortened(other)),
    };
    if thing.is_empty() { doing.to_owned() } else { format!("{doing} {thing}") }
}

/// Short, on one line, and without anything that is markup.
fn shortened(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() || "`*_~|[]<>".contains(c) { ' ' } else { c }).collect();
    let plain = plain.trim();
    match plain.char_indices().nth(NAME_MAX) {
        Some((end, _)) => format!("{}…", &plain[..end]),
        None => plain.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn steps_are_plain_words() {
        assert_eq!(step("read", &json!({ "path": "notes.md" })), "Reading notes.md");
        assert_eq!(step("exec", &json!({ "command": "cat secret" })), "Running a command");
        assert_eq!(step("my_tool", &json!({})), "Using my tool");
        let long = step("web_fetch", &json!({ "url": format!("https://x/{}", "a".repeat(100)) }));
        assert!(long.ends_with('…') && long.chars().count() < 90, "{long}");
    }
}
