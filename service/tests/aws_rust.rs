//! The Rust SDK (aws-sdk-kms) takes a custom key store through its whole life.

#[path = "aws/server.rs"]
mod server;

use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::operation::decrypt::DecryptError;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{ConnectionStateType, DataKeySpec, KeyState, OriginType, Tag};
use aws_sdk_kms::{Client, Config};
use serde_json::Value;
use server::{Home, Server};
use std::time::Duration;

const ADMIN: &str = "admin-password";
const KMSUSER: &str = "kms-password";

#[tokio::test]
async fn the_whole_life_of_a_custom_key_store() {
    let home = Home::new();
    let server = Server::start(&home);
    let kms = client(&home, &server);
    let (cluster, anchor) = cluster(&home);

    let store = kms.create_custom_key_store().custom_key_store_name("rust").cloud_hsm_cluster_id(&cluster);
    let store = store.trust_anchor_certificate(anchor).key_store_password(KMSUSER).send().await.unwrap();
    let store = store.custom_key_store_id().unwrap().to_owned();
    kms.connect_custom_key_store().custom_key_store_id(&store).send().await.unwrap();
    reaches(&kms, &store, ConnectionStateType::Connected).await;

    let key = create_key(&kms, &store, &cluster).await;
    uses(&kms, &key).await;
    names(&kms, &key).await;
    states(&kms, &key).await;
    ends(&kms, &store, &key).await;
}

fn client(home: &Home, server: &Server) -> Client {
    let file = std::fs::read_to_string(home.path().join("credentials")).expect("the first start wrote it");
    let value = |name: &str| {
        let pairs = file.lines().filter_map(|line| line.split_once('='));
        let mut found = pairs.filter(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned());
        found.next().unwrap_or_else(|| panic!("credentials have no {name}"))
    };
    let credentials =
        Credentials::new(value("aws_access_key_id"), value("aws_secret_access_key"), None, None, "test");
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(&server.endpoint)
        .credentials_provider(credentials)
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    Client::from_conf(config.build())
}

/// A cluster with two HSMs and kmsuser: its id, and its trust anchor.
fn cluster(home: &Home) -> (String, String) {
    let made =
        vhsm(home, None, &["cluster", "create", "--label", "rust", "--hsms", "2", "--admin-password", ADMIN]);
    let user = [
        "user",
        "create",
        "--cluster",
        "rust",
        "--username",
        "kmsuser",
        "--role",
        "crypto-user",
        "--password",
    ];
    vhsm(home, Some("admin:admin-password"), &[&user[..], &[KMSUSER]].concat());
    let text = |name: &str| made[name].as_str().unwrap_or_else(|| panic!("{made} has no {name}")).to_owned();
    (text("ClusterId"), std::fs::read_to_string(text("TrustAnchorFile")).unwrap())
}

