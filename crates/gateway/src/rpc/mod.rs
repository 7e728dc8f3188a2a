//! The method table: every RPC method, the scope it needs and the function that answers it. One file per noun.

mod agent;
mod agents;
mod chat;
mod config;
mod devices;
mod health;
mod identity;
mod logs;
mod models;
mod presence;
mod sessions;
mod skills;
mod status;
mod tools;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use chela_protocol::{RpcError, Scope};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::app::Gateway;
use crate::connection::Peer;

pub type RpcResult = Result<Value, RpcError>;

/// One request on its way to its method.
#[derive(Clone)]
pub struct Call {
    pub gateway: Arc<Gateway>,
    /// Who asks.
    pub peer: Arc<Peer>,
    pub method: &'static str,
    pub params: Value,
    /// For methods that answer more than once (`agent`): earlier answers go here, the last is the return value.
    pub early: mpsc::Sender<Value>,
}

impl Call {
    /// The parameters as the method's own type; the error names the method, the path and what was expected.
    pub fn params<T: DeserializeOwned>(&self) -> Result<T, RpcError> {
        serde_json::from_value(self.params.clone())
            .map_err(|error| RpcError::invalid(format!("invalid {} params: {error}", self.method)))
    }
}

/// What a caller must hold.
#[derive(Clone, Copy)]
pub enum Access {
    Open,
    Holding(Scope),
    /// Depends on the parameters (`agent`, `sessions.patch`, `sessions.delete`).
    Decided(fn(&Value) -> Scope),
}

/// Every method that the gateway answers.
pub fn table() -> Vec<Method> {
    let nouns = [
        health::methods(),
        status::methods(),
        presence::methods(),
        config::methods(),
        logs::methods(),
        devices::methods(),
        identity::methods(),
        chat::methods(),
        sessions::methods(),
        agent::methods(),
        agents::methods(),
        models::methods(),
        skills::methods(),
        tools::methods(),
    ];
    nouns.into_iter().flatten().collect()
}

/// A method's own result type as its answer.
fn answer_of(result: &impl Serialize) -> RpcResult {
    serde_json::to_value(result)
        .map_err(|error| RpcError::unavailable(format!("the answer could not be written: {error}")))
}

type Handler = Box<dyn Fn(Call) -> Pin<Box<dyn Future<Output = RpcResult> + Send>> + Send + Sync>;

/// A row of the table.
pub struct Method {
    pub name: &'static str,
    pub access: Access,
    handler: Handler,
}

impl Method {
    pub fn new<F, Fut>(name: &'static str, access: Access, handler: F) -> Self
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = RpcResult> + Send + 'static,
    {
        Self { name, access, handler: Box::new(move |call| Box::pin(handler(call))) }
    }

    pub async fn answer(&self, call: Call) -> RpcResult {
        (self.handler)(call).await
    }
}
