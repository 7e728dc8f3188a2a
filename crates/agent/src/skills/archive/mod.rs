//! Skills as archives: zip and tar (also gzipped), read into memory within the bounds of [`SkillTree`].
//!
//! Nothing is unpacked to the disk here, so no name of an archive is ever a path. What is unusual is refused: links, special files,
//! encryption, spanned archives, names that differ between the two tables of a zip.

mod tar;
#[cfg(test)]
mod tests;
mod zip;

use std::io::Read as _;

use super::tree::{FILES_MAX, SkillFile, SkillTree, TREE_BYTES_MAX, TreeError};

/// Bytes of an archive as it comes: no more than its files may have.
pub const ARCHIVE_BYTES_MAX: usize = TREE_BYTES_MAX;

/// Entries that are looked at, folders and what is left out among them.
const ENTRIES_MAX: usize = 4 * FILES_MAX;

/// Why an archive holds no skill.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("it is neither a zip nor a tar archive")]
    Unknown,
    #[error("it is larger than {} MB", ARCHIVE_BYTES_MAX / 1024 / 1024)]
    TooLarge,
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
    #[error("it is {0}, which is not read")]
    Unsupported(&'static str),
    #[error("its files come to more than {} MB", TREE_BYTES_MAX / 1024 / 1024)]
    Bomb,
    #[error(transparent)]
    Tree(#[from] TreeError),
}

/// Reads an archive of a kind that its first bytes tell.
pub fn unpack_skill(bytes: &[u8]) -> Result<SkillTree, ArchiveError> {
    if bytes.len() > ARCHIVE_BYTES_MAX {
        return Err(ArchiveError::TooLarge);
    }
    let files = match bytes {
        [b'P', b'K', ..] => zip::read(bytes)?,
        [0x1f, 0x8b, ..] => tar::read(&inflated(flate2::read::GzDecoder::new(bytes), ROOM_OF_TAR)?)?,
        _ if tar::is_tar(bytes) => tar::read(bytes)?,
        _ => return Err(ArchiveError::Unknown),
    };
    Ok(SkillTree::new(files)?)
}

/// The skill as a zip, uncompressed; what [`unpack_skill`] reads back is the same.
pub fn pack_skill(tree: &SkillTree) -> Vec<u8> {
    zip::write(tree.files())
}

/// Headers and padding of a tar with as many entries as are looked at.
const ROOM_OF_TAR: usize = TREE_BYTES_MAX + ENTRIES_MAX * 1024;

/// What a stream inflates to, if that is not more than `most` bytes.
fn inflated(stream: impl std::io::Read, most: usize) -> Result<Vec<u8>, ArchiveError> {
    let mut bytes = Vec::new();
    let read = stream.take(most as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|_| ArchiveError::Damaged("its compressed data can't be read"))?;
    if bytes.len() > most { Err(ArchiveError::Bomb) } else { Ok(bytes) }
}

/// Collects files within the bounds.
#[derive(Default)]
struct Gathered {
    files: Vec<SkillFile>,
    entries: usize,
    bytes: usize,
}

impl Gathered {
    /// One entry more was seen.
    fn entry(&mut self) -> Result<(), ArchiveError> {
        self.entries += 1;
        if self.entries > ENTRIES_MAX { Err(TreeError::TooManyFiles.into()) } else { Ok(()) }
    }

    /// Bytes that are left for files.
    fn room(&self) -> usize {
        TREE_BYTES_MAX - self.bytes
    }

    fn file(&mut self, path: String, bytes: Vec<u8>) -> Result<(), ArchiveError> {
        super::tree::check_path(&path)?;
        if bytes.len() > self.room() {
            return Err(ArchiveError::Bomb);
        }
        self.bytes += bytes.len();
        self.files.push(SkillFile { path, bytes });
        Ok(())
    }
}
