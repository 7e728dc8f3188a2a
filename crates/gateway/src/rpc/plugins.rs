//! `plugins.list`: the chat platforms that are built in, as plugins that nobody has to install.

use chela_channels::Kind;
use chela_protocol::Scope;
use chela_protocol::methods::plugins::{PluginRow, PluginsListResult};

use super::{Access, Call, Method, RpcResult, answer_of};
use crate::channels::Listed;

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    vec![Method::new("plugins.list", Access::Holding(Scope::Read), list)]
}

async fn list(call: Call) -> RpcResult {
    let (gateway, listed) = (&call.gateway, call.gateway.channels.listed());
    let plugins = gateway.outside.kinds.iter().map(|kind| row(kind, &listed, gateway.facts.version)).collect();
    answer_of(&PluginsListResult { plugins, ..PluginsListResult::default() })
}

fn row(kind: &Kind, listed: &[Listed], version: &str) -> PluginRow {
    let accounts: Vec<&Listed> = listed.iter().filter(|one| one.name.channel == kind.id).collect();
    let enabled = accounts.iter().any(|one| one.is_enabled);
    let error = accounts.iter().filter(|one| one.is_enabled).find_map(|one| one.closed.clone());
    let state = match (&error, accounts.is_empty(), enabled) {
        (Some(_), ..) => "error",
        (None, true, _) => "needs-setup",
        (None, false, true) => "enabled",
        (None, false, false) => "disabled",
    };
    PluginRow {
        id: kind.id.to_owned(),
        name: kind.label.to_owned(),
        description: None,
        version: version.to_owned(),
        kind: vec!["channel".to_owned()],
        origin: "bundled".to_owned(),
        installed: true,
        enabled,
        state: state.to_owned(),
        channel_ids: vec![kind.id.to_owned()],
        error,
    }
}
