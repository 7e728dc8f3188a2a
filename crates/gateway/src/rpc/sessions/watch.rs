//! Who watches sessions: the list, or one of them.

use chela_protocol::methods::sessions::{SessionKeyParams, SubscribeResult};
use serde_json::json;

use super::read::list_of;
use crate::rpc::chat::target;
use crate::rpc::{Call, RpcResult, answer_of};

pub(super) async fn subscribe(call: Call) -> RpcResult {
    let wants_list = call.params.as_object().is_some_and(|fields| !fields.is_empty());
    call.gateway.events.watch_session_list(&call.peer.connection_id);
    let list = if wants_list { Some(list_of(&call, &call.params()?).await?) } else { None };
    answer_of(&SubscribeResult { subscribed: true, key: None, list })
}

pub(super) async fn unsubscribe(call: Call) -> RpcResult {
    call.gateway.events.unwatch_session_list(&call.peer.connection_id);
    answer_of(&SubscribeResult { subscribed: false, key: None, list: None })
}

pub(super) async fn watch_messages(call: Call) -> RpcResult {
    let params: SessionKeyParams = call.params()?;
    let session = target(&call, &params.key, params.agent_id.as_deref())?.session;
    call.gateway.events.watch_session(&call.peer.connection_id, &session);
    let mut answer = json!({ "subscribed": true, "key": session });
    if params.include_approvals == Some(true) {
        let now = call.gateway.now_ms();
        answer["approvalReplay"] =
            json!({ "sessionKey": session, "updatedAtMs": now, "approvals": [], "truncated": false });
    }
    Ok(answer)
}

pub(super) async fn unwatch_messages(call: Call) -> RpcResult {
    let params: SessionKeyParams = call.params()?;
    let session = target(&call, &params.key, params.agent_id.as_deref())?.session;
    call.gateway.events.unwatch_session(&call.peer.connection_id, &session);
    Ok(json!({ "subscribed": false, "key": session }))
}
