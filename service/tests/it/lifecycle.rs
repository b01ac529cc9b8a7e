//! The steps of a cluster's life, one command each, with openssl as the customer's CA.

use super::*;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use vhsm_pkcs11::cluster::{Clusters, PasswordCosts, Policy};

/// Runs openssl in the home's folder.
fn openssl(home: &Home, arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).current_dir(home.path()).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
}

/// A root CA: customerCA.crt and customerCA.key.
fn make_ca(home: &Home) {
    let form = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3652", "-subj", "/CN=Root"];
    openssl(home, &[&form[..], &["-keyout", "customerCA.key", "-out", "customerCA.crt"]].concat());
}

/// Has the CA sign the only cluster's request: cluster.crt.
fn sign(home: &Home) {
    let csr = text(&home.run(None, &["cluster", "csr"]).stdout);
    assert!(csr.starts_with("-----BEGIN CERTIFICATE REQUEST-----\n"), "{csr}");
    home.write("cluster.csr", &csr);
    let by = ["-CA", "customerCA.crt", "-CAkey", "customerCA.key", "-set_serial", "7"];
    openssl(
        home,
        &[&["x509", "-req", "-days", "3652", "-in", "cluster.csr", "-out", "cluster.crt"], &by[..]].concat(),
    );
}

const CREATE: [&str; 8] = [
    "cluster",
    "create",
    "--label",
    "steps",
    "--availability-zone",
    "us-east-1a",
    "--availability-zone",
    "us-east-1b",
];

fn initialize(home: &Home) -> Vec<String> {
    let file = |name: &str| home.path().join(name).display().to_string();
    [
        "cluster",
        "initialize",
        "--signed-cert",
        &file("cluster.crt"),
        "--trust-anchor",
        &file("customerCA.crt"),
    ]
    .map(str::to_owned)
    .to_vec()
}

fn state(home: &Home) -> String {
    home.good(None, &["cluster", "describe"])["State"].as_str().unwrap().into()
}

/// A cluster that has come to be initialized.
fn initialized() -> Home {
    let home = Home::empty();
    make_ca(&home);
    home.good(None, &CREATE);
    home.good(None, &["cluster", "create-hsm"]);
    sign(&home);
    let command = initialize(&home);
    home.good(None, &command.iter().map(String::as_str).collect::<Vec<_>>());
    home
}

#[test]
fn a_cluster_is_led_through_its_life_by_commands() {
    let home = Home::empty();
    make_ca(&home);
    let made =
        home.good(None, &[&CREATE[..], &["--backup-retention-days", "30", "--tag", "Team=a=b"]].concat());
    assert_eq!((&made["State"], &made["Label"]), (&"UNINITIALIZED".into(), &"steps".into()));
    assert_eq!(made["BackupRetentionPolicy"], serde_json::json!({"Type": "DAYS", "Value": "30"}));
    assert_eq!(made["TagList"], serde_json::json!([{"Key": "Team", "Value": "a=b"}]));
    assert_eq!(made["SubnetMapping"].as_object().unwrap().len(), 2);
    assert!(made.get("TrustAnchorFile").is_none() && made["Certificates"].as_object().unwrap().is_empty());
    home.fails(None, &["cluster", "csr"], &["first HSM", "vhsm cluster create-hsm"]);
    home.fails(
        None,
        &["user", "create", "--username", "x", "--role", "admin", "--password", USER, "--pin", ADMIN_PIN],
        &["\"admin\""],
    );

    let hsm = home.good(None, &["cluster", "create-hsm"]);
    assert_eq!((&hsm["State"], &hsm["AvailabilityZone"]), (&"ACTIVE".into(), &"us-east-1a".into()));
    home.fails(None, &["cluster", "create-hsm"], &["exactly one HSM"]);
    home.fails(None, &["cluster", "activate", "--admin-password", ADMIN], &["UNINITIALIZED", "INITIALIZED"]);
    home.write("cluster.crt", "none");
    let command = initialize(&home);
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    home.fails(None, &command, &["SignedCert", "PEM"]);
    sign(&home);
    let done = home.good(None, &command);
    assert_eq!(done["State"], "INITIALIZED");
    let file = done["TrustAnchorFile"].as_str().unwrap();
    assert_eq!(std::fs::read(file).unwrap(), std::fs::read(home.path().join("customerCA.crt")).unwrap());
    home.fails(None, &["cluster", "csr"], &["initialized", "gone"]);
    home.fails(None, &command, &["INITIALIZED", "UNINITIALIZED"]);

    home.fails(None, &["cluster", "activate", "--admin-password", "shrt"], &["7 to 32"]);
    home.fails(None, &["cluster", "activate"], &["--admin-password"]);
    // A login that is set for other clusters does no harm.
    let active = home.good(
        Some("other:Wrong-Pass-3"),
        &["cluster", "activate", "--admin-password", ADMIN, "--label", "named"],
    );
    assert_eq!((&active["State"], &active["Label"]), (&"ACTIVE".into(), &"named".into()));
    home.good(Some(ADMIN_PIN), &create_user("kmsuser", "crypto-user", USER));
    let second = home.good(None, &["cluster", "create-hsm", "named"]);
    assert_eq!((&second["AvailabilityZone"], &second["SlotId"]), (&"us-east-1b".into(), &1.into()));
    let id = second["HsmId"].as_str().unwrap();
    assert_eq!(home.good(None, &["cluster", "delete-hsm", "--hsm-id", id])["HsmId"], id);
    home.fails(None, &["cluster", "delete-hsm", "--hsm-id", id], &["no HSM", id, "cluster describe"]);
    home.fails(None, &["cluster", "delete-hsm"], &["--hsm-id"]);
    let ip = hsm["EniIp"].as_str().unwrap();
    home.good(Some(ADMIN_PIN), &["cluster", "delete-hsm", "--eni-ip", ip]);
    assert_eq!(state(&home), "ACTIVE");
    let deleted = home.good(None, &["cluster", "delete", "named"]);
    assert_eq!(deleted["Lost"], serde_json::json!({"Hsms": 0, "Users": 2, "TokenObjects": 0}));
    assert!(!Path::new(file).exists(), "its trust anchor's file went along");
}

