//! TLS: versions, cipher suites, and the proxy's certificate.

use super::super::outcome::{Finding, Outcome, ensure, missed, skipped};
use super::super::proxy::Proxy;
use super::super::table::Check;
use super::super::wire::{self, Broken, Offer};
use openssl::asn1::Asn1Time;
use openssl::ssl::{SslConnector, SslFiletype, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::X509;
use std::io::{Read, Write};
use std::net::TcpStream;
use tokio_rustls::rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{CipherSuite, RootCertStore};

const TRANSPORT: &str = "Transport";

pub const CHECKS: &[Check] = &[
    Check::should("tls.1-3", TRANSPORT, "TLS 1.3 is offered", version_1_3),
    Check::must("tls.weak-versions", TRANSPORT, "TLS 1.0 and 1.1 are refused", weak_versions),
    Check::must(
        "tls.suites",
        TRANSPORT,
        "one of TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256 and ECDHE with AES_256_GCM_SHA384 is there",
        suites,
    ),
    Check::should(
        "tls.weak-suites",
        TRANSPORT,
        "cipher suites without forward secrecy, or without an AEAD, are refused",
        weak_suites,
    ),
    Check::must(
        "tls.certificate-name",
        TRANSPORT,
        "the certificate bears the name of the URL's host",
        certificate_name,
    ),
    Check::must(
        "tls.certificate-chain",
        TRANSPORT,
        "the certificate is valid today, and its chain leads to an authority that is trusted",
        certificate_chain,
    ),
    Check::should(
        "tls.certificate-days",
        TRANSPORT,
        "the certificate is valid for 30 days more",
        certificate_days,
    ),
    Check::must(
        "tls.no-plain-http",
        TRANSPORT,
        "HTTP without TLS is not answered on this port",
        no_plain_http,
    ),
];

const REQUIRED: &[CipherSuite] = &[
    CipherSuite::TLS13_AES_256_GCM_SHA384,
    CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
];
/// As OpenSSL names them.
const WEAK: &str =
    "AES128-SHA:AES256-SHA:AES128-GCM-SHA256:AES256-GCM-SHA384:ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA";
const WANTED_DAYS: i32 = 30;

/// The checks of this group need TLS.
pub fn needs_tls(proxy: &Proxy) -> Result<(), Finding> {
    match proxy.target.tls {
        true => Ok(()),
        false => Err(skipped("the URL is one of http")),
    }
}

fn agreed(proxy: &Proxy, offer: &Offer) -> Outcome {
    needs_tls(proxy)?;
    let secured = proxy.handshake(offer).map_err(|broken| missed(broken.to_string()))?;
    let said = |value: Option<String>| value.unwrap_or_else(|| "unknown".to_owned());
    let version = said(secured.version.map(|version| format!("{version:?}")));
    Ok(format!("{version}, {}", said(secured.suite.map(|suite| format!("{suite:?}")))))
}

fn version_1_3(proxy: &Proxy) -> Outcome {
    agreed(proxy, &Offer { versions: wire::NEWEST_VERSION, ..proxy.offer() })
}

fn suites(proxy: &Proxy) -> Outcome {
    agreed(proxy, &Offer { suites: REQUIRED, ..proxy.offer() })
}

fn weak_versions(proxy: &Proxy) -> Outcome {
    openssl_can(proxy)?;
    for (version, name) in [(SslVersion::TLS1, "TLS 1.0"), (SslVersion::TLS1_1, "TLS 1.1")] {
        let agreed = openssl(proxy, Some((version, version)), None);
        ensure(agreed.is_err(), || format!("{name} is taken"))?;
    }
    Ok("both are refused".to_owned())
}

fn weak_suites(proxy: &Proxy) -> Outcome {
    openssl_can(proxy)?;
    match openssl(proxy, Some((SslVersion::TLS1_2, SslVersion::TLS1_2)), Some(WEAK)) {
        Ok(suite) => Err(missed(format!("{suite} is taken"))),
        Err(_) => Ok("they are refused".to_owned()),
    }
}

/// A refusal tells something only if this client gets through otherwise.
fn openssl_can(proxy: &Proxy) -> Result<(), Finding> {
    needs_tls(proxy)?;
    openssl(proxy, None, None).map(drop).map_err(|error| skipped(format!("no TLS at all: {error}")))
}

/// The cipher suite that is agreed on.
fn openssl(
    proxy: &Proxy,
    versions: Option<(SslVersion, SslVersion)>,
    suites: Option<&str>,
) -> Result<String, String> {
    let told = |error: openssl::error::ErrorStack| error.to_string();
    let mut builder = SslConnector::builder(SslMethod::tls_client()).map_err(told)?;
    builder.set_verify(SslVerifyMode::NONE);
    if let Some((least, most)) = versions {
        builder.set_min_proto_version(Some(least)).map_err(told)?;
        builder.set_max_proto_version(Some(most)).map_err(told)?;
    }
    if let Some(suites) = suites {
        builder.set_cipher_list(suites).map_err(told)?;
    }
    if let Some(client) = &proxy.target.client {
        builder.set_certificate_chain_file(&client.certificate).map_err(told)?;
        builder.set_private_key_file(&client.key, SslFiletype::PEM).map_err(told)?;
    }
    let mut configuration = builder.build().configure().map_err(told)?;
    configuration.set_verify_hostname(false);
    let host = proxy.target.host.trim_matches(['[', ']']);
    let stream = tcp(proxy).map_err(|error| error.to_string())?;
    let stream = configuration.connect(host, stream).map_err(|error| error.to_string())?;
    Ok(stream.ssl().current_cipher().map(|cipher| cipher.name().to_owned()).unwrap_or_default())
}

/// A blocking connection, with limits.
fn tcp(proxy: &Proxy) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&proxy.address(), proxy.patience())?;
    stream.set_read_timeout(Some(proxy.patience()))?;
    stream.set_write_timeout(Some(proxy.patience()))?;
    Ok(stream)
}

