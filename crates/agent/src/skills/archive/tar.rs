//! The tar format: ustar, with the long names of GNU and of pax. Links, devices and sparse files are refused.

use super::{ArchiveError, Gathered};
use crate::skills::TreeError;

const BLOCK: usize = 512;
/// Longest name that an extension gives: paths of skills are shorter.
const LONG_NAME_MAX: usize = 4_096;

/// Whether a file begins with the header of one.
pub(super) fn is_tar(bytes: &[u8]) -> bool {
    bytes.get(257..262) == Some(b"ustar") && header_sum_fits(bytes)
}

/// The files of an archive, without folders.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<crate::skills::SkillFile>, ArchiveError> {
    let mut gathered = Gathered::default();
    let mut long_name = None;
    let mut rest = bytes;
    while let Some((header, after)) = rest.split_at_checked(BLOCK) {
        if header.iter().all(|byte| *byte == 0) {
            return Ok(gathered.files);
        }
        if !header_sum_fits(header) {
            return Err(ArchiveError::Damaged("a header is not what its checksum says"));
        }
        gathered.entry()?;
        let size = octal(&header[124..136]).ok_or(ArchiveError::Damaged("a size can't be read"))?;
        let content = after.get(..size).ok_or(ArchiveError::Damaged("it ends too early"))?;
        rest = after.get(size.next_multiple_of(BLOCK)..).unwrap_or_default();
        let name = long_name.take().map_or_else(|| name_of(header), Ok)?;
        match header[156] {
            b'0' | 0 if !name.ends_with('/') => gathered.file(without_dot(&name), content.to_owned())?,
            // Folders come with their files, and what holds for all files of the archive is git's comment.
            b'0' | 0 | b'5' | b'g' => {}
            b'L' => long_name = Some(text(content)?.trim_end_matches('\0').to_owned()),
            b'x' => long_name = pax_path(content)?,
            _ => return Err(TreeError::NotPlain { path: crate::written_out(&name) }.into()),
        }
    }
    Err(ArchiveError::Damaged("it has no end"))
}

/// `tar -C folder .` writes `./SKILL.md`.
fn without_dot(name: &str) -> String {
    name.strip_prefix("./").unwrap_or(name).to_owned()
}

fn name_of(header: &[u8]) -> Result<String, ArchiveError> {
    let name = text(until_zero(&header[..100]))?;
    let prefix = if &header[257..263] == b"ustar\0" { text(until_zero(&header[345..500]))? } else { "" };
    Ok(if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") })
}

/// The `path` of a pax header: records of `<length> <key>=<value>\n`.
fn pax_path(content: &[u8]) -> Result<Option<String>, ArchiveError> {
    let damaged = || ArchiveError::Damaged("an extended header can't be read");
    let (mut rest, mut path) = (content, None);
    while !rest.is_empty() {
        let space = rest.iter().position(|byte| *byte == b' ').ok_or_else(damaged)?;
        let length: usize = text(&rest[..space])?.parse().map_err(|_| damaged())?;
        let record = rest.get(space + 1..length).and_then(|record| record.strip_suffix(b"\n")).ok_or_else(damaged)?;
        if let Some(value) = record.strip_prefix(b"path=") {
            path = Some(text(value)?.to_owned());
        }
        rest = &rest[length..];
    }
    Ok(path)
}

fn text(bytes: &[u8]) -> Result<&str, ArchiveError> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= LONG_NAME_MAX);
    text.ok_or(ArchiveError::Damaged("a name is too long or no UTF-8"))
}

fn until_zero(field: &[u8]) -> &[u8] {
    &field[..field.iter().position(|byte| *byte == 0).unwrap_or(field.len())]
}

/// Digits between blanks and zeros; sizes beyond what eleven of them hold are none of a skill.
fn octal(field: &[u8]) -> Option<usize> {
    let digits = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    usize::from_str_radix(digits, 8).ok()
}

/// The sum of the header's bytes, where the sum's own count as blanks.
fn header_sum_fits(header: &[u8]) -> bool {
    let Some(header) = header.get(..BLOCK) else { return false };
    let sum: usize = header
        .iter()
        .enumerate()
        .map(|(at, byte)| usize::from(if (148..156).contains(&at) { b' ' } else { *byte }))
        .sum();
    octal(&header[148..156]) == Some(sum)
}
