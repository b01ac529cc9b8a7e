//! Which operation a key of which origin allows in which state (reference sec. 5 and 6): one table, as data.
//!
//! Every operation on a key asks [`Kms::allow`] after it has located the key and before anything else.

use super::locate::{KeyState, Located};
use crate::error::{Exception, KmsError};
use crate::ids::KeyId;
use crate::kms::Kms;
use crate::records::key::Origin;

/// What becomes of an operation. The numbers are the footnotes of the reference's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// It goes on.
    Go,
    /// 1: DisabledException
    Disabled,
    /// 3: KMSInvalidStateException
    Pending,
    /// 4: KMSInvalidStateException
    NotPending,
    /// 11: KMSInvalidStateException
    Unavailable,
    /// 7 and 9: UnsupportedOperationException, since keys of this origin never can.
    Origin,
    /// UnsupportedOperationException: no key of this layer is a multi-Region key.
    Region,
    /// UnsupportedOperationException: a symmetric key has no public key.
    Symmetric,
    /// UnsupportedOperationException: the default key store makes no data key pairs.
    Pair,
    /// InvalidKeyUsageException: the KeyUsage of every key of this layer is ENCRYPT_DECRYPT.
    Usage,
}

/// Declares the operations with their rows: for Origin AWS_KMS by Enabled, Disabled, PendingDeletion; for Origin
/// AWS_CLOUDHSM by these and Unavailable.
macro_rules! operations {
    ($($name:ident: $e:ident $d:ident $p:ident | $ce:ident $cd:ident $cp:ident $cu:ident;)*) => {
        /// An operation that names a key.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Operation { $($name,)* }

        impl Operation {
            /// All of them.
            #[cfg(test)]
            pub const ALL: &[Operation] = &[$(Operation::$name,)*];

            /// As the API names it.
            pub fn name(self) -> &'static str {
                match self { $(Operation::$name => stringify!($name),)* }
            }

            fn rules(self) -> (&'static [Rule; 3], &'static [Rule; 4]) {
                match self {
                    $(Operation::$name => (
                        &[Rule::$e, Rule::$d, Rule::$p],
                        &[Rule::$ce, Rule::$cd, Rule::$cp, Rule::$cu],
                    ),)*
                }
            }
        }
    };
}

#[rustfmt::skip]
operations! {
    Encrypt:                             Go        Disabled Pending    | Go         Disabled   Pending Unavailable;
    Decrypt:                             Go        Disabled Pending    | Go         Disabled   Pending Unavailable;
    ReEncrypt:                           Go        Disabled Pending    | Go         Disabled   Pending Unavailable;
    GenerateDataKey:                     Go        Disabled Pending    | Go         Disabled   Pending Unavailable;
    GenerateDataKeyWithoutPlaintext:     Go        Disabled Pending    | Go         Disabled   Pending Unavailable;
    GenerateDataKeyPair:                 Pair      Disabled Pending    | Origin     Disabled   Pending Origin;
    GenerateDataKeyPairWithoutPlaintext: Pair      Disabled Pending    | Origin     Disabled   Pending Origin;
    Sign:                                Usage     Disabled Pending    | Usage      Disabled   Pending Unavailable;
    Verify:                              Usage     Disabled Pending    | Usage      Disabled   Pending Unavailable;
    GetPublicKey:                        Symmetric Disabled Pending    | Symmetric  Disabled   Pending Unavailable;
    GenerateMac:                         Usage     Disabled Pending    | Usage      Disabled   Pending Unavailable;
    VerifyMac:                           Usage     Disabled Pending    | Usage      Disabled   Pending Unavailable;
    DeriveSharedSecret:                  Usage     Disabled Pending    | Usage      Disabled   Pending Unavailable;
    Encapsulate:                         Usage     Disabled Pending    | Usage      Disabled   Pending Unavailable;
    Decapsulate:                         Usage     Disabled Pending    | Usage      Disabled   Pending Unavailable;
    EnableKeyRotation:                   Go        Disabled Pending    | Origin     Origin     Origin  Origin;
    DisableKeyRotation:                  Go        Disabled Pending    | Origin     Origin     Origin  Origin;
    GetKeyRotationStatus:                Go        Go       Go         | Origin     Origin     Origin  Origin;
    RotateKeyOnDemand:                   Go        Disabled Pending    | Origin     Origin     Origin  Origin;
    ListKeyRotations:                    Go        Go       Go         | Origin     Origin     Origin  Origin;
    GetParametersForImport:              Origin    Origin   Origin     | Origin     Origin     Origin  Origin;
    ImportKeyMaterial:                   Origin    Origin   Origin     | Origin     Origin     Origin  Origin;
    DeleteImportedKeyMaterial:           Origin    Origin   Origin     | Origin     Origin     Origin  Origin;
    ReplicateKey:                        Region    Disabled Pending    | Region     Disabled   Pending Region;
    UpdatePrimaryRegion:                 Region    Disabled Pending    | Region     Disabled   Pending Region;
    GetKeyLastUsage:                     Go        Go       Go         | Go         Go         Go      Go;
    CreateGrant:                         Go        Disabled Pending    | Go         Disabled   Pending Go;
    ListGrants:                          Go        Go       Go         | Go         Go         Go      Go;
    RetireGrant:                         Go        Go       Go         | Go         Go         Go      Go;
    RevokeGrant:                         Go        Go       Go         | Go         Go         Go      Go;
    DescribeKey:                         Go        Go       Go         | Go         Go         Go      Go;
    UpdateKeyDescription:                Go        Go       Pending    | Go         Go         Pending Go;
    EnableKey:                           Go        Go       Pending    | Go         Go         Pending Go;
    DisableKey:                          Go        Go       Pending    | Go         Go         Pending Go;
    ScheduleKeyDeletion:                 Go        Go       Pending    | Go         Go         Pending Go;
    CancelKeyDeletion:                   NotPending NotPending Go      | NotPending NotPending Go      NotPending;
    CreateAlias:                         Go        Go       Pending    | Go         Go         Pending Go;
    // 10: of the new target. What the alias named before may be in any state.
    UpdateAlias:                         Go        Go       Pending    | Go         Go         Pending Go;
    DeleteAlias:                         Go        Go       Go         | Go         Go         Go      Go;
    ListAliases:                         Go        Go       Go         | Go         Go         Go      Go;
    TagResource:                         Go        Go       Pending    | Go         Go         Pending Go;
    UntagResource:                       Go        Go       Pending    | Go         Go         Pending Go;
    ListResourceTags:                    Go        Go       Go         | Go         Go         Go      Go;
    GetKeyPolicy:                        Go        Go       Go         | Go         Go         Go      Go;
    PutKeyPolicy:                        Go        Go       Go         | Go         Go         Go      Go;
    ListKeyPolicies:                     Go        Go       Go         | Go         Go         Go      Go;
}

