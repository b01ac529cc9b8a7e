//! The command beside a program that uses the cluster: this test, through the library's own layer.

use super::*;
use cryptoki_sys::*;
use std::sync::Arc;
use vhsm_pkcs11::cluster::{Cluster, Clusters, Login, ObjectId, PasswordCosts};
use vhsm_pkcs11::object::{Attribute, Context, Object, Template};
use vhsm_store::{Lmdb, LmdbOptions};

/// kmsuser's login in this process.
struct Program {
    clusters: Clusters,
    cluster: Arc<Cluster>,
    login: Login,
}

impl Program {
    fn start(home: &Home) -> Self {
        let store = Arc::new(Lmdb::open(&LmdbOptions::new(home.path().join("store"))).unwrap());
        let clusters = Clusters::open(store, PasswordCosts::default()).unwrap();
        let cluster = clusters.find("demo").unwrap();
        let login = clusters.login_as(&cluster, None, "kmsuser", USER.as_bytes()).unwrap();
        Self { clusters, cluster, login }
    }

    fn create_key(&self) -> ObjectId {
        let (class, kind) = (CKO_SECRET_KEY.to_ne_bytes(), CKK_AES.to_ne_bytes());
        let attributes = [
            (CKA_CLASS, &class[..]),
            (CKA_KEY_TYPE, &kind),
            (CKA_TOKEN, &[1]),
            (CKA_PRIVATE, &[1]),
            (CKA_VALUE, &[7; 32]),
        ];
        let attributes = attributes.map(|(kind, value)| Attribute { kind, value });
        let template = Template { attributes: attributes.into_iter().collect() };
        let key = Object::create(&template, &Context::default()).unwrap();
        self.clusters.create_object(&self.cluster, Some(&self.login), &key).unwrap()
    }
}

#[test]
fn an_admin_does_not_change_the_password_of_who_is_logged_in() {
    let home = Home::demo();
    let program = Program::start(&home);
    let change = ["user", "change-password", "--username", "kmsuser", "--password", "Other-Pass-4"];
    home.fails(Some(ADMIN_PIN), &change, &["\"kmsuser\" is logged in elsewhere", "log out"]);
    home.good(Some(USER_PIN), &change);
    assert!(program.clusters.login_stands(&program.login).unwrap());
    drop(program);
    home.good(Some(ADMIN_PIN), &change);
}

#[test]
fn a_user_with_keys_is_deleted_by_force_and_its_login_ends() {
    let home = Home::demo();
    let program = Program::start(&home);
    let key = program.create_key();
    program.create_key();
    let delete = ["user", "delete", "--username", "kmsuser"];
    home.fails(Some(ADMIN_PIN), &delete, &["\"kmsuser\" owns 2 token objects", "--force"]);
    assert!(program.clusters.object(&program.cluster, Some(&program.login), key).unwrap().is_some());
    home.good(Some(ADMIN_PIN), &[&delete[..], &["--force"]].concat());
    assert!(!program.clusters.login_stands(&program.login).unwrap());
    assert_eq!(program.clusters.object_count(&program.cluster).unwrap(), 0);
}

#[test]
fn a_deleted_cluster_says_what_was_lost_and_ends_logins() {
    let home = Home::demo();
    let program = Program::start(&home);
    for _ in 0..3 {
        program.create_key();
    }
    let deleted = home.good(Some(ADMIN_PIN), &["cluster", "delete", "demo"]);
    assert_eq!(deleted["Lost"], serde_json::json!({"Hsms": 2, "Users": 2, "TokenObjects": 3}));
    assert!(!program.clusters.login_stands(&program.login).unwrap());
}
