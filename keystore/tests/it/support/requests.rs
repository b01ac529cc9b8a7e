//! A request for each operation that succeeds on an enabled key, as far as such a key allows it.

use super::{CLUSTERS, PASSWORD, Scene, blob, caller, text};
use serde_json::{Value, json};

/// On `key`, which is enabled, and in whatever it needs to be there: aliases, grants, a ciphertext.
pub fn request_for(scene: &Scene, operation: &str, key: &str) -> Value {
    let mut request = members(scene, operation, key).unwrap_or_else(|| other_members(scene, operation, key));
    let names_no_key = ["Decrypt", "ReEncrypt", "CreateAlias", "UpdateAlias", "DeleteAlias", "RetireGrant"];
    if !names_no_key.contains(&operation) {
        request["KeyId"] = json!(key);
    }
    request
}

/// Of cryptographic operations.
fn members(scene: &Scene, operation: &str, key: &str) -> Option<Value> {
    let some = blob(b"some bytes");
    let ciphertext = || blob(&scene.encrypt(key, b"x", json!({})));
    Some(match operation {
        "Encrypt" => json!({ "Plaintext": some }),
        "Decrypt" => json!({ "CiphertextBlob": ciphertext() }),
        "ReEncrypt" => json!({ "CiphertextBlob": ciphertext(), "DestinationKeyId": scene.keys[2] }),
        "GenerateDataKey" | "GenerateDataKeyWithoutPlaintext" => json!({ "KeySpec": "AES_256" }),
        "GenerateDataKeyPair" | "GenerateDataKeyPairWithoutPlaintext" => {
            json!({ "KeyPairSpec": "ECC_NIST_P256" })
        }
        "Sign" => json!({ "Message": some, "SigningAlgorithm": "ECDSA_SHA_256" }),
        "Verify" => json!({ "Message": some, "Signature": some, "SigningAlgorithm": "ECDSA_SHA_256" }),
        "GenerateMac" => json!({ "Message": some, "MacAlgorithm": "HMAC_SHA_256" }),
        "VerifyMac" => json!({ "Message": some, "MacAlgorithm": "HMAC_SHA_256", "Mac": some }),
        "DeriveSharedSecret" => json!({ "KeyAgreementAlgorithm": "ECDH", "PublicKey": some }),
        "Encapsulate" => json!({ "EncapsulationAlgorithm": "ML_KEM" }),
        "Decapsulate" => json!({ "EncapsulationAlgorithm": "ML_KEM", "SharedSecretCiphertextBlob": some }),
        "GetParametersForImport" => {
            json!({ "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048" })
        }
        "ImportKeyMaterial" => json!({ "ImportToken": some, "EncryptedKeyMaterial": some }),
        "ReplicateKey" => json!({ "ReplicaRegion": "eu-west-1" }),
        "UpdatePrimaryRegion" => json!({ "PrimaryRegion": "eu-west-1" }),
        _ => return None,
    })
}

fn other_members(scene: &Scene, operation: &str, key: &str) -> Value {
    let alias = format!("alias/of-{key}");
    let grant = || {
        let request =
            json!({ "KeyId": key, "GranteePrincipal": caller().principal, "Operations": ["Encrypt"] });
        scene.ok("CreateGrant", request)
    };
    match operation {
        "CreateAlias" => json!({ "AliasName": alias, "TargetKeyId": key }),
        "UpdateAlias" => {
            scene.ok("CreateAlias", json!({ "AliasName": alias, "TargetKeyId": scene.keys[2] }));
            json!({ "AliasName": alias, "TargetKeyId": key })
        }
        "DeleteAlias" => {
            scene.ok("CreateAlias", json!({ "AliasName": alias, "TargetKeyId": key }));
            json!({ "AliasName": alias })
        }
        "CreateGrant" => json!({ "GranteePrincipal": caller().principal, "Operations": ["Encrypt"] }),
        "RetireGrant" => json!({ "GrantToken": text(&grant(), "GrantToken") }),
        "RevokeGrant" => json!({ "GrantId": text(&grant(), "GrantId") }),
        "ListRetirableGrants" => json!({ "RetiringPrincipal": caller().principal }),
        "TagResource" => json!({ "Tags": [{ "TagKey": "k", "TagValue": "v" }] }),
        "UntagResource" => json!({ "TagKeys": ["k"] }),
        "UpdateKeyDescription" => json!({ "Description": "another" }),
        "PutKeyPolicy" => {
            let policy = scene.ok("GetKeyPolicy", json!({ "KeyId": key, "PolicyName": "default" }));
            json!({ "PolicyName": "default", "Policy": policy["Policy"] })
        }
        "GetKeyPolicy" => json!({ "PolicyName": "default" }),
        _ => store_members(scene, operation),
    }
}

/// Of operations on the first custom key store, and on that which none is needed for.
fn store_members(scene: &Scene, operation: &str) -> Value {
    let store = &scene.stores[0];
    match operation {
        "CreateKey" => json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store }),
        "GenerateRandom" => json!({ "NumberOfBytes": 1, "CustomKeyStoreId": store }),
        "CreateCustomKeyStore" => json!({
            "CustomKeyStoreName": "one more",
            "CloudHsmClusterId": CLUSTERS[0],
            "KeyStorePassword": PASSWORD,
            "TrustAnchorCertificate": scene.world.trust_anchor(),
        }),
        "UpdateCustomKeyStore" => json!({ "CustomKeyStoreId": store, "NewCustomKeyStoreName": "another" }),
        "ConnectCustomKeyStore" | "DeleteCustomKeyStore" | "DisconnectCustomKeyStore" => {
            json!({ "CustomKeyStoreId": store })
        }
        _ => json!({}),
    }
}
