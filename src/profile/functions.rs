//! The functions that profile `cloudhsm` has (AWS CloudHSM User Guide, "Supported API operations"); all others answer
//! CKR_FUNCTION_NOT_SUPPORTED there.

macro_rules! functions {
    ($($name:literal)+) => {
        /// Their names, in the order of the function list.
        pub const FUNCTIONS: &[&str] = &[$($name),+];

        /// Whether a function is among them. The guard asks with a constant, so that nothing is left of this where
        /// it is inlined.
        #[inline]
        pub fn has_function(name: &str) -> bool {
            matches!(name, $($name)|+)
        }
    };
}

functions! {
    "C_Initialize" "C_Finalize" "C_GetInfo" "C_GetFunctionList" "C_GetSlotList" "C_GetSlotInfo" "C_GetTokenInfo"
    "C_GetMechanismList" "C_GetMechanismInfo" "C_OpenSession" "C_CloseSession" "C_CloseAllSessions"
    "C_GetSessionInfo" "C_Login" "C_Logout" "C_CreateObject" "C_DestroyObject" "C_GetAttributeValue"
    "C_FindObjectsInit" "C_FindObjects" "C_FindObjectsFinal" "C_EncryptInit" "C_Encrypt" "C_EncryptUpdate"
    "C_EncryptFinal" "C_DecryptInit" "C_Decrypt" "C_DecryptUpdate" "C_DecryptFinal" "C_DigestInit" "C_Digest"
    "C_DigestUpdate" "C_DigestFinal" "C_SignInit" "C_Sign" "C_SignUpdate" "C_SignFinal" "C_VerifyInit" "C_Verify"
    "C_VerifyUpdate" "C_VerifyFinal" "C_GenerateKey" "C_GenerateKeyPair" "C_WrapKey" "C_UnwrapKey" "C_DeriveKey"
    "C_GenerateRandom"
}
