//! `sessions.*`: the list of sessions and one session's settings.

mod change;
mod compact;
mod read;
mod watch;

use chela_protocol::{RpcError, Scope, SessionKey};
use chela_store::Session;

use super::{Access, Call, Method};
use crate::rpc_error;

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    let (read, write) = (Access::Holding(Scope::SessionsRead), Access::Holding(Scope::SessionsWrite));
    vec![
        Method::new("sessions.list", read, read::list),
        Method::new("sessions.get", read, read::get),
        Method::new("sessions.describe", read, read::describe),
        Method::new("sessions.preview", read, read::preview),
        Method::new("sessions.branches.list", read, read::branches),
        Method::new("sessions.resolve", read, read::resolve),
        Method::new("sessions.create", write, change::create),
        Method::new("sessions.patch", Access::Decided(change::patch_scope), change::patch),
        Method::new("sessions.reset", Access::Holding(Scope::Admin), change::reset),
        Method::new("sessions.compact", Access::Holding(Scope::Admin), compact::compact),
        Method::new("sessions.delete", Access::Decided(change::delete_scope), change::delete),
        Method::new("sessions.abort", write, change::abort),
        Method::new("sessions.subscribe", read, watch::subscribe),
        Method::new("sessions.unsubscribe", read, watch::unsubscribe),
        Method::new("sessions.messages.subscribe", read, watch::watch_messages),
        Method::new("sessions.messages.unsubscribe", read, watch::unwatch_messages),
    ]
}

async fn stored(call: &Call, session: &SessionKey) -> Result<Option<Session>, RpcError> {
    call.gateway.store.session(session).await.map_err(rpc_error::of_store)
}

fn store_path(call: &Call) -> String {
    call.gateway.store.path().display().to_string()
}
