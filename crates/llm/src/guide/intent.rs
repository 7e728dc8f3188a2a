//! What a message to the guide asks for.

/// The closed set of things that the guide can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Intent {
    /// A greeting, "who are you", or nothing at all.
    Introduction,
    /// "What did I just say?"
    Recall,
    /// "What is my name?": the words after `my`.
    RecallFact(String),
    /// "My name is Ada", "remember that …".
    Remember,
    List {
        path: String,
    },
    Read {
        path: String,
    },
    Status,
    /// Looks for an answer in the documentation.
    Question,
}

const GREETINGS: &[&str] = &[
    "",
    "hi",
    "hello",
    "hey",
    "hallo",
    "help",
    "hi there",
    "hello there",
    "good morning",
    "test",
    "你好",
    "您好",
    "帮助",
];
const WHO: &[&str] = &[
    "who are you",
    "what are you",
    "what can you do",
    "are you an ai",
    "are you a language model",
    "你是谁",
    "你能做什么",
];
const RECALL: &[&str] = &[
    "did i just",
    "did i say",
    "did i ask",
    "did i tell",
    "did i write",
    "my last message",
    "my previous message",
    "i said before",
    "我刚才说",
    "我刚刚说",
    "我说了什么",
];
const LIST: &[&str] =
    &["list", "ls", "show files", "show the files", "what files", "which files", "列出", "有哪些文件"];
const READ: &[&str] = &["read", "cat", "show", "open", "print", "读取", "查看", "读"];
const STATUS: &[&str] = &["status", "session status", "show status", "your status", "状态"];

/// Reads the wish out of a message.
pub(super) fn intent(message: &str) -> Intent {
    let plain = message.trim().trim_end_matches(['?', '!', '.', '？', '！', '。']).to_lowercase();
    let plain = plain.strip_prefix("please ").unwrap_or(&plain).trim();
    let plain = plain.strip_prefix("can you ").or_else(|| plain.strip_prefix("could you ")).unwrap_or(plain);
    if GREETINGS.contains(&plain) || WHO.iter().any(|phrase| plain.contains(phrase)) {
        return Intent::Introduction;
    }
    if RECALL.iter().any(|phrase| plain.contains(phrase)) {
        return Intent::Recall;
    }
    if let Some(fact) = asked_fact(plain) {
        return Intent::RecallFact(fact.to_owned());
    }
    if is_statement(plain, message) {
        return Intent::Remember;
    }
    if STATUS.contains(&plain) || plain == "show me the status" || plain == "what is the status" {
        return Intent::Status;
    }
    tool_wish(plain, message).unwrap_or(Intent::Question)
}

/// `what is my name` → `name`.
fn asked_fact(plain: &str) -> Option<&str> {
    if ["who am i", "我叫什么", "我是谁"].iter().any(|phrase| plain.starts_with(phrase)) {
        return Some("name");
    }
    let rest = ["what is my ", "what's my ", "whats my ", "what was my ", "do you remember my ", "do you know my "]
        .iter()
        .find_map(|start| plain.strip_prefix(start))?;
    // A question about the gateway's own things is one for the documentation.
    let own = ["token", "key", "config", "configuration", "workspace", "model", "state dir", "port", "gateway"];
    (!own.iter().any(|word| rest.contains(word))).then_some(rest.trim())
}

fn is_statement(plain: &str, message: &str) -> bool {
    let question = message.trim_end().ends_with(['?', '？']);
    let stated = plain.starts_with("my ") && [" is ", " are "].iter().any(|verb| plain.contains(verb));
    !question
        && (stated
            || ["remember ", "note that ", "i am called ", "call me ", "我叫", "记住"]
                .iter()
                .any(|start| plain.starts_with(start)))
}

fn tool_wish(plain: &str, message: &str) -> Option<Intent> {
    let starts = |words: &[&str]| words.iter().any(|word| starts_with_word(plain, word));
    let file = path_in(message);
    if starts(LIST) && (file.is_some() || plain.len() < 4 || names_files(plain)) {
        return Some(Intent::List { path: file.unwrap_or_else(|| ".".to_owned()) });
    }
    match file {
        Some(path) if starts(READ) => Some(Intent::Read { path }),
        _ => None,
    }
}

fn names_files(plain: &str) -> bool {
    ["file", "folder", "director", "workspace", "文件", "目录"].iter().any(|word| plain.contains(word))
}

/// Whether `text` begins with `word`; an ASCII word must end there.
fn starts_with_word(text: &str, word: &str) -> bool {
    text.strip_prefix(word)
        .is_some_and(|rest| !word.is_ascii() || !rest.starts_with(|letter: char| letter.is_alphanumeric()))
}

/// The first word that looks like a path: it holds a dot or a slash within.
fn path_in(message: &str) -> Option<String> {
    const AROUND: &[char] = &['`', '"', '\'', '(', ')', '?', '!', ',', ':', ';'];
    message
        .split(|letter: char| letter.is_whitespace() || (!letter.is_ascii() && !letter.is_alphanumeric()))
        .map(|word| word.trim_end_matches(['.', '?', '!']).trim_matches(AROUND))
        .map(|word| word.trim_start_matches(|letter: char| ('\u{4e00}'..='\u{9fff}').contains(&letter)))
        .find(|word| word.len() > 2 && !word.contains("://") && word.contains(['.', '/']))
        .map(str::to_owned)
}