fn vhsm(home: &Home, pin: Option<&str>, arguments: &[&str]) -> Value {
    let mut command = home.command();
    if let Some(pin) = pin {
        command.env("VHSM_PIN", pin);
    }
    let output = command.args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn state(kms: &Client, store: &str) -> ConnectionStateType {
    let found = kms.describe_custom_key_stores().custom_key_store_id(store).send().await.unwrap();
    let [entry] = found.custom_key_stores() else { panic!("{found:?}") };
    assert_eq!(entry.connection_error_code(), None);
    entry.connection_state().unwrap().clone()
}

async fn reaches(kms: &Client, store: &str, wanted: ConnectionStateType) {
    for _ in 0..600 {
        if state(kms, store).await == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the key store is not {wanted:?} after a minute");
}

async fn key_state(kms: &Client, key: &str) -> KeyState {
    let found = kms.describe_key().key_id(key).send().await.unwrap();
    found.key_metadata().unwrap().key_state().unwrap().clone()
}

/// Its ARN.
async fn create_key(kms: &Client, store: &str, cluster: &str) -> String {
    let tag = Tag::builder().tag_key("team").tag_value("orders").build().unwrap();
    let made = kms.create_key().origin(OriginType::AwsCloudhsm).custom_key_store_id(store).tags(tag);
    let made = made.description("of the Rust SDK").send().await.unwrap();
    let key = made.key_metadata().unwrap();
    assert_eq!(key.key_state(), Some(&KeyState::Enabled));
    assert_eq!(key.origin(), Some(&OriginType::AwsCloudhsm));
    assert_eq!(key.custom_key_store_id(), Some(store));
    assert_eq!(key.cloud_hsm_cluster_id(), Some(cluster));
    let listed = kms.list_resource_tags().key_id(key.key_id()).send().await.unwrap();
    assert_eq!(listed.tags().first().map(Tag::tag_value), Some("orders"));
    key.arn().unwrap().to_owned()
}

async fn uses(kms: &Client, key: &str) {
    let plaintext = b"attack at dawn".to_vec();
    let sealed = kms.encrypt().key_id(key).plaintext(Blob::new(plaintext.clone()));
    let sealed = sealed.encryption_context("order", "4711").send().await.unwrap();
    let sealed = sealed.ciphertext_blob().unwrap().clone();
    let opened = kms
        .decrypt()
        .ciphertext_blob(sealed.clone())
        .encryption_context("order", "4711")
        .send()
        .await
        .unwrap();
    assert_eq!(opened.plaintext().unwrap().as_ref(), plaintext);
    assert_eq!(opened.key_id(), Some(key));

    let wrong =
        kms.decrypt().ciphertext_blob(sealed).encryption_context("order", "4712").send().await.unwrap_err();
    assert!(
        matches!(wrong.as_service_error(), Some(DecryptError::InvalidCiphertextException(_))),
        "{wrong:?}"
    );

    let data_key = kms.generate_data_key().key_id(key).key_spec(DataKeySpec::Aes256).send().await.unwrap();
    let opened =
        kms.decrypt().ciphertext_blob(data_key.ciphertext_blob().unwrap().clone()).send().await.unwrap();
    assert_eq!(opened.plaintext(), data_key.plaintext());
}

async fn names(kms: &Client, key: &str) {
    kms.create_alias().alias_name("alias/rust").target_key_id(key).send().await.unwrap();
    let sealed = kms.encrypt().key_id("alias/rust").plaintext(Blob::new(b"x")).send().await.unwrap();
    assert_eq!(sealed.key_id(), Some(key));
    let pages = kms.list_aliases().key_id(key).into_paginator().items().send();
    let names: Vec<_> = pages.collect::<Result<Vec<_>, _>>().await.unwrap();
    assert_eq!(names.iter().map(|alias| alias.alias_name().unwrap()).collect::<Vec<_>>(), ["alias/rust"]);
}

async fn states(kms: &Client, key: &str) {
    let encrypt = || kms.encrypt().key_id(key).plaintext(Blob::new(b"x")).send();
    kms.disable_key().key_id(key).send().await.unwrap();
    assert_eq!(code(encrypt().await.unwrap_err()), "DisabledException");
    kms.enable_key().key_id(key).send().await.unwrap();
    encrypt().await.unwrap();
}

async fn ends(kms: &Client, store: &str, key: &str) {
    kms.disconnect_custom_key_store().custom_key_store_id(store).send().await.unwrap();
    reaches(kms, store, ConnectionStateType::Disconnected).await;
    assert_eq!(key_state(kms, key).await, KeyState::Unavailable);
    let error = kms.encrypt().key_id(key).plaintext(Blob::new(b"x")).send().await.unwrap_err();
    assert_eq!(code(error), "KMSInvalidStateException");

    kms.schedule_key_deletion().key_id(key).pending_window_in_days(7).send().await.unwrap();
    assert_eq!(key_state(kms, key).await, KeyState::PendingDeletion);
    let error = kms.delete_custom_key_store().custom_key_store_id(store).send().await.unwrap_err();
    assert_eq!(code(error), "CustomKeyStoreHasCMKsException");

    kms.cancel_key_deletion().key_id(key).send().await.unwrap();
    kms.connect_custom_key_store().custom_key_store_id(store).send().await.unwrap();
    reaches(kms, store, ConnectionStateType::Connected).await;
    assert_eq!(key_state(kms, key).await, KeyState::Disabled);
    kms.enable_key().key_id(key).send().await.unwrap();
    kms.encrypt().key_id("alias/rust").plaintext(Blob::new(b"x")).send().await.unwrap();
}

/// The exception's name.
fn code<E: ProvideErrorMetadata, R>(error: SdkError<E, R>) -> String {
    error.code().unwrap_or_default().to_owned()
}
