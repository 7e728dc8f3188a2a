//! `cargo xtask fuzz`: builds the crate `fuzz` and feeds its targets.

use anyhow::Result;

use crate::shell;

pub(crate) fn run(release: bool, rest: &[String]) -> Result<()> {
    let mut feed = shell::cargo(&["run", "--quiet", "--locked", "--package", "chela-fuzz"]);
    if release {
        // A promise that is broken quietly is broken: additions that overflow panic as in a debug build.
        feed.args(["--release"]).env("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true");
        feed.env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true");
    }
    shell::run(feed.arg("--").args(rest))
}
