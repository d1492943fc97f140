//! Hashes of passwords as `crypt` of the C library writes them.

/// Whether the password has that hash. What is no hash fits nothing.
pub(crate) fn verify(hash: &str, password: &[u8]) -> bool {
    let _ = (hash, password);
    false
}
