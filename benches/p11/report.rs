//! The table, in Markdown, and the machine that it holds for.

use std::collections::HashMap;
use std::fs;
use std::process::Command;

/// Name of the row, what it says, bytes a call where the rate is better told in bytes.
const ROWS: &[(&str, &str, u64)] = &[
    ("gcm-32", "AES-256-GCM, 32 bytes", 0),
    ("gcm-4096", "AES-256-GCM, 4 KiB", 0),
    ("gcm-1M", "AES-256-GCM, 1 MiB", 1 << 20),
    ("cbc-4096", "AES-256-CBC with padding, 4 KiB", 0),
    ("random-32", "32 random bytes", 0),
    ("sha256-64", "SHA-256 of 64 bytes", 0),
    ("p256-sign", "ECDSA signature on P-256, of 32 bytes", 0),
    ("rsa2048-sign", "RSA-2048 signature, PKCS #1 v1.5 of 51 bytes", 0),
    ("session-key", "make and destroy a session key", 0),
    ("token-key", "make a token key", 0),
    ("find-by-label", "find one key of 1,000 by its label", 0),
    ("gcm-32-token", "AES-256-GCM, 32 bytes, token key", 0),
    ("initialize", "load the module and C_Initialize", 0),
    ("resident", "memory that this takes", 0),
    ("login", "C_Login", 0),
];

/// `{}` is the number of keys.
const BIG_ROWS: &[(&str, &str, u64)] = &[
    ("fill", "fill a token with {} keys", 0),
    ("big-token-key", "make a token key beside {}", 0),
    ("big-find-by-label", "find one key of {} by its label", 0),
    ("big-initialize", "load the module and C_Initialize, {} keys", 0),
    ("big-resident", "memory that this takes", 0),
    ("big-login", "C_Login, {} keys", 0),
];

pub struct Column {
    name: String,
    values: HashMap<String, Value>,
}

enum Value {
    Number(f64, String),
    Failed(String),
}

impl Column {
    /// From rows `name value unit`, or `name - failure`.
    pub fn new(name: &str, rows: Vec<String>) -> Self {
        let values = rows.iter().filter_map(|row| {
            let (row_name, rest) = row.split_once(' ')?;
            let (number, unit) = rest.split_once(' ')?;
            let value = match number.parse() {
                Ok(number) => Value::Number(number, unit.to_owned()),
                Err(_) => Value::Failed(unit.to_owned()),
            };
            Some((row_name.to_owned(), value))
        });
        Self { name: name.to_owned(), values: values.collect() }
    }
}

/// Each module beside `raw`, the first column, and beside SoftHSM where that is among them.
pub fn print(columns: &[Column], keys: usize) {
    println!("{}\n", machine());
    let (raw, modules) = columns.split_first().expect("raw is always measured");
    let softhsm = modules.iter().find(|column| column.name == "softhsm");
    let mut heads = vec!["measurement".to_owned(), "threads".to_owned(), "raw AWS-LC".to_owned()];
    for module in modules {
        heads.extend([module.name.clone(), "/ raw".to_owned()]);
        if peer_of(module, softhsm).is_some() {
            heads.push("/ softhsm".to_owned());
        }
    }
    println!("| {} |\n|{}", heads.join(" | "), " --- |".repeat(heads.len()));
    let big = if keys > 0 { BIG_ROWS } else { &[] };
    for (name, text, bytes) in ROWS.iter().chain(big) {
        let text = text.replace("{}", &thousands(keys));
        for (suffix, threads) in [("", "1"), (".x2", "2"), (".x8", "8")] {
            let row = format!("{name}{suffix}");
            if !modules.iter().any(|module| module.values.contains_key(&row)) {
                continue;
            }
            let mut cells = vec![text.clone(), threads.to_owned(), cell(raw, &row, *bytes)];
            for module in modules {
                cells.extend([cell(module, &row, *bytes), ratio(module, raw, &row)]);
                if let Some(softhsm) = peer_of(module, softhsm) {
                    cells.push(ratio(module, softhsm, &row));
                }
            }
            println!("| {} |", cells.join(" | "));
        }
    }
    failures(modules);
}

fn failures(modules: &[Column]) {
    for module in modules {
        for (row, value) in &module.values {
            if let Value::Failed(failure) = value {
                println!("\n{}, {row}: {failure}", module.name);
            }
        }
    }
}

fn peer_of<'a>(module: &Column, softhsm: Option<&'a Column>) -> Option<&'a Column> {
    softhsm.filter(|softhsm| softhsm.name != module.name)
}

fn cell(column: &Column, row: &str, bytes: u64) -> String {
    match column.values.get(row) {
        Some(Value::Number(rate, unit)) if unit == "op/s" && bytes > 0 => {
            format!("{:.2} GB/s", rate * bytes as f64 / 1e9)
        }
        Some(Value::Number(rate, unit)) if unit == "op/s" => scaled(*rate),
        Some(Value::Number(number, unit)) => match unit.split_once(' ') {
            Some(("op/s", note)) => format!("{} ({note})", scaled(*number)),
            _ => format!("{number} {unit}"),
        },
        Some(Value::Failed(_)) => "fails".to_owned(),
        None => "-".to_owned(),
    }
}

/// How many times as fast (or as small) as the other column.
fn ratio(column: &Column, other: &Column, row: &str) -> String {
    match (column.values.get(row), other.values.get(row)) {
        (Some(Value::Number(mine, unit)), Some(Value::Number(theirs, _))) if unit.starts_with("op/s") => {
            factor(mine / theirs)
        }
        (Some(Value::Number(mine, _)), Some(Value::Number(theirs, _))) => factor(theirs / mine),
        _ => "-".to_owned(),
    }
}

fn factor(ratio: f64) -> String {
    match ratio {
        10.0.. => format!("{ratio:.0}x"),
        0.1.. => format!("{ratio:.2}x"),
        _ => format!("{ratio:.3}x"),
    }
}

fn scaled(rate: f64) -> String {
    match rate {
        1e6.. => format!("{:.2} M/s", rate / 1e6),
        1e4.. => format!("{:.0} k/s", rate / 1e3),
        1e3.. => format!("{:.1} k/s", rate / 1e3),
        _ => format!("{rate:.0} /s"),
    }
}

fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|g| std::str::from_utf8(g).unwrap_or_default()).collect();
    groups.join(",")
}

/// "AMD EPYC, 2 cores, Linux 6.1.0, 2026-01-31"
fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpu.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split(':').nth(1));
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let date = Command::new("date").args(["-u", "+%F"]).output().map(|o| o.stdout).unwrap_or_default();
    format!(
        "{}, {cores} cores, Linux {}, {}",
        model.unwrap_or("unknown processor").trim(),
        kernel.trim(),
        String::from_utf8_lossy(&date).trim()
    )
}
