//! Content-Length and Transfer-Encoding (RFC 9112, 6), the two fields that decide where a message ends.
//!
//! Owns: their values and the verdict on doubtful ones. Does not own: what follows for a body, see `request` and
//! `response`.

use crate::reject::Fault;

/// What the framing fields of one head have said so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Declared {
    /// Content-Length.
    pub length: Option<u64>,
    /// Transfer-Encoding: chunked.
    pub chunked: bool,
}

impl Declared {
    /// A Content-Length of a request: once, one number.
    pub fn add_length(&mut self, value: &[u8]) -> Result<(), Fault> {
        if self.length.is_some() {
            return Err(Fault::LengthRepeated);
        }
        self.length = Some(number(value)?);
        Ok(())
    }

    /// A Content-Length of a response: repeated and listed numbers count as one if all are equal (RFC 9112, 6.3).
    #[inline]
    pub fn add_equal_length(&mut self, value: &[u8]) -> Result<(), Fault> {
        match (self.length, number(value)) {
            (None, Ok(length)) => self.length = Some(length),
            _ => return self.add_length_list(value),
        }
        Ok(())
    }

    fn add_length_list(&mut self, value: &[u8]) -> Result<(), Fault> {
        for member in value.split(|&byte| byte == b',') {
            let length = number(member.trim_ascii())?;
            if self.length.is_some_and(|before| before != length) {
                return Err(Fault::LengthRepeated);
            }
            self.length = Some(length);
        }
        Ok(())
    }

    /// A Transfer-Encoding: once, chunked and nothing else.
    pub fn add_coding(&mut self, value: &[u8]) -> Result<(), Fault> {
        if self.chunked {
            return Err(Fault::CodingRepeated);
        }
        if value.eq_ignore_ascii_case(b"chunked") {
            self.chunked = true;
            return Ok(());
        }
        let first = value.split(|&byte| byte == b',').next().unwrap_or_default().trim_ascii();
        let wrong_order = first.is_empty() || first.eq_ignore_ascii_case(b"chunked");
        Err(if wrong_order { Fault::CodingOrder } else { Fault::CodingUnknown })
    }

    /// Refuses both fields together, and a coding in HTTP/1.0 (RFC 9112, 6.1).
    pub fn check(&self, http10: bool) -> Result<(), Fault> {
        match (self.chunked, self.length) {
            (true, Some(_)) => Err(Fault::LengthAndCoding),
            (true, None) if http10 => Err(Fault::CodingOld),
            _ => Ok(()),
        }
    }
}

/// Digits only, at most 2^63-1 so that no reader downstream sees a negative number. Leading zeros are legal.
fn number(text: &[u8]) -> Result<u64, Fault> {
    if text.is_empty() {
        return Err(Fault::LengthInvalid);
    }
    let mut value = 0_u64;
    for &byte in text {
        if !byte.is_ascii_digit() {
            return Err(Fault::LengthInvalid);
        }
        let next = value.checked_mul(10).and_then(|tens| tens.checked_add(u64::from(byte - b'0')));
        value = next.filter(|&value| i64::try_from(value).is_ok()).ok_or(Fault::LengthTooBig)?;
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::Declared;
    use crate::reject::Fault;

    fn length(value: &str) -> Result<u64, Fault> {
        let mut declared = Declared::default();
        declared.add_length(value.as_bytes()).map(|()| declared.length.unwrap())
    }

    #[test]
    fn a_length_is_digits_up_to_2_63() {
        assert_eq!(length("0"), Ok(0));
        assert_eq!(length("005"), Ok(5));
        assert_eq!(length("4294967301"), Ok(4_294_967_301));
        assert_eq!(length("9223372036854775807"), Ok(i64::MAX as u64));
        assert_eq!(length("9223372036854775808"), Err(Fault::LengthTooBig));
        assert_eq!(length("18446744073709551621"), Err(Fault::LengthTooBig));
        for wrong in ["", "+5", "-5", "0x5", "5,5", "5, 5", "5;", "5 5", "\"5\"", "٥", "5\u{b}", "1e2", "5."]
        {
            assert_eq!(length(wrong), Err(Fault::LengthInvalid), "{wrong}");
        }
    }

    #[test]
    fn equal_lengths_of_a_server_fold_into_one() {
        let mut declared = Declared::default();
        declared.add_equal_length(b"5, 5").unwrap();
        declared.add_equal_length(b"05").unwrap();
        assert_eq!(declared.length, Some(5));
        assert_eq!(declared.add_equal_length(b"6"), Err(Fault::LengthRepeated));
        assert_eq!(declared.add_equal_length(b"5,"), Err(Fault::LengthInvalid));
        assert_eq!(declared.add_length(b"5"), Err(Fault::LengthRepeated));
    }

    #[test]
    fn chunked_alone_is_understood() {
        let coding = |value: &str| Declared::default().add_coding(value.as_bytes());
        assert_eq!(coding("chunked"), Ok(()));
        assert_eq!(coding("Chunked"), Ok(()));
        for wrong in ["", ",", "chunked,", "chunked, gzip", "chunked , chunked", ", chunked"] {
            assert_eq!(coding(wrong), Err(Fault::CodingOrder), "{wrong}");
        }
        for other in
            ["gzip, chunked", "gzip", "identity", "xchunked", "chunkedx", "\"chunked\"", "chunked;q=1"]
        {
            assert_eq!(coding(other), Err(Fault::CodingUnknown), "{other}");
        }
    }

    #[test]
    fn contradictions_are_refused() {
        let both = Declared { length: Some(1), chunked: true };
        assert_eq!(both.check(false), Err(Fault::LengthAndCoding));
        let chunked = Declared { length: None, chunked: true };
        assert_eq!((chunked.check(false), chunked.check(true)), (Ok(()), Err(Fault::CodingOld)));
    }
}
