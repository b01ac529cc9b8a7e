//! KMS's operations: one row each.

use super::Fault;
use super::serialization::{request, response};
use vhsm_keystore::{Caller, Kms};
use zeroize::Zeroizing;

/// What is known of an operation beside what it does.
pub struct Operation {
    /// As X-Amz-Target has it.
    pub name: &'static str,
    /// CloudTrail's readOnly.
    pub read_only: bool,
    /// The members of request and response that the audit log records.
    pub request: &'static [&'static str],
    pub response: &'static [&'static str],
    pub run: Run,
}

impl Operation {
    /// Whether it is about a custom key store as a whole.
    pub fn is_of_store(&self) -> bool {
        self.request.contains(&"CustomKeyStoreId") && self.name.ends_with("CustomKeyStore")
    }
}

/// From a request's body to a response's.
type Run = fn(&Kms, &Caller, &[u8]) -> Result<Zeroizing<Vec<u8>>, Fault>;

pub fn find(name: &str) -> Option<&'static Operation> {
    let at = TABLE.binary_search_by_key(&name, |operation| operation.name).ok()?;
    Some(&TABLE[at])
}

const READS: bool = true;
const WRITES: bool = false;

/// `Name: READS, method, [members of the request] => [members of the response];`
macro_rules! operations {
    ($($name:ident: $access:expr, $method:ident, [$($asked:literal)*] => [$($answered:literal)*];)*) => {
        /// Sorted by name.
        pub const TABLE: &[Operation] = &[$(Operation {
            name: stringify!($name),
            read_only: $access,
            request: &[$($asked),*],
            response: &[$($answered),*],
            run: |kms, caller, body| {
                response(&kms.$method(caller, &request(body)?).map_err(Fault::Kms)?)
            },
        },)*];
    };
}

