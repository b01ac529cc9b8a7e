//! The table beside the API's own list (botocore, kms/2014-11-01).

use super::members;
use super::table::{TABLE, find};
use serde_json::json;

const OPERATIONS: [&str; 56] = [
    "CancelKeyDeletion",
    "ConnectCustomKeyStore",
    "CreateAlias",
    "CreateCustomKeyStore",
    "CreateGrant",
    "CreateKey",
    "Decapsulate",
    "Decrypt",
    "DeleteAlias",
    "DeleteCustomKeyStore",
    "DeleteImportedKeyMaterial",
    "DeriveSharedSecret",
    "DescribeCustomKeyStores",
    "DescribeKey",
    "DisableKey",
    "DisableKeyRotation",
    "DisconnectCustomKeyStore",
    "EnableKey",
    "EnableKeyRotation",
    "Encapsulate",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "GenerateRandom",
    "GetKeyLastUsage",
    "GetKeyPolicy",
    "GetKeyRotationStatus",
    "GetParametersForImport",
    "GetPublicKey",
    "ImportKeyMaterial",
    "ListAliases",
    "ListGrants",
    "ListKeyPolicies",
    "ListKeyRotations",
    "ListKeys",
    "ListResourceTags",
    "ListRetirableGrants",
    "PutKeyPolicy",
    "ReEncrypt",
    "ReplicateKey",
    "RetireGrant",
    "RevokeGrant",
    "RotateKeyOnDemand",
    "ScheduleKeyDeletion",
    "Sign",
    "TagResource",
    "UntagResource",
    "UpdateAlias",
    "UpdateCustomKeyStore",
    "UpdateKeyDescription",
    "UpdatePrimaryRegion",
    "Verify",
    "VerifyMac",
];

/// In this order, for the table is searched by halves.
#[test]
fn every_operation_of_the_api_has_a_row() {
    assert!(TABLE.iter().map(|row| row.name).eq(OPERATIONS));
}

#[test]
fn what_lists_and_describes_only_reads() {
    for row in TABLE {
        let reads = ["List", "Describe", "Get"].iter().any(|prefix| row.name.starts_with(prefix));
        assert!(!reads || row.read_only, "{}", row.name);
    }
}

/// No row names what must not be in a log.
#[test]
fn nothing_secret_is_recorded() {
    let secret = [
        "Plaintext",
        "Ciphertext",
        "Password",
        "Message",
        "Signature",
        "Material",
        "PublicKey",
        "Mac",
        "Secret",
    ];
    for row in TABLE {
        for member in row.request.iter().chain(row.response) {
            let is_told =
                ["KeyMaterialId", "IncludeKeyMaterial", "MessageType", "MacAlgorithm"].contains(member);
            assert!(is_told || !secret.iter().any(|word| member.contains(word)), "{}: {member}", row.name);
        }
    }
}

#[test]
fn a_proxy_is_recorded_without_its_credential() {
    let request = json!({
        "CustomKeyStoreName": "one",
        "XksProxyUriEndpoint": "https://xks.example.com",
        "XksProxyUriPath": "/kms/xks/v1",
        "XksProxyConnectivity": "PUBLIC_ENDPOINT",
        "XksProxyAuthenticationCredential": {"AccessKeyId": "ABCDEFGHIJKLMNOPQRST", "RawSecretAccessKey": "hidden"},
    });
    for name in ["CreateCustomKeyStore", "UpdateCustomKeyStore"] {
        let kept = members::kept(request.to_string().as_bytes(), find(name).unwrap().request);
        assert_eq!(kept["xksProxyUriEndpoint"], "https://xks.example.com");
        let text = kept.to_string();
        assert!(!text.contains("hidden") && !text.contains("ABCDEFGHIJ"), "{text}");
    }
}
