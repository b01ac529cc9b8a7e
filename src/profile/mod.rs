//! Profiles: whose rules the library follows, and every difference between them, as data.
//!
//! `standard` is PKCS#11 3.x as the specification says; `cloudhsm` is what AWS's Client SDK 5 does. What differs stands
//! here and nowhere else: the other layers ask. README's page of differences is made from `differences`.
//!
//! Called by: config, api, library, session, mechanism, object. Knows none of them.

mod attributes;
mod functions;
mod mechanisms;
pub mod vendor;

pub use attributes::*;
pub use functions::FUNCTIONS;
pub use mechanisms::{ECDH_KDFS, IvSource, KDF_PRFS, Limits, MECHANISMS, MechanismRow, Uses, find_mechanism};

/// Which token's rules the library follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// PKCS#11 3.x as the specification says.
    #[default]
    Standard,
    /// AWS CloudHSM's Client SDK 5.
    CloudHsm,
}

/// What the configuration says beside the profile's name: the options of Client SDK 5's `configure-pkcs11`, and the mode
/// of the cluster. They mean something in profile `cloudhsm` only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settings {
    /// `--disable-validate-key-at-init`: whether a key may be used so is asked when it is used, not by C_xxxInit.
    pub late_key_check: bool,
    /// `--disable-key-availability-check`: clusters are made without it.
    pub no_key_availability: bool,
    /// `--enable-certificate-storage`: objects of CKO_CERTIFICATE are there.
    pub certificates: bool,
    /// `--enable-ecdh-without-kdf`: CKM_ECDH1_DERIVE with CKD_NULL.
    pub ecdh_without_kdf: bool,
    /// The cluster is not in FIPS mode: 3DES, and encryption and wrapping by CKM_RSA_PKCS, are there.
    pub non_fips: bool,
}

/// A profile with its rules and settings, as a run of the library has it.
#[derive(Debug, Clone, Copy)]
pub struct Active {
    pub profile: Profile,
    pub rules: &'static Rules,
    pub settings: Settings,
    /// Keys of old types and sizes may be made: the configuration's `legacy`.
    pub legacy: bool,
}

impl Active {
    pub const STANDARD: Active = Active {
        profile: Profile::Standard,
        rules: &STANDARD,
        settings: Settings {
            late_key_check: false,
            no_key_availability: false,
            certificates: false,
            ecdh_without_kdf: false,
            non_fips: false,
        },
        legacy: false,
    };

    pub fn new(profile: Profile, settings: Settings) -> Self {
        let rules = match profile {
            Profile::Standard => &STANDARD,
            Profile::CloudHsm => &CLOUDHSM,
        };
        // 3DES is there where the cluster is not in FIPS mode; what else is old, the tables of this profile leave out.
        Self { profile, rules, settings, legacy: profile == Profile::CloudHsm && settings.non_fips }
    }
}

impl Default for Active {
    fn default() -> Self {
        Self::STANDARD
    }
}

impl Active {
    /// Whether a function is there. With certificate storage, certificates can be changed.
    #[inline(always)]
    pub fn has_function(&self, name: &str) -> bool {
        !self.rules.few_functions
            || functions::has_function(name)
            || (name == "C_SetAttributeValue" && self.settings.certificates)
    }
}

/// A row of README's page of differences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub topic: &'static str,
    pub standard: &'static str,
    pub cloudhsm: &'static str,
}

macro_rules! rules {
    ($($(#[$doc:meta])+ $field:ident, $topic:literal:
        $standard:literal $standard_says:literal, $cloudhsm:literal $cloudhsm_says:literal;)+) => {
        /// What a profile decides by yes or no.
        #[derive(Debug, PartialEq, Eq)]
        pub struct Rules { $($(#[$doc])+ pub $field: bool,)+ }
        static STANDARD: Rules = Rules { $($field: $standard,)+ };
        static CLOUDHSM: Rules = Rules { $($field: $cloudhsm,)+ };
        /// The rules in words.
        pub const DIFFERENCES: &[Difference] = &[
            $(Difference { topic: $topic, standard: $standard_says, cloudhsm: $cloudhsm_says },)+
        ];
    };
}

rules! {
    /// Only the functions of `FUNCTIONS` are there.
    few_functions, "functions":
        false "all of PKCS#11 3.x that this version has",
        true "those below; all others answer CKR_FUNCTION_NOT_SUPPORTED";
    /// Interfaces newer than 2.40 are there.
    new_interfaces, "`C_GetInterface`, `C_GetInterfaceList`, version in `C_GetInfo`":
        true "2.40 and newer",
        false "2.40 alone";
    /// One slot for each HSM, and one with an uninitialized token.
    slot_per_hsm, "`C_GetSlotList`":
        true "a slot for each HSM, and one with an uninitialized token",
        false "one slot for each cluster: that of its first HSM, served by another where that one failed. The other HSMs' slots can be used by their ids";
    /// Sessions may be read-only.
    read_only_sessions, "`C_OpenSession` without CKF_RW_SESSION":
        true "a read-only session",
        false "CKR_FUNCTION_FAILED";
    /// A PIN may be a password alone.
    bare_pins, "PIN of `C_Login`":
        true "`user:password`, or a password alone",
        false "`user:password`; anything else is CKR_PIN_INCORRECT";
    /// CKU_SO can log in.
    security_officer, "`C_Login` as CKU_SO":
        true "the cluster's admin",
        false "CKR_USER_TYPE_INVALID: admins use the `vhsm` command";
    /// C_FindObjects takes null for the handles, and tells how many are left.
    count_of_found, "`C_FindObjects` with a null array":
        false "CKR_ARGUMENTS_BAD",
        true "tells how many handles it would give, and gives none";
    /// Only the attributes of `ATTRIBUTES` and `CERTIFICATE` are there.
    few_attributes, "attributes, their defaults, who may give them":
        false "as the specification says",
        true "those below";
    /// `legacy = true` may be configured.
    legacy, "`legacy = true`":
        true "DES, 3DES, MD5, RSA from 1024 bits",
        false "a configuration error: `C_Initialize` answers CKR_GENERAL_ERROR";
    /// Clusters are made with the key availability check.
    key_availability, "a token key on a cluster with one active HSM":
        false "can be made (setting of the cluster, from the profile that it is made under)",
        true "CKR_FUNCTION_FAILED (setting of the cluster, from the profile that it is made under)";
    /// Clusters are made so that they refuse secret and private keys with CKA_PRIVATE false.
    refuse_public_keys, "a secret or private key with CKA_PRIVATE false":
        false "can be made (setting of the cluster, as above)",
        true "CKR_TEMPLATE_INCONSISTENT (setting of the cluster, as above)";
}
