//! Words for what went wrong: the only place where errors become sentences, hints and exit codes.

#![allow(clippy::needless_pass_by_value, reason = "every constructor fits `map_err`")]

use std::fmt;
use std::process::ExitCode;

use chela_client::ClientError;
use chela_config::{EditError, PlaceError, WriteError};
use chela_gateway::StartError;
use chela_import::ImportError;
use chela_protocol::{ConnectErrorCode, ConnectErrorDetails, RpcError};
use chela_store::{LockError, StoreError};
use serde_json::json;

use crate::output::{BAD, DIM, Output};
use crate::target::Target;

/// The case of a lost connection.
const DISCONNECTED: &str = "disconnected";

/// What the process says of itself at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// It was tried and failed.
    Failed = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// The configuration or the authentication refuses it; another try changes nothing.
    Config = 78,
}

/// A failed command, ready to be shown.
#[derive(Debug)]
pub(crate) struct Failure {
    status: Status,
    /// For programs: a short name of the case.
    kind: &'static str,
    message: String,
    hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { status: Status::Failed, kind, message: message.into(), hint: None }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { status: Status::Usage, ..Self::new("usage", message) }
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self { status: Status::Config, ..Self::new("config", message) }
    }

    /// Something with a file went wrong; `doing` completes "can't …".
    pub(crate) fn file(doing: impl fmt::Display, error: &std::io::Error) -> Self {
        Self::new("file", format!("can't {doing}: {error}"))
    }

    pub(crate) fn place(error: PlaceError) -> Self {
        Self::usage(error.to_string())
    }

    /// A file that can't be changed as asked.
    pub(crate) fn edit(error: EditError) -> Self {
        match error {
            EditError::Syntax(_) | EditError::NotAnObject => {
                Self::config(error.to_string()).hint("the text before the last change is in the .bak file beside it")
            }
            EditError::NotSet { .. } => {
                Self::new("not_set", error.to_string()).hint("chela config get shows all that is set")
            }
            EditError::NoPath => Self::usage(error.to_string()),
            EditError::InTheWay { .. }
            | EditError::BeyondEnd { .. }
            | EditError::TooDeep { .. }
            | EditError::NothingStored(_)
            | EditError::Unsure => Self::new("edit", error.to_string()),
        }
    }

    pub(crate) fn write(error: WriteError) -> Self {
        match error {
            WriteError::Stale { .. } => {
                Self::new("stale", "the file was changed by somebody else meanwhile").hint("run the command again")
            }
            WriteError::Busy(_) | WriteError::Syntax(_) | WriteError::Io { .. } => Self::new("file", error.to_string()),
        }
    }

    /// The state dir is in use, or can't be locked.
    pub(crate) fn lock(error: LockError) -> Self {
        match error {
            LockError::Held { .. } => Self::new("locked", error.to_string()),
            LockError::Io { .. } => Self::new("file", error.to_string()).hint("chela doctor looks at the state dir"),
        }
    }

    /// A state dir of another program can't be moved in.
    pub(crate) fn import(error: ImportError) -> Self {
        match error {
            ImportError::NoFolder(_) | ImportError::NothingThere(_) => {
                Self::new("not_found", error.to_string()).hint("name the state dir: chela import --from DIR")
            }
            ImportError::Lock(error @ LockError::Held { .. }) => {
                Self::lock(error).hint("nothing was moved: stop the gateway, run the import, then start it again")
            }
            ImportError::Lock(error) => Self::lock(error),
            ImportError::Edit(error) => Self::edit(error),
            ImportError::Write(error) => Self::write(error),
            ImportError::Place(error) => Self::place(error),
            ImportError::Read { .. } => Self::new("file", error.to_string()),
            ImportError::Store(error) => {
                Self::new("state", error.to_string()).hint("run it again: what was moved already is not moved twice")
            }
        }
    }

    pub(crate) fn rollback(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { .. } => Self::new("not_found", "there is no snapshot to go back to")
                .hint("a snapshot is taken when a newer version changes the database's format"),
            other => Self::new("state", other.to_string()),
        }
    }

    /// The gateway did not start. It has said why in its own words.
    pub(crate) fn start(error: StartError) -> Self {
        let status = if error.exit_code() == Status::Config as u8 { Status::Config } else { Status::Failed };
        Self { status, ..Self::new("start", error.to_string()) }.hint("chela doctor looks for the reason")
    }

    /// What went wrong between here and a gateway.
    pub(crate) fn connect(error: ClientError, target: &Target) -> Self {
        let message = error.to_string();
        match error {
            ClientError::Address { .. } => Self::usage(message).hint("for example wss://my.example.org"),
            ClientError::Unreachable { .. } if target.source.is_local() => {
                Self::new("unreachable", format!("no gateway runs here: nothing answers at {}", target.url))
                    .hint("start one in another terminal: chela gateway --allow-unconfigured")
            }
            ClientError::Unreachable { .. } => Self::new("unreachable", message)
                .hint(format!("the address is {}; is the gateway up?", target.source.words())),
            ClientError::NotAGateway { .. } => {
                Self::new("not_a_gateway", message).hint("another program may use the port; chela doctor looks at it")
            }
            ClientError::Rejected { error, details } => Self::rejected(&error, details.map(|details| *details), target),
            ClientError::Refused { method, error } => {
                let failure = Self::new("refused", format!("{method}: {}", error.message));
                if error.retryable == Some(true) {
                    failure.hint("the gateway is busy; try again in a moment")
                } else {
                    failure
                }
            }
            ClientError::Timeout { .. } => Self::new("timeout", message).hint("chela logs shows what the gateway does"),
            ClientError::Closed { .. } => Self::new(DISCONNECTED, message),
        }
    }

    /// The gateway doesn't let this command in.
    fn rejected(error: &RpcError, details: Option<ConnectErrorDetails>, target: &Target) -> Self {
        use ConnectErrorCode as Code;
        let failure = Self::new("rejected", format!("the gateway at {} refuses: {}", target.url, error.message));
        let Some(details) = details else { return failure };
        let hint = match details.code {
            Code::PairingRequired => {
                let request = details.request_id.unwrap_or_else(|| "<request>".to_owned());
                format!("on the gateway's machine: chela devices approve {request}")
            }
            Code::DeviceIdentityRequired => {
                "is this the gateway of another user or profile? Name its state dir with --profile or CHELA_STATE_DIR"
                    .to_owned()
            }
            Code::AuthRateLimited => "too many wrong tries; wait a few minutes".to_owned(),
            Code::ProtocolMismatch => {
                "this command and the gateway are of different times; update the older one".to_owned()
            }
            Code::AuthPasswordMissing | Code::AuthPasswordMismatch => {
                "set CHELA_GATEWAY_PASSWORD to the gateway's password, or use --password-file".to_owned()
            }
            Code::AuthTokenMissing | Code::AuthTokenMismatch | Code::AuthRequired | Code::AuthUnauthorized
                if target.source.is_local() =>
            {
                "the gateway was started with a token that stands nowhere here; set CHELA_GATEWAY_TOKEN to it"
                    .to_owned()
            }
            Code::AuthTokenMissing | Code::AuthTokenMismatch | Code::AuthRequired | Code::AuthUnauthorized => {
                "set CHELA_GATEWAY_TOKEN to the gateway's token, or use --token-file".to_owned()
            }
            _ => return Self { status: Status::Config, ..failure },
        };
        Self { status: Status::Config, ..failure }.hint(hint)
    }

    /// Whether the connection was lost, so that another one may help.
    pub(crate) fn is_disconnect(&self) -> bool {
        self.kind == DISCONNECTED
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The next step, where there is one.
    pub(crate) fn next_step(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The next step.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Prints the failure where the reader looks for it, and gives the exit code.
    pub(crate) fn show(&self, output: Output) -> ExitCode {
        if output.json {
            let mut error = json!({"type": self.kind, "message": self.message});
            if let Some(hint) = &self.hint {
                error["hint"] = json!(hint);
            }
            output.document(&json!({"ok": false, "error": error}));
        } else {
            output.note(format!("{} {}", output.style_err(BAD, "error:"), self.message));
            if let Some(hint) = &self.hint {
                output.note(format!("{} {hint}", output.style_err(DIM, "hint:")));
            }
        }
        ExitCode::from(self.status as u8)
    }
}
