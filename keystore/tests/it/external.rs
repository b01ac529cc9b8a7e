//! Custom key stores of type EXTERNAL_KEY_STORE, over real TLS to a proxy that is right, or wrong in one way.

mod connect;
mod create;
mod form;
mod health;
mod states;
mod unique;
mod update;
mod vpc;

use crate::stores::{create, describe, disconnect, request, state};
use crate::support::proxy::{ACCESS_KEY_ID, Api, Call, Fault, HOST, Key, PATH, Proxy, SECRET};
use crate::support::{Kind, World, caller};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use vhsm_keystore::{Exception, KmsError, Settings, xks};
use vhsm_store::{Memory, Store};

/// A second host, which is the same proxy.
pub const OTHER_HOST: &str = "other.example.com";
pub const SERVICE: &str = "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0";

/// A `Kms`, and a proxy that it reaches by `HOST` and `OTHER_HOST`.
pub struct Bench {
    pub world: World,
    pub proxy: Proxy,
}

impl Bench {
    /// With time enough for every answer that comes.
    pub fn new() -> Self {
        Self::with(Settings::default(), Duration::from_secs(20))
    }

    /// For answers that do not come.
    pub fn impatient() -> Self {
        Self::with(Settings::default(), Duration::from_millis(700))
    }

    pub fn with(settings: Settings, timeout: Duration) -> Self {
        Self::on(Arc::new(Memory::new()), settings, timeout)
    }

    pub fn on(store: Arc<dyn Store>, settings: Settings, timeout: Duration) -> Self {
        let proxy = Proxy::start();
        let mut world = World::with(Kind::SoftHsm, settings, store);
        let hosts = [HOST, OTHER_HOST].map(|host| (host.to_owned(), proxy.address()));
        world.call_proxies(xks::Settings {
            timeout,
            ca_file: Some(proxy.ca_file()),
            hosts: BTreeMap::from(hosts),
            ..xks::Settings::default()
        });
        Self { world, proxy }
    }

    pub fn create(&self, members: Value) -> Result<String, KmsError> {
        create(&self.world.kms, members)
    }

    /// A key store that is made of `members`.
    pub fn store(&self) -> String {
        self.create(members()).unwrap()
    }

    pub fn connect(&self, id: &str) -> String {
        crate::stores::connect(&self.world.kms, id).unwrap();
        self.world.kms.run_tasks();
        state(&self.world.kms, id)
    }

    pub fn disconnect(&self, id: &str) {
        disconnect(&self.world.kms, id).unwrap();
        self.world.kms.run_tasks();
        assert_eq!(state(&self.world.kms, id), "DISCONNECTED");
    }

    pub fn connected_store(&self) -> String {
        let id = self.store();
        assert_eq!(self.connect(&id), "CONNECTED");
        id
    }

    pub fn update(&self, id: &str, members: Value) -> Result<(), KmsError> {
        let mut all = json!({ "CustomKeyStoreId": id });
        all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        self.world.kms.update_custom_key_store(&caller(), &request(all))
    }

    /// XksProxyConfiguration, as it goes over the wire.
    pub fn configuration(&self, id: &str) -> Value {
        serde_json::to_value(describe(&self.world.kms, id)).unwrap()["XksProxyConfiguration"].take()
    }

    /// kmsOperation of each GetHealthStatus since the last look.
    pub fn asked(&self) -> Vec<String> {
        let calls = self.proxy.calls();
        self.proxy.forget_calls();
        let is_asked = |call: &Call| {
            assert_eq!(call.api, Some(Api::GetHealthStatus));
            assert!(!call.metadata("kmsRequestId").is_empty());
            call.metadata("kmsOperation").to_owned()
        };
        calls.iter().map(is_asked).collect()
    }

    pub fn count(&self) -> usize {
        let all = self.world.kms.describe_custom_key_stores(&caller(), &request(json!({}))).unwrap();
        all.custom_key_stores.len()
    }
}

