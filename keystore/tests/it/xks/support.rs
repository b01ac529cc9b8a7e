//! A client, and a proxy that it may reach.

use crate::support::proxy::{ACCESS_KEY_ID, Key, PATH, Proxy, SECRET};
use std::time::Duration;
use vhsm_keystore::xks::api::{RequestMetadata, Sealed};
use vhsm_keystore::xks::{self, Client, ProxyCredential, ProxyFailure, Settings};

pub const KEY: &str = "an-external.key_1";
pub const PLAINTEXT: &[u8] = b"sealed within already";
pub const AAD: &[u8] = b"project=nile,department=marketing";

pub struct Ends {
    pub proxy: Proxy,
    pub client: Client,
}

impl Ends {
    pub fn new(proxy: Proxy) -> Self {
        let client = Client::new(settings(&proxy)).unwrap();
        proxy.keys().put(KEY, Key::default());
        Self { proxy, client }
    }

    pub fn address(&self) -> xks::Proxy {
        address(&self.proxy.endpoint())
    }

    pub fn encrypt(&self) -> Result<Sealed, ProxyFailure> {
        self.client.encrypt(&self.address(), KEY, &metadata("Encrypt"), PLAINTEXT, AAD)
    }

    pub fn decrypt(&self, sealed: &Sealed) -> Result<Vec<u8>, ProxyFailure> {
        let opened = self.client.decrypt(&self.address(), KEY, &metadata("Decrypt"), sealed, AAD);
        opened.map(|plaintext| plaintext.to_vec())
    }

    /// All four APIs; what each answered instead.
    pub fn failures(&self) -> [Option<ProxyFailure>; 4] {
        let sealed = Sealed {
            ciphertext: PLAINTEXT.into(),
            iv: vec![0; 12],
            tag: vec![0; 16],
            ciphertext_metadata: Vec::new(),
        };
        let Self { client, .. } = self;
        [
            client.key_metadata(&self.address(), KEY, &metadata("CreateKey")).err(),
            self.encrypt().err(),
            self.decrypt(&sealed).err(),
            client.health(&self.address(), &metadata("KmsHealthCheck")).err(),
        ]
    }
}

/// With time enough for a busy machine: what is to be late is late by far more.
pub fn settings(proxy: &Proxy) -> Settings {
    Settings {
        allow_private: true,
        ca_file: Some(proxy.ca_file()),
        timeout: Duration::from_secs(5),
        ..Settings::default()
    }
}

pub fn address(endpoint: &str) -> xks::Proxy {
    let credential =
        ProxyCredential { access_key_id: ACCESS_KEY_ID.into(), secret: SECRET.to_owned().into() };
    xks::Proxy { endpoint: endpoint.into(), path: PATH.into(), credential }
}

pub fn metadata(operation: &str) -> RequestMetadata {
    RequestMetadata {
        aws_principal_arn: Some("arn:aws:iam::123456789012:user/Alice".into()),
        kms_operation: Some(operation.into()),
        kms_request_id: Some("7f3c1a52-0000-4000-8000-000000000000".into()),
        kms_key_arn: Some("arn:aws:kms:us-east-1:123456789012:key/1".into()),
        ..RequestMetadata::default()
    }
}
