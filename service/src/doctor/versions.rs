//! Versions: of this command, of the library beside it, of the cryptography in both.

use super::findings::Findings;
use crate::quickstart;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use vhsm_pkcs11::{VERSION_MARK, crypto};

/// How much of a library is read at a time.
const PIECE_BYTES: usize = 1 << 20;
/// What stands before the version in a library's file.
const MARK: &str = "vhsm PKCS#11 library, version ";
/// No version is longer.
const MOST_VERSION_BYTES: usize = 64;

pub fn look(findings: &mut Findings) {
    let own = env!("CARGO_PKG_VERSION");
    findings.ok("versions", format!("vhsm {own}, {}", crypto::version()));
    let module = quickstart::module(None);
    if !module.is_file() {
        let what = format!("{} is not beside this command", module.display());
        findings.info("library", format!("{what}: programs name theirs by its path"));
        return;
    }
    let place = module.display().to_string();
    match version_in(&module) {
        Ok(Some(version)) if version == own => {
            findings.ok(place, format!("version {version}, as this command"))
        }
        Ok(found) => {
            let found = found.map_or("no version of vhsm".into(), |version| format!("version {version}"));
            findings.problem(
                place,
                format!("{found}, and this command is version {own}: one may not read what the other writes"),
                "install the library and the command of one build",
            );
        }
        Err(error) => {
            findings.problem(&place, error.to_string(), format!("chmod a+r {}", quickstart::quoted(&place)))
        }
    }
}

/// The version in a library's file. `None`: it has none, or it is not vhsm's.
fn version_in(module: &Path) -> std::io::Result<Option<String>> {
    debug_assert!(VERSION_MARK.starts_with(MARK));
    let mut file = File::open(module)?;
    let mut window: Vec<u8> = Vec::with_capacity(2 * PIECE_BYTES);
    loop {
        let read = file.by_ref().take(PIECE_BYTES as u64).read_to_end(&mut window)?;
        if let Some(version) = version_among(&window) {
            return Ok(Some(version));
        }
        if read == 0 {
            return Ok(None);
        }
        // The mark may lie across two pieces.
        let keep = (MARK.len() + MOST_VERSION_BYTES).min(window.len());
        window.drain(..window.len() - keep);
    }
}

fn version_among(bytes: &[u8]) -> Option<String> {
    let mark = MARK.as_bytes();
    let starts = bytes.windows(mark.len()).enumerate().filter(|(_, window)| *window == mark);
    starts.map(|(at, _)| &bytes[at + mark.len()..]).find_map(|rest| {
        let end = rest.iter().take(MOST_VERSION_BYTES).position(|byte| *byte == b';')?;
        String::from_utf8(rest[..end].to_vec()).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_wherever_it_lies() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lib.so");
        for before in [0, 1, PIECE_BYTES - 40, PIECE_BYTES - 1, PIECE_BYTES, 3 * PIECE_BYTES] {
            let bytes = [vec![b'v'; before], b"vhsm PKCS#11 library, version 1.2.3-x;".to_vec(), vec![0; 99]]
                .concat();
            std::fs::write(&file, bytes).unwrap();
            assert_eq!(version_in(&file).unwrap().as_deref(), Some("1.2.3-x"), "{before}");
        }
        std::fs::write(&file, b"vhsm PKCS#11 library, version ").unwrap();
        assert_eq!(version_in(&file).unwrap(), None);
    }
}
