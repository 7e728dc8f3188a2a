//! What a worker is given: the store's small values, the HTTP client, the commands, the clock.

use std::path::PathBuf;
use std::sync::Arc;

use chela_agent::{ArgChoices, COMMANDS, Command};
use chela_channels::{
    ChannelContext, ChannelState, HttpSource, NativeArg, NativeCommand, Patience, Pending, StateError,
};
use chela_llm::{HttpClient, http_client};
use chela_store::Store;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{AccountInbox, AccountName, OpenAccount};
use crate::app::{Gateway, now_ms};

/// The world of one account's worker; `shutdown` ends it.
pub(super) fn of(gateway: &Arc<Gateway>, account: &Arc<OpenAccount>, shutdown: CancellationToken) -> ChannelContext {
    let clock = Arc::downgrade(gateway);
    ChannelContext {
        account: account.name.account.clone(),
        inbox: Arc::new(AccountInbox::new(gateway, account.clone())),
        state: Arc::new(StoredState::of(&gateway.store, &account.name)),
        status: account.status.clone(),
        commands: native_commands(gateway.config.load().commands.are_native()),
        http: Arc::new(HouseHttp(http_client(gateway.environment.get("SSL_CERT_FILE").map(PathBuf::from)))),
        patience: Patience::default(),
        clock: Arc::new(move || clock.upgrade().map_or_else(now_ms, |gateway| gateway.now_ms())),
        shutdown,
    }
}

/// The table of slash commands, as platforms list them.
fn native_commands(are_native: bool) -> Arc<[NativeCommand]> {
    let args = |command: &Command| {
        let arg = |arg: &chela_agent::CommandArg| NativeArg {
            name: arg.name.to_owned(),
            description: arg.description.to_owned(),
            choices: match arg.choices {
                ArgChoices::Fixed(words) => words.iter().map(|word| (*word).to_owned()).collect(),
                ArgChoices::Any | ArgChoices::Models | ArgChoices::Providers | ArgChoices::Skills => Vec::new(),
            },
            completes: match arg.choices {
                ArgChoices::Models | ArgChoices::Providers | ArgChoices::Skills => true,
                ArgChoices::Any | ArgChoices::Fixed(_) => false,
            },
        };
        command.args.iter().map(arg).collect()
    };
    let row = |command: &Command| NativeCommand {
        name: command.name.to_owned(),
        description: command.description.to_owned(),
        args: args(command),
    };
    if are_native { COMMANDS.iter().map(row).collect() } else { Arc::default() }
}

/// Small durable values of one account.
struct StoredState {
    store: Store,
    namespace: String,
}

impl StoredState {
    fn of(store: &Store, name: &AccountName) -> Self {
        Self { store: store.clone(), namespace: format!("channel:{}:{}", name.channel, name.account) }
    }
}

impl ChannelState for StoredState {
    fn get<'a>(&'a self, key: &'a str) -> Pending<'a, Result<Option<Value>, StateError>> {
        Box::pin(
            async move { self.store.kv_get(&self.namespace, key).await.map_err(|error| StateError(error.to_string())) },
        )
    }

    fn put<'a>(&'a self, key: &'a str, value: Value) -> Pending<'a, Result<(), StateError>> {
        Box::pin(async move {
            self.store.kv_put(&self.namespace, key, value).await.map_err(|error| StateError(error.to_string()))
        })
    }
}

/// The client that the models' calls use as well: no redirects, the house's roots.
struct HouseHttp(HttpClient);

impl HttpSource for HouseHttp {
    fn client(&self) -> Result<reqwest::Client, String> {
        self.0.client().map_err(|error| error.to_string())
    }
}
