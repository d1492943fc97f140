//! Snapshots: JSON that becomes tables, or a refusal that says where.

use tenbin_engine::offline::Compiled;

/// Seconds since 1970, when cookies are set.
const NOW: u32 = 1_800_000_000;

/// Requests that each backend is taken through, and whether they fail.
const REQUESTS: [bool; 12] = [false, true, true, true, true, true, true, false, false, true, false, false];

/// It is compiled or refused with a place and a reason; once compiled, the same again replaces nothing, its backends
/// take requests, and what it makes Tenbin say to clients is whole lines.
pub fn property(data: &[u8]) {
    let compiled = match Compiled::new(data) {
        Ok(compiled) => compiled,
        Err(error) => {
            assert!(!error.reason.is_empty());
            return;
        }
    };
    let again = compiled.followed_by(data);
    let again = again.unwrap_or_else(|error| panic!("{}: {}", error.path, error.reason));
    assert_eq!((again.retired(), again.servers()), (0, compiled.servers()));
    for (backend, servers) in compiled.servers().into_iter().enumerate() {
        let went = compiled.rehearse(backend, &REQUESTS);
        assert!(went.iter().all(|&server| server < servers), "{went:?} of {servers}");
        for server in 0..servers.min(3) {
            let line = compiled.set_cookie(backend, server, NOW);
            let text = line.strip_suffix(b"\r\n").unwrap_or_default();
            let is_line = !text.is_empty() && !text.iter().any(|byte| b"\r\n\0".contains(byte));
            assert!(line.is_empty() || is_line, "{}", line.escape_ascii());
        }
    }
}
