//! Which files a command may reach: the system's programs, the workspace, what the configuration opens, and nothing that is
//! private to the gateway. Pure but for looking at what exists.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::Refusal;
use super::config::SandboxConfig;
use super::policy::{Layers, Place, Reach};
use super::temporary::Temporary;

/// Programs and what they are made of.
const SYSTEM: [&str; 12] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt",
    "/nix/store",
    "/gnu/store",
    "/run/current-system",
    "/sys/devices/system/cpu",
];

/// What programs read of `/etc`. The rest of it holds keys, passwords and the environment of services.
const ETC: [&str; 43] = [
    "alternatives",
    "apt/sources.list",
    "bash.bashrc",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "debian_version",
    "fonts",
    "gai.conf",
    "group",
    "host.conf",
    "hostname",
    "hosts",
    "inputrc",
    "issue",
    "java",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.alias",
    "locale.conf",
    "localtime",
    "login.defs",
    "machine-id",
    "magic",
    "mime.types",
    "mke2fs.conf",
    "nsswitch.conf",
    "os-release",
    "passwd",
    "perl",
    "pki/ca-trust",
    "pki/tls/certs",
    "profile",
    "protocols",
    "python3",
    "resolv.conf",
    "services",
    "shells",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
    "timezone",
];

/// Folders of `/` that are no files of anybody, or that the view has of its own.
const NOT_FILES: [&str; 5] = ["/proc", "/dev", "/sys", "/run", "/tmp"];

/// Places that a folder with something closed in it may come apart into, where it can't be covered.
const CARVED_LIMIT: usize = 500;

/// How often in a row a second name must be found to be one.
const SECOND_NAME_LOOKS: usize = 3;

/// What is known of the gateway's files, and the command's workspace.
#[derive(Clone, Copy)]
pub(crate) struct Ground<'a> {
    pub(crate) home: &'a Path,
    pub(crate) workspace: &'a Path,
    pub(crate) state_dir: &'a Path,
    pub(crate) secret_files: &'a [PathBuf],
    /// Folders that every command may read, for example those of skills.
    pub(crate) readable: &'a [PathBuf],
    /// Where temporary folders stand.
    pub(crate) temporary: &'a Path,
}

/// The system's places that exist here.
pub(super) fn system() -> Vec<Place> {
    let etc = ETC.iter().map(|name| Path::new("/etc").join(name));
    SYSTEM
        .iter()
        .map(PathBuf::from)
        .chain(etc)
        .filter_map(|path| {
            let metadata = fs::symlink_metadata(&path).ok()?;
            let within = metadata
                .is_symlink()
                .then(|| fs::canonicalize(&path).ok()?.starts_with("/usr").then_some(()))
                .flatten();
            let reach = match within {
                Some(()) => Reach::Link(fs::read_link(&path).ok()?),
                None => Reach::Read,
            };
            Some(Place { path, reach })
        })
        .collect()
}

