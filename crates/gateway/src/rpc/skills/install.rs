//! `skills.install` and `skills.remove`.

use chela_agent::{SkillOrigin, SkillTree, unpack_skill};
use chela_protocol::RpcError;
use chela_protocol::methods::skills::{SkillNamedParams, SkillsInstallParams, SkillsInstallResult};
use serde_json::json;

use super::index_of;
use crate::rpc::{Call, RpcResult, answer_of};
use crate::skills::{Consent, InstallOrder, Registry, SkillRefusal, slug_of};

pub(super) async fn install(call: Call) -> RpcResult {
    let params: SkillsInstallParams = call.params()?;
    match params.source.as_deref() {
        Some("clawhub") => from_registry(call, params).await,
        Some("upload") => from_upload(call, params).await,
        Some(source) => Err(RpcError::invalid(format!("unsupported skill source: {source}"))),
        None => needed_program(call, params).await,
    }
}

/// The newest version, or the one that is named.
async fn from_registry(call: Call, params: SkillsInstallParams) -> RpcResult {
    let slug = slug_of(params.slug.as_deref().unwrap_or_default()).map_err(SkillRefusal::from)?;
    let registry = Registry::of(&call.gateway).map_err(SkillRefusal::from)?;
    let consent = consent(&params);
    let order = registry_order(&call, &registry, &slug, params.version.as_deref(), consent).await?;
    answer_of(&installed(&call, order).await?)
}

/// Fetches a version from the registry.
pub(super) async fn registry_order(
    call: &Call,
    registry: &Registry,
    slug: &str,
    version: Option<&str>,
    consent: Consent,
) -> Result<InstallOrder, SkillRefusal> {
    let listing = registry.listing(slug).await?;
    if listing.moderation.is_malware_blocked {
        return Err(SkillRefusal::Malware(listing.slug));
    }
    let version = version.unwrap_or(&listing.version).to_owned();
    let bytes = registry.archive(&listing.slug, &version).await?;
    let origin = SkillOrigin::ClawHub { registry: registry.name(), slug: listing.slug.clone(), version };
    let suspected = listing.moderation.suspicion();
    Ok(InstallOrder { name: listing.slug, tree: unpacked(call, bytes).await?, origin, suspected, consent })
}

async fn from_upload(call: Call, params: SkillsInstallParams) -> RpcResult {
    let gateway = &call.gateway;
    if gateway.config.load().skills.install.allow_uploaded_archives == Some(false) {
        return Err(RpcError::invalid(
            "skills.install.allowUploadedArchives is false: archives of clients are not installed",
        ));
    }
    let (id, slug) = (params.upload_id.clone().unwrap_or_default(), params.slug.clone().unwrap_or_default());
    let (bytes, digest) = gateway.skills.uploads.whole(&id, &slug, params.force, gateway.now_ms())?;
    if params.sha256.as_ref().is_some_and(|expected| *expected != digest) {
        return Err(RpcError::invalid(format!("the archive's SHA-256 is {digest}, not what was expected")));
    }
    let tree = unpacked(&call, bytes).await?;
    let (origin, consent) = (SkillOrigin::Upload, consent(&params));
    let dry_run = consent.dry_run;
    let result = installed(&call, InstallOrder { name: slug, tree, origin, suspected: None, consent }).await?;
    if !dry_run {
        gateway.skills.uploads.forget(&id, gateway.now_ms());
    }
    answer_of(&result)
}

/// A program that a skill needs is a person's to install: package managers run whatever a package says, with all rights of the
/// gateway's user and outside of every sandbox.
async fn needed_program(call: Call, params: SkillsInstallParams) -> RpcResult {
    let (name, id) = (params.name.unwrap_or_default(), params.install_id.unwrap_or_default());
    let index = index_of(&call, params.agent_id.as_deref()).await?;
    let skill = index.statuses().iter().find(|skill| skill.name == name || skill.skill_key == name);
    let skill = skill.ok_or_else(|| RpcError::invalid(format!("skill not found: {name}")))?;
    let step = skill.install.iter().find(|step| step.id == id);
    let step = step.ok_or_else(|| RpcError::invalid(format!("installer not found: {id}")))?;
    let by_hand = step.command.as_ref().map_or_else(
        || format!("see {}", skill.file_path.display()),
        |command| format!("run it yourself on the gateway's machine: {command}"),
    );
    let details = json!({"code": "install_by_hand", "kind": step.kind, "command": step.command});
    let message = format!("this gateway runs no package manager for a skill ({}); {by_hand}", step.label);
    Err(RpcError::invalid(message).with_details(details))
}

pub(super) async fn remove(call: Call) -> RpcResult {
    let params: SkillNamedParams = call.params()?;
    // A broken skill may have no name left but its folder's.
    let index = index_of(&call, params.agent_id.as_deref()).await?;
    let root = call.gateway.facts.state_dir.join(chela_agent::SKILL_FOLDERS[0]);
    let here = index.statuses().iter().filter(|skill| skill.base_dir.parent() == Some(&root));
    let found = here.into_iter().find(|skill| skill.skill_key == params.skill_key || skill.name == params.skill_key);
    let folder = found.and_then(|skill| skill.base_dir.file_name()).map(|name| name.to_string_lossy().into_owned());
    let folder = folder.unwrap_or_else(|| params.skill_key.clone());
    call.gateway.skills.remove(&call.gateway, folder).await?;
    Ok(json!({"ok": true, "skillKey": params.skill_key}))
}

/// Installs, and says where.
pub(super) async fn installed(call: &Call, order: InstallOrder) -> Result<SkillsInstallResult, SkillRefusal> {
    let target = call.gateway.facts.state_dir.join(chela_agent::SKILL_FOLDERS[0]).join(&order.name);
    let result = call.gateway.skills.install(&call.gateway, order).await?;
    Ok(SkillsInstallResult { target_dir: target.display().to_string(), ..result })
}

fn consent(params: &SkillsInstallParams) -> Consent {
    Consent { hash: params.hash.clone(), force: params.force, dry_run: params.dry_run }
}

async fn unpacked(call: &Call, bytes: Vec<u8>) -> Result<SkillTree, SkillRefusal> {
    let work = move || unpack_skill(&bytes);
    Ok(call.gateway.outside.off_thread(work).await.map_err(|_| SkillRefusal::Broken)??)
}
