//! Skills that are brought from here: folders, archives, and archives at an address. Read and judged before anything is sent.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chela_agent::{ARCHIVE_BYTES_MAX, Severity, SkillScanner, SkillTree, pack_skill, read_skill_head, unpack_skill};
use chela_llm::http_client;
use chela_protocol::methods::skills::{SkillFinding, SkillsScanResult};

use crate::context::Context;
use crate::failure::Failure;

/// Time for an archive to come.
const FETCH_TIMEOUT: Duration = Duration::from_mins(1);

/// A skill to be brought to the gateway.
pub(super) struct LocalSkill {
    pub(super) name: String,
    pub(super) archive: Vec<u8>,
}

/// Where the words of a command line lead, when it is not to the registry.
pub(super) fn find(what: &str, name: Option<String>, context: &Context) -> Result<Option<LocalSkill>, Failure> {
    let is_address = what.starts_with("https://") || what.starts_with("http://");
    let tree = if is_address {
        unpack_skill(&fetch(what, context)?).map_err(|error| no_skill(what, &error))?
    } else if what.contains(['/', '.']) && !what.starts_with('@') || Path::new(what).is_dir() {
        read(Path::new(what))?
    } else {
        return Ok(None);
    };
    let name = name.map_or_else(|| name_of(&tree, what), Ok)?;
    Ok(Some(LocalSkill { name, archive: pack_skill(&tree) }))
}

/// What a scan finds in a folder or an archive.
pub(super) fn scan(path: &Path) -> Result<SkillsScanResult, Failure> {
    let tree = read(path)?;
    let report = SkillScanner::new().scan(&tree);
    let row = |finding: &chela_agent::Finding| SkillFinding {
        severity: match finding.severity {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
        .to_owned(),
        rule: finding.rule.to_owned(),
        file: finding.file.clone(),
        line: finding.line,
        what: finding.what.clone(),
        why: finding.why.to_owned(),
    };
    let skill_key = path.display().to_string();
    Ok(SkillsScanResult { skill_key, hash: report.hash, findings: report.findings.iter().map(row).collect() })
}

fn read(path: &Path) -> Result<SkillTree, Failure> {
    if path.is_dir() {
        return SkillTree::read(path).map_err(|error| no_skill(&path.display().to_string(), &error));
    }
    let failed = |error| Failure::file(format!("read {}", path.display()), &error);
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(ARCHIVE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    unpack_skill(&bytes).map_err(|error| no_skill(&path.display().to_string(), &error))
}

/// The name in the head, as a folder can be called.
fn name_of(tree: &SkillTree, what: &str) -> Result<String, Failure> {
    let head = read_skill_head(&tree.skill_text()).ok_or_else(|| no_skill(what, &"its SKILL.md has no head"))?;
    let plain: String = head.name.to_lowercase().replace([' ', '.'], "-");
    let is_fine = |sign: char| sign.is_ascii_alphanumeric() || sign == '-' || sign == '_';
    if !plain.is_empty() && plain.chars().all(is_fine) {
        return Ok(plain);
    }
    Err(Failure::usage(format!("the skill calls itself {:?}, which is no name of a folder", head.name))
        .hint("give it one with --name"))
}

fn fetch(address: &str, context: &Context) -> Result<Vec<u8>, Failure> {
    if !address.starts_with("https://") && !address.starts_with("http://127.0.0.1:") {
        return Err(Failure::usage("a skill is fetched by https only"));
    }
    let roots = context.environment.get("SSL_CERT_FILE").map(PathBuf::from);
    let client = http_client(roots).client().map_err(|error| Failure::config(error.to_string()))?;
    let failed = |reason: String| Failure::new("unreachable", format!("can't fetch {address}: {reason}"));
    context.block_on(async {
        let fetching = async {
            let mut response = client.get(address).send().await.map_err(|error| failed(error.to_string()))?;
            if !response.status().is_success() {
                return Err(failed(format!("the answer is {}", response.status())));
            }
            let mut bytes = Vec::new();
            while let Some(piece) = response.chunk().await.map_err(|error| failed(error.to_string()))? {
                bytes.extend_from_slice(&piece);
                if bytes.len() > ARCHIVE_BYTES_MAX {
                    return Err(failed("it is larger than any skill".to_owned()));
                }
            }
            Ok(bytes)
        };
        let late = |_| failed("it took too long".to_owned());
        tokio::time::timeout(FETCH_TIMEOUT, fetching).await.map_err(late)?
    })
}

fn no_skill(what: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::new("no_skill", format!("{what} is no skill: {error}"))
}