impl Ground<'_> {
    /// A file of the gateway's that has another name could be reached by it, wherever that is: the kernel's rules go by names.
    pub(super) fn refuse_second_names(&self) -> Result<(), Refusal> {
        // A file that gets its second name, or loses it, between the listing and the look at it seems to have one elsewhere.
        let looks = (0..SECOND_NAME_LOOKS).map(|_| self.second_name());
        let always = looks.collect::<Option<Vec<PathBuf>>>();
        always.and_then(|mut found| found.pop()).map_or(Ok(()), |path| Err(Refusal::SecondName(path)))
    }

    /// A file of the gateway's that has a name besides those that are listed.
    fn second_name(&self) -> Option<PathBuf> {
        let state = fs::read_dir(self.state_dir).into_iter().flatten().flatten().map(|entry| entry.path());
        let paths: BTreeSet<PathBuf> = state.chain(self.secret_files.iter().map(|path| real(path))).collect();
        // Two names that are both the gateway's are no way out.
        let mut files: BTreeMap<(u64, u64), (u64, PathBuf)> = BTreeMap::new();
        for path in paths {
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            if metadata.is_file() && metadata.nlink() > 1 {
                files.entry((metadata.dev(), metadata.ino())).or_insert((metadata.nlink(), path)).0 -= 1;
            }
        }
        files.into_values().find(|(others, _)| *others > 0).map(|(_, path)| path)
    }

    /// Every place of a command, outer ones first; of two for one path the later counts.
    pub(super) fn places(
        &self,
        system: &[Place],
        temporary: &Temporary,
        config: &SandboxConfig,
        layers: Layers,
    ) -> Vec<Place> {
        let opened = self.opened(config);
        let mut places = system.to_vec();
        let mut add = |path: PathBuf, reach| places.push(Place { path, reach });
        for at in ["/tmp", "/var/tmp"] {
            add(PathBuf::from(at), Reach::Instead(temporary.folder.clone()));
        }
        if !opened.iter().any(|place| self.home.starts_with(&place.path)) {
            add(self.home.to_path_buf(), Reach::Instead(temporary.home.clone()));
        }
        for path in self.closed(&opened) {
            add(path, Reach::Closed);
        }
        let workspace = real(self.workspace);
        if workspace != self.workspace {
            add(self.workspace.to_path_buf(), Reach::Link(workspace.clone()));
        }
        for path in self.readable {
            add(real(path), Reach::Read);
        }
        places.extend(opened);
        places.push(Place { path: workspace, reach: Reach::Write });
        places.sort_by_key(|place| place.path.components().count());
        let places = without_useless(places);
        if layers.namespaces.is_some() { places } else { carve(places) }
    }

    /// What the configuration opens, but nothing of the gateway's own.
    fn opened(&self, config: &SandboxConfig) -> Vec<Place> {
        let state = real(self.state_dir);
        let workspace = real(self.workspace);
        let readable = config.readable.iter().map(|written| (written, Reach::Read));
        let writable = config.writable.iter().map(|written| (written, Reach::Write));
        let mut places = Vec::new();
        for (written, reach) in readable.chain(writable) {
            let path = real(&self.absolute(written));
            let is_private = path.starts_with(&state) && !path.starts_with(&workspace)
                || self.secret_files.iter().any(|secret| real(secret) == path)
                || NOT_FILES.iter().any(|folder| path == Path::new(folder))
                || ["/proc", "/dev"].iter().any(|folder| path.starts_with(folder));
            if path == Path::new("/") {
                let children = children(&path)
                    .into_iter()
                    .filter(|child| !NOT_FILES.iter().any(|folder| child == Path::new(folder)));
                places.extend(children.map(|path| Place { path, reach: reach.clone() }));
            } else if is_private {
                tracing::warn!(target: "tools", place = %written, "tools.sandbox opens nothing that is private to the gateway");
            } else {
                places.push(Place { path, reach });
            }
        }
        places
    }

    fn absolute(&self, written: &str) -> PathBuf {
        match written.strip_prefix('~') {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => self.home.join(rest.trim_start_matches('/')),
            _ => self.workspace.join(written),
        }
    }

    /// What stays closed within an opened folder: all that is the gateway's, and the names of the home folder that begin with a dot.
    fn closed(&self, opened: &[Place]) -> Vec<PathBuf> {
        let mut closed: BTreeSet<PathBuf> = self.secret_files.iter().map(|path| real(path)).collect();
        closed.insert(real(self.state_dir));
        let home = real(self.home);
        if opened.iter().any(|place| home.starts_with(&place.path)) || home.starts_with(real(self.workspace)) {
            let is_dotted =
                |path: &PathBuf| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            closed.extend(children(&home).into_iter().filter(is_dotted));
        }
        closed.into_iter().collect()
    }
}

fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let mut children: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    children.sort();
    children
}

fn is_open(place: &Place) -> bool {
    matches!(place.reach, Reach::Read | Reach::Write)
}

/// Leaves out closed places that lie in nothing that is open.
fn without_useless(places: Vec<Place>) -> Vec<Place> {
    let open: Vec<PathBuf> = places.iter().filter(|place| is_open(place)).map(|place| place.path.clone()).collect();
    let is_useful =
        |place: &Place| place.reach != Reach::Closed || open.iter().any(|open| place.path.starts_with(open));
    places.into_iter().filter(is_useful).collect()
}

/// Turns "all of this but that" into a list of what is open, for rules that can only open. New names can't be made in a folder that
/// came apart.
fn carve(places: Vec<Place>) -> Vec<Place> {
    let closed: Vec<PathBuf> =
        places.iter().filter(|place| place.reach == Reach::Closed).map(|place| place.path.clone()).collect();
    let mut carved = Vec::new();
    for place in places {
        if is_open(&place) {
            carve_one(place, &closed, &mut carved);
        } else if place.reach != Reach::Closed {
            carved.push(place);
        }
    }
    carved
}

fn carve_one(place: Place, closed: &[PathBuf], carved: &mut Vec<Place>) {
    // A place of the same path that is open on purpose stands behind its closed twin, and wins.
    if !closed.iter().any(|path| path != &place.path && path.starts_with(&place.path)) {
        carved.push(place);
        return;
    }
    for child in children(&place.path) {
        if carved.len() >= CARVED_LIMIT {
            return;
        }
        if !closed.contains(&child) && !child.is_symlink() {
            carve_one(Place { path: child, reach: place.reach.clone() }, closed, carved);
        }
    }
}
