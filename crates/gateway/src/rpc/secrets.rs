//! `secrets.*`: takes up secrets that were changed where they are kept.

use chela_protocol::{RpcError, Scope};
use serde_json::json;

use super::{Access, Call, Method, RpcResult};
use crate::reload::Secrets;

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    vec![Method::new("secrets.reload", Access::Holding(Scope::Admin), reload)]
}

/// Fetches every secret again, those of programs too, and closes what the former ones let in.
async fn reload(call: Call) -> RpcResult {
    let gateway = &call.gateway;
    match gateway.reloader.reload(gateway, Secrets::All).await {
        Ok(_) => Ok(json!({"ok": true, "warningCount": gateway.problems.load().len()})),
        Err(problems) => {
            let first = problems.first().map_or_else(|| "the configuration is gone".to_owned(), ToString::to_string);
            Err(RpcError::unavailable(format!("the secrets stay as they are, because of the configuration: {first}")))
        }
    }
}
