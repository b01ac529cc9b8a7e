//! Where the library and the vhsm command lie that a test runs against: what the Makefile names (the release
//! build), else what was built along with the test.

use std::path::{Path, PathBuf};

pub fn module() -> PathBuf {
    named("VHSM_MODULE").unwrap_or_else(|| existing(profile_folder().join("deps/libvhsm_pkcs11.so")))
}

pub fn command() -> PathBuf {
    named("VHSM_COMMAND").unwrap_or_else(|| existing(profile_folder().join("vhsm")))
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn named(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(|path| existing(path.into()))
}

/// `target/debug` or `target/release`: tests lie in its folder `deps`.
pub fn profile_folder() -> PathBuf {
    let test = std::env::current_exe().expect("a running program has a path");
    test.ancestors().nth(2).expect("a test lies two folders deep").to_owned()
}

fn existing(path: PathBuf) -> PathBuf {
    assert!(path.exists(), "{} is missing: run `cargo build --workspace`, or `make test`", path.display());
    path
}
