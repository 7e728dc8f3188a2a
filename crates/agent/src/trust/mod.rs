//! How far the words in front of a model can be relied on, and what a call could do with them (G26). Pure.
//!
//! A turn is trusted as long as everything in it was said by an owner. Content that anybody may have written taints it, and
//! nothing takes the taint away before the turn's end. All of it stands in the transcript, so a turn that is picked up
//! after a crash is as tainted as it was.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::ExecRule;
use crate::transcript::ItemBody;

/// Sources that are named when a person is told why a question is asked; the rest is counted.
const NAMED_SOURCES: usize = 3;

/// What kind of place untrusted content came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Somebody who is no owner spoke.
    Sender,
    /// What others said in the chat before.
    Heard,
    /// A quoted or forwarded message of somebody else.
    Quote,
    /// A file that somebody else sent.
    Attachment,
    /// A web page.
    Web,
    /// The output of a command.
    Command,
    /// A file that isn't one of the agent's own instructions.
    File,
    /// What a tool gave that a client runs itself.
    ClientTool,
    /// A kind of a newer version.
    #[serde(other)]
    Other,
}

/// Where untrusted content came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provenance {
    pub source: Source,
    /// A name, address or path for people; may be empty. Chosen by strangers: never shown to a model as ours.
    #[serde(default)]
    pub name: String,
}

impl Provenance {
    pub fn new(source: Source, name: impl Into<String>) -> Self {
        Self { source, name: name.into() }
    }

    fn describe(&self) -> String {
        let what = match self.source {
            Source::Sender => "words of somebody who is no owner",
            Source::Heard => "what others said in the chat",
            Source::Quote => "a quoted or forwarded message",
            Source::Attachment => "a file that was sent",
            Source::Web => "a web page",
            Source::Command => "the output of a command",
            Source::File => "a file",
            Source::ClientTool => "the result of a client's tool",
            Source::Other => "outside content",
        };
        let name: String = self.name.chars().take(120).collect();
        if name.is_empty() { what.to_owned() } else { format!("{what} ({name})") }
    }
}

/// Who speaks in a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// Owners, and nobody else.
    Owner,
    Other,
}

/// The trust of one turn: who speaks in it, and what untrusted content it has taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    speaker: Speaker,
    /// It was asked for in a place that others share.
    is_shared: bool,
    taints: Vec<Provenance>,
    /// What owners said in it with nothing of others in between.
    owner_words: Vec<String>,
}

impl Default for Trust {
    fn default() -> Self {
        Self::new()
    }
}

impl Trust {
    /// A turn in which nothing has been said yet.
    pub fn new() -> Self {
        Self { speaker: Speaker::Owner, is_shared: false, taints: Vec::new(), owner_words: Vec::new() }
    }

    /// The trust of a turn that wrote these items.
    pub fn of(bodies: impl IntoIterator<Item = ItemBody>) -> Self {
        let mut trust = Self::new();
        bodies.into_iter().for_each(|body| trust.take_in(&body));
        trust
    }

    /// Takes in an item of the turn.
    pub fn take_in(&mut self, body: &ItemBody) {
        match body {
            ItemBody::User(body) => {
                // In a direct conversation nobody has to be called by name.
                self.is_shared |= body.origin.mentioned.is_some();
                if !body.sender_is_owner {
                    self.speaker = Speaker::Other;
                    self.taint(Provenance::new(Source::Sender, body.origin.sender_name.clone().unwrap_or_default()));
                } else if body.untrusted.is_empty() {
                    self.owner_words.push(body.text.clone());
                }
                body.untrusted.iter().for_each(|provenance| self.taint(provenance.clone()));
            }
            ItemBody::ToolResults(body) => {
                let marks = body.results.iter().filter_map(|entry| entry.untrusted.as_ref());
                marks.for_each(|mark| self.taint(mark.provenance.clone()));
            }
            ItemBody::Assistant(_) | ItemBody::Note(_) | ItemBody::Compaction(_) => {}
        }
    }

    /// Remembers untrusted content. The same source counts once.
    pub fn taint(&mut self, provenance: Provenance) {
        if !self.taints.contains(&provenance) {
            self.taints.push(provenance);
        }
    }

    pub fn speaker(&self) -> Speaker {
        self.speaker
    }

    /// Whether others than owners could have a say in the turn and hear its answer.
    pub fn is_overheard(&self) -> bool {
        self.speaker == Speaker::Other || (self.is_shared && self.is_tainted())
    }

    pub fn is_tainted(&self) -> bool {
        !self.taints.is_empty()
    }

    pub fn taints(&self) -> &[Provenance] {
        &self.taints
    }

