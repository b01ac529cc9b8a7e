//! `vhsm import softhsm`: real tokens of SoftHSM 2, made by its own tools and through PKCS#11.

mod token;

use super::*;
use std::collections::BTreeSet;
use std::path::PathBuf;
use token::Token;

const SOFTHSM: &str = "/usr/lib/softhsm/libsofthsm2.so";
/// Part of no message: what is shown must not have it.
const PIN: &str = "shrt-pin";

/// SoftHSM's folder with a configuration.
struct SoftHsm(TempDir);

impl SoftHsm {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("tokens")).unwrap();
        let tokens = folder.path().join("tokens").display().to_string();
        std::fs::write(folder.path().join("conf"), format!("directories.tokendir = {tokens}\n")).unwrap();
        Self(folder)
    }

    fn tokens(&self) -> String {
        self.0.path().join("tokens").display().to_string()
    }

    fn tool(&self, program: &str, arguments: &[&str]) {
        let output = Command::new(program)
            .args(arguments)
            .env("SOFTHSM2_CONF", self.0.path().join("conf"))
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("{program}: {error}: .ci/install installs it"));
        assert!(output.status.success(), "{program} {arguments:?}: {}", text(&output.stderr));
    }

    fn token(&self, label: &'static str) -> Token {
        self.tool(
            "softhsm2-util",
            &["--init-token", "--free", "--label", label, "--so-pin", "so-pin-1", "--pin", PIN],
        );
        let environment = ("SOFTHSM2_CONF", self.0.path().join("conf"));
        Token { module: SOFTHSM.into(), environment, label, pin: PIN }
    }

    /// An object, as people make one.
    fn write(&self, label: &str, arguments: &[&str]) {
        let common = ["--module", SOFTHSM, "--login", "--pin", PIN, "--token-label", label];
        self.tool("pkcs11-tool", &[&common[..], arguments].concat());
    }

    /// The files of the only token's objects.
    fn files(&self) -> Vec<PathBuf> {
        let folders: Vec<PathBuf> = entries(&self.0.path().join("tokens"));
        let mut files = entries(&folders[0]);
        files.retain(|file| {
            file.extension().is_some_and(|e| e == "object") && !file.ends_with("token.object")
        });
        files
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

/// The library that this test was built with.
fn module() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let module = test.with_file_name("libvhsm_pkcs11.so");
    assert!(module.exists(), "{} is missing: run `cargo build --workspace`", module.display());
    module
}

/// The demo cluster as a token.
fn demo(home: &Home) -> Token {
    let environment = ("VHSM_HOME", home.path().to_owned());
    Token { module: module(), environment, label: "demo", pin: USER_PIN }
}

fn import(home: &Home, folder: &str, more: &[&str]) -> Value {
    let file = home.write("pin.txt", &format!("{PIN}\n"));
    let arguments = ["import", "softhsm", folder, "--token-pin-file", &file];
    home.good(Some(USER_PIN), &[&arguments[..], more].concat())
}

fn count(report: &Value, list: &str) -> usize {
    report[list].as_array().unwrap().len()
}

fn certificate(folder: &Path) -> PathBuf {
    let file = folder.join("web.der");
    let output = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-subj", "/CN=web", "-keyout", "/dev/null", "-outform", "DER", "-out"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    file
}

/// Labels of a list of the report, in order.
fn labels<'r>(report: &'r Value, list: &str) -> Vec<&'r str> {
    let all = report[list].as_array().unwrap().iter();
    let mut labels: Vec<&str> =
        all.map(|one| one["label"].as_str().unwrap_or_else(|| panic!("{report}"))).collect();
    labels.sort_unstable();
    labels
}

/// What an import changes of what an object says: its past.
fn is_of_the_past(line: &&String) -> bool {
    ["AlwaysSensitive(", "NeverExtractable(", "Local("].iter().any(|part| line.contains(part))
}

#[test]
fn every_kind_of_object_comes_over_and_does_the_same() {
    let (softhsm, home) = (SoftHsm::new(), Home::demo());
    let old = softhsm.token("old");
    old.fill(&certificate(softhsm.0.path()));
    let report = import(&home, &softhsm.tokens(), &[]);
    assert_eq!(report["token"]["label"], "old");
    assert_eq!((count(&report, "imported"), count(&report, "already-there")), (16, 0), "{report}");
    assert_eq!(labels(&report, "skipped"), ["3des", "rsa-1024"]);
    let new = demo(&home);
    let (before, after) = (old.describe(), new.describe());
    let is_skipped = |line: &str| line.contains("\"3des\"") || line.contains("PRIVATE_KEY \"rsa-1024\"");
    let is_other = |line: &&String| {
        // An empty list is no attribute here, for it could be taken for one that allows nothing.
        is_skipped(line) || is_of_the_past(line) || line.ends_with("AllowedMechanisms([])")
    };
    let lost: BTreeSet<&String> = before.difference(&after).filter(|line| !is_other(line)).collect();
    assert_eq!(lost, BTreeSet::new());
    let past: Vec<&String> = after.iter().filter(is_of_the_past).collect();
    assert!(past.len() > 20 && past.iter().all(|line| line.ends_with("(false)")), "{past:#?}");
    old.verify(&new.sign());
    new.verify(&old.sign());
    // SoftHSM keeps the dates of a private object and cannot read them any more.
    for (kind, year) in [("Start", "50, 48, 50, 52"), ("End", "50, 48, 53, 52")] {
        let line = format!("\"aes\" {kind}Date(Date {{ date: CK_DATE {{ year: [{year}]");
        assert!(after.iter().any(|one| one.contains(&line)), "{line}");
    }
}

