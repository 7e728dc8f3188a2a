//! Skills that come and go: archives that clients bring, a registry with the API of clawhub.ai, and what must hold before either is used (G24).
//!
//! ```text
//! archive ──unpack──▶ files ──scan, names──▶ plan ──owner's force and hash where it is flagged──▶ folder and pin
//! ```
//!
//! Nothing of a skill runs here, and no program that it needs is installed. One install at a time.

mod plan;
mod refusal;
mod registry;
mod uploads;

use std::sync::Arc;

use chela_agent::{PlaceError, SkillHome, SkillLock, SkillOrigin, SkillPin, SkillTree};
use chela_protocol::Scope;
use chela_protocol::methods::skills::SkillsInstallResult;
use serde_json::json;
use tokio::sync::Mutex;

pub(crate) use self::plan::finding_rows;
pub(crate) use self::refusal::SkillRefusal;
pub(crate) use self::registry::{Registry, slug_of};
pub(crate) use self::uploads::Uploads;

use self::plan::{Plan, Planning};
use crate::app::Gateway;
use crate::events::{Audience, Event};

/// Who installs, and what clients have brought.
#[derive(Default)]
pub(crate) struct SkillDesk {
    /// One at a time: each reads the pins and writes them.
    turn: Mutex<()>,
    pub(crate) uploads: Uploads,
}

/// What somebody wants to have installed.
pub(crate) struct InstallOrder {
    /// Name of its folder.
    pub(crate) name: String,
    pub(crate) tree: SkillTree,
    pub(crate) origin: SkillOrigin,
    /// What the registry itself says against it.
    pub(crate) suspected: Option<String>,
    pub(crate) consent: Consent,
}

/// What an owner has agreed to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Consent {
    /// The hash that the files must have.
    pub(crate) hash: Option<String>,
    /// Together with the hash: whatever a scan finds in exactly these files. Also: whatever was changed in the installed ones.
    pub(crate) force: bool,
    /// Nothing is to change.
    pub(crate) dry_run: bool,
}

impl SkillDesk {
    /// Installs a skill, or says what that would be. The same files again change nothing.
    pub(crate) async fn install(
        &self,
        gateway: &Arc<Gateway>,
        order: InstallOrder,
    ) -> Result<SkillsInstallResult, SkillRefusal> {
        let _turn = self.turn.lock().await;
        let known = known_skills(gateway).await;
        let (state_dir, now_ms) = (gateway.facts.state_dir.clone(), gateway.now_ms());
        let dry_run = order.consent.dry_run;
        let work = move || {
            let home = SkillHome { state_dir: &state_dir };
            let plan = Plan::make(Planning { home, known: &known }, order)?;
            if !dry_run && plan.changes_something() {
                plan.carry_out(home, now_ms)?;
            }
            Ok::<_, SkillRefusal>(plan.result(dry_run))
        };
        let result = gateway.outside.off_thread(work).await.map_err(|_| SkillRefusal::Broken)??;
        if !dry_run && result.outcome != "unchanged" {
            tracing::info!(skill = %result.slug, hash = %result.hash, "a skill is {}", result.outcome);
            changed(gateway, &result.outcome);
        }
        Ok(result)
    }

    /// Takes an installed skill away.
    pub(crate) async fn remove(&self, gateway: &Arc<Gateway>, name: String) -> Result<(), SkillRefusal> {
        let _turn = self.turn.lock().await;
        let state_dir = gateway.facts.state_dir.clone();
        place(gateway, move || SkillHome { state_dir: &state_dir }.remove(&name)).await?;
        changed(gateway, "removed");
        Ok(())
    }

    /// Lets files with this hash be used whatever a scan finds in them.
    pub(crate) async fn accept(&self, gateway: &Arc<Gateway>, hash: String) -> Result<(), SkillRefusal> {
        let _turn = self.turn.lock().await;
        let (state_dir, now_ms) = (gateway.facts.state_dir.clone(), gateway.now_ms());
        place(gateway, move || SkillHome { state_dir: &state_dir }.accept(&hash, now_ms)).await?;
        changed(gateway, "accepted");
        Ok(())
    }

    /// The installed skills that a registry can have newer versions of: by folder, what is there.
    pub(crate) async fn updatable(&self, gateway: &Arc<Gateway>) -> Result<Vec<(String, SkillPin)>, SkillRefusal> {
        let _turn = self.turn.lock().await;
        let state_dir = gateway.facts.state_dir.clone();
        let lock = place(gateway, move || Ok(SkillLock::read(&state_dir)?)).await?;
        let pins = lock.skills.into_iter().filter_map(|(name, pinned)| Some((name, pinned.now?)));
        Ok(pins.filter(|(_, pin)| matches!(pin.origin, SkillOrigin::ClawHub { .. })).collect())
    }
}

/// Ends what a crash left of an install. Called once, before skills are read.
pub(crate) fn settle(state_dir: &std::path::Path) {
    if let Err(error) = (SkillHome { state_dir }).settle() {
        tracing::error!(%error, "an install of a skill was interrupted and can't be ended");
    }
}

/// Clients look at the list again.
pub(crate) fn changed(gateway: &Gateway, reason: &str) {
    let payload = json!({"reason": reason});
    gateway.events.publish(&Event::new("skills.changed", Audience::Holding(Scope::Read), &payload));
}

/// The skills of the default agent: what a new one must not be confused with.
async fn known_skills(gateway: &Arc<Gateway>) -> Vec<chela_agent::SkillStatus> {
    let book = gateway.sessions.agents(gateway);
    let agent = book.default_agent().clone();
    book.skills(gateway, &agent).await.statuses().to_vec()
}

async fn place<T: Send + 'static>(
    gateway: &Gateway,
    work: impl FnOnce() -> Result<T, PlaceError> + Send + 'static,
) -> Result<T, SkillRefusal> {
    Ok(gateway.outside.off_thread(work).await.map_err(|_| SkillRefusal::Broken)??)
}
