//! What was wrong with a client's handshake, in the numbers and words that HAProxy has from OpenSSL.
//!
//! Only what rustls tells apart is told: not how far up a chain an authority was missing, nor that a certificate signed
//! itself.

use std::io;

use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

/// A reason of OpenSSL's part for TLS, and for a client's certificate the result of its verification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Blame {
    /// 0: none.
    reason: u16,
    text: &'static str,
    /// `X509_V_ERR_...`; 0: nothing is wrong with a certificate.
    pub certificate: u8,
}

/// The part of OpenSSL for TLS, as it stands in its numbers of errors.
const LIBRARY: i64 = 20 << 23;
/// What stands before the number of an alert that came.
const ALERTS: u16 = 1000;

impl Blame {
    /// HTTP where TLS is expected.
    pub const PLAIN: Self = Self::new(156, "http request");
    /// A name that is not known where only known ones are served.
    pub const NAME: Self = Self::new(234, "callback failed");

    const fn new(reason: u16, text: &'static str) -> Self {
        Self { reason, text, certificate: 0 }
    }

    /// Of what a handshake ended with.
    pub fn of(error: &io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            None if error.kind() == io::ErrorKind::InvalidData => Self::NAME,
            None => Self::default(),
            Some(error) => of_tls(error),
        }
    }

    /// The number of the error; 0 for none.
    pub fn number(self) -> i64 {
        if self.reason == 0 { 0 } else { LIBRARY | i64::from(self.reason) }
    }

    /// The same in words; none where there is none.
    pub fn words(self) -> Option<String> {
        (self.reason != 0).then(|| format!("error:{:08X}:SSL routines::{}", self.number(), self.text))
    }
}

fn of_tls(error: &Error) -> Blame {
    match error {
        Error::InvalidCertificate(error) => {
            Blame { certificate: verification(error), ..Blame::new(134, "certificate verify failed") }
        }
        Error::NoCertificatesPresented => Blame::new(199, "peer did not return a certificate"),
        Error::AlertReceived(alert) => {
            let (number, text) = (u8::from(*alert), alerted(*alert));
            Blame::new(ALERTS + u16::from(number), text)
        }
        Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon) => {
            Blame::new(193, "no shared cipher")
        }
        Error::PeerIncompatible(PeerIncompatible::NoKxGroupsInCommon) => {
            Blame::new(101, "no suitable key share")
        }
        Error::PeerIncompatible(PeerIncompatible::NoSignatureSchemesInCommon) => {
            Blame::new(118, "no suitable signature algorithm")
        }
        Error::PeerIncompatible(
            PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
            | PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::SupportedVersionsExtensionRequired,
        ) => Blame::new(258, "unsupported protocol"),
        Error::NoApplicationProtocol => Blame::new(235, "no application protocol"),
        Error::InvalidMessage(_) => Blame::new(267, "wrong version number"),
        _ => Blame::default(),
    }
}

/// `X509_V_ERR_...` of OpenSSL's `x509_vfy.h`.
fn verification(error: &CertificateError) -> u8 {
    match error {
        CertificateError::UnknownRevocationStatus => 3,
        CertificateError::BadSignature
        | CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => 7,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => 9,
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => 10,
        CertificateError::ExpiredRevocationList | CertificateError::ExpiredRevocationListContext { .. } => 12,
        CertificateError::UnknownIssuer => 20,
        CertificateError::Revoked => 23,
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => 26,
        CertificateError::UnhandledCriticalExtension => 34,
        _ => 1,
    }
}

fn alerted(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::CloseNotify => "sslv3 alert close notify",
        AlertDescription::UnexpectedMessage => "sslv3 alert unexpected message",
        AlertDescription::BadRecordMac => "sslv3 alert bad record mac",
        AlertDescription::HandshakeFailure => "sslv3 alert handshake failure",
        AlertDescription::BadCertificate => "sslv3 alert bad certificate",
        AlertDescription::UnsupportedCertificate => "sslv3 alert unsupported certificate",
        AlertDescription::CertificateRevoked => "sslv3 alert certificate revoked",
        AlertDescription::CertificateExpired => "sslv3 alert certificate expired",
        AlertDescription::CertificateUnknown => "sslv3 alert certificate unknown",
        AlertDescription::IllegalParameter => "sslv3 alert illegal parameter",
        AlertDescription::UnknownCA => "tlsv1 alert unknown ca",
        AlertDescription::AccessDenied => "tlsv1 alert access denied",
        AlertDescription::DecodeError => "tlsv1 alert decode error",
        AlertDescription::DecryptError => "tlsv1 alert decrypt error",
        AlertDescription::ProtocolVersion => "tlsv1 alert protocol version",
        AlertDescription::InsufficientSecurity => "tlsv1 alert insufficient security",
        AlertDescription::InternalError => "tlsv1 alert internal error",
        AlertDescription::UserCanceled => "tlsv1 alert user cancelled",
        AlertDescription::CertificateRequired => "tlsv13 alert certificate required",
        _ => "reason(0)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blame(error: Error) -> Blame {
        Blame::of(&io::Error::new(io::ErrorKind::InvalidData, error))
    }

    #[test]
    fn numbers_and_words_are_those_of_openssl() {
        let unknown = blame(CertificateError::UnknownIssuer.into());
        assert_eq!((unknown.number(), unknown.certificate), (167_772_294, 20));
        let words = unknown.words();
        assert_eq!(words.as_deref(), Some("error:0A000086:SSL routines::certificate verify failed"));
        let alert = blame(Error::AlertReceived(AlertDescription::UnknownCA));
        assert_eq!(alert.words().unwrap(), "error:0A000418:SSL routines::tlsv1 alert unknown ca");
        let strict = Blame::of(&io::Error::new(io::ErrorKind::InvalidData, "no such host"));
        assert_eq!(strict, Blame::NAME);
        let gone = Blame::of(&io::ErrorKind::ConnectionReset.into());
        assert_eq!((gone.number(), gone.words(), gone.certificate), (0, None, 0));
    }
}
