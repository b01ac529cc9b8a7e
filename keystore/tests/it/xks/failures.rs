//! Each failure has its class.

use super::support::{Ends, settings};
use crate::support::proxy::{Api, Fault, Proxy};
use std::time::Duration;
use vhsm_keystore::xks::{Client, ProxyFailure, Settings};

/// What a fault is to be taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Unreachable,
    Tls,
    TimedOut,
    Refused,
    Malformed,
    NoKeyManager,
}

fn class(failure: &ProxyFailure) -> Class {
    match failure {
        ProxyFailure::Unreachable(_) => Class::Unreachable,
        ProxyFailure::Tls(_) => Class::Tls,
        ProxyFailure::TimedOut => Class::TimedOut,
        ProxyFailure::Refused { .. } => Class::Refused,
        ProxyFailure::Malformed(_) => Class::Malformed,
        ProxyFailure::NoKeyManager => Class::NoKeyManager,
    }
}

#[test]
fn what_is_wrong_with_the_connection_or_with_all_answers() {
    let faults = [
        (Fault::RefuseTcp, Class::Unreachable),
        (Fault::CloseAfterAccept, Class::Tls),
        (Fault::TlsWrongName, Class::Tls),
        (Fault::TlsExpired, Class::Tls),
        (Fault::TlsUnknownCa, Class::Tls),
        (Fault::TlsOldVersion, Class::Tls),
        (Fault::PlainHttp, Class::Tls),
        (Fault::WantsClientCertificate, Class::Tls),
        (Fault::CloseBeforeAnswer, Class::Unreachable),
        (Fault::CloseMidAnswer, Class::Malformed),
        (Fault::WrongSignatureAnswer, Class::Refused),
        (Fault::Throttling, Class::Refused),
        (Fault::Error { name: "KeyNotFoundException".into(), status: 404 }, Class::Refused),
        (Fault::ErrorWithoutJson(502), Class::Malformed),
        (Fault::Redirect, Class::Malformed),
        (Fault::MalformedJson, Class::Malformed),
        (Fault::EmptyBody, Class::Malformed),
        (Fault::WrongContentType, Class::Malformed),
        (Fault::HugeBody, Class::Malformed),
    ];
    for proxy in [Proxy::start, Proxy::start_http2] {
        let ends = Ends::new(proxy());
        for (fault, expected) in &faults {
            ends.proxy.set(fault.clone());
            for failure in ends.failures() {
                let failure = failure.unwrap_or_else(|| panic!("{fault:?} was not found"));
                assert_eq!(class(&failure), *expected, "{fault:?}: {failure}");
            }
        }
    }
}

#[test]
fn a_wrong_credential_is_refused() {
    let ends = Ends::new(Proxy::start());
    let mut address = ends.address();
    address.credential.secret.push('x');
    let metadata = super::support::metadata("KmsHealthCheck");
    let failure = ends.client.health(&address, &metadata).unwrap_err();
    let ProxyFailure::Refused { name, status, .. } = failure else { panic!("{failure}") };
    assert_eq!((name.as_str(), status), ("AuthenticationFailedException", 401));
}

#[test]
fn who_takes_a_connection_and_is_silent_is_late() {
    for fault in [Fault::HangAfterAccept, Fault::HangInTls, Fault::Slow(60_000), Fault::SlowBody] {
        let proxy = Proxy::start();
        let timeout = Duration::from_millis(100);
        let client = Client::new(Settings { timeout, ..settings(&proxy) }).unwrap();
        let ends = Ends { proxy, client };
        ends.proxy.set(fault.clone());
        for failure in ends.failures() {
            assert_eq!(failure.as_ref().map(class), Some(Class::TimedOut), "{fault:?}");
        }
    }
}

#[test]
fn managers_that_are_all_unavailable_are_none() {
    let ends = Ends::new(Proxy::start());
    let health = || {
        let metadata = super::support::metadata("KmsHealthCheck");
        ends.client.health(&ends.address(), &metadata).map_err(|failure| class(&failure))
    };
    ends.proxy.only(Api::GetHealthStatus, Fault::AllUnavailable);
    assert_eq!(health(), Err(Class::NoKeyManager));
    for fault in [Fault::OneDegraded, Fault::OneUnavailable] {
        ends.proxy.only(Api::GetHealthStatus, fault.clone());
        assert!(health().is_ok(), "{fault:?}");
    }
}
