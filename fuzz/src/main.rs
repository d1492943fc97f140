//! `tenbin-fuzz`: the inputs of a target out of the repository and into it, and one input on its own.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use tenbin_fuzz::{TARGETS, Target, corpus};

const USAGE: &str =
    "usage: tenbin-fuzz targets | unpack TARGET DIRECTORY | keep TARGET DIRECTORY | try TARGET FILE";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let target = words.get(1).and_then(|name| Target::named(name));
    let done = match (words.first(), target, words.get(2)) {
        (Some(&"targets"), None, None) => {
            TARGETS.iter().try_for_each(|target| writeln!(io::stdout(), "{}", target.name))
        }
        (Some(&"unpack"), Some(target), Some(directory)) => unpack(target, Path::new(directory)),
        (Some(&"keep"), Some(target), Some(directory)) => keep(target, Path::new(directory)),
        (Some(&"try"), Some(target), Some(file)) => attempt(target, Path::new(file)),
        _ => Err(io::Error::other(USAGE)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes every input that is kept to a file of its own.
fn unpack(target: Target, directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    for (index, input) in target.inputs().iter().enumerate() {
        fs::write(directory.join(format!("kept-{index:04}")), input)?;
    }
    Ok(())
}

/// Adds what is in the directory and not yet kept to the file of the target.
fn keep(target: Target, directory: &Path) -> io::Result<()> {
    let before: BTreeSet<Vec<u8>> = target.inputs().into_iter().collect();
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(directory)? {
        found.insert(fs::read(entry?.path())?);
    }
    let mut text = fs::read_to_string(corpus::file(target.name)).unwrap_or_default();
    let new: Vec<String> = found
        .difference(&before)
        .filter(|input| !input.is_empty())
        .map(|input| corpus::line(input))
        .collect();
    for line in &new {
        text.extend([line.as_str(), "\n"]);
    }
    fs::write(corpus::file(target.name), text)?;
    writeln!(io::stdout(), "{}: {} inputs more", target.name, new.len())
}

/// Holds one file against the property; it panics where libFuzzer did.
fn attempt(target: Target, file: &Path) -> io::Result<()> {
    let input = fs::read(file)?;
    writeln!(io::stdout(), "{}", corpus::line(&input))?;
    (target.property)(&input);
    writeln!(io::stdout(), "holds")
}
