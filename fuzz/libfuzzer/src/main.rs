//! One libFuzzer program for all targets: `TENBIN_FUZZ_TARGET` names the one whose property is searched for a way out.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use tenbin_fuzz::Target;

static TARGET: OnceLock<Target> = OnceLock::new();

fuzz_target!(|data: &[u8]| {
    let target = TARGET.get_or_init(|| {
        let name = std::env::var("TENBIN_FUZZ_TARGET").unwrap_or_default();
        Target::named(&name).unwrap_or_else(|| panic!("TENBIN_FUZZ_TARGET={name:?} is no target"))
    });
    (target.property)(data);
});
