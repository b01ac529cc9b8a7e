use super::*;
use Exception::{
    CustomKeyStoreInvalidState, KmsInvalidState, XksKeyInvalidConfiguration, XksKeyNotFound,
    XksProxyIncorrectAuthenticationCredential, XksProxyInvalidConfiguration, XksProxyInvalidResponse,
    XksProxyUriUnreachable,
};

fn refused(name: &str) -> ProxyFailure {
    ProxyFailure::Refused { name: name.into(), status: 400, message: "said by the proxy".into() }
}

/// The table: failure, CreateCustomKeyStore and UpdateCustomKeyStore, ConnectionErrorCode, CreateKey. Cryptographic operations answer
/// KMSInvalidStateException in each row.
#[rustfmt::skip]
fn table() -> Vec<(ProxyFailure, Exception, &'static str, Exception)> {
    vec![
        (refused("ValidationException"), XksProxyInvalidResponse, "XKS_PROXY_INVALID_RESPONSE", CustomKeyStoreInvalidState),
        (refused("InvalidStateException"), XksProxyInvalidResponse, "XKS_PROXY_INVALID_RESPONSE", XksKeyInvalidConfiguration),
        (refused("InvalidCiphertextException"), XksProxyInvalidResponse, "XKS_PROXY_INVALID_RESPONSE", CustomKeyStoreInvalidState),
        (refused("InvalidKeyUsageException"), XksProxyInvalidResponse, "XKS_PROXY_INVALID_RESPONSE", XksKeyInvalidConfiguration),
        (refused("AuthenticationFailedException"), XksProxyIncorrectAuthenticationCredential, "INVALID_CREDENTIALS", CustomKeyStoreInvalidState),
        (refused("AccessDeniedException"), XksProxyInvalidResponse, "XKS_PROXY_ACCESS_DENIED", CustomKeyStoreInvalidState),
        (refused("KeyNotFoundException"), XksProxyInvalidResponse, "XKS_PROXY_INVALID_RESPONSE", XksKeyNotFound),
        (refused("InvalidUriPathException"), XksProxyInvalidConfiguration, "XKS_PROXY_INVALID_CONFIGURATION", CustomKeyStoreInvalidState),
        (refused("UnsupportedOperationException"), XksProxyInvalidResponse, "XKS_PROXY_INVALID_RESPONSE", XksKeyInvalidConfiguration),
        (refused("DependencyTimeoutException"), XksProxyUriUnreachable, "XKS_PROXY_TIMED_OUT", CustomKeyStoreInvalidState),
        (refused("ThrottlingException"), XksProxyUriUnreachable, "XKS_PROXY_NOT_REACHABLE", CustomKeyStoreInvalidState),
        (refused("InternalException"), XksProxyInvalidResponse, "XKS_PROXY_INVALID_RESPONSE", CustomKeyStoreInvalidState),
        (refused("SomethingElse"), XksProxyInvalidResponse, "XKS_PROXY_INVALID_RESPONSE", CustomKeyStoreInvalidState),
        (ProxyFailure::Unreachable("refused".into()), XksProxyUriUnreachable, "XKS_PROXY_NOT_REACHABLE", CustomKeyStoreInvalidState),
        (ProxyFailure::Tls("expired".into()), XksProxyUriUnreachable, "XKS_PROXY_INVALID_TLS_CONFIGURATION", CustomKeyStoreInvalidState),
        (ProxyFailure::TimedOut, XksProxyUriUnreachable, "XKS_PROXY_TIMED_OUT", CustomKeyStoreInvalidState),
        (ProxyFailure::Malformed("not JSON".into()), XksProxyInvalidResponse, "XKS_PROXY_INVALID_RESPONSE", CustomKeyStoreInvalidState),
        (ProxyFailure::NoKeyManager, XksProxyUriUnreachable, "XKS_PROXY_NOT_REACHABLE", CustomKeyStoreInvalidState),
    ]
}

#[test]
fn each_failure_is_told_as_the_table_says() {
    for (failure, store, code, key) in table() {
        assert_eq!(failure.for_store().exception, store, "{failure}");
        assert_eq!(failure.connection_error_code().name(), code, "{failure}");
        assert_eq!(failure.for_new_key().exception, key, "{failure}");
        assert_eq!(failure.for_use().exception, KmsInvalidState, "{failure}");
    }
}

#[test]
fn what_the_proxy_says_is_for_the_log_alone() {
    for (failure, ..) in table() {
        for error in [failure.for_store(), failure.for_new_key(), failure.for_use()] {
            assert!(!error.message.contains("said by the proxy"), "{error}");
            assert_eq!(error.detail.unwrap(), failure.to_string());
        }
    }
}