impl Operation {
    /// The table's answer. A key of Origin AWS_KMS is never Unavailable.
    pub fn rule(self, origin: Origin, state: KeyState) -> Rule {
        let (default, custom) = self.rules();
        match (origin, state) {
            (Origin::AwsKms, KeyState::Enabled) => default[0],
            (Origin::AwsKms, KeyState::Disabled) => default[1],
            (Origin::AwsKms, KeyState::PendingDeletion) => default[2],
            (Origin::AwsCloudHsm | Origin::ExternalKeyStore, KeyState::Enabled) => custom[0],
            (Origin::AwsCloudHsm | Origin::ExternalKeyStore, KeyState::Disabled) => custom[1],
            (Origin::AwsCloudHsm | Origin::ExternalKeyStore, KeyState::PendingDeletion) => custom[2],
            (_, KeyState::Unavailable) => custom[3],
        }
    }
}

impl Kms {
    /// Refuses `operation` where the key's state or origin does not allow it. Errors: those of [`Rule`].
    pub(crate) fn allow(&self, operation: Operation, key: &Located) -> Result<(), KmsError> {
        self.allow_in(operation, &key.id, key.record.value.origin, key.state)
    }

    /// As `allow`, for who knows no more of the key.
    pub(crate) fn allow_in(
        &self,
        operation: Operation,
        id: &KeyId,
        origin: Origin,
        state: KeyState,
    ) -> Result<(), KmsError> {
        let refuse =
            |exception, what: &str| Err(KmsError::new(exception, format!("{} {what}", self.key_arn(id))));
        let unsupported = |what: &str| refuse(Exception::UnsupportedOperation, what);
        match operation.rule(origin, state) {
            Rule::Go => Ok(()),
            Rule::Disabled => Err(self.is_disabled(id)),
            Rule::Pending => Err(self.invalid_state(id, "is pending deletion.")),
            Rule::NotPending => Err(self.invalid_state(id, "is not pending deletion.")),
            Rule::Unavailable => Err(self.invalid_state(id, "is unavailable.")),
            Rule::Origin => {
                unsupported(&format!("origin is {} which is not valid for this operation.", origin.name()))
            }
            Rule::Region => unsupported("is not a multi-Region key, which this operation requires."),
            Rule::Symmetric => {
                unsupported("key spec is SYMMETRIC_DEFAULT which is not valid for this operation.")
            }
            Rule::Pair => {
                unsupported("makes no data key pairs: the default key store does not support them.")
            }
            Rule::Usage => {
                let operation = operation.name();
                let what = format!("key usage is ENCRYPT_DECRYPT which is not valid for {operation}.");
                refuse(Exception::InvalidKeyUsage, &what)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [KeyState; 4] =
        [KeyState::Enabled, KeyState::Disabled, KeyState::PendingDeletion, KeyState::Unavailable];

    #[test]
    fn every_operation_that_names_a_key_has_a_row() {
        // The 56 operations of the model, less those of key stores (6), GenerateRandom, CreateKey, ListKeys and
        // ListRetirableGrants.
        assert_eq!(Operation::ALL.len(), 46);
    }

    #[test]
    fn what_uses_key_material_needs_an_enabled_key() {
        for operation in [Operation::Encrypt, Operation::Decrypt, Operation::ReEncrypt] {
            let rules = STATES.map(|state| operation.rule(Origin::AwsCloudHsm, state));
            assert_eq!(rules, [Rule::Go, Rule::Disabled, Rule::Pending, Rule::Unavailable], "{operation:?}");
        }
    }

    #[test]
    fn only_a_key_that_is_pending_deletion_is_kept() {
        for origin in [Origin::AwsKms, Origin::AwsCloudHsm] {
            for state in STATES {
                let rule = Operation::CancelKeyDeletion.rule(origin, state);
                let wanted = if state == KeyState::PendingDeletion { Rule::Go } else { Rule::NotPending };
                assert_eq!(rule, wanted, "{origin:?} {state:?}");
            }
        }
    }

    #[test]
    fn what_an_origin_never_can_is_refused_in_every_state() {
        for operation in
            [Operation::RotateKeyOnDemand, Operation::ListKeyRotations, Operation::ImportKeyMaterial]
        {
            for state in STATES {
                assert_eq!(
                    operation.rule(Origin::AwsCloudHsm, state),
                    Rule::Origin,
                    "{operation:?} {state:?}"
                );
            }
        }
    }
}