/// What a key store with a public proxy is made of.
pub fn members() -> Value {
    json!({
        "CustomKeyStoreName": "one",
        "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
        "XksProxyConnectivity": "PUBLIC_ENDPOINT",
        "XksProxyUriEndpoint": format!("https://{HOST}"),
        "XksProxyUriPath": PATH,
        "XksProxyAuthenticationCredential": credential(ACCESS_KEY_ID, SECRET),
    })
}

/// What a key store with a proxy behind a VPC endpoint service is made of.
pub fn vpc_members() -> Value {
    let changes = json!({
        "XksProxyConnectivity": "VPC_ENDPOINT_SERVICE",
        "XksProxyVpcEndpointServiceName": SERVICE,
    });
    changed(&members(), changes)
}

pub fn credential(access_key_id: &str, secret: &str) -> Value {
    json!({ "AccessKeyId": access_key_id, "RawSecretAccessKey": secret })
}

/// `members` with others in their places; null: without them.
pub fn changed(members: &Value, changes: Value) -> Value {
    let mut members = members.as_object().unwrap().clone();
    members.extend(changes.as_object().unwrap().clone());
    members.retain(|_, value| !value.is_null());
    members.into()
}

/// What is wrong with a proxy, and how CreateCustomKeyStore and UpdateCustomKeyStore, and ConnectCustomKeyStore tell it: reference,
/// xks-proxy.md sec. 8. Those that make one wait for the time-out stand apart.
pub fn failures() -> Vec<(Fault, Exception, &'static str)> {
    use Exception::*;
    let refused = |name: &str, status| Fault::Error { name: name.into(), status };
    vec![
        (refused("ValidationException", 400), XksProxyInvalidResponse, "XKS_PROXY_INVALID_RESPONSE"),
        (Fault::WrongSignatureAnswer, XksProxyIncorrectAuthenticationCredential, "INVALID_CREDENTIALS"),
        (refused("AccessDeniedException", 403), XksProxyInvalidResponse, "XKS_PROXY_ACCESS_DENIED"),
        (
            refused("InvalidUriPathException", 404),
            XksProxyInvalidConfiguration,
            "XKS_PROXY_INVALID_CONFIGURATION",
        ),
        (refused("DependencyTimeoutException", 503), XksProxyUriUnreachable, "XKS_PROXY_TIMED_OUT"),
        (Fault::Throttling, XksProxyUriUnreachable, "XKS_PROXY_NOT_REACHABLE"),
        (refused("InternalException", 500), XksProxyInvalidResponse, "XKS_PROXY_INVALID_RESPONSE"),
        (refused("SomeException", 400), XksProxyInvalidResponse, "XKS_PROXY_INVALID_RESPONSE"),
        (Fault::RefuseTcp, XksProxyUriUnreachable, "XKS_PROXY_NOT_REACHABLE"),
        (Fault::TlsWrongName, XksProxyUriUnreachable, "XKS_PROXY_INVALID_TLS_CONFIGURATION"),
        (Fault::TlsExpired, XksProxyUriUnreachable, "XKS_PROXY_INVALID_TLS_CONFIGURATION"),
        (Fault::TlsUnknownCa, XksProxyUriUnreachable, "XKS_PROXY_INVALID_TLS_CONFIGURATION"),
        (Fault::TlsOldVersion, XksProxyUriUnreachable, "XKS_PROXY_INVALID_TLS_CONFIGURATION"),
        (Fault::ErrorWithoutJson(500), XksProxyInvalidResponse, "XKS_PROXY_INVALID_RESPONSE"),
        (Fault::MalformedJson, XksProxyInvalidResponse, "XKS_PROXY_INVALID_RESPONSE"),
        (Fault::EmptyBody, XksProxyInvalidResponse, "XKS_PROXY_INVALID_RESPONSE"),
        (Fault::AllUnavailable, XksProxyUriUnreachable, "XKS_PROXY_NOT_REACHABLE"),
    ]
}

/// As `failures`, for what shows by the time-out alone.
pub fn silences() -> Vec<(Fault, Exception, &'static str)> {
    let faults = [Fault::HangAfterAccept, Fault::HangInTls, Fault::Slow(60_000)];
    faults.map(|fault| (fault, Exception::XksProxyUriUnreachable, "XKS_PROXY_TIMED_OUT")).into()
}
