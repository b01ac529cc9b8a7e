//! `make bench`: the speed of PKCS#11 modules through their C interface, beside raw cryptography.
//!
//!     p11 [--keys N] [MODULE...]
//!
//! MODULE is `vhsm`, `vhsm-etcd` (its store in an etcd of one member, started for it), `softhsm` (all of these get a
//! throw-away token) or `FILE:SLOT:PIN`, where SLOT may be `-`: the first slot whose user PIN is set. Without one:
//! `vhsm softhsm`. Every module is measured in a child process of its own. `--keys 1000000` adds the rows that are
//! measured beside so many token keys; it takes minutes, and a module that has not made them after half an hour gets
//! no such rows.
//!
//! A rate is the best of three passes of about 0.4 s. A row named X.x2 is what two threads did together, each with
//! a session of its own, by the wall clock.

mod clock;
#[path = "../../store/tests/common/etcd/mod.rs"]
mod etcd;
mod module;
mod raw;
mod report;
mod rows;
mod token;

use std::process::{Command, ExitCode, Stdio};
use token::Token;

/// What is told to the user when a measurement cannot be had.
type Failure = String;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["--child", "raw"] => {
            raw::measure_all();
            Ok(())
        }
        ["--child", part, file, slot, pin, keys] => child(part, file, slot, pin, keys),
        ["--keys", keys, modules @ ..] => parent(keys, modules),
        modules => parent("0", modules),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("p11: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// One part of the measurements on one module; prints the rows for the parent.
fn child(part: &str, file: &str, slot: &str, pin: &str, keys: &str) -> Result<(), Failure> {
    let keys = count(keys)?;
    match part {
        "small" => rows::small(file, slot, pin),
        "fill" => rows::fill(file, slot, pin, keys),
        "big" => rows::big(file, slot, pin, keys),
        _ => Err(format!("unknown part {part:?}")),
    }
}

fn parent(keys: &str, modules: &[&str]) -> Result<(), Failure> {
    let modules = if modules.is_empty() { &["vhsm", "softhsm"] } else { modules };
    let tokens = modules.iter().map(|name| Token::new(name)).collect::<Result<Vec<_>, _>>()?;
    let mut columns = vec![report::Column::new("raw", run(&["raw"], None)?)];
    for token in &tokens {
        let part = |part: &str| run(&[part, &token.file, &token.slot, &token.pin, keys], Some(token));
        let mut rows = part("small")?;
        if count(keys)? > 0 {
            let filled = part("fill")?;
            let complete = !filled.iter().any(|row| row.ends_with(rows::INCOMPLETE));
            rows.extend(filled);
            if complete {
                rows.extend(part("big")?);
            }
        }
        columns.push(report::Column::new(&token.name, rows));
    }
    report::print(&columns, count(keys)?);
    Ok(())
}

/// Runs this program as a child and gives the rows that it printed.
fn run(arguments: &[&str], token: Option<&Token>) -> Result<Vec<String>, Failure> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut command = Command::new(program);
    command.arg("--child").args(arguments).stderr(Stdio::inherit());
    if let Some(token) = token {
        command.envs(token.environment.iter().cloned());
        eprintln!("p11: {}, {}", token.name, arguments[0]);
    }
    let output = command.output().map_err(|e| e.to_string())?;
    if !output.status.success() {
        return Err(format!("the child that measured {} failed", arguments.join(" ")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

fn count(text: &str) -> Result<usize, Failure> {
    text.parse().map_err(|_| format!("not a number of keys: {text:?}"))
}
