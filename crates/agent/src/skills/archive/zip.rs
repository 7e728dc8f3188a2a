//! The zip format (PKWARE's APPNOTE 6.3), as far as skills are packed in it: stored and deflated files, one disk, no encryption, no
//! zip64. The central directory is what counts, and each local header must agree with it.

use flate2::Crc;
use flate2::read::DeflateDecoder;

use super::{ArchiveError, Gathered, inflated};
use crate::skills::tree::SkillFile;

const END: [u8; 4] = *b"PK\x05\x06";
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const LOCAL: [u8; 4] = *b"PK\x03\x04";
/// Longest comment behind the end record.
const COMMENT_MAX: usize = u16::MAX as usize;
const END_BYTES: usize = 22;

/// Version 2.0 of the format, made on Unix.
const MADE_BY_UNIX: u16 = 0x0314;
const NEEDED: u16 = 20;
/// Names are UTF-8.
const FLAG_UTF8: u16 = 1 << 11;
const FLAG_ENCRYPTED: u16 = 1;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// 1 January 1980: the same files make the same archive.
const NO_DATE: u16 = 0x21;

/// The files of an archive, without folders.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<SkillFile>, ArchiveError> {
    let end = find_end(bytes)?;
    let mut fields = Fields { bytes: &bytes[end + 4..] };
    let (disk, first_disk) = (fields.u16()?, fields.u16()?);
    let (here, entries) = (fields.u16()?, fields.u16()?);
    let (_, offset) = (fields.u32()?, fields.u32()?);
    if disk != 0 || first_disk != 0 || here != entries {
        return Err(ArchiveError::Unsupported("an archive of several parts"));
    }
    if entries == u16::MAX || offset == u32::MAX {
        return Err(ArchiveError::Unsupported("a zip64 archive"));
    }
    let directory = bytes.get(offset as usize..end).ok_or(ArchiveError::Damaged("its directory is missing"))?;
    let mut directory = Fields { bytes: directory };
    let mut gathered = Gathered::default();
    for _ in 0..entries {
        gathered.entry()?;
        let entry = Entry::read(&mut directory)?;
        if entry.name.ends_with('/') {
            continue;
        }
        let content = entry.content(bytes, gathered.room())?;
        gathered.file(entry.name, content)?;
    }
    Ok(gathered.files)
}

/// The archive of these files.
pub(super) fn write(files: &[SkillFile]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for file in files {
        let offset = archive.len();
        let common = common_header(file);
        archive.extend(LOCAL);
        archive.extend(&common);
        archive.extend(file.path.as_bytes());
        archive.extend(&file.bytes);
        directory.extend(CENTRAL);
        directory.extend(MADE_BY_UNIX.to_le_bytes());
        directory.extend(&common);
        // No comment, first disk, no attributes of the inside; outside, a plain file of its owner.
        directory.extend([0; 6]);
        directory.extend((0o100_600_u32 << 16).to_le_bytes());
        directory.extend(narrow(offset).to_le_bytes());
        directory.extend(file.path.as_bytes());
    }
    let (start, length) = (archive.len(), directory.len());
    let count = u16::try_from(files.len()).unwrap_or(u16::MAX);
    archive.extend(directory);
    archive.extend(END);
    archive.extend([0; 4]);
    archive.extend(count.to_le_bytes());
    archive.extend(count.to_le_bytes());
    archive.extend(narrow(length).to_le_bytes());
    archive.extend(narrow(start).to_le_bytes());
    archive.extend([0; 2]);
    archive
}

/// What both headers of a file say, from the needed version to the length of the extra field.
fn common_header(file: &SkillFile) -> Vec<u8> {
    let mut header = Vec::new();
    for number in [NEEDED, FLAG_UTF8, STORED, 0, NO_DATE] {
        header.extend(number.to_le_bytes());
    }
    header.extend(crc_of(&file.bytes).to_le_bytes());
    header.extend(narrow(file.bytes.len()).to_le_bytes());
    header.extend(narrow(file.bytes.len()).to_le_bytes());
    header.extend(u16::try_from(file.path.len()).unwrap_or(u16::MAX).to_le_bytes());
    header.extend([0; 2]);
    header
}

