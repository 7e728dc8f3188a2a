//! Which user the process is: where `CHELA_RUN_AS` names one, root makes the state dir that user's and becomes it for good.
//!
//! A volume that a platform has just made belongs to root, and what a command over ssh writes does too. So every command settles
//! this first, before there is a second thread. Nothing here follows a symbolic link, crosses to another file system, or touches a
//! file that stands elsewhere as well.

use std::fmt;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path};

use chela_config::{Environment, Places};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};

use crate::failure::Failure;

/// How deep a tree may be: far deeper than anything that is kept in a state dir, and each level holds a descriptor.
const DEPTH_MAX: usize = 128;

/// What file systems put into a volume; it stays root's.
const NOT_OURS: &str = "lost+found";

/// Opens a place without opening what stands there.
const LOOK: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const LOOK_INTO: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A user and its group, by number: there may be no list of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Account {
    user: u32,
    group: u32,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.user, self.group)
    }
}

/// Becomes the user that `CHELA_RUN_AS` names, when started as root. Does nothing without the variable or for another user.
///
/// Call it before there is a second thread: the kernel changes the user of one thread only.
pub(crate) fn settle(environment: &Environment, places: &Places) -> Result<(), Failure> {
    let Some(text) = environment.gateway("RUN_AS") else { return Ok(()) };
    let account = parse(text)?;
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let dir = &places.state_dir;
    hand_over(dir, account).map_err(|error| {
        Failure::config(format!("can't give {} to {account}, whom CHELA_RUN_AS names: {error}", dir.display()))
            .hint("a link in its path is not followed; else mount the volume writable, or leave CHELA_RUN_AS empty")
    })?;
    become_user(account).map_err(|error| {
        Failure::config(format!("can't become {account}, whom CHELA_RUN_AS names: {error}"))
            .hint("the container needs SETUID and SETGID for that; or start it as that user")
    })
}

/// Whether this user may work in the state dir. For a start: a sentence with the mend is better than the first file that fails.
pub(crate) fn may_use(places: &Places) -> Result<(), Failure> {
    let dir = &places.state_dir;
    let Ok(found) = rustix::fs::stat(dir) else { return Ok(()) };
    let wanted = rustix::fs::Access::READ_OK | rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    if rustix::fs::access(dir, wanted).is_ok() {
        return Ok(());
    }
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let message = format!(
        "{} belongs to user {}, and this process, user {user}, may not write there",
        dir.display(),
        found.st_uid
    );
    Err(Failure::config(message).hint(format!(
        "once, as root: chown -R {user}:{group} {}; or start as root with CHELA_RUN_AS={user}:{group}",
        dir.display()
    )))
}

/// Gives all of a directory to its own owner, when called by root: for `chela doctor --fix`. Root's own stays as it is.
pub(crate) fn unite(dir: &Path) -> rustix::io::Result<()> {
    let dir = open_without_links(dir)?;
    let found = rustix::fs::fstat(&dir)?;
    if found.st_uid == 0 {
        return Ok(());
    }
    give_all(&dir, Account { user: found.st_uid, group: found.st_gid }, Whose::Anybody)
}

/// `uid` or `uid:gid`; never root.
fn parse(text: &str) -> Result<Account, Failure> {
    let (user, group) = text.trim().split_once(':').unwrap_or((text.trim(), text.trim()));
    match (user.parse(), group.parse()) {
        (Ok(user), Ok(group)) if user != 0 && group != 0 => Ok(Account { user, group }),
        _ => Err(Failure::config(format!("CHELA_RUN_AS is `{text}`"))
            .hint("it takes the numbers of a user and a group, for example 10001:10001, and not root's")),
    }
}

/// Makes the state dir the account's: all of it the first time, later only what root has put into it since. The dir itself comes
/// last, so that a start that was killed on the way begins anew.
fn hand_over(path: &Path, account: Account) -> rustix::io::Result<()> {
    let dir = open_without_links(path)?;
    let is_ours = rustix::fs::fstat(&dir)?.st_uid == account.user;
    give_all(&dir, account, if is_ours { Whose::Root } else { Whose::Anybody })
}

fn give_all(dir: &OwnedFd, account: Account, whose: Whose) -> rustix::io::Result<()> {
    let found = rustix::fs::fstat(dir)?;
    each_in(dir, |name| if name == NOT_OURS { Ok(()) } else { give(dir, name, account, whose, found.st_dev, 0) })?;
    if found.st_uid == account.user && found.st_gid == account.group { Ok(()) } else { own(dir, account) }
}

/// Whose things are given away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Root,
    Anybody,
}

/// Gives one entry away, and all below it.
fn give(
    parent: &OwnedFd,
    name: &str,
    account: Account,
    whose: Whose,
    device: u64,
    depth: usize,
) -> rustix::io::Result<()> {
    let entry = match rustix::fs::openat(parent, name, LOOK, Mode::empty()) {
        // It went meanwhile: a gateway that runs cleans up as well.
        Err(Errno::NOENT) => return Ok(()),
        opened => opened?,
    };
    let found = rustix::fs::fstat(&entry)?;
    if found.st_dev != device || depth > DEPTH_MAX || !is_givable(&found, account, whose) {
        return Ok(());
    }
    if FileType::from_raw_mode(found.st_mode) == FileType::Directory {
        // Not by its name again: another thing may have it by now.
        let dir = rustix::fs::openat(&entry, ".", LOOK_INTO, Mode::empty())?;
        each_in(&dir, |below| give(&dir, below, account, whose, device, depth + 1))?;
        return own(&dir, account);
    }
    own(&entry, account)
}

