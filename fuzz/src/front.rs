//! What stands before or around requests: PROXY headers, first words of TLS, frames of HTTP/2.

use std::fmt::Debug;

use tenbin_proto::frames::{Seen, Walker};
use tenbin_proto::proxy::{Extras, write_v1, write_v2};
use tenbin_proto::{hello, proxy};

/// A header that is whole is the same whatever follows it, says the same when it is written anew, and what cannot become
/// one any more does not with more bytes.
pub fn proxy(data: &[u8]) {
    settles(data, |bytes| proxy::read(bytes).map_err(drop));
    let Ok(Some(header)) = proxy::read(data) else { return };
    assert!(header.length <= data.len());
    let _ = header.tlvs(data).count();
    for version in [1, 2] {
        let mut written = Vec::new();
        match version {
            1 => write_v1(&mut written, header.ends),
            _ => write_v2(&mut written, header.ends, &Extras::default()),
        }
        let again = proxy::read(&written).expect("of our own").expect("whole");
        assert_eq!((again.ends, again.length), (header.ends, written.len()));
    }
}

/// The same for the first message of TLS.
pub fn client_hello(data: &[u8]) {
    settles(data, |bytes| hello::read(bytes).map_err(drop));
}

/// The same frames are seen however the bytes are cut, and not a byte is lost.
pub fn frames(data: &[u8]) {
    for fresh in [Walker::default, Walker::behind_preface] {
        let (mut whole, mut bytewise) = (fresh(), fresh());
        let (mut seen, mut again) = (Vec::new(), Vec::new());
        let walked = whole.walk(data, |frame| {
            seen.push(frame);
            Seen::Further
        });
        assert_eq!(walked, data.len());
        for byte in data {
            let one = bytewise.walk(std::slice::from_ref(byte), |frame| {
                again.push(frame);
                Seen::Further
            });
            assert_eq!(one, 1);
        }
        assert_eq!(seen, again);
    }
}

/// What is read of some first bytes stands: neither a result nor a refusal changes with what follows.
fn settles<T: PartialEq + Debug>(data: &[u8], read: impl Fn(&[u8]) -> Result<Option<T>, ()>) {
    let whole = read(data);
    for end in 0..data.len().min(2048) {
        match read(&data[..end]) {
            Ok(None) => {}
            settled => return assert_eq!(settled, whole, "at {end} of {}", data.escape_ascii()),
        }
    }
}
