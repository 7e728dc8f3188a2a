//! Any target under libFuzzer: `CHELA_FUZZ_TARGET` names it.
#![no_main]

use std::sync::LazyLock;

use chela_fuzz::Target;

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("CHELA_FUZZ_TARGET").unwrap_or_default();
    chela_fuzz::target(&name).unwrap_or_else(|| panic!("CHELA_FUZZ_TARGET names no target: `{name}`"))
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| (TARGET.check)(data));