/// A file of another name could be any file of the system; a device is no thing of ours.
fn is_givable(found: &Stat, account: Account, whose: Whose) -> bool {
    let belongs = match whose {
        Whose::Root => found.st_uid == 0,
        Whose::Anybody => true,
    };
    match FileType::from_raw_mode(found.st_mode) {
        // One that is given already may still hold what is not: the first time may have been cut short.
        FileType::Directory => belongs,
        FileType::RegularFile => belongs && found.st_uid != account.user && found.st_nlink == 1,
        FileType::Symlink | FileType::Socket | FileType::Fifo => belongs && found.st_uid != account.user,
        FileType::CharacterDevice | FileType::BlockDevice | FileType::Unknown => false,
    }
}

fn own(entry: impl AsFd, account: Account) -> rustix::io::Result<()> {
    let (user, group) = (Uid::from_raw(account.user), Gid::from_raw(account.group));
    rustix::fs::chownat(entry, "", Some(user), Some(group), AtFlags::EMPTY_PATH)
}

/// Calls `each` with the names in a directory; names that are no text are left out.
fn each_in(dir: &OwnedFd, mut each: impl FnMut(&str) -> rustix::io::Result<()>) -> rustix::io::Result<()> {
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        match entry.file_name().to_str() {
            Ok("." | "..") | Err(_) => {}
            Ok(name) => each(name)?,
        }
    }
    Ok(())
}

/// Opens a directory, made where it is missing, step by step: whoever owns a directory on the way could have put a link there.
fn open_without_links(path: &Path) -> rustix::io::Result<OwnedFd> {
    let mut dir = rustix::fs::open("/", LOOK_INTO, Mode::empty())?;
    let mut parts = path.components().peekable();
    while let Some(part) = parts.next() {
        let Component::Normal(name) = part else { continue };
        // The account has to get through to the last one.
        let mode = if parts.peek().is_some() { Mode::from_raw_mode(0o755) } else { Mode::RWXU };
        match rustix::fs::mkdirat(&dir, name, mode) {
            Ok(()) | Err(Errno::EXIST | Errno::ROFS | Errno::ACCESS) => {}
            Err(error) => return Err(error),
        }
        dir = rustix::fs::openat(&dir, name, LOOK_INTO, Mode::empty())?;
    }
    Ok(dir)
}

/// For good: no group of root's stays, no saved id leads back, and no program with extra rights gives any.
fn become_user(account: Account) -> rustix::io::Result<()> {
    use rustix::thread::{set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid};
    let (user, group) = (Uid::from_raw(account.user), Gid::from_raw(account.group));
    set_thread_groups(&[])?;
    set_thread_res_gid(group, group, group)?;
    set_thread_res_uid(user, user, user)?;
    set_no_new_privs(true)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    #[test]
    fn an_account_is_two_numbers_and_never_root() {
        assert_eq!(parse("10001:10002").unwrap(), Account { user: 10_001, group: 10_002 });
        assert_eq!(parse(" 7 ").unwrap(), Account { user: 7, group: 7 });
        for wrong in ["0", "0:7", "7:0", "chela", "7:", "-1:3", "7:7:7"] {
            assert!(parse(wrong).unwrap_err().message().contains(wrong), "{wrong}");
        }
    }

    /// Who owns what below a directory, by its names there.
    fn owners(dir: &Path, names: &[&str]) -> Vec<u32> {
        names.iter().map(|name| fs::symlink_metadata(dir.join(name)).unwrap().uid()).collect()
    }

    #[test]
    fn g37_a_volume_of_roots_is_given_away_without_following_a_link() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: only root can give a directory away");
            return;
        }
        let account = Account { user: 10_001, group: 10_001 };
        let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let data = dir.path().join("data");
        fs::create_dir_all(data.join("workspace/deep")).unwrap();
        fs::create_dir(data.join("lost+found")).unwrap();
        fs::write(data.join("workspace/deep/note"), "x").unwrap();
        fs::write(outside.path().join("shadow"), "x").unwrap();
        fs::write(dir.path().join("twice"), "x").unwrap();
        symlink(outside.path(), data.join("link")).unwrap();
        fs::hard_link(dir.path().join("twice"), data.join("twice")).unwrap();

        hand_over(&data, account).unwrap();
        let names = [".", "workspace/deep/note", "link", "lost+found", "twice"];
        assert_eq!(owners(&data, &names), [10_001, 10_001, 10_001, 0, 0]);
        assert_eq!(owners(outside.path(), &[".", "shadow"]), [0, 0], "what a link leads to is left alone");

        // Later starts only take what root has put there since.
        fs::write(data.join("chela.json"), "{}").unwrap();
        rustix::fs::chown(data.join("workspace"), Some(Uid::from_raw(10_002)), None).unwrap();
        hand_over(&data, account).unwrap();
        assert_eq!(owners(&data, &["chela.json", "workspace", "twice"]), [10_001, 10_002, 0]);

        symlink(outside.path(), dir.path().join("elsewhere")).unwrap();
        assert!(hand_over(&dir.path().join("elsewhere"), account).is_err(), "nor is a link the state dir");
        assert_eq!(owners(outside.path(), &["."]), [0]);
    }
}
