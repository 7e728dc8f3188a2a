//! `skills.update`: the settings of a skill, or newer versions of installed ones.

use chela_agent::{SkillOrigin, SkillPin};
use chela_protocol::RpcError;
use chela_protocol::methods::skills::{SkillUpdateRow, SkillsUpdateParams};
use serde_json::json;

use super::install::{installed, registry_order};
use super::settings;
use crate::rpc::{Call, RpcResult};
use crate::skills::{Consent, Registry, SkillRefusal, slug_of};

pub(super) async fn update(call: Call) -> RpcResult {
    let params: SkillsUpdateParams = call.params()?;
    match params.source.as_deref() {
        None => settings::change(call, params).await,
        Some("clawhub") => newer(call, params).await,
        Some(source) => Err(RpcError::invalid(format!("unsupported skill source: {source}"))),
    }
}

/// Brings one installed skill, or all of them, to the registry's newest version.
async fn newer(call: Call, params: SkillsUpdateParams) -> RpcResult {
    let pins = call.gateway.skills.updatable(&call.gateway).await?;
    let wanted = match &params.slug {
        Some(slug) => {
            let slug = slug_of(slug).map_err(SkillRefusal::from)?;
            let found = pins.into_iter().find(|(name, _)| *name == slug);
            vec![found.ok_or_else(|| RpcError::invalid(format!("{slug} was not installed from a registry")))?]
        }
        None if params.all => pins,
        None => return Err(RpcError::invalid("skills.update takes a slug or all: true")),
    };
    if params.hash.is_some() && wanted.len() != 1 {
        return Err(RpcError::invalid("a hash is that of one skill: name its slug"));
    }
    let registry = Registry::of(&call.gateway).map_err(SkillRefusal::from)?;
    let consent = Consent { hash: params.hash, force: params.force, dry_run: params.dry_run };
    let mut results = Vec::new();
    for (name, pin) in wanted {
        results.push(update_one(&call, &registry, &name, &pin, consent.clone()).await);
    }
    let failed: Vec<String> =
        results.iter().filter_map(|row| Some(format!("{}: {}", row.slug, row.error.as_ref()?))).collect();
    let key = params.slug.unwrap_or_else(|| "*".to_owned());
    let config = json!({"source": "clawhub", "results": results});
    if failed.is_empty() {
        return Ok(json!({"ok": true, "skillKey": key, "config": config}));
    }
    Err(RpcError::invalid(failed.join("; ")).with_details(config))
}

async fn update_one(call: &Call, registry: &Registry, name: &str, pin: &SkillPin, consent: Consent) -> SkillUpdateRow {
    let previous_version = match &pin.origin {
        SkillOrigin::ClawHub { version, .. } => Some(version.clone()),
        SkillOrigin::Upload => None,
    };
    let row = SkillUpdateRow { slug: name.to_owned(), previous_version, ..SkillUpdateRow::default() };
    match fetch_and_install(call, registry, name, consent).await {
        Ok(result) => SkillUpdateRow { ok: true, installed: Some(result), ..row },
        Err(refusal) => {
            SkillUpdateRow { error: Some(refusal.to_string()), code: Some(refusal.code().to_owned()), ..row }
        }
    }
}

async fn fetch_and_install(
    call: &Call,
    registry: &Registry,
    name: &str,
    consent: Consent,
) -> Result<chela_protocol::methods::skills::SkillsInstallResult, SkillRefusal> {
    let order = registry_order(call, registry, name, None, consent).await?;
    if order.name != name {
        // It goes by another name there now: that is another skill until somebody installs it.
        return Err(SkillRefusal::Renamed { name: name.to_owned(), now: order.name });
    }
    installed(call, order).await
}
