//! Imports only go down: each layer of src/ names only those that stand beside it here.

use crate::none;
use crate::source::{code_lines, files};

const LAYERS: &[(&str, &[&str])] = &[
    (
        "api",
        &[
            "library",
            "session",
            "mechanism",
            "cluster",
            "object",
            "profile",
            "crypto",
            "config",
            "log",
            "error",
            "rv",
            "sync",
        ],
    ),
    (
        "library",
        &["session", "mechanism", "cluster", "object", "profile", "crypto", "config", "log", "error", "sync"],
    ),
    ("session", &["mechanism", "cluster", "object", "profile", "crypto", "error", "sync"]),
    ("mechanism", &["object", "profile", "crypto", "error"]),
    ("config", &["cluster", "profile", "root_key", "log", "error", "sync"]),
    ("cluster", &["object", "root_key", "crypto", "error", "rv", "sync"]),
    ("root_key", &["crypto", "error"]),
    ("object", &["profile", "crypto", "error"]),
    ("profile", &[]),
    ("crypto", &["error", "sync"]),
    ("log", &["error", "sync"]),
    ("error", &["rv"]),
    ("rv", &[]),
    ("manual", &[]),
    ("sync", &[]),
];

/// The layers that may use the store; it lies under everything, and sees bytes only.
const STORE_USERS: &[&str] = &["library", "config", "cluster", "error"];

#[test]
fn imports_only_go_down() {
    let mut findings = Vec::new();
    for file in files() {
        let Some(path) = file.name.strip_prefix("src/").and_then(|path| path.strip_suffix(".rs")) else {
            continue;
        };
        let layer = path.split('/').next().unwrap_or(path);
        if layer == "lib" {
            continue;
        }
        let Some((_, below)) = LAYERS.iter().find(|(name, _)| *name == layer) else {
            findings.push(format!("{} belongs to no layer: list it in tests/tidy/layers.rs", file.name));
            continue;
        };
        for (number, line) in code_lines(&file.text) {
            let above = named_after(line, "crate::").filter(|name| {
                *name != layer && !below.contains(name) && LAYERS.iter().any(|(known, _)| known == name)
            });
            for name in above {
                findings.push(format!("{}:{number}: {layer} may not use {name}", file.name));
            }
            if line.contains("vhsm_store") && !STORE_USERS.contains(&layer) {
                findings.push(format!("{}:{number}: {layer} may not use the store", file.name));
            }
        }
    }
    none("imports that go up", findings);
}

/// The names that follow `crate::` in a line, those in braces too (`crate::{error, object::Secret}`).
fn named_after<'a>(line: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    let paths = line.match_indices(prefix).map(move |(at, _)| &line[at + prefix.len()..]);
    paths.flat_map(|rest| {
        let (names, many) = match rest.strip_prefix('{') {
            Some(inner) => (inner.split('}').next().unwrap_or(inner), usize::MAX),
            None => (rest, 1),
        };
        names.split(',').take(many).map(|path| {
            let path = path.trim();
            let end = path.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(path.len());
            &path[..end]
        })
    })
}

#[test]
fn the_check_sees_what_it_should() {
    let names = |line| named_after(line, "crate::").collect::<Vec<_>>();
    assert_eq!(names("use crate::error::Error;"), ["error"]);
    assert_eq!(names("use crate::{cluster, object::Secret};"), ["cluster", "object"]);
    assert_eq!(names("let x = crate::crypto::random(crate::config::N);"), ["crypto", "config"]);
    assert!(names("use std::fmt;").is_empty());
}
