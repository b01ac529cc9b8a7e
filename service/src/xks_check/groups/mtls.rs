//! mTLS: whom the proxy lets in. Skipped where it asks for no client certificate.

use super::super::calls::Api;
use super::super::certificates::{self, Wanted};
use super::super::outcome::{Finding, Outcome, missed, skipped};
use super::super::proxy::Proxy;
use super::super::table::Check;
use super::super::wire::{self, Broken, Offer};
use super::tls::needs_tls;
use openssl::nid::Nid;
use openssl::x509::X509;
use serde_json::json;
use std::sync::Arc;
use tokio_rustls::rustls::sign::CertifiedKey;

const MTLS: &str = "mTLS";

pub const CHECKS: &[Check] = &[
    Check::must("mtls.none", MTLS, "a client without a certificate gets no answer", none),
    Check::must(
        "mtls.self-signed",
        MTLS,
        "a self-signed certificate of KMS's name gets no answer",
        self_signed,
    ),
    Check::must("mtls.expired", MTLS, "an expired certificate gets no answer", expired),
    Check::must(
        "mtls.forged",
        MTLS,
        "a certificate with the right subject and issuer that another key signed gets no answer",
        forged,
    ),
    Check::must("mtls.stolen", MTLS, "the right certificate without its private key gets no answer", stolen),
    Check::must(
        "mtls.other-name",
        MTLS,
        "a certificate of the right authority for another name gets no answer",
        other_name,
    ),
];

/// The certificate that the proxy takes.
fn accepted(proxy: &Proxy) -> Result<Arc<CertifiedKey>, Finding> {
    needs_tls(proxy)?;
    let client = proxy
        .client()
        .ok_or_else(|| skipped("needs --client-cert-file; without it the proxy asks for none"))?;
    Ok(Arc::clone(client))
}

/// Asserts that a right call gets no answer from a client that shows this.
fn shut_out(proxy: &Proxy, client: Option<Arc<CertifiedKey>>) -> Outcome {
    let body = json!({"requestMetadata": proxy.metadata(Api::GetHealthStatus)});
    let request = proxy.signed(proxy.request(Api::GetHealthStatus, "", &body));
    match proxy.once(&Offer { client, ..proxy.offer() }, &request) {
        Ok(reply) => Err(missed(reply.told())),
        Err(refused @ (Broken::Tls(_) | Broken::Closed(_))) => Ok(refused.to_string()),
        Err(broken) => Err(missed(broken.to_string())),
    }
}

fn made(wanted: &Wanted<'_>) -> Result<Option<Arc<CertifiedKey>>, Finding> {
    certificates::make(wanted).map(Some).map_err(skipped)
}

fn none(proxy: &Proxy) -> Outcome {
    accepted(proxy)?;
    shut_out(proxy, None)
}

fn self_signed(proxy: &Proxy) -> Outcome {
    accepted(proxy)?;
    let name = certificates::kms_name(&proxy.target.region);
    shut_out(proxy, made(&Wanted { name: &name, issuer: None, expired: false })?)
}

fn expired(proxy: &Proxy) -> Outcome {
    let client = accepted(proxy)?;
    let (name, certificate) = subject(&client)?;
    shut_out(proxy, made(&Wanted { name: &name, issuer: Some(certificate.issuer_name()), expired: true })?)
}

fn forged(proxy: &Proxy) -> Outcome {
    let client = accepted(proxy)?;
    let (name, certificate) = subject(&client)?;
    shut_out(proxy, made(&Wanted { name: &name, issuer: Some(certificate.issuer_name()), expired: false })?)
}

fn stolen(proxy: &Proxy) -> Outcome {
    let client = accepted(proxy)?;
    let certificate = client.cert.first().ok_or_else(|| skipped("the client's file has no certificate"))?;
    shut_out(proxy, Some(certificates::stolen(certificate).map_err(skipped)?))
}

fn other_name(proxy: &Proxy) -> Outcome {
    accepted(proxy)?;
    let other =
        proxy.target.other_client.as_ref().ok_or_else(|| skipped("needs --other-client-cert-file"))?;
    let other = wire::read_identity(other).map_err(|failure| skipped(failure.to_string()))?;
    shut_out(proxy, Some(other))
}

fn subject(client: &CertifiedKey) -> Result<(String, X509), Finding> {
    let der = client.cert.first().ok_or_else(|| skipped("the client's file has no certificate"))?;
    let certificate = X509::from_der(der).map_err(|error| skipped(error.to_string()))?;
    let name = certificate.subject_name().entries_by_nid(Nid::COMMONNAME).next();
    let name = name.and_then(|entry| entry.data().to_string().ok()).unwrap_or_default();
    Ok((name, certificate))
}
