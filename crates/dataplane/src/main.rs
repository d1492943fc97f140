//! `tenbin-dataplane --control PATH`: serves a control plane on that unix socket and moves bytes for it.

#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "usage: tenbin-dataplane --control PATH | --version";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (first, second, rest) = (arguments.next(), arguments.next(), arguments.next());
    match (first.as_deref().and_then(|first| first.to_str()), second, rest) {
        (Some("--version"), None, None) => {
            #[allow(clippy::print_stdout, reason = "what was asked for")]
            {
                println!("tenbin-dataplane {}", env!("CARGO_PKG_VERSION"));
            }
            ExitCode::SUCCESS
        }
        (Some("--control"), Some(path), None) => match tenbin_engine::serve(&PathBuf::from(path)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("tenbin-dataplane: {error}");
                ExitCode::from(1)
            }
        },
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}
