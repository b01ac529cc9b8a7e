//! What the specification leaves open, and what was chosen.
//!
//! | question | choice |
//! | --- | --- |
//! | one-shot call after an update | CKR_OPERATION_ACTIVE, and the operation ends, as every error but CKR_BUFFER_TOO_SMALL ends it (PKCS#11 3.0 sec. 5.8.2: "always terminates the active encryption operation") |
//! | key destroyed or user logged out while an operation uses it | the operation is gone: CKR_OPERATION_NOT_INITIALIZED |
//! | the same key's attributes changed meanwhile | the operation goes on with what it was begun with |
//! | several faults in one C_GetAttributeValue | CKR_ATTRIBUTE_SENSITIVE, then CKR_ATTRIBUTE_TYPE_INVALID, then CKR_BUFFER_TOO_SMALL; every attribute is answered |
//! | multi-part AES-GCM decryption | nothing is returned before the tag was verified: all of it comes from C_DecryptFinal |
//! | CKM_AES_CCM and CKM_AES_XTS in parts | the parts are held, and the final call gives all: AWS-LC takes a CCM message at once, and how XTS ends depends on where it ends |
//! | ulDataLen of CK_CCM_PARAMS | must be the data's length: else CKR_DATA_LEN_RANGE or CKR_ENCRYPTED_DATA_LEN_RANGE, and CKR_KEY_SIZE_RANGE where a key is wrapped |
//! | CKM_AES_GMAC | CK_GCM_PARAMS without associated data, or 12 bytes of IV for a whole tag |
//! | ulNonceLen of CKM_CHACHA20_POLY1305 | in bits, as the specification says, or in bytes, as programs have it: 96 and 12, 192 and 24. The original's 64 bits have no agreed form with Poly1305: CKR_MECHANISM_PARAM_INVALID |
//! | the block counter of CKM_CHACHA20 | little-endian, 32 or 64 bits; 32 is enough for every nonce, and all that one of 96 bits takes |
//! | key wrapping by stream ciphers (CTR, OFB, CFB, ChaCha20) and XTS | not offered, though the specification's table has it: nothing tells a wrapped key that was cut, and a key cut to one byte is found by trying |
//! | CKM_AES_CTS | not offered: the specification does not say which of NIST's three variants it is |
//! | keys of CKK_AES_XTS | 32 or 64 bytes; equal halves are CKR_ATTRIBUTE_VALUE_INVALID or CKR_WRAPPED_KEY_INVALID; CKA_CHECK_VALUE by SHA-1, for there is no ECB with such a key |
//! | CKA_VALUE_LEN of keys whose type has one length (DES, ChaCha20) | may be given to C_GenerateKey or left out |
//! | DES keys of wrong parity | CKR_ATTRIBUTE_VALUE_INVALID or CKR_WRAPPED_KEY_INVALID; derived ones get the right parity |
//! | objects of old types where `legacy` is not set | cannot be made (CKR_TEMPLATE_INCONSISTENT); those from before can be read, copied and destroyed, and no mechanism takes them |
//! | the caller's own mutex functions without CKF_OS_LOCKING_OK | CKR_CANT_LOCK; with it they are ignored |
//! | C_SeedRandom | the seed is mixed into what C_GenerateRandom gives afterwards, on top of AWS-LC's own generator |
//! | CKA_UNIQUE_ID in a template that makes an object | CKR_ATTRIBUTE_TYPE_INVALID, as other libraries answer; in C_SetAttributeValue CKR_ATTRIBUTE_READ_ONLY |
//! | CKF_REMOVABLE_DEVICE | set for HSMs of clusters that vhsm made, which may fail or be deleted; not for tokens of C_InitToken |
//! | C_InitToken and slot events | initializing a token is an event of its slot, and the next uninitialized one of its own |
//! | C_xxxInit with a null mechanism | ends an active operation of that kind (3.0 sec. 5.2); CKR_OK too when none is active |
//! | CK_GCM_PARAMS without ulIvBits (the first print of 2.40) | accepted, told apart by its length |
//! | C_WaitForSlotEvent without CKF_DONT_BLOCK | looks for other processes' changes every 50 ms |
//! | CKF_LIBRARY_CANT_CREATE_OS_THREADS | taken; with a store in etcd, which needs a thread, CKR_NEED_TO_CREATE_THREADS |
//! | etcd cannot be reached, or has no quorum | calls wait up to `request_timeout_ms` since its last answer, then CKR_DEVICE_ERROR, which ends their operation as every error does, and the log says why; those that need neither slot nor session go on |
//! | a commit to etcd of which nobody can find out whether it was done | CKR_DEVICE_ERROR; the object may be there: look for it before it is made again |
//! | C_Login with a null PIN | CKR_ARGUMENTS_BAD: there is no protected authentication path |
//! | C_GetSlotList with tokenPresent | the slots of failed HSMs are left out; the last slot, with its uninitialized token, is not |
//! | a slot whose HSM failed | C_GetSlotInfo without CKF_TOKEN_PRESENT; all else that names the slot is CKR_TOKEN_NOT_PRESENT. C_CloseAllSessions closes the sessions that ended with the HSM, and says the same |
//! | a call that runs while its HSM fails | ends with its result, or CKR_DEVICE_REMOVED, never with what only follows (a key that is no longer there, a user who is logged out) |
//! | `vhsm hsm fail` of a token of C_InitToken | done: CKF_REMOVABLE_DEVICE is set as long as it is failed |
//! | C_OpenSession on the uninitialized token | CKR_TOKEN_NOT_RECOGNIZED |
//! | an attribute that stands in a template twice | with one value it counts once, with two CKR_TEMPLATE_INCONSISTENT |
//! | C_GetAttributeValue and C_SetAttributeValue of no attributes | CKR_OK; a null template is CKR_ARGUMENTS_BAD all the same |
//! | C_GenerateKey with a length that the mechanism does not make | CKR_ATTRIBUTE_VALUE_INVALID (CKR_KEY_SIZE_RANGE is not among its codes) |
//! | a one-shot call that asked for the size, then an update | the operation goes on in parts: a size query does not begin it |
//! | CKA_VALUE, CKA_APPLICATION and CKA_OBJECT_ID of a data object in C_SetAttributeValue and C_CopyObject | CKR_ATTRIBUTE_READ_ONLY: their table has no footnote 8 |
//! | CKA_VALUE_LEN in C_UnwrapKey | may always be given and must be the key's; where the mechanism fills up with zeros and the type has any length, it may be left out, and the zeros stay (3.2 would have CKR_TEMPLATE_INCOMPLETE) |
//! | CKA_ALLOWED_MECHANISMS with no mechanism in it | as if it had not been given: the key has no such attribute, for a program could take an empty list for one that allows nothing |
//! | C_DigestKey of a sensitive key | done, as the specification allows: a digest of a key that cannot be guessed tells nothing of it. Only a key whose CKA_ALLOWED_MECHANISMS lacks the digest is CKR_KEY_INDIGESTIBLE, and a key that is not secret |
//! | an error in a dual-function call | an error of the cipher ends it, and the other operation stays as it was; an error of the other ends both, for the cipher has moved on |
//! | C_VerifySignatureInit beside C_VerifyInit | two operations, which may be active together; C_SessionCancel with CKF_VERIFY ends both |
//! | C_VerifySignatureInit with a signature of the wrong length | told by the call that compares it |
//! | C_GetSessionValidationFlags | no flag is set: no validation is claimed |
//! | C_GetInterface without a version | the 3.2 list, which begins with those of 3.0 and 2.40 |
//! | C_GetOperationState | of a digest that is the only operation: sealed under a key of this process and token, for sessions of the same state under the same login, so that what C_DigestKey took in stays in. Any other operation: CKR_STATE_UNSAVEABLE |
//! | C_SetOperationState | every operation of the session ends, a search too; a state that is none changes nothing |
//! | the state of a cluster made of a backup | ACTIVE at once, without HSMs unless the caller asks for some; its label is the backup's where that is free, else its ClusterId |
//! | users that were locked when a backup was taken | stay locked, and their passwords do not open it; wrong tries counted by then count on |
//! | a cluster made of a backup of a token that C_InitToken made | is vhsm's: C_InitToken does not wipe it |
//! | a backup past its cluster's retention policy | PENDING_DELETION, so that it can be restored for seven days, then DELETED; the newest READY one of a cluster stays, also of one that is gone |
//! | backups of a deleted cluster | stay, kept as long as the cluster's policy was when each was taken |
//! | a daily backup of a cluster without HSMs | none: it cannot have changed |
//! | CopyBackupToRegion | a copy in the same folder, with SourceRegion; a copy's age counts from its CopyTimestamp |
//! | resource policies | of backups that are READY; their form is checked, they are kept and told, and decide nothing: there are no other accounts here. Where there is none, GetResourcePolicy and DeleteResourcePolicy answer without Policy; a copy has none |
//! | DescribeBackups with Shared | no backups: nobody else could share one |
//! | filters of other names than the API's | CloudHsmInvalidRequestException, which also tells every member that breaks the model |
//! | nonces of messages that the token makes | CKG_GENERATE and CKG_GENERATE_RANDOM want 96 bits that are not fixed; CKG_GENERATE_COUNTER and _XOR begin at zero, once for a key and its copies, and only under session keys, for other processes could count under a token key too. One key takes one fixed part and does not mix counted nonces with others: else CKR_MECHANISM_PARAM_INVALID, as when a counter is used up |
//! | an error amid a message | ends the message; the process takes the next one |
//! | a whole message, or C_MessageEncryptFinal and its kin, amid a message in parts | CKR_OPERATION_ACTIVE, and nothing ends; C_SessionCancel ends both |
//! | multi-part decryption of messages | nothing is returned before the tag was verified: all of it comes with the last part |
//! | the parameter of C_MessageEncryptInit and C_MessageDecryptInit | none, or one of the right length that is not looked at: every message brings its own |
//! | a parameter for a signed message | CKR_MECHANISM_PARAM_INVALID: no mechanism has one |
//! | an attribute that CKA_UNWRAP_TEMPLATE, CKA_DERIVE_TEMPLATE or CKA_DECAPSULATE_TEMPLATE has and the call's template too | with one value it counts once, with two CKR_TEMPLATE_INCONSISTENT |
//! | a key that CKA_WRAP_TEMPLATE does not match | CKR_KEY_HANDLE_INVALID, as the specification says; so does CKA_ENCAPSULATE_TEMPLATE, looked at when the key is made, before it is kept |
//! | templates as attributes | hold what keys can have, each attribute once; no CKA_VALUE and no further template (CKR_TEMPLATE_INCONSISTENT). They stay as they were given |
//! | the types in an array that C_GetAttributeValue fills | if they are those of the template, each is answered in its place, else all in the template's own order |
//! | a use of a key with CKA_ALWAYS_AUTHENTICATE before its user logged in for it | CKR_USER_NOT_LOGGED_IN, and the operation ends; only its size may be asked for. Of messages, each needs a login |
//! | C_UnwrapKey, C_DeriveKey and C_DecapsulateKey with such a key | CKR_USER_NOT_LOGGED_IN: they leave no moment for the login |
//! | C_Login with CKU_CONTEXT_SPECIFIC | is of all operations that wait in this session; another user's PIN is a wrong one |
//! | profile objects | Baseline Provider, Extended Provider and Authentication Token, found by a search that asks for CKA_CLASS CKO_PROFILE or for CKA_PROFILE_ID, and by no other: programs that walk over all objects need not know them. They are not made, changed, copied or destroyed (CKR_ACTION_PROHIBITED) |
//! | C_UnwrapKeyAuthenticated of what is not authentic | CKR_WRAPPED_KEY_INVALID: CKR_AEAD_DECRYPT_FAILED is not among its codes |
//! | ulDataLen of CK_CCM_MESSAGE_PARAMS in authenticated wrapping | not looked at: the key's length is meant |
//! | a session that is closed while a call is inside it | the call ends with its result, or CKR_SESSION_HANDLE_INVALID; what it made goes with the session |
//! | C_SignUpdate, C_EncryptUpdate and kin, and their finals, with a mechanism that takes its data in one part (CKM_RSA_PKCS, CKM_RSA_X_509, CKM_RSA_PKCS_OAEP, CKM_RSA_PKCS_PSS, CKM_ECDSA) | CKR_FUNCTION_NOT_SUPPORTED, and the operation ends: the mechanism lacks the function, while an operation was initialized |
//! | RSA keys of 1024 to 2047 bits | public ones are imported, and verify (C_Verify, C_VerifyRecover), for old signatures stay what they were. All else takes `legacy`: without it private ones are not made (CKR_ATTRIBUTE_VALUE_INVALID; unwrapped: CKR_WRAPPED_KEY_INVALID), and those from before are read, wrapped and destroyed, but work no more (CKR_KEY_SIZE_RANGE, CKR_WRAPPING_KEY_SIZE_RANGE, CKR_UNWRAPPING_KEY_SIZE_RANGE) |
//! | CKA_MODULUS_BITS of new pairs | a multiple of 128, from 2048 to 8192; a public exponent of up to 32 bits (imported: 33) |
//! | private RSA keys without all their parts | modulus and private exponent are enough: the primes, what follows from them and a usual public exponent are computed, and can be read. Parts that do not belong together are CKR_TEMPLATE_INCONSISTENT |
//! | a wrapped key that an RSA key does not unwrap | one answer, CKR_WRAPPED_KEY_INVALID, for a wrong padding, a key of a wrong length and one that is no key: everybody can make such wrapped keys. It is told, not hidden behind a random key: a program that unwraps what strangers send uses OAEP |
//! | C_UnwrapKey with CKM_RSA_X_509 | CKA_VALUE_LEN must be given unless the type has one length, and before the key there are zeros alone; private keys are not wrapped (CKR_KEY_NOT_WRAPPABLE) |
//! | 0, 1 and the modulus less 1 in raw RSA | are what they become; as ciphertexts of padded data they are invalid (NIST SP 800-56B Rev. 2 sec. 7.1.2.1) |
//! | CK_RSA_PKCS_OAEP_PARAMS with a source of 0 and no data | as CKZ_DATA_SPECIFIED: programs leave the rest of the structure zero that want no label |
//! | ulAESKeyBits when CKM_RSA_AES_KEY_WRAP unwraps | must be the length of the AES key inside |
//! | CKA_EC_PARAMS | names the curve by OID or by a name of SEC 2, ANSI X9.62 or NIST. Explicit parameters, implicitlyCA and what is no DER are CKR_DOMAIN_PARAMS_INVALID; a curve that is not there, or not of this type of key, is CKR_CURVE_NOT_SUPPORTED. Curve25519 has the names edwards25519, Ed25519, curve25519 and X25519, the OIDs of RFC 8410 and GnuPG's older ones |
//! | CKA_EC_POINT in a template | with its OCTET STRING or without it, compressed or not (not hybrid); told apart by its length, and read as an uncompressed point in an OCTET STRING. Of Curve25519 it is the 32 bytes as they are, as 3.1 and later have it; an OCTET STRING, as in 3.0, is accepted |
//! | CKA_EC_POINT of private keys | not in the specification: one that is given must be the right one, and it can be read, for programs look for it where they find no public key |
//! | a public key that fails its validation | CKR_PUBLIC_KEY_INVALID, by C_CreateObject and by C_DeriveKey: off the curve, beyond the field, a shared secret of zeros. One that has not the length of a key is CKR_ATTRIBUTE_VALUE_INVALID or CKR_MECHANISM_PARAM_INVALID. Wrapped keys tell neither: CKR_WRAPPED_KEY_INVALID |
//! | CKM_ECDSA with data of any length | the leftmost bits count, as many as the order has; a signature to be verified may have shorter halves, both of one length |
//! | CKM_ECDH1_DERIVE with CKA_VALUE_LEN | CKD_NULL keeps the end of the secret; the functions that hash want CKA_VALUE_LEN, unless the type has one length (CKR_TEMPLATE_INCOMPLETE). There are no BLAKE2 functions, and C_EncapsulateKey does not agree by ECDH |
//! | CKM_ECDH_AES_KEY_WRAP | the new pair's point stands uncompressed and bare before the wrapped key, in CKM_ECDH_COF_AES_KEY_WRAP in its OCTET STRING; with CKD_NULL the AES key is the beginning of the secret, as the specification says |
//! | CK_EDDSA_PARAMS without phFlag and without a context | CKR_MECHANISM_PARAM_INVALID: RFC 8032 would not have Ed25519ctx so, and plain Ed25519 takes no parameter |
//! | CKH_DETERMINISTIC_REQUIRED | refused when signing (CKR_MECHANISM_PARAM_INVALID), for AWS-LC's ML-DSA signatures are hedged; not looked at when verifying |
//! | the hash of CK_HASH_SIGN_ADDITIONAL_CONTEXT | a digest's mechanism; SHAKE128 and SHAKE256, which have none, by CKM_HASH_ML_DSA_SHAKE128 and _SHAKE256 |
//! | private keys of ML-DSA and ML-KEM | from CKA_SEED, from CKA_VALUE, or from both if they belong together; CKA_VALUE is computed from a seed, and CKA_SEED stays empty where only the value is known. Unwrapped: each of the three forms of RFC 9881 and RFC 9935 |
//! | zeros behind an unwrapped PKCS #8 structure | up to 15, for mechanisms that fill up whole blocks; anything else is CKR_WRAPPED_KEY_INVALID |
//! | domain parameters | of DSA, DH and X9.42 DH: numbers above 1 and below an odd prime, whether it is one nobody asks (CKR_DOMAIN_PARAMS_INVALID); of curves: CKA_EC_PARAMS. They have CKA_KEY_TYPE and are no keys: CKR_KEY_HANDLE_INVALID |
//! | a template of C_DeriveKey that says what the keys it comes from forbid (CKA_SENSITIVE false of a sensitive key, by CKM_CONCATENATE_BASE_AND_KEY and its like) | CKR_TEMPLATE_INCONSISTENT |
//! | a derivation that gives fewer bytes than the template wants | CKR_TEMPLATE_INCONSISTENT; CKR_DATA_LEN_RANGE of CKM_AES_ECB_ENCRYPT_DATA and its like, as the specification says |
//! | a derived key whose type has several lengths, and no CKA_VALUE_LEN | CKR_TEMPLATE_INCOMPLETE; where the template names no type either, a generic secret as long as the result, if the mechanism's section allows it |
//! | keys that a derivation's parameter names (CKM_CONCATENATE_BASE_AND_KEY, a salt of HKDF, CK_SP800_108_KEY_HANDLE) | as base keys: they need CKA_DERIVE, and the mechanism among their CKA_ALLOWED_MECHANISMS |
//! | a base key of CKM_HKDF_DERIVE that is not as long as the digest | good to be extracted from; only to be expanded it must be as long at least (RFC 5869 sec. 2.3): CKR_KEY_SIZE_RANGE |
//! | CKA_VALUE_LEN in the template of CKM_HKDF_DATA | how long the data shall be: data objects have no such attribute |
//! | numbers in the input of SP 800-108 | whole bytes, counters up to 32 bits, the length of the keys up to 64; one that is too large for its width is CKR_MECHANISM_PARAM_INVALID, more steps than the counter can count CKR_KEY_SIZE_RANGE |
//! | CK_SP800_108_ITERATION_VARIABLE twice, or none | CKR_MECHANISM_PARAM_INVALID in every mode |
//! | CK_PKCS5_PBKD2_PARAMS (up to 2.40) and CK_PKCS5_PBKD2_PARAMS2, which are as long | told apart by the last word: up to 1 MiB it is the password's length, beyond that the address of it |
//! | iterations of CKM_PKCS5_PBKD2 | up to 16,777,216, and four times that for all blocks of a long key together |
//! | a store that is being moved, was moved elsewhere, or is half filled | CKR_DEVICE_ERROR by C_Initialize and by every call of a process that has it open; the log has the place and the mend |
//! | a key that another user shares, seen by the user it is shared with | CKA_SENSITIVE true; CKA_EXTRACTABLE, CKA_MODIFIABLE, CKA_DESTROYABLE and CKA_COPYABLE false, whatever they are for its owner: the attributes say what this user can do. So C_DestroyObject, C_SetAttributeValue and C_CopyObject answer CKR_ACTION_PROHIBITED, C_GetAttributeValue of its value CKR_ATTRIBUTE_SENSITIVE, C_WrapKey of it CKR_KEY_UNEXTRACTABLE. Wrapping others by it and deriving from it are uses |
//! | the handle of a shared key | is the owner's handle of it |
//! | how many users a key is shared with | 64 at most: all of them are told in one commit of the store |
//! | a key that is no longer shared | as one that was destroyed, for who had it: operations with it end |
//! | CKA_TRUSTED of a private key | an admin's word by `vhsm key set-attribute`, for CKU_SO sees no private objects; of a public object also C_SetAttributeValue by CKU_SO. A copy of the key is not trusted |
//!
//! # Clusters
//!
//! What AWS's documents leave open about the life of a cluster:
//!
//! | question | choice |
//! | --- | --- |
//! | CreateHsm between initialization and activation | done: no document forbids it. The first HSM alone is there until the cluster is initialized, as documented |
//! | DeleteHsm of an uninitialized cluster's HSM | its certificate signing request goes along; the next HSM makes another |
//! | the state of a cluster whose HSMs come, go or fail | stays what it is: UPDATE_IN_PROGRESS and DEGRADED of a cluster are never shown. A failed HSM is DEGRADED, and its StateMessage says so |
//! | states that pass | are shown for `lifecycle.delay_ms`, and most operations are refused meanwhile; what is shown as being done has happened: a new HSM is a slot at once, a deleted one none |
//! | CreateCluster without Mode | FIPS; `vhsm cluster create` says NON_FIPS where nobody says another. Nothing is validated, and the mode decides nothing: `hsm-info` says non-FIPS for both |
//! | HsmType, and its change | told, and decides nothing (AWS's limits of each type are not enforced). hsm1.medium becomes hsm2m.medium while the cluster is active, and back for 24 hours (HsmTypeRollbackExpiration) |
//! | VpcId, SubnetMapping, SecurityGroup, EniId, EniIp | made up of names that stay; nothing listens there. Subnets that are given by id stand for the region's zones one after the other |
//! | HsmCertificate, AwsHardwareCertificate, ManufacturerHardwareCertificate, PreCoPassword | never there: no hardware vouches for anything, and activation asks for no password but the new one |
//! | the private key of a cluster's certificate | signs the request and is wiped: nothing here speaks for the cluster with it. It is a key on P-256, as is that of the CA that `vhsm cluster create` makes and destroys |
//! | a trust anchor of version 1, or with Key Usage | taken, as RFC 5280 has them: without extensions no Basic Constraints are asked for; with Key Usage it must allow to sign certificates |
//! | dates of certificates | looked at when the cluster is initialized, and never again |
//! | the label of a cluster that is made step by step | as it is given at creation or activation; else the ClusterId |
//! | DescribeClusters with ids that nobody has | an empty answer; ids that are malformed, and states that are none, are CloudHsmInvalidRequestException |
//! | tags with keys that begin with `aws:`, that are malformed or stand there twice | CloudHsmTagException; more than 50 on a cluster: CloudHsmResourceLimitExceededException |
//! | AWS's quotas of 4 clusters and 6 HSMs | not enforced; 28 HSMs of a cluster are |
//!
//! # Profile `cloudhsm`
//! | the past of an object that `vhsm import` brings | as one that C_CreateObject made: CKA_LOCAL, CKA_ALWAYS_SENSITIVE and CKA_NEVER_EXTRACTABLE are false, for its value has been outside. All else that a crypto user may set is kept; CKA_TRUSTED is an admin's to set |
//! | rules for what `vhsm import` brings | those of profile `standard`, whatever the process's profile; the cluster's settings bind it |
//!
//! What AWS's documents leave open, beside what README's page of differences says:
//!
//! | question | choice |
//! | --- | --- |
//! | C_GetInterface and C_GetInterfaceList, which the real library does not export | they are exported (one file serves both profiles) and know version 2.40 alone; before C_Initialize they look at the configuration as it would |
//! | C_GetFunctionStatus and C_CancelFunction | CKR_FUNCTION_NOT_SUPPORTED, as all functions that the guide does not list |
//! | which slot a cluster of several HSMs is, for the real library has one for each cluster | that of its first HSM, by whose id any HSM may serve it: the first active one (else the first degraded one) serves until it fails, then the next. Its sessions end with it (CKR_DEVICE_REMOVED, then CKR_SESSION_HANDLE_INVALID), new ones go to the next and log in there. A recovered HSM takes nothing back, so that a login stays where it is. Deleting the first HSM gives the cluster's slot the next one's id |
//! | an uninitialized token | is not listed: C_InitToken is not there |
//! | C_Login with CKU_SO | CKR_USER_TYPE_INVALID; without a `:` in the PIN, or with the name of nobody, CKR_PIN_INCORRECT |
//! | C_FindObjects with a null array | AWS's samples call it so: it tells how many handles it would give, and the search stays where it is |
//! | C_SetAttributeValue | is there for certificates, with `enable_certificate_storage` |
//! | the numbers of CKD_CLOUDHSM_X963_SHA*_KDF, which AWS does not publish | CKM_VENDOR_DEFINED with the number of CKD_SHA*_KDF: AWS's rule for mechanisms |
//! | data beyond a mechanism's limit | CKR_DATA_LEN_RANGE (decryption: CKR_ENCRYPTED_DATA_LEN_RANGE); the limit is one of each call, so that more goes in parts where the mechanism takes them. Of encrypted data, tag and IV do not count |
//! | GCM: a wrong tag | CKR_ENCRYPTED_DATA_INVALID; tags of 96 to 128 bits, and any length of IV in a decryption by CKM_AES_GCM, as in the standard profile |
//! | GCM: a caller's own IV, or none where 12 zeros must be | CKR_MECHANISM_PARAM_INVALID, told by C_EncryptInit and C_WrapKey |
//! | an update of a single-part mechanism | CKR_MECHANISM_INVALID for all of them, as documented for AES-GCM; it ends the operation |
//! | AES key wrap with an initial value | none or the default A6A6A6A6A6A6A6A6; with zero padding none: else CKR_MECHANISM_PARAM_INVALID |
//! | CKA_SENSITIVE of key pairs | may be given either way; the private parts are never shown all the same |
//! | CKA_CHECK_VALUE of key pairs | read-only as documented, and not there to be read: no document says what it would be |
//! | a partially supported attribute with another value than its default | CKR_TEMPLATE_INCONSISTENT |
//! | objects of other classes and key types | CKR_TEMPLATE_INCONSISTENT; those that another profile made stay visible |
//! | too few HSMs for a token key | CKR_FUNCTION_FAILED, by the call that makes it and by C_xxxInit |
//! | `--disable-validate-key-at-init` | the first call that uses the key answers CKR_KEY_FUNCTION_NOT_PERMITTED, and the operation ends; C_WrapKey, C_UnwrapKey and C_DeriveKey are as they were |
//! | CKM_CLOUDHSM_SP800_108_COUNTER_KDF with the older types of data (counter, label, context, length) | as with the newer ones, the order in which they are given decides; nothing is put between them |
//! | HMAC keys of more than 64 bytes, an old known issue | taken |