operations! {
    CancelKeyDeletion: WRITES, cancel_key_deletion, ["KeyId"] => ["KeyId"];
    ConnectCustomKeyStore: WRITES, connect_custom_key_store, ["CustomKeyStoreId"] => [];
    CreateAlias: WRITES, create_alias, ["AliasName" "TargetKeyId"] => [];
    CreateCustomKeyStore: WRITES, create_custom_key_store,
        ["CustomKeyStoreName" "CustomKeyStoreType" "CloudHsmClusterId" "XksProxyUriEndpoint" "XksProxyUriPath"
            "XksProxyConnectivity" "XksProxyVpcEndpointServiceName" "XksProxyVpcEndpointServiceOwner"] => ["CustomKeyStoreId"];
    CreateGrant: WRITES, create_grant,
        ["KeyId" "GranteePrincipal" "RetiringPrincipal" "Operations" "Constraints" "Name" "DryRun"] => ["GrantId" "KeyId"];
    CreateKey: WRITES, create_key,
        ["Policy" "Description" "KeyUsage" "CustomerMasterKeySpec" "KeySpec" "Origin" "CustomKeyStoreId"
            "BypassPolicyLockoutSafetyCheck" "Tags" "MultiRegion" "XksKeyId"] => ["KeyMetadata"];
    Decapsulate: READS, decapsulate, ["KeyId" "EncapsulationAlgorithm" "DryRun"] => [];
    Decrypt: READS, decrypt, ["KeyId" "EncryptionAlgorithm" "EncryptionContext" "DryRun"] => [];
    DeleteAlias: WRITES, delete_alias, ["AliasName"] => [];
    DeleteCustomKeyStore: WRITES, delete_custom_key_store, ["CustomKeyStoreId"] => [];
    DeleteImportedKeyMaterial: WRITES, delete_imported_key_material, ["KeyId" "KeyMaterialId"] => ["KeyId" "KeyMaterialId"];
    DeriveSharedSecret: READS, derive_shared_secret, ["KeyId" "KeyAgreementAlgorithm" "DryRun"] => [];
    DescribeCustomKeyStores: READS, describe_custom_key_stores, ["CustomKeyStoreId" "CustomKeyStoreName" "Limit" "Marker"] => [];
    DescribeKey: READS, describe_key, ["KeyId"] => [];
    DisableKey: WRITES, disable_key, ["KeyId"] => [];
    DisableKeyRotation: WRITES, disable_key_rotation, ["KeyId"] => [];
    DisconnectCustomKeyStore: WRITES, disconnect_custom_key_store, ["CustomKeyStoreId"] => [];
    EnableKey: WRITES, enable_key, ["KeyId"] => [];
    EnableKeyRotation: WRITES, enable_key_rotation, ["KeyId" "RotationPeriodInDays"] => [];
    Encapsulate: READS, encapsulate, ["KeyId" "EncapsulationAlgorithm" "DryRun"] => [];
    Encrypt: READS, encrypt, ["KeyId" "EncryptionAlgorithm" "EncryptionContext" "DryRun"] => [];
    GenerateDataKey: READS, generate_data_key, ["KeyId" "KeySpec" "NumberOfBytes" "EncryptionContext" "DryRun"] => [];
    GenerateDataKeyPair: READS, generate_data_key_pair, ["KeyId" "KeyPairSpec" "EncryptionContext" "DryRun"] => [];
    GenerateDataKeyPairWithoutPlaintext: READS, generate_data_key_pair_without_plaintext,
        ["KeyId" "KeyPairSpec" "EncryptionContext" "DryRun"] => [];
    GenerateDataKeyWithoutPlaintext: READS, generate_data_key_without_plaintext,
        ["KeyId" "KeySpec" "NumberOfBytes" "EncryptionContext" "DryRun"] => [];
    GenerateMac: READS, generate_mac, ["KeyId" "MacAlgorithm" "DryRun"] => [];
    GenerateRandom: READS, generate_random, ["NumberOfBytes" "CustomKeyStoreId"] => [];
    GetKeyLastUsage: READS, get_key_last_usage, ["KeyId"] => [];
    GetKeyPolicy: READS, get_key_policy, ["KeyId" "PolicyName"] => [];
    GetKeyRotationStatus: READS, get_key_rotation_status, ["KeyId"] => [];
    GetParametersForImport: READS, get_parameters_for_import, ["KeyId" "WrappingAlgorithm" "WrappingKeySpec"] => [];
    GetPublicKey: READS, get_public_key, ["KeyId"] => [];
    ImportKeyMaterial: WRITES, import_key_material, ["KeyId" "ValidTo" "ExpirationModel" "ImportType"] => ["KeyId" "KeyMaterialId"];
    ListAliases: READS, list_aliases, ["KeyId" "Limit" "Marker"] => [];
    ListGrants: READS, list_grants, ["KeyId" "GrantId" "GranteePrincipal" "Limit" "Marker"] => [];
    ListKeyPolicies: READS, list_key_policies, ["KeyId" "Limit" "Marker"] => [];
    ListKeyRotations: READS, list_key_rotations, ["KeyId" "IncludeKeyMaterial" "Limit" "Marker"] => [];
    ListKeys: READS, list_keys, ["Limit" "Marker"] => [];
    ListResourceTags: READS, list_resource_tags, ["KeyId" "Limit" "Marker"] => [];
    ListRetirableGrants: READS, list_retirable_grants, ["RetiringPrincipal" "Limit" "Marker"] => [];
    PutKeyPolicy: WRITES, put_key_policy, ["KeyId" "PolicyName" "Policy" "BypassPolicyLockoutSafetyCheck"] => [];
    ReEncrypt: READS, re_encrypt,
        ["SourceKeyId" "SourceEncryptionAlgorithm" "SourceEncryptionContext" "DestinationKeyId"
            "DestinationEncryptionAlgorithm" "DestinationEncryptionContext" "DryRun"] => [];
    ReplicateKey: WRITES, replicate_key,
        ["KeyId" "ReplicaRegion" "Policy" "BypassPolicyLockoutSafetyCheck" "Description" "Tags"] => [];
    RetireGrant: WRITES, retire_grant, ["KeyId" "GrantId" "DryRun"] => [];
    RevokeGrant: WRITES, revoke_grant, ["KeyId" "GrantId" "DryRun"] => [];
    RotateKeyOnDemand: WRITES, rotate_key_on_demand, ["KeyId"] => ["KeyId"];
    ScheduleKeyDeletion: WRITES, schedule_key_deletion, ["KeyId" "PendingWindowInDays"] =>
        ["KeyId" "DeletionDate" "KeyState" "PendingWindowInDays"];
    Sign: READS, sign, ["KeyId" "MessageType" "SigningAlgorithm" "DryRun"] => [];
    TagResource: WRITES, tag_resource, ["KeyId" "Tags"] => [];
    UntagResource: WRITES, untag_resource, ["KeyId" "TagKeys"] => [];
    UpdateAlias: WRITES, update_alias, ["AliasName" "TargetKeyId"] => [];
    UpdateCustomKeyStore: WRITES, update_custom_key_store,
        ["CustomKeyStoreId" "NewCustomKeyStoreName" "CloudHsmClusterId" "XksProxyUriEndpoint" "XksProxyUriPath"
            "XksProxyConnectivity" "XksProxyVpcEndpointServiceName" "XksProxyVpcEndpointServiceOwner"] => [];
    UpdateKeyDescription: WRITES, update_key_description, ["KeyId" "Description"] => [];
    UpdatePrimaryRegion: WRITES, update_primary_region, ["KeyId" "PrimaryRegion"] => [];
    Verify: READS, verify, ["KeyId" "MessageType" "SigningAlgorithm" "DryRun"] => [];
    VerifyMac: READS, verify_mac, ["KeyId" "MacAlgorithm" "DryRun"] => [];
}
