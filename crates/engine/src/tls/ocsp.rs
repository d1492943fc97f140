//! An OCSP answer (RFC 6960) that waits in a file: whether it may be stapled to a certificate.
//!
//! Signatures are for clients to check. What they would refuse is not sent: some take a bad staple for an attack.

use x509_parser::prelude::{ASN1Time, FromDer};

/// Why an answer is not used.
#[derive(Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It is not an answer that says anything.
    NoAnswer,
    /// It is for another certificate.
    Another,
    /// It says that the certificate is revoked, or that nothing is known of it.
    NotGood,
    /// It is too old.
    Expired,
}

/// Looks at an answer for the certificate with this serial number (as it is encoded), at a time in seconds since 1970;
/// says until when it may be sent.
pub fn judge(der: &[u8], serial: &[u8], now: i64) -> Result<i64, Unfit> {
    let (mut responses, mut found) = (responses(der).ok_or(Unfit::NoAnswer)?, None);
    while let Some((_, mut single)) = take(&mut responses) {
        let (number, status, until) = fields(&mut single).ok_or(Unfit::NoAnswer)?;
        if number != serial {
            continue;
        }
        let until = until.unwrap_or(i64::MAX);
        if status != 0x80 {
            return Err(Unfit::NotGood);
        }
        if until < now {
            return Err(Unfit::Expired);
        }
        found = Some(until);
    }
    found.ok_or(Unfit::Another)
}

/// Takes one element; says its tag and what is in it.
pub fn take<'a>(der: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&[tag, first], rest) = der.split_first_chunk::<2>()?;
    let (length, rest) = match first {
        0x81 => rest.split_first_chunk::<1>().map(|(long, rest)| (usize::from(long[0]), rest))?,
        0x82 => rest.split_first_chunk().map(|(long, rest)| (u16::from_be_bytes(*long).into(), rest))?,
        0x83.. => return None,
        short => (usize::from(short), rest),
    };
    let (inner, rest) = rest.split_at_checked(length)?;
    *der = rest;
    Some((tag, inner))
}

/// What is in the next element, if it has this tag.
fn enter<'a>(der: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    take(der).filter(|(found, _)| *found == tag).map(|(_, inner)| inner)
}

/// The list of single answers (section 4.2.1).
fn responses(mut der: &[u8]) -> Option<&[u8]> {
    let mut answer = enter(&mut der, 0x30)?;
    if enter(&mut answer, 0x0a)? != [0] {
        return None;
    }
    let mut bytes = enter(&mut answer, 0xa0)?;
    let mut bytes = enter(&mut bytes, 0x30)?;
    enter(&mut bytes, 0x06)?;
    let mut basic = enter(&mut bytes, 0x04)?;
    let mut basic = enter(&mut basic, 0x30)?;
    let mut data = enter(&mut basic, 0x30)?;
    // A version that is not the default one, and who answers.
    let (tag, _) = take(&mut data)?;
    if tag == 0xa0 {
        take(&mut data)?;
    }
    enter(&mut data, 0x18)?;
    enter(&mut data, 0x30)
}

/// Serial number, status and end of a single answer.
fn fields<'a>(single: &mut &'a [u8]) -> Option<(&'a [u8], u8, Option<i64>)> {
    let mut certificate = enter(single, 0x30)?;
    for tag in [0x30, 0x04, 0x04] {
        enter(&mut certificate, tag)?;
    }
    let serial = enter(&mut certificate, 0x02)?;
    let (status, _) = take(single)?;
    enter(single, 0x18)?;
    let until = match enter(single, 0xa0) {
        Some(time) => Some(ASN1Time::from_der(time).ok()?.1.timestamp()),
        None => None,
    };
    Some((serial, status, until))
}

#[cfg(test)]
pub mod tests {
    use super::*;

    fn wrap(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let inner = parts.concat();
        let length = u16::try_from(inner.len()).unwrap().to_be_bytes();
        [&[tag, 0x82], length.as_slice(), &inner].concat()
    }

    /// An answer without a good signature.
    pub fn answer(serial: &[u8], status: u8, until: &str) -> Vec<u8> {
        let time = |text: &str| wrap(0x18, &[text.as_bytes()]);
        let id = wrap(0x30, &[&wrap(0x30, &[]), &wrap(4, &[b"n"]), &wrap(4, &[b"k"]), &wrap(2, &[serial])]);
        let single =
            wrap(0x30, &[&id, &wrap(status, &[]), &time("20260101000000Z"), &wrap(0xa0, &[&time(until)])]);
        let data = wrap(0x30, &[&wrap(0xa2, &[b"who"]), &time("20260101000000Z"), &wrap(0x30, &[&single])]);
        let basic = wrap(0x30, &[&data, &wrap(0x30, &[]), &wrap(3, &[b"\0"])]);
        let bytes = wrap(0x30, &[&wrap(6, &[b"oid"]), &wrap(4, &[&basic])]);
        wrap(0x30, &[&[0x0a, 1, 0], &wrap(0xa0, &[&bytes])])
    }

    #[test]
    fn only_a_good_answer_for_the_certificate_is_stapled() {
        let now = 1_780_000_000;
        let good = answer(&[1, 2], 0x80, "20991231235959Z");
        assert_eq!(judge(&good, &[1, 2], now), Ok(4_102_444_799));
        assert_eq!(judge(&good, &[1, 3], now), Err(Unfit::Another));
        assert_eq!(judge(&answer(&[1], 0xa1, "20991231235959Z"), &[1], now), Err(Unfit::NotGood));
        assert_eq!(judge(&answer(&[1], 0x80, "20260102000000Z"), &[1], now), Err(Unfit::Expired));
        for cut in 0..good.len() {
            assert!(judge(&good[..cut], &[1, 2], now).is_err(), "{cut}");
        }
        // "Try later" is an answer that says nothing.
        assert_eq!(judge(&[0x30, 3, 0x0a, 1, 3], &[1], now), Err(Unfit::NoAnswer));
    }
}