#[test]
fn old_types_come_over_where_the_configuration_allows_them() {
    let (softhsm, home) = (SoftHsm::new(), Home::demo());
    softhsm.token("old").fill(&certificate(softhsm.0.path()));
    let settings = std::fs::read_to_string(home.path().join("vhsm.toml")).unwrap();
    home.write("vhsm.toml", &format!("legacy = true\n{settings}"));
    let report = import(&home, &softhsm.tokens(), &[]);
    assert_eq!((count(&report, "imported"), count(&report, "skipped")), (18, 0), "{report}");
}

#[test]
fn a_second_import_brings_what_is_missing() {
    let (softhsm, home) = (SoftHsm::new(), Home::demo());
    softhsm.token("old");
    let folder = softhsm.tokens();
    let generate = ["--private", "--sensitive", "--keygen", "--key-type", "AES:32", "--id", "01", "--label"];
    softhsm.write("old", &[&generate[..], &["one"]].concat());
    let dry = import(&home, &folder, &["--dry-run"]);
    assert_eq!((labels(&dry, "imported"), dry["dry-run"].as_bool()), (vec!["one"], Some(true)));
    assert!(dry["imported"][0].get("key-reference").is_none(), "{dry}");
    let first = import(&home, &folder, &[]);
    assert_eq!(labels(&first, "imported"), ["one"]);
    let one = &first["imported"][0];
    assert_eq!(
        (&one["class"], &one["key-type"], &one["id"]),
        (&"secret-key".into(), &"aes".into(), &"0x01".into())
    );
    softhsm.write("old", &[&generate[..], &["two"]].concat());
    let dry = import(&home, &folder, &["--dry-run"]);
    assert_eq!((labels(&dry, "imported"), labels(&dry, "already-there")), (vec!["two"], vec!["one"]));
    let second = import(&home, &folder, &[]);
    assert_eq!((labels(&second, "imported"), labels(&second, "already-there")), (vec!["two"], vec!["one"]));
    assert_eq!(second["already-there"][0]["key-reference"], one["key-reference"]);
    let third = import(&home, &folder, &[]);
    assert_eq!((count(&third, "imported"), count(&third, "already-there")), (0, 2), "{third}");
}

#[test]
fn a_damaged_object_is_told_and_the_others_come_over() {
    let (softhsm, home) = (SoftHsm::new(), Home::demo());
    softhsm.token("old").fill(&certificate(softhsm.0.path()));
    let files = softhsm.files();
    let spoil = |at: usize, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = std::fs::read(&files[at]).unwrap();
        change(&mut bytes);
        std::fs::write(&files[at], bytes).unwrap();
    };
    spoil(0, &Vec::clear);
    spoil(1, &|bytes| bytes.truncate(bytes.len() - 3));
    spoil(2, &|bytes| bytes[23] = 77);
    spoil(3, &|bytes| bytes.resize(3 << 20, 0));
    std::fs::remove_file(&files[4]).unwrap();
    std::fs::create_dir(&files[4]).unwrap();
    let report = import(&home, &softhsm.tokens(), &[]);
    for (file, says) in
        files.iter().zip(["empty", "ends inside", "77 is no kind", "bytes: no object", "no file"])
    {
        let name = file.file_name().unwrap().to_str().unwrap();
        let skipped = report["skipped"].as_array().unwrap();
        let why =
            skipped.iter().find(|one| one["file"] == name).unwrap_or_else(|| panic!("{name}: {report}"));
        assert!(why["why"].as_str().unwrap().contains(says), "{says}: {why}");
    }
    assert!(count(&report, "imported") >= 11, "{report}");
}

#[test]
fn a_key_whose_value_is_not_the_one_it_had_is_refused() {
    let (softhsm, home) = (SoftHsm::new(), Home::demo());
    softhsm.token("old");
    let generate = ["--private", "--keygen", "--key-type", "AES:32", "--label", "one"];
    softhsm.write("old", &generate);
    let file = &softhsm.files()[0];
    let mut bytes = std::fs::read(file).unwrap();
    // CKA_VALUE: type 0x11, kind 3, 64 bytes: an IV and the key with its padding. The IV changes the first block alone.
    let head = [&0x11u64.to_be_bytes()[..], &3u64.to_be_bytes(), &64u64.to_be_bytes()].concat();
    let at = bytes.windows(head.len()).position(|window| window == head).unwrap() + head.len();
    bytes[at] ^= 1;
    std::fs::write(file, bytes).unwrap();
    let report = import(&home, &softhsm.tokens(), &[]);
    assert_eq!(labels(&report, "skipped"), ["one"]);
    assert!(report["skipped"][0]["why"].as_str().unwrap().contains("CKA_CHECK_VALUE"), "{report}");
}

