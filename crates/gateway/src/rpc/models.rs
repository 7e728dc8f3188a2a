//! `models.*`: what can be chosen, and whether its key is there.

use std::collections::BTreeMap;

use chela_llm::{Cooldown, ModelInfo, ProfileStatus};
use chela_protocol::Scope;
use chela_protocol::methods::models::{
    ApiKeySource, AuthProfileRow, CooldownRow, ModelRow, ModelsAuthStatusResult, ModelsListParams, ModelsListResult,
    ProviderAuth,
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

/// What is left alone after a failure, and until when.
pub(super) fn cooldowns(gateway: &Gateway) -> Vec<CooldownRow> {
    let now_ms = gateway.now_ms();
    let row = |cooldown: Cooldown| CooldownRow {
        provider: cooldown.provider,
        profile_id: cooldown.profile,
        model: cooldown.model,
        reason: cooldown.reason.as_str().to_owned(),
        until: cooldown.remaining.map(|left| now_ms + i64::try_from(left.as_millis()).unwrap_or(i64::MAX)),
    };
    gateway.models.load().cooldowns().into_iter().map(row).collect()
}

async fn auth_status(call: Call) -> RpcResult {
    let gateway = &call.gateway;
    let models = gateway.models.load();
    let cooldowns = cooldowns(gateway);
    let profiles = |provider: &str| {
        let profile = |profile: ProfileStatus| {
            let rests = cooldowns.iter().filter(|row| row.profile_id == profile.id);
            let (mut status, mut until) = ("ok", None);
            for rest in rests {
                match rest.until {
                    None => status = "disabled",
                    // One that rests for one model is still good for the others.
                    Some(end) if rest.model.is_none() && status == "ok" => (status, until) = ("cooldown", Some(end)),
                    Some(_) => {}
                }
            }
            AuthProfileRow {
                profile_id: profile.id,
                kind: profile.mode.to_owned(),
                label: profile.label,
                source: profile.source,
                status: status.to_owned(),
                until: until.filter(|_| status == "cooldown"),
            }
        };
        models.profiles(provider).into_iter().map(profile).collect()
    };
    let mut chain = gateway.default_chain().into_iter().map(|model| model.to_string());
    let mut providers = BTreeMap::<String, bool>::new();
    for model in models.list() {
        *providers.entry(model.reference.provider).or_default() |= model.available;
    }
    let status = |(provider, available): (String, bool)| ProviderAuth {
        api_key: models.key_source(&provider).map(|source| ApiKeySource { source: source.to_owned() }),
        profiles: profiles(&provider),
        display_name: provider.clone(),
        provider,
        status: if available { "ok" } else { "missing" }.to_owned(),
    };
    answer_of(&ModelsAuthStatusResult {
        ts: gateway.now_ms(),
        model: chain.next(),
        fallbacks: chain.collect(),
        providers: providers.into_iter().map(status).collect(),
        cooldowns,
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
