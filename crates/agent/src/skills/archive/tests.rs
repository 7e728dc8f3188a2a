//! Archives: what is read, and everything that a hostile one could do.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};

use super::*;

fn files(list: &[(&str, &str)]) -> Vec<SkillFile> {
    list.iter().map(|(path, text)| SkillFile { path: (*path).to_owned(), bytes: text.as_bytes().to_owned() }).collect()
}

fn skill() -> SkillTree {
    SkillTree::new(files(&[("SKILL.md", "---\nname: x\n---\n"), ("scripts/go.sh", "#!/bin/sh\n")])).unwrap()
}

/// A header of tar with a right checksum, and the content behind it.
fn tar_entry(name: &str, kind: u8, content: &[u8]) -> Vec<u8> {
    let mut header = vec![0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    header[156] = kind;
    header[257..263].copy_from_slice(b"ustar\0");
    header[148..156].copy_from_slice(b"        ");
    let sum: usize = header.iter().map(|byte| usize::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    header.extend(content);
    header.resize(header.len().next_multiple_of(512), 0);
    header
}

fn tar(entries: &[(&str, u8, &[u8])]) -> Vec<u8> {
    let mut archive: Vec<u8> =
        entries.iter().flat_map(|(name, kind, content)| tar_entry(name, *kind, content)).collect();
    archive.resize(archive.len() + 1024, 0);
    archive
}

fn refused(bytes: &[u8]) -> String {
    unpack_skill(bytes).unwrap_err().to_string()
}

#[test]
fn g24_a_packed_skill_comes_back_as_it_was() {
    let packed = pack_skill(&skill());
    assert_eq!(unpack_skill(&packed).unwrap(), skill());
    assert_eq!(pack_skill(&skill()), packed, "the same files make the same archive");
}

#[test]
fn g24_tar_and_gzip_and_a_folder_around_everything_are_read() {
    let head = b"---\nname: x\n---\n";
    let long = "deep/".repeat(5) + &"n".repeat(90);
    let record = format!("path={long}\n");
    let pax = format!("{} {record}", record.len() + 4);
    let plain = tar(&[
        ("./", b'5', b""),
        ("./SKILL.md", b'0', head),
        ("scripts/go.sh", 0, b"#!/bin/sh\n"),
        ("h", b'x', pax.as_bytes()),
        ("short", b'0', b"long"),
    ]);
    let tree = unpack_skill(&plain).unwrap();
    let paths: Vec<&str> = tree.files().iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["SKILL.md", long.as_str(), "scripts/go.sh"]);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&plain).unwrap();
    assert_eq!(unpack_skill(&gzip.finish().unwrap()).unwrap(), tree);
    let around = tar(&[("pkg-1.0/SKILL.md", b'0', head), ("pkg-1.0/.git/config", b'0', b"x")]);
    assert_eq!(unpack_skill(&around).unwrap().files(), files(&[("SKILL.md", "---\nname: x\n---\n")]));
}

#[test]
fn g24_no_name_leads_out_of_the_folder() {
    let head = ("SKILL.md", b'0', &b"---\nname: x\n---\n"[..]);
    for name in
        ["../evil", "/etc/cron.d/x", "a/../../b", "a//b", "c:evil", "a\\b", "bell\u{7}", "dir./x", " x", "a\u{202e}b"]
    {
        assert!(refused(&tar(&[head, (name, b'0', b"x")])).starts_with("the name"), "{name}");
        let mut zipped = files(&[("SKILL.md", "---\nname: x\n---\n")]);
        zipped.push(SkillFile { path: name.to_owned(), bytes: Vec::new() });
        assert!(refused(&zip::write(&zipped)).starts_with("the name"), "{name}");
    }
    let deep = "d/".repeat(20) + "f";
    assert!(refused(&tar(&[head, (&deep, b'0', b"")])).contains("too deep"));
}

#[test]
fn g24_links_devices_and_two_files_of_one_name_are_refused() {
    let head = ("SKILL.md", b'0', &b"---\nname: x\n---\n"[..]);
    for kind in [b'1', b'2', b'3', b'4', b'6', b'S'] {
        assert!(refused(&tar(&[head, ("link", kind, b"")])).contains("link or a special file"));
    }
    assert!(refused(&tar(&[head, ("skill.md", b'0', b"")])).contains("the same name"));
    assert!(refused(&tar(&[head, head])).contains("the same name"));
    assert!(refused(&tar(&[head, ("Lib", b'0', b""), ("lib/a", b'0', b"")])).contains("the same name"));
    let mut link = pack_skill(&skill());
    let directory = link.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    link[directory + 38..directory + 42].copy_from_slice(&(0o120_777_u32 << 16).to_le_bytes());
    assert!(refused(&link).contains("link or a special file"));
}

#[test]
fn g24_a_bomb_is_not_unpacked() {
    let zeros = vec![0; TREE_BYTES_MAX + 1];
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&zeros).unwrap();
    gzip.write_all(&zeros).unwrap();
    assert!(matches!(unpack_skill(&gzip.finish().unwrap()), Err(ArchiveError::Bomb)));
    // A zip whose file says that it is small and is not.
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::best());
    deflate.write_all(&zeros).unwrap();
    let packed = deflate.finish().unwrap();
    let mut bomb = zip::write(&[SkillFile { path: "SKILL.md".to_owned(), bytes: packed }]);
    for start in [b"PK\x03\x04", b"PK\x01\x02"] {
        let at =
            bomb.windows(4).position(|window| window == start).unwrap() + if start == b"PK\x03\x04" { 8 } else { 10 };
        bomb[at..at + 2].copy_from_slice(&8_u16.to_le_bytes());
    }
    assert!(matches!(unpack_skill(&bomb), Err(ArchiveError::Bomb)));
    let many: Vec<SkillFile> =
        (0..FILES_MAX).map(|number| SkillFile { path: format!("f{number}"), bytes: Vec::new() }).collect();
    let many = [files(&[("SKILL.md", "")]), many].concat();
    assert!(matches!(unpack_skill(&zip::write(&many)), Err(ArchiveError::Tree(TreeError::TooManyFiles))));
}

#[test]
fn g24_damaged_archives_are_refused_without_a_panic() {
    let (zipped, tarred) = (pack_skill(&skill()), tar(&[("SKILL.md", b'0', b"---\nname: x\n---\n")]));
    for archive in [&zipped, &tarred] {
        for end in 0..archive.len() {
            let _ = unpack_skill(&archive[..end]);
        }
        for at in 0..archive.len() {
            let mut other = archive.clone();
            other[at] ^= 0xff;
            let _ = unpack_skill(&other);
        }
    }
    assert!(refused(&zipped[..zipped.len() - 1]).contains("no end record"));
    assert!(matches!(unpack_skill(b"hello"), Err(ArchiveError::Unknown)));
    assert!(refused(&tar(&[("README.md", b'0', b"x")])).contains("no SKILL.md"));
    let mut two_names = zipped.clone();
    two_names[30] = b'T';
    assert!(refused(&two_names).contains("two names"));
    let mut other_content = zipped;
    other_content[30 + "SKILL.md".len()] ^= 1;
    assert!(refused(&other_content).contains("checksum"));
}
