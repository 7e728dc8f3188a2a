//! Commands on their way to connected nodes and back. Which devices are nodes, the pairing knows; who may ask, the method table.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chela_protocol::methods::nodes::{NodeInvokeOutcome, NodeInvokeParams, NodeInvokeRequest};
use chela_protocol::{ClientInfo, ConnectParams};
use tokio::sync::oneshot;
use tokio::time::timeout;
use uuid::Uuid;

use crate::app::{Gateway, now_ms};

/// How long a node may take when the client doesn't say, and at most.
const PATIENCE: Duration = Duration::from_secs(30);
const PATIENCE_MAX: Duration = Duration::from_mins(10);

/// Commands that are on their way at once, over all nodes; each holds its parameters in memory.
const WAITING_MAX: usize = 256;

/// Capabilities or commands that one node may claim, and the longest name of one.
const CLAIMS_MAX: usize = 256;
const CLAIM_MAX_BYTES: usize = 128;

/// What a node said of itself when it connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NodeFacts {
    pub(crate) display_name: Option<String>,
    pub(crate) platform: String,
    pub(crate) device_family: Option<String>,
    pub(crate) version: String,
    pub(crate) caps: Vec<String>,
    /// The only commands that it is sent.
    pub(crate) commands: Vec<String>,
    pub(crate) connected_at_ms: i64,
}

/// Why a command brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvokeError {
    #[error("node not connected")]
    NotConnected,
    #[error("the node does not offer the command `{0}`; `node.describe` lists those that it does")]
    NotOffered(String),
    #[error("too many commands are on their way to nodes; retry in a moment")]
    Busy,
    #[error("the node did not answer in time")]
    TimedOut,
    #[error("the node went away before it answered")]
    Gone,
}

/// The commands that wait for their answer, by the id that the node was given.
#[derive(Default)]
pub(crate) struct Nodes {
    waiting: Mutex<HashMap<String, Waiting>>,
}

struct Waiting {
    /// Only this connection may answer.
    connection_id: String,
    answer: oneshot::Sender<NodeInvokeOutcome>,
}

/// Takes the command off the list however its wait ends.
struct Listing<'a>(&'a Nodes, String);

impl NodeFacts {
    /// What a client with the role `node` says of itself, cut to what one node needs.
    pub(crate) fn of(params: &ConnectParams) -> Self {
        let ClientInfo { display_name, platform, device_family, version, .. } = params.client.clone();
        let claims = |names: &[String]| {
            let good = names.iter().filter(|name| !name.is_empty() && name.len() <= CLAIM_MAX_BYTES);
            good.take(CLAIMS_MAX).cloned().collect()
        };
        Self {
            display_name,
            platform,
            device_family,
            version,
            caps: claims(&params.caps),
            commands: claims(&params.commands),
            connected_at_ms: now_ms(),
        }
    }
}

impl Nodes {
    /// Sends a command to a connected node and waits for its answer.
    pub(crate) async fn invoke(
        &self,
        gateway: &Gateway,
        params: NodeInvokeParams,
    ) -> Result<NodeInvokeOutcome, InvokeError> {
        let peer = gateway.events.node(&params.node_id).ok_or(InvokeError::NotConnected)?;
        let offered = peer.node.as_ref().is_some_and(|node| node.commands.contains(&params.command));
        if !offered {
            return Err(InvokeError::NotOffered(params.command));
        }
        let patience = params.timeout_ms.map_or(PATIENCE, Duration::from_millis).min(PATIENCE_MAX);
        let request = NodeInvokeRequest {
            id: Uuid::new_v4().to_string(),
            node_id: params.node_id,
            command: params.command,
            params_json: params.params.map(|value| value.to_string()),
            timeout_ms: u64::try_from(patience.as_millis()).unwrap_or(u64::MAX),
            idempotency_key: params.idempotency_key,
        };
        let (listing, answer) = self.list(&request.id, &peer.connection_id)?;
        if !gateway.events.send_to(&peer.connection_id, "node.invoke.request", &request) {
            return Err(InvokeError::NotConnected);
        }
        let answered = tokio::select! {
            biased;
            answered = timeout(patience, answer) => answered,
            () = peer.closed.cancelled() => return Err(InvokeError::Gone),
        };
        drop(listing);
        answered.map_err(|_| InvokeError::TimedOut)?.map_err(|_| InvokeError::Gone)
    }

    /// Hands a node's answer to whoever waits for it. `false` when nobody does any more, or waits for another connection's.
    pub(crate) fn answered(&self, connection_id: &str, outcome: NodeInvokeOutcome) -> bool {
        let mut waiting = self.waiting();
        if waiting.get(&outcome.id).is_none_or(|one| one.connection_id != connection_id) {
            return false;
        }
        let taken = waiting.remove(&outcome.id);
        drop(waiting);
        taken.is_some_and(|one| one.answer.send(outcome).is_ok())
    }

    fn list(
        &self,
        id: &str,
        connection_id: &str,
    ) -> Result<(Listing<'_>, oneshot::Receiver<NodeInvokeOutcome>), InvokeError> {
        let (answer, receiver) = oneshot::channel();
        let mut waiting = self.waiting();
        if waiting.len() >= WAITING_MAX {
            return Err(InvokeError::Busy);
        }
        waiting.insert(id.to_owned(), Waiting { connection_id: connection_id.to_owned(), answer });
        drop(waiting);
        Ok((Listing(self, id.to_owned()), receiver))
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Listing<'_> {
    fn drop(&mut self) {
        self.0.waiting().remove(&self.1);
    }
}