    /// Why a person is asked, in one line; `None` in a trusted turn.
    pub fn reason(&self) -> Option<String> {
        if self.taints.is_empty() {
            return None;
        }
        let named: Vec<_> = self.taints.iter().take(NAMED_SOURCES).map(Provenance::describe).collect();
        let more = match self.taints.len().saturating_sub(NAMED_SOURCES) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        Some(format!("this turn has read {}{more}", named.join(", ")))
    }

    /// Whether an owner wrote this address in this turn, by itself: not as a part of a longer one.
    fn owner_named(&self, url: &str) -> bool {
        let inside = |c: char| c.is_ascii_alphanumeric() || "/?#&=%~+_-@:".contains(c);
        let stands_alone = |words: &str, at: usize| {
            let after = words[at + url.len()..].trim_start_matches(['.', ',', ';', '!']);
            let dropped = words.len() - at - url.len() - after.len();
            let is_start = words[..at].chars().next_back().is_none_or(|c| !inside(c) && c != '.');
            is_start && after.chars().next().is_none_or(|c| !inside(c) && (dropped == 0 || c != '.'))
        };
        let url = url.trim();
        !url.is_empty()
            && self.owner_words.iter().any(|words| words.match_indices(url).any(|(at, _)| stands_alone(words, at)))
    }
}

/// What a call could do in the hands of somebody who shouldn't have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Risk {
    None,
    /// Runs a program, or talks to one that runs.
    Exec,
    /// Sends something off this machine, even if only an address.
    Outbound,
    /// Changes what later turns or programs will obey: instruction files, skills, files outside the workspace.
    Instructions,
    /// Reads what looks like credentials.
    Secret,
    /// Reads what the agent keeps for its owner alone: its memory. Owners who are among themselves aren't asked.
    Private,
}

impl Risk {
    /// The name in events and lists.
    pub fn id(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Exec => "exec",
            Self::Outbound => "outbound",
            Self::Instructions => "instructions",
            Self::Secret => "secret",
            Self::Private => "private",
        }
    }
}

/// What a call acts on, as far as a person has to see it to decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    Nothing,
    /// A command for the shell.
    Command {
        command: String,
        workdir: PathBuf,
        /// Names and values that the call sets in its environment.
        variables: Vec<(String, String)>,
        /// Where its programs are looked up.
        path: String,
    },
    /// Text typed into a command that runs already.
    Typing {
        session: String,
        text: String,
    },
    Url(String),
    Paths(Vec<String>),
    /// Files, and what would be written into them.
    Change {
        paths: Vec<String>,
        text: String,
    },
}

/// What a tool says of one call before it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRisk {
    pub risk: Risk,
    pub subject: Subject,
    /// When a person is asked, as configured for the agent.
    pub rule: ExecRule,
}

impl CallRisk {
    /// A call that nobody needs to be asked about.
    pub fn none() -> Self {
        Self { risk: Risk::None, subject: Subject::Nothing, rule: ExecRule::Auto }
    }
}

/// Whether a call may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    Run,
    /// Only if it is on the list of commands that always may.
    OnlyListed,
    /// If it is on that list, or else if a person says so.
    Ask,
    /// If a person says so, listed or not.
    AlwaysAsk,
    /// Not at all.
    Refuse,
}

/// Weighs a call against the turn that makes it.
pub fn gate(trust: &Trust, call: &CallRisk) -> Gate {
    let runs_command = call.risk == Risk::Exec;
    match (call.risk, call.rule) {
        (Risk::None, _) => return Gate::Run,
        (Risk::Private, _) => return if trust.is_overheard() { Gate::Ask } else { Gate::Run },
        (Risk::Exec, ExecRule::Deny) => return Gate::Refuse,
        (Risk::Exec, ExecRule::Allowlist) => return Gate::OnlyListed,
        (Risk::Exec, ExecRule::AskAlways) => return Gate::AlwaysAsk,
        _ => {}
    }
    match (trust.speaker(), call.rule) {
        (Speaker::Owner, ExecRule::Full) => Gate::Run,
        (Speaker::Owner, ExecRule::Ask) if runs_command => Gate::Ask,
        (Speaker::Owner, _) if !trust.is_tainted() => Gate::Run,
        (Speaker::Owner | Speaker::Other, _) => match &call.subject {
            Subject::Url(url) if trust.owner_named(url) => Gate::Run,
            _ => Gate::Ask,
        },
    }
}

/// What a tool may know of how its call came to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clearance {
    /// The turn is trusted, or its agent runs everything that an owner asks for.
    Trusted,
    /// A person allowed this very call, or it is on the list of commands that always may.
    Approved,
    /// The turn is tainted, and the call needed no permission: it gets as little of the world as it can do with.
    Tainted,
    /// The same, and others than owners hear the answer: what the agent keeps for its owner alone is left out as well.
    Overheard,
}

#[cfg(test)]
mod tests;
