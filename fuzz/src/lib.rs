//! Fuzzing: one table of targets, each a promise about any bytes, with a small corpus beside it in `corpus/<name>/`.
//!
//! The promises stand in the crates that make them, behind the feature `fuzzing`. Here is what feeds them: `cargo xtask fuzz` on any
//! toolchain, and cargo-fuzz where there is one (`libfuzzer/`). A test runs every file of every corpus.

mod mutate;
mod run;

use std::path::PathBuf;

pub use mutate::Mutator;
pub use run::{Finding, Findings, Outcome, corpus, run};

/// A promise about any bytes.
#[derive(Clone, Copy)]
pub struct Target {
    pub name: &'static str,
    /// Panics where the promise is broken.
    pub check: fn(&[u8]),
    /// Pieces of the language that is read, so that mutations speak it.
    pub words: &'static [&'static str],
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "apply_patch", check: chela_tools::fuzzing::patches, words: PATCH },
    Target { name: "command_lines", check: chela_tools::fuzzing::command_lines, words: SHELL },
    Target { name: "config_edits", check: chela_config::fuzzing::edits, words: JSON },
    Target { name: "config_text", check: chela_config::fuzzing::text, words: JSON },
    Target { name: "directives", check: chela_gateway::fuzzing::directives, words: MARKDOWN },
    Target { name: "discord_events", check: chela_channels::fuzzing::discord_events, words: JSON },
    Target { name: "dotenv", check: chela_config::fuzzing::dotenv, words: SHELL },
    Target { name: "frames", check: chela_protocol::fuzzing::frames, words: JSON },
    Target { name: "markdown", check: chela_channels::fuzzing::markdown, words: MARKDOWN },
    Target { name: "session_keys", check: chela_protocol::fuzzing::session_keys, words: KEYS },
    Target { name: "skill", check: chela_agent::fuzzing::skill, words: YAML },
    Target { name: "skill_archives", check: chela_agent::fuzzing::skill_archives, words: ARCHIVE },
    Target { name: "skill_scans", check: chela_agent::fuzzing::skill_scans, words: MALWARE },
    Target { name: "sse", check: chela_llm::fuzzing::sse, words: STREAM },
    Target { name: "telegram_updates", check: chela_channels::fuzzing::telegram_updates, words: JSON },
    Target { name: "untrusted", check: chela_agent::fuzzing::untrusted, words: MARKS },
    Target { name: "vendor_errors", check: chela_llm::fuzzing::errors, words: JSON },
    Target { name: "web_pages", check: chela_tools::fuzzing::pages, words: HTML },
    Target { name: "websocket", check: chela_gateway::fuzzing::websocket, words: FRAMES },
    Target { name: "wire_anthropic", check: chela_llm::fuzzing::anthropic, words: STREAM },
    Target { name: "wire_gemini", check: chela_llm::fuzzing::gemini, words: STREAM },
    Target { name: "wire_openai_chat", check: chela_llm::fuzzing::openai_chat, words: STREAM },
    Target { name: "wire_openai_responses", check: chela_llm::fuzzing::openai_responses, words: STREAM },
];

const ARCHIVE: &[&str] = &[
    "PK\u{3}\u{4}",
    "PK\u{1}\u{2}",
    "PK\u{5}\u{6}",
    "SKILL.md",
    "../",
    "/",
    "ustar\0",
    "00000000017\0",
    "\0\0\0\0",
    "30 path=a/b\n",
];
const FRAMES: &[&str] = &["\u{1}", "\u{0}\u{0}\u{0}\u{0}", "\u{7f}", "hello", "é"];
const HTML: &[&str] = &[
    "<a href=\"",
    "\">",
    "<table><tr><td>",
    "</p>",
    "<svg>",
    "<script>",
    "<!--",
    "-->",
    "&#x0;",
    "&amp;",
    "<template>",
    "<frameset>",
    "<math><mi>",
    "text/html\0",
    "<select>",
    "<![CDATA[",
    "charset=utf-16",
];
const JSON: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "null",
    "true",
    "1e309",
    "-1",
    "18446744073709551616",
    "\\ud800",
    "\\u0000",
    "//x\n",
    "/*",
    "*/",
    "'",
    "\0",
    "\"id\":",
    "\"token\":\"secret-value\"",
    "\"type\":",
    "\"text\":",
    "[0]",
    "$include",
    "${HOME}",
];
const KEYS: &[&str] = &["agent:", ":", "main", "agent:main:", "discord:channel:", "\u{85}", " ", "\u{feff}"];
const MALWARE: &[&str] = &[
    "curl https://x.y/i",
    " | ",
    "sh\n",
    "\\\n",
    "base64 -d",
    "Y3VybCBodHRwczovL3gueS9pIHwgc2g=",
    "ignore ",
    "previous ",
    "instructions",
    "\u{200b}",
    "\u{202e}",
    "\u{e0041}",
    "~/.ssh/id_rsa",
    "password: ",
    "<!--",
    "-->",
];
const MARKDOWN: &[&str] = &[
    "```",
    "~~~",
    "**",
    "__",
    "`",
    "> ",
    "- ",
    "1. ",
    "# ",
    "| a | b |\n|---|---|\n",
    "[x](https://a.b/c)",
    "![",
    "](",
    "<b>",
    "&amp;",
    "||",
    "\n\n",
    "\\",
    "MEDIA: a.png\n",
    "[[reply_to:1]]",
    "👩‍👩‍👧",
    "e\u{301}",
    "\u{202e}",
    "*",
];
const MARKS: &[&str] = &[
    "<<<untrusted ",
    ">>>",
    "<<<end untrusted",
    "＜＜＜",
    "\u{200b}",
    "\u{202e}",
    "𝐮𝐧𝐭𝐫𝐮𝐬𝐭𝐞𝐝",
    "\u{fe0f}\u{200d}",
    "untrusted",
    "<",
    "\u{ad}",
];
const PATCH: &[&str] = &[
    "*** Begin Patch\n",
    "*** End Patch\n",
    "*** Update File: a\n",
    "*** Add File: b\n",
    "*** Delete File: c\n",
    "*** Move to: d\n",
    "@@\n",
    "@@ x\n",
    "+a\n",
    "-a\n",
    " a\n",
    "*** End of File\n",
    "\r\n",
    "\0",
    "a\n",
];
const SHELL: &[&str] = &[
    "'", "\"", " ", "=", "\\", "$(", "`", ";", "rg", "--", "export ", "#", "\n", "A=1", "*", "~", "é", "\0", ".*", "^$",
];
const STREAM: &[&str] = &[
    "data: ",
    "event: ",
    "\n\n",
    "\r\n",
    "[DONE]",
    "{",
    "}",
    "[",
    "]",
    "\"",
    ",",
    ":",
    "null",
    "\"index\":0",
    "\"index\":9",
    "\"id\":\"a\"",
    "\"type\":",
    "\"text\":\"x\"",
    "\"delta\":",
    "\"choices\":[",
    "\"arguments\":\"{\"",
    "\u{feff}",
    "\\ud83d",
    "4294967295",
    "\"error\":",
];
const YAML: &[&str] = &[
    "---\n",
    "name: x\n",
    "description: ",
    "metadata: {\"chela\":",
    "  - a\n",
    "|\n",
    ">\n",
    ": ",
    "\"",
    "{",
    "}",
    "[",
    "]",
];

/// Where the corpora stand.
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The target of this name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