#[test]
fn who_may_change_a_cluster() {
    let home = Home::demo();
    let create = ["cluster", "create-hsm"];
    home.good(None, &create);
    home.good(Some(ADMIN_PIN), &create);
    home.fails(Some(USER_PIN), &create, &["admin"]);
    home.fails(Some("admin:Wrong-Pass-3"), &create, &["wrong password"]);
    std::fs::remove_file(home.path().join("service.key")).unwrap();
    home.fails(None, &create, &["root key", "VHSM_ROOT_KEY_FILE"]);
    home.good(Some(ADMIN_PIN), &create);
}

#[test]
fn a_cluster_that_never_became_active_can_be_deleted_without_its_root_key() {
    let home = initialized();
    std::fs::remove_file(home.path().join("service.key")).unwrap();
    home.fails(None, &["cluster", "activate", "--admin-password", ADMIN], &["root key"]);
    home.fails(None, &["cluster", "delete", "steps"], &["root key"]);
    home.good(None, &["cluster", "delete", "steps", "--force"]);
    home.make_demo();
    home.fails(None, &["cluster", "delete", "demo", "--force"], &["login of one of its admins"]);
}

#[test]
fn a_cluster_made_at_once_has_a_certificate_that_its_trust_anchor_issued() {
    let home = Home::empty();
    let made = home.good(None, &["cluster", "create", "--label", "demo", "--admin-password", ADMIN]);
    let file = Path::new(made["TrustAnchorFile"].as_str().unwrap());
    let expected =
        home.path().join("clusters").join(made["ClusterId"].as_str().unwrap()).join("customerCA.crt");
    assert_eq!(file, expected);
    home.write("cluster.crt", made["Certificates"]["ClusterCertificate"].as_str().unwrap());
    openssl(&home, &["verify", "-x509_strict", "-CAfile", file.to_str().unwrap(), "cluster.crt"]);
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(file), mode(file.parent().unwrap())), (0o600, 0o700));
    // The store has it too: it comes back where it is lost or another.
    let pem = std::fs::read(file).unwrap();
    for harm in [
        |file: &Path| std::fs::remove_dir_all(file.parent().unwrap()).unwrap(),
        |file: &Path| {
            std::fs::write(file, "another").unwrap();
        },
    ] {
        harm(file);
        assert_eq!(home.good(None, &["cluster", "describe"]), made);
        assert_eq!(std::fs::read(file).unwrap(), pem);
    }
    let quick = Home::empty();
    quick.run(None, &["quickstart"]);
    let described = quick.good(None, &["cluster", "describe"]);
    assert!(Path::new(described["TrustAnchorFile"].as_str().unwrap()).exists());
}

#[test]
fn a_group_that_shares_the_store_shares_the_trust_anchors() {
    let home = Home::empty();
    home.write("vhsm.toml", "[store]\ngroup = true\n[password]\nmemory_kib = 8\npasses = 1\n");
    let made = home.good(None, &["cluster", "create", "--label", "demo", "--admin-password", ADMIN]);
    let file = Path::new(made["TrustAnchorFile"].as_str().unwrap());
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o660);
}

#[test]
fn a_cluster_is_modified_and_tagged() {
    let home = Home::demo();
    let modified = home.good(None, &["cluster", "modify", "--backup-retention-days", "7"]);
    assert_eq!(modified["BackupRetentionPolicy"]["Value"], "7");
    home.fails(None, &["cluster", "modify", "--backup-retention-days", "6"], &["7 to 379"]);
    home.fails(None, &["cluster", "modify", "--hsm-type", "hsm2m.medium"], &["already"]);
    home.fails(None, &["cluster", "modify"], &["--backup-retention-days"]);
    let tagged = home.good(None, &["cluster", "tag", "A=1", "B="]);
    assert_eq!(tagged["TagList"][1], serde_json::json!({"Key": "B", "Value": ""}));
    assert_eq!(home.good(None, &["cluster", "untag", "A"])["TagList"].as_array().unwrap().len(), 1);
    home.fails(None, &["cluster", "tag", "aws:x=1"], &["aws:"]);
    home.fails(None, &["cluster", "tag", "x"], &["KEY=VALUE"]);
}