#[test]
fn what_cannot_be_imported_from_is_said() {
    let (softhsm, home) = (SoftHsm::new(), Home::demo());
    let folder = softhsm.tokens();
    let pin = home.write("pin.txt", PIN);
    let import = |folder: &str, more: &[&str], says: &[&str]| {
        home.fails(Some(USER_PIN), &[&["import", "softhsm", folder][..], more].concat(), says);
    };
    let with_pin = ["--token-pin-file", &pin];
    import(&folder, &with_pin, &["no token of SoftHSM", "directories.tokendir"]);
    import("/nonexistent", &with_pin, &["/nonexistent", "give a folder"]);
    softhsm.token("old");
    import(&folder, &[], &["PIN", "\"old\"", "--token-pin-file", "VHSM_TOKEN_PIN"]);
    import(&folder, &["--token-pin", "Wrong-Pass-3"], &["not the user's PIN", "\"old\""]);
    import(&folder, &[&with_pin[..], &["--token", "new"]].concat(), &["\"new\"", "label or serial"]);
    import(&folder, &[&with_pin[..], &["--cluster", "other"]].concat(), &["\"other\"", "cluster list"]);
    let arguments = [&["import", "softhsm", &folder][..], &with_pin].concat();
    home.fails(None, &arguments, &["login of a crypto user", "VHSM_PIN"]);
    home.fails(Some(ADMIN_PIN), &arguments, &["\"admin\" is no crypto user"]);
    softhsm.token("older");
    import(&folder, &with_pin, &["several tokens", "--token", "\"old\" (", "\"older\" ("]);
    let database = softhsm.0.path().join("tokens/database");
    std::fs::create_dir(&database).unwrap();
    std::fs::write(database.join("sqlite3.db"), "SQLite format 3").unwrap();
    import(database.to_str().unwrap(), &with_pin, &["in a database", "objectstore.backend = file"]);
    let chosen = home.good(Some(USER_PIN), &[&arguments[..], &["--token", "older"]].concat());
    assert_eq!(chosen["token"]["label"], "older");
}

#[test]
fn the_pin_comes_from_an_option_a_pipe_or_the_environment() {
    let (softhsm, home) = (SoftHsm::new(), Home::demo());
    softhsm.token("old");
    let folder = softhsm.tokens();
    let arguments = ["import", "softhsm", &folder];
    home.good(Some(USER_PIN), &[&arguments[..], &["--token-pin", PIN]].concat());
    let piped = [&arguments[..], &["--token-pin-file", "-"]].concat();
    json(&home.run_with_input(Some(USER_PIN), &piped, PIN));
    let environment = |pin: &str| {
        checked(home.command(Some(USER_PIN), &arguments).env("VHSM_TOKEN_PIN", pin).output().unwrap())
    };
    json(&environment(PIN));
    assert!(message(&environment("Wrong-Pass-3")).contains("not the user's PIN"));
}

#[test]
fn the_clusters_settings_bind_what_comes_over() {
    let (softhsm, home) = (SoftHsm::new(), Home::empty());
    let settings = std::fs::read_to_string(home.path().join("vhsm.toml")).unwrap();
    home.write("vhsm.toml", &format!("profile = \"cloudhsm\"\n{settings}"));
    home.make_demo();
    softhsm.token("old").fill(&certificate(softhsm.0.path()));
    let folder = softhsm.tokens();
    let report = import(&home, &folder, &[]);
    assert_eq!(labels(&report, "skipped"), ["3des", "aes for all", "rsa-1024"]);
    let skipped = report["skipped"].as_array().unwrap();
    let public = skipped.iter().find(|one| one["label"] == "aes for all").unwrap();
    assert!(public["why"].as_str().unwrap().contains("CKA_PRIVATE false"), "{public}");
    assert_eq!(labels(&import(&home, &folder, &["--private"]), "imported"), ["aes for all"]);
}

#[test]
fn a_cluster_that_can_keep_no_keys_is_told_before_anything_is_brought() {
    let (softhsm, home) = (SoftHsm::new(), Home::empty());
    let settings = std::fs::read_to_string(home.path().join("vhsm.toml")).unwrap();
    home.write("vhsm.toml", &format!("profile = \"cloudhsm\"\n{settings}"));
    home.good(None, &["cluster", "create", "--label", "demo", "--hsms", "1", "--admin-password", ADMIN]);
    home.good(Some(ADMIN_PIN), &create_user("kmsuser", "crypto-user", USER));
    softhsm.token("old");
    let arguments = ["import", "softhsm", &softhsm.tokens(), "--token-pin", PIN];
    home.fails(Some(USER_PIN), &arguments, &["key availability", "1 active"]);
}