/// A skill's bounds are far below what four bytes hold.
fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The end record is the last of its kind that reaches exactly to the end of the file.
fn find_end(bytes: &[u8]) -> Result<usize, ArchiveError> {
    let no_end = ArchiveError::Damaged("it has no end record");
    let Some(last) = bytes.len().checked_sub(END_BYTES) else { return Err(no_end) };
    let first = last.saturating_sub(COMMENT_MAX);
    let is_end = |at: &usize| {
        let comment = usize::from(u16::from_le_bytes([bytes[at + 20], bytes[at + 21]]));
        bytes[*at..].starts_with(&END) && at + END_BYTES + comment == bytes.len()
    };
    (first..=last).rev().find(is_end).ok_or(no_end)
}

/// A file in the central directory.
struct Entry {
    name: String,
    method: u16,
    crc: u32,
    packed: usize,
    size: usize,
    offset: usize,
}

impl Entry {
    fn read(fields: &mut Fields<'_>) -> Result<Self, ArchiveError> {
        if fields.take(4)? != CENTRAL {
            return Err(ArchiveError::Damaged("its directory can't be read"));
        }
        let (made_by, _) = (fields.u16()?, fields.u16()?);
        let (flags, method) = (fields.u16()?, fields.u16()?);
        let _date = fields.u32()?;
        let crc = fields.u32()?;
        let (packed, size) = (fields.u32()?, fields.u32()?);
        let (name, extra, comment) = (fields.u16()?, fields.u16()?, fields.u16()?);
        let _disk_and_inside = fields.u32()?;
        let (outside, offset) = (fields.u32()?, fields.u32()?);
        let name = fields.take(usize::from(name))?;
        fields.take(usize::from(extra) + usize::from(comment))?;
        if flags & FLAG_ENCRYPTED != 0 {
            return Err(ArchiveError::Unsupported("encrypted"));
        }
        if [packed, size, offset].contains(&u32::MAX) {
            return Err(ArchiveError::Unsupported("a zip64 archive"));
        }
        let name = std::str::from_utf8(name).map_err(|_| ArchiveError::Damaged("a name is no UTF-8"))?.to_owned();
        // Made on Unix: the kind of the file stands in the upper half. Zero says nothing.
        let kind = outside >> 28;
        if made_by >> 8 == 3 && ![0, 0o4, 0o10].contains(&kind) {
            return Err(crate::skills::TreeError::NotPlain { path: crate::written_out(&name) }.into());
        }
        let (packed, size, offset) = (packed as usize, size as usize, offset as usize);
        Ok(Self { name, method, crc, packed, size, offset })
    }

    fn content(&self, archive: &[u8], room: usize) -> Result<Vec<u8>, ArchiveError> {
        if self.size > room {
            return Err(ArchiveError::Bomb);
        }
        let local = archive.get(self.offset..).ok_or(ArchiveError::Damaged("a file lies outside of it"))?;
        let mut fields = Fields { bytes: local };
        if fields.take(4)? != LOCAL {
            return Err(ArchiveError::Damaged("a file's header is missing"));
        }
        fields.take(22)?;
        let (name, extra) = (fields.u16()?, fields.u16()?);
        if fields.take(usize::from(name))? != self.name.as_bytes() {
            return Err(ArchiveError::Damaged("a file has two names"));
        }
        fields.take(usize::from(extra))?;
        let packed = fields.take(self.packed)?;
        let content = match self.method {
            STORED => packed.to_owned(),
            DEFLATED => inflated(DeflateDecoder::new(packed), room)?,
            _ => return Err(ArchiveError::Unsupported("compressed in an unusual way")),
        };
        if content.len() != self.size || crc_of(&content) != self.crc {
            return Err(ArchiveError::Damaged("a file is not what its checksum says"));
        }
        Ok(content)
    }
}

fn crc_of(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Little-endian numbers, one after the other.
struct Fields<'a> {
    bytes: &'a [u8],
}

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], ArchiveError> {
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or(ArchiveError::Damaged("it ends too early"))?;
        self.bytes = rest;
        Ok(taken)
    }

    fn u16(&mut self) -> Result<u16, ArchiveError> {
        let taken = self.take(2)?;
        Ok(u16::from_le_bytes([taken[0], taken[1]]))
    }

    fn u32(&mut self) -> Result<u32, ArchiveError> {
        let taken = self.take(4)?;
        Ok(u32::from_le_bytes([taken[0], taken[1], taken[2], taken[3]]))
    }
}
