//! Files with certificates, keys and lists: read within a bound, taken apart into PEM sections that know their line.
//!
//! Does not own: what is in a section. No text quotes what a file holds, for it may be a key.

use std::fs::{File, metadata};
use std::io::{self, Read};

use rustls::pki_types::pem::PemObject;

use super::problem::Problem;

/// The most that is read of a file with certificates, keys or an OCSP answer.
pub const ORDINARY: u64 = 1 << 20;

/// The most that is read of a file with authorities or revocation lists: those of a large authority are long.
pub const LARGE: u64 = 16 << 20;

/// One `-----BEGIN ...-----` and what belongs to it.
pub struct Section<'a> {
    /// Of its first line, from 1.
    pub line: usize,
    /// Such as `CERTIFICATE`.
    pub label: &'a str,
    whole: &'a [u8],
}

impl Section<'_> {
    /// A key that only a passphrase opens.
    pub fn is_encrypted(&self) -> bool {
        let old = b"Proc-Type: 4,ENCRYPTED";
        self.label == "ENCRYPTED PRIVATE KEY" || self.whole.windows(old.len()).any(|text| text == old)
    }

    /// Any kind of private key.
    pub fn is_key(&self) -> bool {
        self.label.ends_with("PRIVATE KEY")
    }

    /// What it holds, if it is of this kind; the label was looked at before.
    pub fn decode<T: PemObject>(&self, file: &str) -> Result<T, Problem> {
        T::from_pem_slice(self.whole).map_err(|_| {
            Problem::error(file, self.line, format!("this {} is damaged: it is not base64", self.label))
        })
    }
}

/// Reads a whole file; nothing else than a file, so that nobody waits for a pipe.
pub fn read(file: &str, most: u64) -> Result<Vec<u8>, Problem> {
    let failed = |error: io::Error| Problem::error(file, 0, format!("cannot be read: {}", said(&error)));
    if !metadata(file).map_err(failed)?.is_file() {
        return Err(Problem::error(file, 0, "is not a file"));
    }
    let mut bytes = Vec::new();
    File::open(file).map_err(failed)?.take(most + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > most {
        return Err(Problem::error(file, 0, format!("is longer than {} MiB", most >> 20)));
    }
    Ok(bytes)
}

/// The sections of a PEM file, at least one.
pub fn sections<'a>(file: &str, bytes: &'a [u8]) -> Result<Vec<Section<'a>>, Problem> {
    let (mut found, mut open, mut place) = (Vec::new(), None, 0);
    for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let (start, number) = (place, number + 1);
        place += line.len();
        let text = line.trim_ascii();
        if let Some(label) = marker(text, b"-----BEGIN ") {
            if let Some((line, label, _)) = open.replace((number, label, start)) {
                return Err(endless(file, line, label));
            }
        } else if let Some((line, label, start)) = open.take_if(|(_, label, _)| ends(text, label)) {
            found.push(Section { line, label, whole: bytes.get(start..place).unwrap_or_default() });
        }
    }
    match (open, found.is_empty()) {
        (Some((line, label, _)), _) => Err(endless(file, line, label)),
        (None, true) => Err(Problem::error(file, 0, without_sections(bytes))),
        (None, false) => Ok(found),
    }
}

/// The labels that are there, for messages about one that is not.
pub fn labels(sections: &[Section<'_>]) -> String {
    let mut labels: Vec<_> = sections.iter().map(|section| section.label).collect();
    labels.dedup();
    labels.join(", ")
}

fn said(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".into(),
        io::ErrorKind::PermissionDenied => "the data plane's user may not".into(),
        _ => error.to_string(),
    }
}

fn marker<'a>(line: &'a [u8], start: &[u8]) -> Option<&'a str> {
    str::from_utf8(line.strip_prefix(start)?.strip_suffix(b"-----")?).ok()
}

fn ends(line: &[u8], label: &str) -> bool {
    marker(line, b"-----END ").is_some_and(|end| end == label)
}

fn endless(file: &str, line: usize, label: &str) -> Problem {
    Problem::error(file, line, format!("no \"-----END {label}-----\" ends what begins here"))
}

fn without_sections(bytes: &[u8]) -> &'static str {
    match bytes {
        [] => "is empty",
        // A sequence that begins with the number 3 (RFC 7292, section 4).
        [0x30, 0x82, _, _, 0x02, 0x01, 0x03, ..] => {
            "is PKCS#12, expected PEM: \"openssl pkcs12 -in FILE -nodes -out FILE.pem\" makes it so"
        }
        [0x30, ..] => {
            "is DER, expected PEM: \"openssl x509 -inform der -in FILE -out FILE.pem\" makes it so, for a key \
             \"openssl pkey -inform der\""
        }
        _ => "is not PEM: it has no line \"-----BEGIN ...-----\"",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::tests::support::Directory;

    #[test]
    fn sections_know_their_lines() {
        let text = b"Bag Attributes\n-----BEGIN A B-----\nMA==\n-----END A B-----\r\n\n-----BEGIN C-----\r\n-----END C-----";
        let found = sections("f", text).unwrap();
        let told: Vec<_> = found.iter().map(|section| (section.line, section.label)).collect();
        assert_eq!((told, labels(&found)), (vec![(2, "A B"), (6, "C")], "A B, C".to_owned()));
    }

    #[test]
    fn what_is_no_pem_is_told_apart() {
        let told = |bytes: &[u8]| sections("f", bytes).err().unwrap().to_string();
        assert!(told(b"").contains("empty"));
        assert!(told(b"hello").contains("not PEM"));
        assert!(told(&[0x30, 0x82, 1, 1, 0x30]).contains("x509 -inform der"));
        assert!(told(&[0x30, 0x82, 1, 1, 2, 1, 3]).contains("PKCS#12"));
        assert_eq!(told(b"\n-----BEGIN A-----\nMA=="), "f:2: no \"-----END A-----\" ends what begins here");
        assert!(told(b"-----BEGIN A-----\n-----BEGIN B-----\n-----END B-----\n").starts_with("f:1: "));
    }

    #[test]
    fn files_are_bounded_and_files() {
        let directory = Directory::new();
        let long = directory.write("long", &[b'a'; 65]);
        let told = |path: &str, most| read(path, most).err().unwrap().text;
        assert_eq!(read(&long, 65).unwrap().len(), 65);
        assert!(told(&long, 64).contains("longer"));
        assert_eq!(told("/dev/zero", 64), "is not a file");
        assert!(told("/nowhere/at-all", 64).contains("no such file"));
    }
}
