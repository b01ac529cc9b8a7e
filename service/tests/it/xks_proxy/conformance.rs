//! The public conformance client (github.com/aws-samples/aws-kms-xksproxy-test-client), run as it is from the folder that
//! SUITES_DIR names. Where it is not there, the test says so.

use super::*;
use std::path::PathBuf;

fn suite() -> Result<PathBuf, String> {
    let suites = std::env::var_os("SUITES_DIR").ok_or("SUITES_DIR is not set")?;
    let folder = PathBuf::from(suites).join("aws-kms-xksproxy-test-client");
    if folder.is_dir() { Ok(folder) } else { Err(format!("there is no {}", folder.display())) }
}

#[test]
fn the_public_client_passes_over_tls() {
    for kind in [Kind::Own, Kind::SoftHsm] {
        passes(&World::new(kind).with_tls(), false);
    }
}

#[test]
fn the_public_client_passes_over_mtls_and_its_bogus_certificates_do_not() {
    for kind in [Kind::Own, Kind::SoftHsm] {
        passes(&World::new(kind).with_mtls(), true);
    }
}

fn passes(world: &World, is_mutual: bool) {
    let folder = match suite() {
        Ok(folder) => folder,
        Err(why) => return println!("skipped: {why}"),
    };
    let proxy = world.start();
    let at = |name: &str| world.home.path().join(name).display().to_string();
    let uuidgen = world.home.write("uuidgen", "#!/bin/sh\ncat /proc/sys/kernel/random/uuid\n");
    std::fs::set_permissions(uuidgen, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", std::env::var("PATH").unwrap(), world.home.path().display());
    let mtls = format!("--key {} --cert {}", at("kms.key"), at("kms.crt"));
    let output = Command::new("bash")
        .args(["./test-xks-proxy", "-a"])
        .current_dir(folder)
        // Its only program that is seldom installed stands behind all others.
        .env("PATH", path)
        .env("XKS_PROXY_HOST", format!("localhost:{}", proxy.address.port()))
        .env("URI_PREFIX", "payments")
        .env("REGION", world::REGION)
        .env("SIGV4_ACCESS_KEY_ID", world::ACCESS_KEY_ID)
        .env("SIGV4_SECRET_ACCESS_KEY", world::SECRET)
        .env("KEY_ID", "key-1")
        .env("ENCRYPT_ONLY_KEY_ID", "encrypt-only")
        .env("DECRYPT_ONLY_KEY_ID", "decrypt-only")
        .env("IMPOTENT_KEY_ID", "impotent")
        .env("SECURE", format!("--cacert {}", at("ca.crt")))
        .env("MTLS", if is_mutual { mtls.as_str() } else { "" })
        .env("ANSI_ESCAPE", "0")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = text(&output.stdout);
    let summary = told.lines().rfind(|line| line.contains("tests")).unwrap_or_default();
    println!("{:?}: {summary}", world.kind);
    assert!(
        summary.contains("All ") && summary.contains(" tests PASSED"),
        "{told}\n{}",
        text(&output.stderr)
    );
}
