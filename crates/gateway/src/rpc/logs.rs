//! `logs.tail`: the log file, by cursor.

use chela_protocol::methods::logs::LogsTailParams;
use chela_protocol::{RpcError, Scope};

use super::{Access, Call, Method, RpcResult, answer_of};
use crate::logs;

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    vec![Method::new("logs.tail", Access::Holding(Scope::Read), tail)]
}

async fn tail(call: Call) -> RpcResult {
    let params: LogsTailParams = call.params()?;
    let path = call.gateway.logs.path();
    let read = tokio::task::spawn_blocking(move || logs::tail(&path, &params)).await;
    match read {
        Ok(Ok(result)) => answer_of(&result),
        Ok(Err(error)) => Err(RpcError::unavailable(format!("can't read the log file: {error}"))),
        Err(_) => Err(RpcError::unavailable("reading the log file failed")),
    }
}
