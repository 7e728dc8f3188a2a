//! `chela skills install` and `update`: what would be done is shown first, and done by the hash of exactly what was shown.

use std::process::ExitCode;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chela_protocol::methods::skills::{
    SkillUpdateRow, SkillUploadBeginParams, SkillUploadChunkParams, SkillUploadCommitParams, SkillUploadResult,
    SkillsInstallParams, SkillsInstallResult, SkillsUpdateParams,
};
use serde::Deserialize;

use super::local::{self, LocalSkill};
use super::{ConsentArgs, InstallArgs, UpdateArgs, show};
use crate::commands::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use crate::link::{Link, decode};

/// Bytes of one piece of an upload, far below what a frame can hold.
const PIECE_BYTES: usize = 512 * 1024;
/// Time for the gateway to fetch and scan.
const INSTALL_TIMEOUT: Duration = Duration::from_mins(3);

/// The part of an update's answer that is ours.
#[derive(Deserialize)]
struct Updated {
    config: UpdatedRows,
}

#[derive(Deserialize)]
struct UpdatedRows {
    results: Vec<SkillUpdateRow>,
}

pub(super) fn install(args: InstallArgs, context: &Context) -> Outcome {
    let InstallArgs { what, version, name, consent } = args;
    check(&consent)?;
    let local = local::find(&what, name, context)?;
    let params = match &local {
        Some(skill) => SkillsInstallParams {
            source: Some("upload".to_owned()),
            slug: Some(skill.name.clone()),
            ..SkillsInstallParams::default()
        },
        None => SkillsInstallParams {
            source: Some("clawhub".to_owned()),
            slug: Some(what.clone()),
            version,
            ..SkillsInstallParams::default()
        },
    };
    let result = context.block_on(async {
        let link = context.connect().await?;
        let upload_id = match &local {
            Some(skill) => Some(upload(&link, skill, consent.force).await?),
            None => None,
        };
        let params = SkillsInstallParams { upload_id, force: consent.force, ..params };
        let planning = SkillsInstallParams { hash: consent.hash.clone(), dry_run: true, ..params.clone() };
        let plan = ask_install(&link, planning).await?;
        if !agreed(&plan, &consent) {
            return Ok(plan);
        }
        ask_install(&link, SkillsInstallParams { hash: Some(plan.hash), ..params }).await
    })?;
    if context.output.json {
        context.output.document(&result);
    } else {
        show::plan(&result, context);
    }
    if result.outcome != "planned" || consent.dry_run {
        return Ok(ExitCode::SUCCESS);
    }
    not_yet(&result, &format!("chela skills install {what}"), context)
}

pub(super) fn update(args: UpdateArgs, context: &Context) -> Outcome {
    let UpdateArgs { name, all, consent } = args;
    check(&consent)?;
    let rows = context.block_on(async {
        let link = context.connect().await?;
        let params = SkillsUpdateParams {
            source: Some("clawhub".to_owned()),
            slug: name,
            all,
            force: consent.force,
            hash: consent.hash.clone(),
            dry_run: true,
            ..SkillsUpdateParams::default()
        };
        let mut rows = ask_update(&link, &params).await?;
        for row in &mut rows {
            let Some(plan) = row.installed.as_ref().filter(|plan| agreed(plan, &consent)) else { continue };
            let (slug, hash) = (Some(row.slug.clone()), Some(plan.hash.clone()));
            let doing = SkillsUpdateParams { slug, hash, all: false, dry_run: false, ..params.clone() };
            *row = ask_update(&link, &doing).await?.swap_remove(0);
        }
        Ok(rows)
    })?;
    if context.output.json {
        context.output.document(&rows);
    } else {
        show_rows(&rows, context);
    }
    let waits = rows.iter().filter_map(|row| row.installed.as_ref()).find(|plan| plan.outcome == "planned");
    match waits {
        Some(plan) if !consent.dry_run => not_yet(plan, &format!("chela skills update {}", plan.slug), context),
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn show_rows(rows: &[SkillUpdateRow], context: &Context) {
    for row in rows {
        let Some(plan) = &row.installed else { continue };
        if plan.outcome == "unchanged" {
            context.output.line(format!("{} is up to date", row.slug));
        } else {
            context.output.line(format!("{} was {}", row.slug, row.previous_version.as_deref().unwrap_or("unknown")));
            show::plan(plan, context);
        }
    }
    if rows.is_empty() {
        context.output.note("no skill was installed from the registry");
    }
}

/// Whether what was planned is to be done.
fn agreed(plan: &SkillsInstallResult, consent: &ConsentArgs) -> bool {
    let is_named = consent.hash.is_some() || (consent.yes && !plan.blocked);
    plan.outcome == "planned" && is_named && !consent.dry_run
}

/// Nothing was done: the next step is to read, and to name what was read.
fn not_yet(plan: &SkillsInstallResult, command: &str, context: &Context) -> Outcome {
    let force = if plan.blocked { " --force" } else { "" };
    let next = format!("{command}{force} --hash {}", plan.hash);
    if context.output.json {
        return Ok(ExitCode::FAILURE);
    }
    let said = if plan.blocked { "is blocked by the scan" } else { "is not installed yet" };
    Err(Failure::new("unconfirmed", format!("{} {said}", plan.slug))
        .hint(format!("to use exactly these files: {next}")))
}

fn check(consent: &ConsentArgs) -> Result<(), Failure> {
    if consent.force && consent.hash.is_none() && consent.yes {
        return Err(Failure::usage("--force needs the --hash of what you have read"));
    }
    Ok(())
}

async fn upload(link: &Link, skill: &LocalSkill, force: bool) -> Result<String, Failure> {
    let announced = SkillUploadBeginParams {
        kind: "skill-archive".to_owned(),
        slug: skill.name.clone(),
        size_bytes: skill.archive.len(),
        force,
        ..SkillUploadBeginParams::default()
    };
    let answer = link.call("skills.upload.begin", announced).await?;
    let SkillUploadResult { upload_id, .. } = decode("skills.upload.begin", answer)?;
    for (number, piece) in skill.archive.chunks(PIECE_BYTES).enumerate() {
        let data_base64 = STANDARD.encode(piece);
        let chunk = SkillUploadChunkParams { upload_id: upload_id.clone(), offset: number * PIECE_BYTES, data_base64 };
        link.call("skills.upload.chunk", chunk).await?;
    }
    let commit = SkillUploadCommitParams { upload_id: upload_id.clone(), sha256: None };
    link.call("skills.upload.commit", commit).await?;
    Ok(upload_id)
}

async fn ask_install(link: &Link, params: SkillsInstallParams) -> Result<SkillsInstallResult, Failure> {
    decode("skills.install", link.call_within(INSTALL_TIMEOUT, "skills.install", params).await?)
}

async fn ask_update(link: &Link, params: &SkillsUpdateParams) -> Result<Vec<SkillUpdateRow>, Failure> {
    let answer = link.call_within(INSTALL_TIMEOUT, "skills.update", params).await?;
    Ok(decode::<Updated>("skills.update", answer)?.config.results)
}
