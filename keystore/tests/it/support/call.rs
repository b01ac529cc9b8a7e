//! Operations by their names, with requests and responses as JSON: what an edge does, too.

use super::caller;
use serde_json::{Value, from_value, to_value};
use vhsm_keystore::{Kms, KmsError};

/// Declares which method is which operation.
macro_rules! operations {
    ($($name:ident $method:ident,)*) => {
        /// All operations of the API.
        pub const OPERATIONS: &[&str] = &[$(stringify!($name),)*];

        pub fn call(kms: &Kms, operation: &str, request: Value) -> Result<Value, KmsError> {
            match operation {
                $(stringify!($name) => {
                    let request = from_value(request).unwrap();
                    kms.$method(&caller(), &request).map(|answer| to_value(answer).unwrap())
                })*
                other => panic!("{other} is no operation"),
            }
        }
    };
}

operations! {
    CancelKeyDeletion cancel_key_deletion,
    ConnectCustomKeyStore connect_custom_key_store,
    CreateAlias create_alias,
    CreateCustomKeyStore create_custom_key_store,
    CreateGrant create_grant,
    CreateKey create_key,
    Decapsulate decapsulate,
    Decrypt decrypt,
    DeleteAlias delete_alias,
    DeleteCustomKeyStore delete_custom_key_store,
    DeleteImportedKeyMaterial delete_imported_key_material,
    DeriveSharedSecret derive_shared_secret,
    DescribeCustomKeyStores describe_custom_key_stores,
    DescribeKey describe_key,
    DisableKey disable_key,
    DisableKeyRotation disable_key_rotation,
    DisconnectCustomKeyStore disconnect_custom_key_store,
    EnableKey enable_key,
    EnableKeyRotation enable_key_rotation,
    Encapsulate encapsulate,
    Encrypt encrypt,
    GenerateDataKey generate_data_key,
    GenerateDataKeyPair generate_data_key_pair,
    GenerateDataKeyPairWithoutPlaintext generate_data_key_pair_without_plaintext,
    GenerateDataKeyWithoutPlaintext generate_data_key_without_plaintext,
    GenerateMac generate_mac,
    GenerateRandom generate_random,
    GetKeyLastUsage get_key_last_usage,
    GetKeyPolicy get_key_policy,
    GetKeyRotationStatus get_key_rotation_status,
    GetParametersForImport get_parameters_for_import,
    GetPublicKey get_public_key,
    ImportKeyMaterial import_key_material,
    ListAliases list_aliases,
    ListGrants list_grants,
    ListKeyPolicies list_key_policies,
    ListKeyRotations list_key_rotations,
    ListKeys list_keys,
    ListResourceTags list_resource_tags,
    ListRetirableGrants list_retirable_grants,
    PutKeyPolicy put_key_policy,
    ReEncrypt re_encrypt,
    ReplicateKey replicate_key,
    RetireGrant retire_grant,
    RevokeGrant revoke_grant,
    RotateKeyOnDemand rotate_key_on_demand,
    ScheduleKeyDeletion schedule_key_deletion,
    Sign sign,
    TagResource tag_resource,
    UntagResource untag_resource,
    UpdateAlias update_alias,
    UpdateCustomKeyStore update_custom_key_store,
    UpdateKeyDescription update_key_description,
    UpdatePrimaryRegion update_primary_region,
    Verify verify,
    VerifyMac verify_mac,
}
