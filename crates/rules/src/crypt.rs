//! Hashes of passwords as `crypt` of the C library writes them: `$5$` (SHA-256) and `$6$` (SHA-512).
//!
//! Such a hash takes milliseconds on purpose, and every request shows its password again. So what was found to be right
//! is remembered, as a keyed hash of both; what was wrong never is.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use parking_lot::RwLock;
use sha_crypt::{PasswordVerifier, ShaCrypt};

/// How many pairs are remembered.
const MOST: usize = 4_096;

/// Whether the password has that hash. What is no hash of these fits nothing.
pub(crate) fn verify(hash: &str, password: &[u8]) -> bool {
    static KNOWN: LazyLock<Known> = LazyLock::new(Known::default);
    KNOWN.get(hash, password) || {
        let good = ShaCrypt::default().verify_password(password, hash).is_ok();
        if good {
            KNOWN.put(hash, password);
        }
        good
    }
}

/// Pairs that were right.
#[derive(Default)]
struct Known {
    keys: (RandomState, RandomState),
    pairs: RwLock<HashSet<(u64, u64)>>,
}

impl Known {
    fn get(&self, hash: &str, password: &[u8]) -> bool {
        self.pairs.read().contains(&self.pair(hash, password))
    }

    fn put(&self, hash: &str, password: &[u8]) {
        let mut pairs = self.pairs.write();
        if pairs.len() >= MOST {
            pairs.clear();
        }
        pairs.insert(self.pair(hash, password));
    }

    fn pair(&self, hash: &str, password: &[u8]) -> (u64, u64) {
        (self.keys.0.hash_one((hash, password)), self.keys.1.hash_one((hash, password)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_of_the_c_library_are_verified() {
        for (hash, password) in [
            ("$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"),
            (
                "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
                "Hello world!",
            ),
            ("$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA", "Hello world!"),
        ] {
            assert!(verify(hash, password.as_bytes()) && verify(hash, password.as_bytes()), "{hash}");
            assert!(!verify(hash, b"hello world!"), "{hash}");
        }
        for hash in ["", "secret", "$1$abc$xyz", "$5$"] {
            assert!(!verify(hash, b"secret"), "{hash}");
        }
    }
}
