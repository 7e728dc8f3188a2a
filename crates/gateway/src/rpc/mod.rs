//! The method table: every RPC method, the scope it needs and the function that answers it. One file per noun.

mod absent;
mod agent;
mod agents;
mod approvals;
pub(crate) mod channels;
mod chat;
mod config;
mod cron;
mod devices;
mod diagnostics;
mod health;
mod hooks;
mod identity;
mod logs;
mod message;
mod models;
mod nodes;
mod pairing;
mod plugins;
mod presence;
mod search;
mod secrets;
mod sessions;
mod skills;
mod status;
mod system;
mod tasks;
mod tools;
mod usage;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use chela_protocol::{ErrorCode, RpcError, Scope};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::mpsc;

pub(crate) use health::{Viewer, event as health_event, snapshot as health_snapshot};
pub(crate) use nodes::pending as node_pending;
pub(crate) use status::auth_mode_name;

use crate::app::Gateway;
use crate::connection::Peer;

pub(crate) type RpcResult = Result<Value, RpcError>;

/// One request on its way to its method.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) gateway: Arc<Gateway>,
    /// Who asks.
    pub(crate) peer: Arc<Peer>,
    pub(crate) method: &'static str,
    pub(crate) params: Value,
    /// For methods that answer more than once (`agent`): earlier answers go here, the last is the return value.
    pub(crate) early: mpsc::Sender<Value>,
}

impl Call {
    /// The parameters as the method's own type; the error names the method, the path and what was expected.
    pub(crate) fn params<T: DeserializeOwned>(&self) -> Result<T, RpcError> {
        T::deserialize(&self.params)
            .map_err(|error| RpcError::invalid(format!("invalid {} params: {error}", self.method)))
    }
}

/// A method's own result type as its answer.
fn answer_of(result: &impl Serialize) -> RpcResult {
    serde_json::to_value(result)
        .map_err(|error| RpcError::unavailable(format!("the answer could not be written: {error}")))
}

/// What a caller must hold.
#[derive(Clone, Copy)]
pub(crate) enum Access {
    Open,
    Holding(Scope),
    /// The role `node`, which holds no scopes.
    Node,
    /// Depends on the parameters (`agent`, `sessions.patch`, `sessions.delete`).
    Decided(fn(&Value) -> Scope),
}

/// Longest name of a method that is repeated to its caller.
const METHOD_NAME_SHOWN: usize = 128;

type Handler = Box<dyn Fn(Call) -> Pin<Box<dyn Future<Output = RpcResult> + Send>> + Send + Sync>;

/// A row of the table.
pub(crate) struct Method {
    pub(crate) name: &'static str,
    pub(crate) access: Access,
    handler: Handler,
}

impl Method {
    pub(crate) fn new<F, Fut>(name: &'static str, access: Access, handler: F) -> Self
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = RpcResult> + Send + 'static,
    {
        Self { name, access, handler: Box::new(move |call| Box::pin(handler(call))) }
    }

    pub(crate) async fn answer(&self, call: Call) -> RpcResult {
        (self.handler)(call).await
    }
}

/// Every method that the gateway answers.
pub(crate) fn table() -> Vec<Method> {
    let nouns = [
        health::methods(),
        status::methods(),
        presence::methods(),
        system::methods(),
        diagnostics::methods(),
        config::methods(),
        secrets::methods(),
        logs::methods(),
        channels::methods(),
        pairing::methods(),
        devices::methods(),
        approvals::methods(),
        identity::methods(),
        chat::methods(),
        search::methods(),
        sessions::methods(),
        agent::methods(),
        agents::methods(),
        models::methods(),
        skills::methods(),
        tools::methods(),
        plugins::methods(),
        tasks::methods(),
        absent::methods(),
        nodes::methods(),
        cron::methods(),
        message::methods(),
        usage::methods(),
        hooks::methods(),
    ];
    nouns.into_iter().flatten().collect()
}

/// The names of all methods and what a caller must hold for each, in the table's order: for docs/reference.
pub fn listed() -> Vec<(&'static str, String)> {
    let words = |access: Access| match access {
        Access::Open => "none".to_owned(),
        Access::Holding(scope) => format!("`{scope}`"),
        Access::Node => "the role `node`".to_owned(),
        Access::Decided(_) => "depends on the parameters".to_owned(),
    };
    table().iter().map(|method| (method.name, words(method.access))).collect()
}

/// The table by name.
pub(crate) struct Methods {
    by_name: BTreeMap<&'static str, Method>,
}

impl Methods {
    pub(crate) fn new() -> Self {
        Self { by_name: table().into_iter().map(|method| (method.name, method)).collect() }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.by_name.keys().copied()
    }

    /// The method's own name when it exists and the peer may call it with these parameters.
    pub(crate) fn permit(&self, name: &str, params: &Value, peer: &Peer) -> Result<&'static str, RpcError> {
        let method = self.by_name.get(name).ok_or_else(|| unknown_method(name))?;
        let needed = match method.access {
            Access::Open => return Ok(method.name),
            Access::Node if peer.role == "node" => return Ok(method.name),
            Access::Node => return Err(wrong_role(peer)),
            Access::Holding(scope) => scope,
            Access::Decided(decide) => decide(params),
        };
        if peer.holds(needed) { Ok(method.name) } else { Err(missing_scope(needed)) }
    }

    /// Answers a call that was permitted.
    pub(crate) async fn answer(&self, call: Call) -> RpcResult {
        match self.by_name.get(call.method) {
            Some(method) => method.answer(call).await,
            None => Err(unknown_method(call.method)),
        }
    }
}

impl Default for Methods {
    fn default() -> Self {
        Self::new()
    }
}

/// Of a name that nobody would give a method, the beginning says enough.
fn unknown_method(name: &str) -> RpcError {
    if name == "connect" {
        return RpcError::invalid("connect is only valid as the first request");
    }
    let shown = &name[..name.floor_char_boundary(METHOD_NAME_SHOWN)];
    RpcError::invalid(format!("unknown method: {shown}"))
}

/// The refusal of an operator where a node is meant.
fn wrong_role(peer: &Peer) -> RpcError {
    RpcError::new(ErrorCode::Forbidden, format!("unauthorized role: {}", peer.role))
}

/// The refusal of a caller without a scope.
pub(crate) fn missing_scope(needed: Scope) -> RpcError {
    let details = json!({"code": "MISSING_SCOPE", "missingScope": needed, "requiredScopes": [needed]});
    RpcError::new(ErrorCode::Forbidden, format!("missing scope: {needed}")).with_details(details)
}

#[cfg(test)]
mod tests {
    use chela_protocol::METHOD_NAMES;

    use super::table;

    #[test]
    fn every_method_is_in_the_protocol_once() {
        let mut names: Vec<&str> = table().iter().map(|method| method.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
        let unknown: Vec<&&str> = names.iter().filter(|name| !METHOD_NAMES.contains(name)).collect();
        assert!(unknown.is_empty(), "not in METHOD_NAMES: {unknown:?}");
    }
}
