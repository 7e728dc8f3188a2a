//! `system-presence`: who is connected.

use chela_protocol::Scope;

use super::{Access, Call, Method, RpcResult, answer_of};

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    vec![Method::new("system-presence", Access::Holding(Scope::Read), list)]
}

async fn list(call: Call) -> RpcResult {
    answer_of(&call.gateway.presence.entries())
}