fn chain(proxy: &Proxy) -> Result<Vec<CertificateDer<'static>>, Finding> {
    needs_tls(proxy)?;
    let chain = proxy.handshake(&proxy.offer()).map_err(|broken| missed(broken.to_string()))?.chain;
    ensure(!chain.is_empty(), || "no certificate".to_owned())?;
    Ok(chain)
}

fn certificate_name(proxy: &Proxy) -> Outcome {
    let chain = chain(proxy)?;
    let host = &proxy.target.host;
    let parsed = ParsedCertificate::try_from(&chain[0]).map_err(|error| missed(error.to_string()))?;
    let name = wire::server_name(host).map_err(missed)?;
    verify_server_name(&parsed, &name).map_err(|error| missed(error.to_string()))?;
    Ok(host.clone())
}

fn certificate_chain(proxy: &Proxy) -> Outcome {
    let chain = chain(proxy)?;
    let mut roots = RootCertStore::empty();
    for root in rustls_native_certs::load_native_certs().certs {
        // What the system has that rustls does not read is no authority for KMS either.
        let _ = roots.add(root);
    }
    if let Some(file) = &proxy.target.ca_file {
        for root in wire::read_certificates(file).map_err(|failure| skipped(failure.to_string()))? {
            roots.add(root).map_err(|error| skipped(format!("{}: {error}", file.display())))?;
        }
    }
    let parsed = ParsedCertificate::try_from(&chain[0]).map_err(|error| missed(error.to_string()))?;
    let algorithms = wire::provider(&[]).signature_verification_algorithms;
    verify_server_cert_signed_by_trust_anchor(&parsed, &roots, &chain[1..], UnixTime::now(), algorithms.all)
        .map_err(|error| missed(error.to_string()))?;
    Ok(format!("a chain of {}", chain.len()))
}

fn certificate_days(proxy: &Proxy) -> Outcome {
    let chain = chain(proxy)?;
    let left = || {
        let certificate = X509::from_der(&chain[0])?;
        let now = Asn1Time::days_from_now(0)?;
        Ok::<_, openssl::error::ErrorStack>(now.diff(certificate.not_after())?.days)
    };
    let days = left().map_err(|error| missed(error.to_string()))?;
    ensure(days >= WANTED_DAYS, || format!("{days} days"))?;
    Ok(format!("{days} days"))
}

fn no_plain_http(proxy: &Proxy) -> Outcome {
    needs_tls(proxy)?;
    let request =
        format!("GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", proxy.target.authority());
    let mut answer = [0; 12];
    let asked = tcp(proxy).and_then(|mut stream| {
        stream.write_all(request.as_bytes())?;
        stream.read_exact(&mut answer)
    });
    // Some servers tell with status 400 that TLS is wanted; that is no service.
    match asked {
        Ok(()) if answer.starts_with(b"HTTP/1.") && !answer.ends_with(b" 400") => {
            Err(missed(String::from_utf8_lossy(&answer).into_owned()))
        }
        Ok(()) => Ok("no HTTP".to_owned()),
        Err(error) => Ok(Broken::Closed(error.to_string()).to_string()),
    }
}
