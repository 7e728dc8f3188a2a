//! `models.*`: what can be chosen, and whether its key is there.

use std::collections::BTreeMap;

use chela_llm::ModelInfo;
use chela_protocol::Scope;
use chela_protocol::methods::models::{
    ApiKeySource, ModelRow, ModelsAuthStatusResult, ModelsListParams, ModelsListResult, ProviderAuth,
};

use super::{Access, Call, Method, RpcResult, answer_of};
use crate::app::Gateway;

/// The methods of this noun.
pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::new("models.list", Access::Holding(Scope::Read), list),
        Method::new("models.authStatus", Access::Holding(Scope::Read), auth_status),
    ]
}

/// Every model that can be named, of one provider where one is given.
pub(super) fn rows(gateway: &Gateway, provider: Option<&str>) -> Vec<ModelRow> {
    let models = gateway.models.load().list();
    models.into_iter().filter(|model| provider.is_none_or(|name| model.reference.provider == name)).map(row).collect()
}

async fn list(call: Call) -> RpcResult {
    let params: ModelsListParams = call.params()?;
    answer_of(&ModelsListResult { models: rows(&call.gateway, params.provider.as_deref()) })
}

async fn auth_status(call: Call) -> RpcResult {
    let gateway = &call.gateway;
    let models = gateway.models.load();
    let mut chain = gateway.default_chain().into_iter().map(|model| model.to_string());
    let mut providers = BTreeMap::<String, bool>::new();
    for model in models.list() {
        *providers.entry(model.reference.provider).or_default() |= model.available;
    }
    let status = |(provider, available): (String, bool)| ProviderAuth {
        api_key: models.key_source(&provider).map(|source| ApiKeySource { source: source.to_owned() }),
        display_name: provider.clone(),
        provider,
        status: if available { "ok" } else { "missing" }.to_owned(),
        profiles: Vec::new(),
    };
    answer_of(&ModelsAuthStatusResult {
        ts: gateway.now_ms(),
        model: chain.next(),
        fallbacks: chain.collect(),
        providers: providers.into_iter().map(status).collect(),
    })
}

fn row(model: ModelInfo) -> ModelRow {
    let inputs = [("text", true), ("image", model.images), ("document", model.documents)];
    ModelRow {
        id: model.reference.model,
        name: model.name,
        provider: model.reference.provider,
        context_window: model.context_window,
        reasoning: model.reasoning,
        input: inputs.into_iter().filter(|(_, takes)| *takes).map(|(name, _)| name.to_owned()).collect(),
        available: model.available,
        tags: Vec::new(),
    }
}
