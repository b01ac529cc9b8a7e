//! The command line: `--check`, `new-credential`, `--help`, the configuration's place and its secrets.

use super::*;

#[test]
fn a_check_says_what_it_found_and_what_is_to_be_mended() {
    for kind in [Kind::Own, Kind::SoftHsm] {
        let mut world = World::new(kind).with_mtls();
        world.key_stores += "keys.allowed = [\"key-*\"]\n";
        world.configure();
        let good = world.command(&["--check"]).output().unwrap();
        let told = text(&good.stdout);
        assert_eq!(good.status.code(), Some(0), "{told} {}", text(&good.stderr));
        for part in ["main/", "ACTIVE", "kms.test", "/payments/kms/xks/v1", "2: key-1, key-2", "until 20"] {
            assert!(told.contains(part), "{told} lacks {part}");
        }
        // Now all keys: two have the same name.
        world.key_stores.clear();
        world.configure();
        let bad = world.command(&["--check"]).output().unwrap();
        let told = text(&bad.stdout);
        assert_eq!(bad.status.code(), Some(1), "{told}");
        assert!(
            told.lines().any(|line| line.starts_with('!') && line.contains("two are named \"twice\"")),
            "{told}"
        );
        assert!(text(&bad.stderr).contains("something to mend"), "{bad:?}");
    }
}

#[test]
fn a_check_without_hsms_fails() {
    let world = World::new(Kind::Own);
    world.secret("pin", "kmsuser:Wrong-Pass-3");
    world.configure();
    let output = world.command(&["--check"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stdout);
    assert!(
        told.lines().any(|line| line.starts_with("! HSM main/") && line.contains("UNAVAILABLE")),
        "{told}"
    );
    assert!(!told.contains("Wrong-Pass-3") && !text(&output.stderr).contains("Wrong-Pass-3"));
}

#[test]
fn a_configuration_that_is_missing_or_wrong_is_told_with_a_mend() {
    let home = Home::empty();
    let own = home.path().join("xks-proxy.toml").display().to_string();
    home.fails(None, &["xks-proxy"], &[&own, "No such file", "--config FILE"]);
    home.write("xks-proxy.toml", "lissten = \"127.0.0.1:8443\"\n");
    home.fails(None, &["xks-proxy"], &[&own, "lissten: there is no such key; known here: listen"]);
    home.fails(None, &["xks-proxy", "--check"], &["lissten"]);
    home.fails(None, &["xks-proxy", "--config", "/nowhere/at.toml"], &["/nowhere/at.toml", "No such file"]);
    home.fails(None, &["xks-proxy", "--check", "--demo"], &["cannot be used with"]);
}

#[test]
fn secrets_may_be_systemds_credentials() {
    let world = World::new(Kind::Own);
    let folder = world.home.path().join("credentials.d");
    std::fs::create_dir(&folder).unwrap();
    for name in ["pin", "secret"] {
        std::fs::rename(world.home.path().join(name), folder.join(name)).unwrap();
        // So systemd's ACL for the service's user shows.
        std::fs::set_permissions(folder.join(name), std::os::unix::fs::PermissionsExt::from_mode(0o440))
            .unwrap();
    }
    world.configure();
    let text_of = std::fs::read_to_string(world.home.path().join("xks-proxy.toml")).unwrap();
    let named = text_of.replace("\"pin\"", "\"$CREDENTIALS_DIRECTORY/pin\"");
    let named =
        named.replace("secret_file = \"secret\"", "secret_file = \"${CREDENTIALS_DIRECTORY}/secret\"");
    world
        .home
        .write("xks-proxy.toml", &named.replace("path_prefix", "keys.allowed = [\"key-1\"]\npath_prefix"));
    let given = world.command(&["--check"]).env("CREDENTIALS_DIRECTORY", &folder).output().unwrap();
    assert!(given.status.success(), "{given:?}");
    let without = world.command(&["--check"]).output().unwrap();
    assert!(text(&without.stderr).contains("CREDENTIALS_DIRECTORY is not set"), "{without:?}");
}

#[test]
fn a_new_credential_lies_in_files_that_nobody_else_reads() {
    let home = Home::empty();
    let place = home.path().display().to_string();
    let new = ["xks-proxy", "new-credential", "--path-prefix", "/payments", "--folder", &place];
    let made = home.good(None, &new);
    let id = made["AccessKeyId"].as_str().unwrap();
    assert!((20..=30).contains(&id.len()));
    let read = |name: &str| {
        let path = made[name].as_str().unwrap();
        let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(path).unwrap()) & 0o777;
        assert_eq!(mode, 0o600, "{path}");
        std::fs::read_to_string(path).unwrap()
    };
    let (secret, console) = (read("SecretFile"), read("ConsoleFile"));
    let secret = secret.trim_end();
    assert!((43..=64).contains(&secret.len()) && !made.to_string().contains(secret));
    let credential = json!({"AccessKeyId": id, "RawSecretAccessKey": secret});
    let wanted = json!({
        "XksProxyUriPath": "/payments/kms/xks/v1", "XksProxyAuthenticationCredential": credential,
    });
    assert_eq!(serde_json::from_str::<Value>(&console).unwrap(), wanted);
    assert_ne!(home.good(None, &new)["AccessKeyId"], id);
    home.fails(None, &["xks-proxy", "new-credential", "--folder", "/nowhere"], &["/nowhere", "--folder"]);
    home.fails(
        None,
        &["xks-proxy", "new-credential", "--path-prefix", "a b"],
        &["--path-prefix", "/payments"],
    );
}

#[test]
fn the_help_tells_every_key_and_the_short_one_points_there() {
    let home = Home::empty();
    let long = text(&home.command(None, &["xks-proxy", "--help"]).output().unwrap().stdout);
    for part in [
        "[[hsms]]",
        "deadline_ms  (ms, 10 to 60000; default: 250)",
        "secret_file",
        "$CREDENTIALS_DIRECTORY/NAME",
    ] {
        assert!(long.contains(part), "{long} lacks {part}");
    }
    let short = text(&home.command(None, &["xks-proxy", "-h"]).output().unwrap().stdout);
    assert!(short.contains("xks-proxy --help") && !short.contains("deadline_ms"), "{short}");
}

#[test]
fn systemd_takes_the_unit_and_it_gives_what_the_examples_name() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/xks-proxy");
    let unit = std::fs::read_to_string(examples.join("vhsm-xks-proxy.service")).unwrap();
    for name in ["cluster.toml", "cloudhsm.toml", "softhsm.toml"] {
        let example = std::fs::read_to_string(examples.join(name)).unwrap();
        for named in example.split("$CREDENTIALS_DIRECTORY/").skip(1) {
            let named = named.split('"').next().unwrap();
            assert!(unit.contains(&format!("\nLoadCredential={named}:")), "{name}: {named}");
        }
    }
    let home = Home::empty();
    let unit = unit.replace("/usr/local/bin/vhsm", env!("CARGO_BIN_EXE_vhsm"));
    let path = home.write("vhsm-xks-proxy.service", &unit);
    match Command::new("systemd-analyze").args(["verify", &path]).output() {
        Ok(output) => assert!(output.status.success() && output.stderr.is_empty(), "{output:?}"),
        Err(error) => println!("skipped: systemd-analyze: {error}"),
    }
}
