//! The file with the whole of an answer that is too long for messages.
//!
//! It is made of the outbox row alone and stands for one try: after a crash or from the dead letters it is made again, the same.
//! What a kill leaves behind is written over by the next try of its row, and goes with it.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use chela_channels::OutboundMedia;
use chela_store::OutboxId;

use crate::outside::Outside;

/// A file on its way out.
pub(super) struct WholeAnswer {
    path: PathBuf,
}

/// Folder in the state dir, where no tool can read.
const FOLDER: &str = "media/outbound";

/// As people see it.
const NAME: &str = "answer.md";

impl WholeAnswer {
    pub(super) fn of(state_dir: &Path, row: OutboxId) -> Self {
        Self { path: state_dir.join(FOLDER).join(format!("{}.md", row.0)) }
    }

    pub(super) fn media(&self) -> OutboundMedia {
        OutboundMedia { path: self.path.clone(), name: NAME.to_owned(), mime: "text/markdown".to_owned(), voice: false }
    }

    pub(super) async fn write(&self, outside: &Outside, text: String) -> io::Result<()> {
        let path = self.path.clone();
        outside.off_thread(move || write(&path, &text)).await.unwrap_or_else(|panic| Err(io::Error::other(panic)))
    }

    pub(super) async fn remove(self, outside: &Outside) {
        let removed = outside.off_thread(move || fs::remove_file(self.path)).await;
        if let Ok(Err(error)) = removed {
            tracing::warn!(%error, "the file of a long answer stays in the state folder");
        }
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
