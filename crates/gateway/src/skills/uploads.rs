//! Archives that clients bring in pieces: held in memory, few, bounded, and forgotten after a while.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chela_agent::ARCHIVE_BYTES_MAX;
use chela_protocol::RpcError;
use chela_protocol::methods::skills::{SkillUploadBeginParams, SkillUploadResult};
use sha2::{Digest as _, Sha256};

/// Uploads at once. Each may hold as much as a skill can have.
const UPLOADS_MAX: usize = 2;
/// Time from the beginning of an upload to its install.
const KEPT_MS: i64 = 10 * 60 * 1_000;
/// The one kind of upload.
const KIND: &str = "skill-archive";

/// What was brought and not yet installed.
#[derive(Default)]
pub(crate) struct Uploads {
    by_id: Mutex<BTreeMap<String, Upload>>,
}

struct Upload {
    slug: String,
    force: bool,
    key: Option<String>,
    size: usize,
    sha256: Option<String>,
    bytes: Vec<u8>,
    expires_at: i64,
    is_whole: bool,
}

impl Uploads {
    /// Begins one; the same idempotency key again is the same upload.
    pub(crate) fn begin(&self, params: SkillUploadBeginParams, now_ms: i64) -> Result<SkillUploadResult, RpcError> {
        if params.kind != KIND {
            return Err(RpcError::invalid(format!("skills.upload.begin takes the kind {KIND}")));
        }
        if params.size_bytes == 0 || params.size_bytes > ARCHIVE_BYTES_MAX {
            return Err(RpcError::invalid(format!("an archive has between 1 and {ARCHIVE_BYTES_MAX} bytes")));
        }
        let mut uploads = self.lock(now_ms);
        let again = |upload: &&mut Upload| params.idempotency_key.is_some() && upload.key == params.idempotency_key;
        if let Some((id, upload)) = uploads.iter_mut().find(|(_, upload)| again(upload)) {
            return Ok(upload.state(id));
        }
        if uploads.len() >= UPLOADS_MAX {
            return Err(RpcError::unavailable("other archives are being brought; try again in some minutes"));
        }
        let id = uuid::Uuid::new_v4().to_string();
        let upload = Upload {
            slug: params.slug,
            force: params.force,
            key: params.idempotency_key,
            size: params.size_bytes,
            sha256: params.sha256,
            bytes: Vec::new(),
            expires_at: now_ms + KEPT_MS,
            is_whole: false,
        };
        let state = upload.state(&id);
        uploads.insert(id, upload);
        Ok(state)
    }

    /// Adds what comes next.
    pub(crate) fn chunk(
        &self,
        id: &str,
        offset: usize,
        data: &str,
        now_ms: i64,
    ) -> Result<SkillUploadResult, RpcError> {
        let mut uploads = self.lock(now_ms);
        let upload = uploads.get_mut(id).ok_or_else(unknown)?;
        let bytes = STANDARD.decode(data).map_err(|_| RpcError::invalid("dataBase64 is no base64"))?;
        if upload.is_whole || offset != upload.bytes.len() {
            let expected = upload.bytes.len();
            return Err(RpcError::invalid(format!("offset {offset} is not where the upload stands, at {expected}")));
        }
        if upload.bytes.len() + bytes.len() > upload.size {
            return Err(RpcError::invalid(format!("more than the {} bytes that were announced", upload.size)));
        }
        upload.bytes.extend(bytes);
        Ok(upload.state(id))
    }

    /// Ends it, if it is what was announced.
    pub(crate) fn commit(&self, id: &str, sha256: Option<&str>, now_ms: i64) -> Result<SkillUploadResult, RpcError> {
        let mut uploads = self.lock(now_ms);
        let upload = uploads.get_mut(id).ok_or_else(unknown)?;
        if upload.bytes.len() != upload.size {
            let (found, size) = (upload.bytes.len(), upload.size);
            return Err(RpcError::invalid(format!("{found} of {size} bytes have come")));
        }
        let found = digest(&upload.bytes);
        if let Some(expected) = sha256.into_iter().chain(upload.sha256.as_deref()).find(|given| *given != found) {
            return Err(RpcError::invalid(format!("the archive's SHA-256 is {found}, not {expected}")));
        }
        upload.is_whole = true;
        Ok(SkillUploadResult { sha256: Some(found), ..upload.state(id) })
    }

    /// The bytes of a whole upload for this slug; it stays until it is installed.
    pub(crate) fn whole(&self, id: &str, slug: &str, force: bool, now_ms: i64) -> Result<(Vec<u8>, String), RpcError> {
        let uploads = self.lock(now_ms);
        let upload = uploads.get(id).filter(|upload| upload.is_whole).ok_or_else(unknown)?;
        if upload.slug != slug || upload.force != force {
            return Err(RpcError::invalid("slug and force are not those that the upload began with"));
        }
        Ok((upload.bytes.clone(), digest(&upload.bytes)))
    }

    pub(crate) fn forget(&self, id: &str, now_ms: i64) {
        self.lock(now_ms).remove(id);
    }

    fn lock(&self, now_ms: i64) -> MutexGuard<'_, BTreeMap<String, Upload>> {
        let mut uploads = self.by_id.lock().unwrap_or_else(PoisonError::into_inner);
        uploads.retain(|_, upload| upload.expires_at > now_ms);
        uploads
    }
}

impl Upload {
    fn state(&self, id: &str) -> SkillUploadResult {
        SkillUploadResult {
            upload_id: id.to_owned(),
            received_bytes: self.bytes.len(),
            size_bytes: self.size,
            expires_at: self.expires_at,
            sha256: None,
        }
    }
}

fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unknown() -> RpcError {
    RpcError::invalid("no such upload, or it is not whole; begin again with skills.upload.begin")
}
