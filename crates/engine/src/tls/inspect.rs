//! The offline judgement of certificates: a question in JSON, an answer in JSON, nothing of keys.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use super::authorities::{lists, outdated, roots};
use super::certificates::{Judged, certificates};
use super::problem::Problem;
use super::seconds;
use super::x509::Described;
use crate::wire::Certificate;

/// The most that is read of a question.
const QUESTION: u64 = 64 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    #[serde(default)]
    certificates: Vec<Certificate>,
    #[serde(default)]
    authorities: Vec<String>,
}

#[derive(Serialize)]
struct Answer {
    certificates: Vec<CertificateAnswer>,
    authorities: Vec<AuthoritiesAnswer>,
}

#[derive(Serialize)]
struct CertificateAnswer {
    certificate: String,
    #[serde(flatten)]
    described: Described,
    chain: usize,
    others: Vec<(String, String)>,
    problems: Vec<Problem>,
}

#[derive(Serialize)]
struct AuthoritiesAnswer {
    file: String,
    count: usize,
    problems: Vec<Problem>,
}

/// Judges the files that a question names. What is wrong with them is in the answer; an error is about the question.
pub fn certificates_command(question: impl Read, mut answer: impl Write) -> io::Result<()> {
    let mut text = Vec::new();
    question.take(QUESTION).read_to_end(&mut text)?;
    let Question { certificates, authorities } = serde_json::from_slice(&text)?;
    let now = seconds();
    let told = Answer {
        certificates: certificates.iter().map(|one| certificate(one, now)).collect(),
        authorities: authorities.into_iter().map(|file| authority(file, now)).collect(),
    };
    serde_json::to_writer(&mut answer, &told)?;
    answer.write_all(b"\n")
}

fn certificate(spec: &Certificate, now: i64) -> CertificateAnswer {
    let Judged { described, chain, others, problems, .. } = Judged::new(spec, now);
    CertificateAnswer { certificate: spec.certificate.clone(), described, chain, others, problems }
}

/// Authorities, or revocation lists where a file has no authorities.
fn authority(file: String, now: i64) -> AuthoritiesAnswer {
    let found = certificates(&file).and_then(|found| roots(&file, &found).map(|_| (found.len(), Vec::new())));
    let found = found.or_else(|problem| {
        let lists = lists(&file).map_err(|about| if about.line == 0 { problem } else { about })?;
        let old = lists.iter().filter_map(|(line, list)| {
            let day = outdated(list, now)?;
            Some(Problem::warning(
                &file,
                *line,
                format!("the next revocation list was to come on {day}: everybody is refused"),
            ))
        });
        Ok((lists.len(), old.collect()))
    });
    let (count, problems) = found.unwrap_or_else(|problem: Problem| (0, vec![problem]));
    AuthoritiesAnswer { file, count, problems }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::tls::tests::support::{Authority, Directory};

    fn ask(question: &Value) -> Value {
        let mut answer = Vec::new();
        certificates_command(question.to_string().as_bytes(), &mut answer).unwrap();
        serde_json::from_slice(&answer).unwrap()
    }

    #[test]
    fn what_is_in_files_is_told_and_nothing_of_keys() {
        let (directory, authority) = (Directory::new(), Authority::new("Root"));
        let one = authority.certify(&["a.example", "*.b.example"]);
        let pem = directory.write("one.pem", one.whole(&[]).as_bytes());
        let roots = directory.write("roots.pem", [authority.pem(), authority.pem()].concat().as_bytes());
        let revoked = directory.write("revoked.pem", authority.revoke(&[&one]).as_bytes());
        let told = ask(&json!({
            "certificates": [{"certificate": pem, "key": pem, "ocsp": "", "position": "t:1:2"}],
            "authorities": [roots, revoked, pem.replace("one", "none")],
        }));
        let first = &told["certificates"][0];
        assert_eq!(first["certificate"], json!(pem));
        assert_eq!(first["names"], json!(["a.example", "*.b.example"]));
        assert_eq!((&first["key"], &first["chain"]), (&json!("ecdsa P-256"), &json!(1)));
        assert_eq!((&first["issuer"], &first["problems"]), (&json!("CN=Root"), &json!([])));
        assert!(first["not_after"].as_i64() > first["not_before"].as_i64());
        let counts: Vec<_> =
            (0..3).map(|place| told["authorities"][place]["count"].as_u64().unwrap()).collect();
        assert_eq!(counts, [2, 1, 0]);
        assert_eq!(told["authorities"][1]["problems"], json!([]));
        let missing = &told["authorities"][2]["problems"][0];
        assert_eq!((&missing["level"], &missing["line"]), (&json!("error"), &json!(0)));
        assert!(!told.to_string().contains("PRIVATE"));
        directory.write("revoked.pem", authority.revoke_until(&[&one], 2025).as_bytes());
        let outdated = &ask(&json!({"authorities": [revoked]}))["authorities"][0]["problems"][0];
        assert_eq!((&outdated["level"], &outdated["line"]), (&json!("warning"), &json!(1)));
        assert!(outdated["text"].as_str().unwrap().contains("2025-06-01"), "{outdated}");
    }

    #[test]
    fn a_file_that_cannot_be_read_has_only_problems() {
        let directory = Directory::new();
        let file =
            directory.write("a.pem", b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n");
        let told = ask(&json!({"certificates": [{"certificate": file, "key": ""}]}));
        let problem = &told["certificates"][0]["problems"][0];
        assert_eq!((&problem["level"], &problem["line"]), (&json!("error"), &json!(1)));
        assert!(certificates_command("{\"a\": 1}".as_bytes(), Vec::new()).is_err());
    }
}
