//! What goes out, and what comes back where nothing is wrong.

use super::support::{AAD, Ends, KEY, PLAINTEXT, address, metadata, settings};
use crate::support::proxy::{Call, Fault, HOST, Key, Proxy};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use vhsm_keystore::xks::{Client, ProxyFailure, Settings};

fn header<'a>(call: &'a Call, name: &str) -> &'a str {
    let header = call.headers.iter().find(|(header, _)| header == name);
    header.map(|(_, value)| value.as_str()).unwrap_or_default()
}

#[test]
fn the_four_apis_are_called() {
    for proxy in [Proxy::start(), Proxy::start_http2()] {
        let ends = Ends::new(proxy);
        let Ends { proxy, client } = &ends;
        let key = client.key_metadata(&ends.address(), KEY, &metadata("CreateKey")).unwrap();
        assert_eq!((key.key_spec.as_str(), key.key_status.as_str()), ("AES_256", "ENABLED"));
        assert!(key.key_usage.iter().any(|usage| usage == "ENCRYPT"));
        // From its first rotation on, the proxy's ciphertexts have metadata.
        for has_metadata in [false, true] {
            let sealed = ends.encrypt().unwrap();
            assert_eq!(sealed.ciphertext_metadata.is_empty(), !has_metadata);
            assert_eq!(ends.decrypt(&sealed).unwrap(), PLAINTEXT);
            proxy.keys().rotate(KEY);
        }
        let health = client.health(&ends.address(), &metadata("KmsHealthCheck")).unwrap();
        assert!(health.ekm_fleet_details.iter().all(|manager| manager.health_status == "ACTIVE"));
        let calls: Vec<_> = proxy.calls().iter().map(|call| (call.api, call.connection)).collect();
        assert_eq!(proxy.connections(), 1, "{calls:?}");
    }
}

#[test]
fn an_empty_plaintext_aad_and_metadata_are_allowed() {
    let ends = Ends::new(Proxy::start());
    let sealed = ends.client.encrypt(&ends.address(), KEY, &metadata("Encrypt"), b"", b"").unwrap();
    let opened = ends.client.decrypt(&ends.address(), KEY, &metadata("Decrypt"), &sealed, b"").unwrap();
    assert!(opened.is_empty());
}

#[test]
fn requests_have_what_the_api_wants() {
    let ends = Ends::new(Proxy::start());
    ends.encrypt().unwrap();
    let call = ends.proxy.calls().pop().unwrap();
    assert_eq!(call.version, "HTTP/1.1");
    assert_eq!(header(&call, "content-type"), "application/json");
    assert!(header(&call, "authorization").contains("SignedHeaders=host;x-amz-date, "));
    assert_eq!(call.body["encryptionAlgorithm"], "AES_GCM");
    assert_eq!(call.body["ciphertextDataIntegrityValueAlgorithm"], "SHA_256");
    assert_eq!(
        call.body["requestMetadata"],
        json!({
            "awsPrincipalArn": "arn:aws:iam::123456789012:user/Alice", "kmsOperation": "Encrypt",
            "kmsRequestId": "7f3c1a52-0000-4000-8000-000000000000",
            "kmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/1",
        })
    );
}

#[test]
fn hosts_stand_before_dns() {
    let proxy = Proxy::start();
    proxy.keys().put(KEY, Key::default());
    let hosts = BTreeMap::from([(HOST.to_owned(), proxy.address())]);
    let client = Client::new(Settings { allow_private: false, hosts, ..settings(&proxy) }).unwrap();
    let sealed = client.encrypt(&address(&format!("https://{HOST}")), KEY, &metadata("Encrypt"), b"x", AAD);
    sealed.unwrap();
    assert_eq!(header(&proxy.calls()[0], "host"), HOST);
}

#[test]
fn loopback_and_ports_need_a_setting() {
    let proxy = Proxy::start();
    let client = Client::new(Settings { allow_private: false, ..settings(&proxy) }).unwrap();
    for endpoint in [&proxy.endpoint(), "https://localhost", "https://127.0.0.1"] {
        let failure = client.health(&address(endpoint), &metadata("KmsHealthCheck")).unwrap_err();
        let ProxyFailure::Unreachable(text) = failure else { panic!("{failure}") };
        assert!(text.contains("allow_private"), "{text}");
    }
    assert_eq!(proxy.connections(), 0);
}

#[test]
fn a_client_certificate_is_shown_where_it_is_wanted() {
    for proxy in [Proxy::start(), Proxy::start_http2()] {
        proxy.keys().put(KEY, Key::default());
        proxy.set(Fault::WantsClientCertificate);
        let shown = Settings { client_certificate: Some(proxy.client_certificate()), ..settings(&proxy) };
        let with = Ends { client: Client::new(shown).unwrap(), proxy };
        with.encrypt().unwrap();
        let Ends { proxy, .. } = with;
        let without = Ends { client: Client::new(settings(&proxy)).unwrap(), proxy };
        for failure in without.failures() {
            assert!(matches!(failure, Some(ProxyFailure::Tls(_))), "{failure:?}");
        }
    }
}

#[test]
fn files_that_cannot_be_read_are_told_by_their_settings() {
    let proxy = Proxy::start();
    let missing = proxy.ca_file().with_file_name("missing");
    let told = |settings: Settings| Client::new(settings).err().unwrap();
    let ca = told(Settings { ca_file: Some(missing.clone()), ..Settings::default() });
    assert!(ca.contains("ca_file") && ca.contains("missing"), "{ca}");
    let (certificate, key) = proxy.client_certificate();
    let client = |files| told(Settings { client_certificate: Some(files), ..Settings::default() });
    assert!(client((missing.clone(), key)).contains("client_cert"));
    assert!(client((certificate.clone(), missing)).contains("client_key"));
    let no_certificate =
        told(Settings { ca_file: Some(proxy.client_certificate().1), ..Settings::default() });
    assert!(no_certificate.contains("no certificate"), "{no_certificate}");
}

#[test]
fn the_certificates_end_is_known() {
    let ends = Ends::new(Proxy::start());
    assert!(ends.client.certificate_ends().is_empty());
    ends.encrypt().unwrap();
    let ends = ends.client.certificate_ends();
    let days = |days: u64| Duration::from_secs(days * 24 * 60 * 60);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let (_, end) = ends.first_key_value().unwrap();
    let left = Duration::from_millis(*end).checked_sub(now).unwrap();
    assert!(left > days(1) && left < days(100), "{left:?}");
}
