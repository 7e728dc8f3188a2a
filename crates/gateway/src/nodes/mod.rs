//! Commands on their way to connected nodes and back. Which devices are nodes, the pairing knows; who may ask, the method table.

mod policy;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chela_protocol::methods::nodes::{NodeInvokeOutcome, NodeInvokeParams, NodeInvokeRequest};
use chela_protocol::{ClientInfo, ConnectParams};
use tokio::sync::oneshot;
use tokio::time::timeout;
use uuid::Uuid;

use crate::app::{Gateway, now_ms};
use crate::config::GatewayNodesConfig;
use crate::once::{NotCalled, Once, OnceKey, Outcome};

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
    /// What it declares; it is sent nothing else, and of these what the policy allows.
    pub(crate) commands: Vec<String>,
    pub(crate) connected_at_ms: i64,
}

/// Why a command brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvokeError {
    #[error("`{command}` is not allowed on {platform}; the owner may name it in gateway.nodes.commands.allow")]
    NotAllowed { command: String, platform: String },
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
    #[error("the gateway stopped before the node answered")]
    Lost,
}

/// What sending a command came to.
pub(crate) type Invoked = Result<NodeInvokeOutcome, InvokeError>;

/// The commands that wait for their answer, by the id that the node was given.
#[derive(Default)]
pub(crate) struct Nodes {
    waiting: Mutex<HashMap<String, Waiting>>,
    /// A command with a key is sent once.
    sent: Once<Invoked>,
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

    /// The commands that it declares and may be sent.
    pub(crate) fn allowed(&self, config: &GatewayNodesConfig) -> Vec<String> {
        self.commands.iter().filter(|command| self.may(config, command)).cloned().collect()
    }

    fn may(&self, config: &GatewayNodesConfig, command: &str) -> bool {
        policy::is_allowed(config, &self.platform, self.device_family.as_deref(), command)
    }
}

impl Outcome for Invoked {
    fn bytes(&self) -> usize {
        match self {
            Ok(outcome) => {
                let payload = outcome.payload.as_ref().map_or(0, |payload| payload.to_string().len());
                payload + outcome.payload_json.as_ref().map_or(0, String::len)
            }
            Err(error) => error.to_string().len(),
        }
    }

    /// Whether the node was sent the command.
    fn is_done(&self) -> bool {
        match self {
            Ok(_) | Err(InvokeError::TimedOut | InvokeError::Gone | InvokeError::Lost) => true,
            Err(
                InvokeError::NotConnected
                | InvokeError::NotOffered(_)
                | InvokeError::NotAllowed { .. }
                | InvokeError::Busy,
            ) => false,
        }
    }
}

impl Nodes {
    /// Sends a command to a connected node and waits for its answer. The same command with the same key is sent once.
    pub(crate) async fn invoke(&self, gateway: &Arc<Gateway>, params: NodeInvokeParams) -> Invoked {
        let NodeInvokeParams { node_id, command, params: given, idempotency_key, .. } = &params;
        let given = given.as_ref().map_or_else(String::new, ToString::to_string);
        let key = OnceKey::of(&[idempotency_key, node_id.as_str(), command, &given]);
        let sending = {
            let gateway = gateway.clone();
            async move { gateway.nodes.send(&gateway, params).await }
        };
        self.sent.call(gateway, key, sending).await.unwrap_or_else(|error| match error {
            NotCalled::Busy => Err(InvokeError::Busy),
            NotCalled::Lost => Err(InvokeError::Lost),
        })
    }

    async fn send(&self, gateway: &Gateway, params: NodeInvokeParams) -> Invoked {
        let peer = gateway.events.node(&params.node_id).ok_or(InvokeError::NotConnected)?;
        let node = peer.node.as_ref().ok_or(InvokeError::NotConnected)?;
        if !node.commands.contains(&params.command) {
            return Err(InvokeError::NotOffered(params.command));
        }
        if !node.may(&gateway.config.load().gateway.nodes, &params.command) {
            return Err(InvokeError::NotAllowed { command: params.command, platform: node.platform.clone() });
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
