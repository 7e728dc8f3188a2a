//! Files that an answer names, on their way out: only what lies in the agent's workspace and is not private to the gateway, and
//! only what the platform takes.

use std::path::{Path, PathBuf};

use chela_channels::OutboundMedia;

use crate::outside::Outside;

/// A file that can be sent, or a plain sentence that says why not.
pub(super) type Resolved = Result<OutboundMedia, String>;

/// Longest path that a notice repeats.
const SHOWN_CHARS: usize = 200;

/// Files that an answer names, and what is taken of them.
pub(super) struct NamedFiles {
    /// As the answer writes them.
    pub files: Vec<String>,
    pub workspace: PathBuf,
    /// The most that one may have.
    pub max_bytes: u64,
    /// Recordings go as voice messages.
    pub as_voice: bool,
}

impl NamedFiles {
    /// Resolves each file for itself. Symlinks are followed before the workspace is looked at, so that none leads out of it.
    pub(super) async fn resolve(
        self,
        outside: &Outside,
        is_private: impl Fn(&Path) -> bool + Send + 'static,
    ) -> Vec<Resolved> {
        if self.files.is_empty() {
            return Vec::new();
        }
        let named = self.files.clone();
        let look = move || self.files.iter().map(|file| self.resolve_one(file, &is_private)).collect();
        let failed = |_| named.iter().map(|file| Err(format!("The file {} could not be read.", shown(file)))).collect();
        outside.off_thread(look).await.unwrap_or_else(failed)
    }

    fn resolve_one(&self, written: &str, is_private: impl Fn(&Path) -> bool) -> Resolved {
        let file = shown(written);
        let missing = |_| format!("The file {file} is not in the workspace.");
        let root = self.workspace.canonicalize().map_err(missing)?;
        let path = root.join(written).canonicalize().map_err(missing)?;
        if !path.starts_with(&root) {
            return Err(format!("The file {file} lies outside the workspace, so it is not sent."));
        }
        // A workspace may be somebody's whole home.
        if is_private(&path) {
            return Err(format!(
                "The file {file} is private to the gateway or the owner, or looks like credentials, so it is not sent."
            ));
        }
        let found = path.metadata().map_err(missing)?;
        if !found.is_file() {
            return Err(format!("{file} is not a file."));
        }
        let bytes = found.len();
        if bytes == 0 {
            return Err(format!("The file {file} is empty."));
        }
        if bytes > self.max_bytes {
            return Err(format!("The file {file} has {bytes} bytes; at most {} can be sent here.", self.max_bytes));
        }
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mime = mime_of(&path).to_owned();
        let voice = self.as_voice && mime.starts_with("audio/");
        Ok(OutboundMedia { path, name, mime, voice })
    }
}

/// The path as a notice repeats it: one line without markup.
fn shown(file: &str) -> String {
    let plain = |sign: char| if sign.is_control() || "`*_[]<>|".contains(sign) { '_' } else { sign };
    let mut shown: String = file.chars().take(SHOWN_CHARS).map(plain).collect();
    if shown.len() < file.len() {
        shown.push('…');
    }
    shown
}

/// By the ending, which is what platforms go by.
fn mime_of(path: &Path) -> &'static str {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    match ending.as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "svg" => "image/svg+xml",
        "mp4" | "m4v" => "video/mp4",
        "webm" => "video/webm",
        "mov" => "video/quicktime",
        "ogg" | "oga" | "opus" => "audio/ogg",
        "mp3" => "audio/mpeg",
        "m4a" => "audio/mp4",
        "wav" => "audio/wav",
        "pdf" => "application/pdf",
        "json" => "application/json",
        "zip" => "application/zip",
        "html" | "htm" => "text/html",
        "csv" => "text/csv",
        "md" | "markdown" => "text/markdown",
        "txt" | "log" => "text/plain",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn resolved(workspace: &Path, file: &str) -> Resolved {
        let is_private = |path: &Path| path.ends_with("private.txt");
        let workspace = workspace.to_owned();
        let named = NamedFiles { files: vec![file.to_owned()], workspace, max_bytes: 8, as_voice: true };
        named.resolve(&Outside::real(), is_private).await.remove(0)
    }

    #[tokio::test]
    async fn only_files_of_the_workspace_are_sent() {
        let house = tempfile::tempdir().unwrap();
        let workspace = house.path().join("workspace");
        std::fs::create_dir_all(workspace.join("out")).unwrap();
        std::fs::write(workspace.join("out/a.ogg"), "sound").unwrap();
        std::fs::write(workspace.join("big.txt"), "123456789").unwrap();
        std::fs::write(workspace.join("none.txt"), "").unwrap();
        std::fs::write(workspace.join("private.txt"), "key").unwrap();
        std::fs::write(house.path().join("secret"), "secret").unwrap();
        std::os::unix::fs::symlink(house.path().join("secret"), workspace.join("link")).unwrap();

        let sound = resolved(&workspace, "out/a.ogg").await.unwrap();
        assert_eq!((sound.name.as_str(), sound.mime.as_str(), sound.voice), ("a.ogg", "audio/ogg", true));
        let absolute = workspace.join("out/a.ogg");
        assert_eq!(resolved(&workspace, absolute.to_str().unwrap()).await.unwrap(), sound);
        let rows = [
            ("../secret", "outside the workspace"),
            ("link", "outside the workspace"),
            ("/etc/hostname", "outside the workspace"),
            ("missing", "not in the workspace"),
            ("out", "is not a file"),
            ("big.txt", "at most 8"),
            ("none.txt", "is empty"),
            ("private.txt", "private to the gateway"),
            ("out/../private.txt", "private to the gateway"),
            ("/dev/zero", "outside the workspace"),
            ("a\0b", "not in the workspace"),
            ("[x](http://evil)\u{1b}", "The file _x_(http://evil)_ is not"),
        ];
        for (file, expected) in rows {
            let refused = resolved(&workspace, file).await.unwrap_err();
            assert!(refused.contains(expected), "{file}: {refused}");
        }
    }
}
