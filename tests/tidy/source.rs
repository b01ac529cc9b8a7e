//! The files of the repository, and what every one of them must or must not have.

use crate::none;
use std::fs;
use std::path::{Path, PathBuf};
use vhsm_pkcs11::mechanism::table::TABLE;

const WANTED_LINES: usize = 500;
const MOST_LINES: usize = 800;

/// Files of more than 500 lines, each with its reason. More than 800 takes data or generated code.
const LONG_FILES: &[(&str, &str)] = &[];

/// Where `unsafe` may stand, beside src/api.
const UNSAFE_FILES: &[(&str, &str)] = &[
    ("src/api/", "the C interface"),
    ("src/crypto/ffi.rs", "what AWS-LC has and its safe interface lacks"),
    ("keystore/tests/it/support/", "sets the variables that a module reads when it is initialized"),
    ("service/src/xks_proxy/hsms/tests/", "as above"),
    ("store/src/lmdb/", "LMDB, file locks, and pages that other processes write"),
    ("store/tests/", "forks, and kills children"),
    ("tests/it/", "forks, and says what cryptoki cannot: nulls, wrong lengths"),
    ("benches/p11/module.rs", "calls modules through the C interface"),
];

pub struct File {
    /// From the root of the repository, with `/`.
    pub name: String,
    pub text: String,
}

/// All files of text that people write, but for build results.
pub fn files() -> Vec<File> {
    let root = root();
    let mut paths = Vec::new();
    walk(root, &mut paths);
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.strip_prefix(root).ok()?.to_string_lossy().into_owned();
        Some(File { name, text: fs::read_to_string(&path).ok()? })
    };
    paths.into_iter().filter_map(read).collect()
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the repository") {
        let path = entry.expect("as above").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_symlink() || ["target", ".git"].contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            walk(&path, found);
        } else if is_written_by_people(&path, &name) {
            found.push(path);
        }
    }
}

fn is_written_by_people(path: &Path, name: &str) -> bool {
    const EXTENSIONS: [&str; 6] = ["rs", "toml", "md", "sh", "c", "h"];
    let known = path.extension().is_some_and(|own| EXTENSIONS.iter().any(|extension| own == *extension));
    known || name == "Makefile" || path.parent().is_some_and(|folder| folder == root().join(".ci"))
}

fn rust_files() -> Vec<File> {
    files().into_iter().filter(|file| file.name.ends_with(".rs")).collect()
}

#[test]
fn sources_are_ascii() {
    let mut findings = Vec::new();
    for file in files() {
        for (number, line) in file.text.lines().enumerate() {
            if !line.is_ascii() {
                findings.push(format!("{}:{}: {line}", file.name, number + 1));
            }
        }
    }
    none("not ASCII", findings);
}

#[test]
fn files_are_short() {
    let mut findings = Vec::new();
    for file in rust_files() {
        let lines = file.text.lines().count();
        let excused = LONG_FILES.iter().any(|(name, _)| *name == file.name);
        if lines > MOST_LINES || (lines > WANTED_LINES && !excused) {
            findings.push(format!("{}: {lines} lines", file.name));
        }
    }
    let gone = LONG_FILES.iter().filter(|(name, _)| !root().join(name).exists());
    findings.extend(gone.map(|(name, _)| format!("{name} is listed and does not exist")));
    none("more than 500 lines: which noun is missing? (exceptions: LONG_FILES)", findings);
}

#[test]
fn unsafe_stays_at_the_edge() {
    let word = ["un", "safe"].concat();
    let mut findings = Vec::new();
    for file in rust_files() {
        let allowed = UNSAFE_FILES.iter().any(|(name, _)| file.name.starts_with(name));
        if allowed {
            continue;
        }
        for (number, line) in code_lines(&file.text) {
            let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            if words.any(|w| w == word) {
                findings.push(format!("{}:{number}: {}", file.name, line.trim()));
            }
        }
    }
    none("outside the C interface (exceptions: UNSAFE_FILES)", findings);
}

#[test]
fn every_unsafe_block_says_why_it_is_sound() {
    const LINES_ABOVE: usize = 6;
    let (block, implementation) = (["un", "safe {"].concat(), ["un", "safe impl"].concat());
    let mut findings = Vec::new();
    for file in rust_files() {
        let lines: Vec<&str> = file.text.lines().collect();
        for (number, line) in code_lines(&file.text) {
            let above = &lines[number.saturating_sub(LINES_ABOVE + 1)..number];
            let has_block = line.contains(&block) || line.contains(&implementation);
            if has_block && !above.iter().any(|line| line.contains("SAFETY:")) {
                findings.push(format!("{}:{number}: {}", file.name, line.trim()));
            }
        }
    }
    none("no SAFETY comment", findings);
}

#[test]
fn nothing_is_left_undone() {
    let marks =
        [["TO", "DO"], ["FIX", "ME"], ["XX", "X"], ["to", "do!"], ["unimple", "mented!"], ["db", "g!("]];
    let marks: Vec<String> = marks.iter().map(|halves| halves.concat()).collect();
    let mut findings = Vec::new();
    for file in files() {
        for (number, line) in file.text.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark)) {
                findings.push(format!("{}:{}: {}", file.name, number + 1, line.trim()));
            }
        }
    }
    none("left undone", findings);
}

#[test]
fn every_mechanism_has_vectors() {
    let without = TABLE.iter().filter(|row| row.vectors.trim().is_empty());
    none("no vectors named in the table", without.map(|row| row.name.to_owned()).collect());
}

#[test]
fn the_lock_file_is_part_of_the_repository() {
    assert!(root().join("Cargo.lock").exists(), "Cargo.lock is missing");
    let ignored = fs::read_to_string(root().join(".gitignore")).unwrap_or_default();
    assert!(!ignored.contains("Cargo.lock"), ".gitignore names Cargo.lock");
}

/// Lines with their numbers, without those that are comments.
pub fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}
