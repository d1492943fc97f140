//! `tenbin-dataplane --control PATH`: serves a control plane on that unix socket and moves bytes for it.
//!
//! `--leash` before everything else ends it when its standard input ends.
//! `--run-as UID:GID:GROUP,GROUP` makes it somebody else than root, once its socket is there and nothing was read.
//! `vocabulary` answers and ends: what expressions may say. `certificates` and `self-signed` answer and end: what files of TLS are worth, asked in JSON, and a new certificate.

#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use tenbin_engine::{RunAs, certificates_command, hide_memory, self_signed_command, vocabulary_command};

const USAGE: &str =
    "usage: tenbin-dataplane [--leash] --control PATH [--run-as UID:GID[:GROUP,...]] | --version
                        | certificates < QUESTION | self-signed NAME... | vocabulary";

fn main() -> ExitCode {
    let mut arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let leash = arguments.first().is_some_and(|word| word == "--leash");
    if leash {
        arguments.remove(0);
    }
    let words: Vec<&str> = arguments.iter().map(|word| word.to_str().unwrap_or_default()).collect();
    match (words.as_slice(), arguments.get(1)) {
        (["--version"], None) => {
            #[allow(clippy::print_stdout, reason = "what was asked for")]
            {
                println!("tenbin-dataplane {}", env!("CARGO_PKG_VERSION"));
            }
            ExitCode::SUCCESS
        }
        (["--control", _], Some(path)) => serve(Path::new(path), None, leash),
        (["--control", _, "--run-as", identity], Some(path)) => match identity.parse() {
            Ok(run_as) => serve(Path::new(path), Some(&run_as), leash),
            Err(error) => {
                eprintln!("tenbin-dataplane: --run-as {identity}: {error}");
                ExitCode::from(2)
            }
        },
        (["certificates"], None) => {
            ended(hide_memory().and_then(|()| certificates_command(io::stdin().lock(), io::stdout().lock())))
        }
        (["vocabulary"], None) => ended(vocabulary_command(io::stdout().lock())),
        (["self-signed", names @ ..], Some(_)) if !names.iter().any(|name| name.starts_with('-')) => {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let made = hide_memory().and_then(|()| self_signed_command(&names));
            ended(made.and_then(|pem| io::stdout().write_all(pem.as_bytes())))
        }
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn serve(path: &Path, run_as: Option<&RunAs>, leash: bool) -> ExitCode {
    ended(tenbin_engine::serve(path, run_as, leash))
}

fn ended(result: io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tenbin-dataplane: {error}");
            ExitCode::from(1)
        }
    }
}