#[test]
fn hsm_info_says_what_the_hsms_are() {
    let home = Home::demo();
    let info = home.good(None, &["cluster", "hsm-info"]);
    let hsms = info["hsms"].as_array().unwrap();
    assert_eq!(hsms.len(), 2);
    let described = home.good(None, &["cluster", "describe"]);
    assert_eq!(hsms[0]["serial-number"], described["Hsms"][0]["HsmId"]);
    for field in [
        "vendor",
        "model",
        "hardware-version-major",
        "firmware-version-minor",
        "firmware-build-number",
        "firmware-id",
    ] {
        assert!(hsms[1][field].is_string(), "{field}");
    }
    assert!(hsms[0]["fips-state"].as_str().unwrap().starts_with("0 [non-FIPS"));
    let slot = described["Hsms"][0]["SlotId"].to_string();
    home.good(Some(ADMIN_PIN), &["hsm", "fail", &slot]);
    assert_eq!(home.good(None, &["cluster", "hsm-info"])["hsms"].as_array().unwrap().len(), 1);
}

#[test]
fn states_that_pass_are_seen_where_the_configuration_wants_it() {
    let home = Home::empty();
    home.write(
        "vhsm.toml",
        "[password]\nmemory_kib = 8\npasses = 1\n[lifecycle]\ndelay_ms = 86400000\nregion = \"eu-west-3\"\n",
    );
    home.good(
        None,
        &["cluster", "create", "--label", "x", "--subnet-ids", "subnet-00000001,subnet-00000002"],
    );
    assert_eq!(state(&home), "CREATE_IN_PROGRESS");
    home.fails(None, &["cluster", "create-hsm"], &["CREATE_IN_PROGRESS"]);
    let mapping = &home.good(None, &["cluster", "describe"])["SubnetMapping"];
    assert_eq!(mapping["eu-west-3b"], "subnet-00000002");
    home.write("vhsm.toml", "[lifecycle]\nregion = \"mars\"\n");
    home.fails(None, &["cluster", "list"], &["mars", "us-east-1"]);
}

#[test]
fn what_cannot_be_created_is_said() {
    let home = Home::empty();
    let zone = ["cluster", "create", "--availability-zone", "us-east-1a"];
    let with = |more: &[&str], says: &[&str]| home.fails(None, &[&zone[..], more].concat(), says);
    with(&["--hsm-type", "hsm1.medium"], &["Mode", "FIPS"]);
    with(&["--hsm-type", "hsm9"], &["hsm9", "hsm2m.medium"]);
    with(&["--backup-retention-days", "380"], &["7 to 379"]);
    with(&["--subnet-ids", "subnet-00000001"], &["--subnet-ids"]);
    with(&["--availability-zone", "us-east-1a"], &["twice"]);
    with(&["--tag", "novalue"], &["KEY=VALUE"]);
    home.fails(None, &["cluster", "create", "--subnet-ids", "sub"], &["SubnetIds", "subnet-"]);
    home.fails(
        None,
        &["cluster", "create", "--availability-zone", "us-east-1a", "--admin-password", ADMIN],
        &["--label"],
    );
    assert!(home.good(None, &["cluster", "list"])["Clusters"].as_array().unwrap().is_empty());
    let nameless = home.good(None, &[&zone[..], &["--hsm-type", "hsm1.medium", "--mode", "FIPS"]].concat());
    assert_eq!(nameless["Label"], nameless["ClusterId"]);
}

#[test]
fn a_cluster_that_c_init_token_made_is_certified_by_its_admin() {
    let home = Home::empty();
    {
        let store = vhsm_store::Lmdb::open(&vhsm_store::LmdbOptions::new(home.path().join("store"))).unwrap();
        let clusters =
            Clusters::open(Arc::new(store), PasswordCosts { memory_kib: 8, passes: 1, lanes: 1 }).unwrap();
        let policy = Policy { key_availability: false, refuse_public_keys: false, refuse_extractable: false };
        clusters.init_token(0, ADMIN.as_bytes(), "token", policy).unwrap();
    }
    let before = home.good(None, &["cluster", "describe", "token"]);
    assert!(before["StateMessage"].as_str().unwrap().contains("vhsm cluster certify"), "{before}");
    assert!(before.get("TrustAnchorFile").is_none());
    let certify = ["cluster", "certify", "token"];
    home.fails(None, &certify, &["an admin's login"]);
    let certified = home.good(Some(ADMIN_PIN), &certify);
    assert!(Path::new(certified["TrustAnchorFile"].as_str().unwrap()).exists());
    assert!(certified.get("StateMessage").is_none());
    home.fails(Some(ADMIN_PIN), &certify, &["has a certificate"]);
    home.good(None, &["cluster", "create-hsm"]);
}
