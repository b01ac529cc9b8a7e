//! How this layer behaves where its references leave it open.

pub mod choices {
    //! What AWS's documents leave open, and what is done here.
    //!
    //! | choice | why |
    //! | --- | --- |
    //! | Cryptographic operations on keys that are PendingDeletion: KMSInvalidStateException | the documents allow it or DisabledException; AWS answers this one |
    //! | A ciphertext whose KMS key is not there: AccessDeniedException; a damaged one: InvalidCiphertextException | AWS's words; a check in the header tells them apart |
    //! | A key that Decrypt names is looked up, and its state told, before the ciphertext is looked at | what the caller named is wrong first |
    //! | An encryption context has at most 8192 bytes in all keys and values; both may be empty, and of any number | the documented size; the model has no other limit |
    //! | Recipient (Nitro enclaves): UnsupportedOperationException | no attestation document could be trusted |
    //! | A dry run does all that the operation does, and answers DryRunOperationException in the place of a response | so it fails exactly where the operation would |
    //! | DryRunModifiers without DryRun mean nothing; IGNORE_CIPHERTEXT needs KeyId (SourceKeyId), and no CiphertextBlob | the model's words |
    //! | Both or none of KeySpec and NumberOfBytes: ValidationException | one must be given |
    //! | GenerateDataKeyPair under a key of the default key store: UnsupportedOperationException | not offered |
    //! | GetPublicKey: UnsupportedOperationException; Sign, Verify, GenerateMac, VerifyMac, DeriveSharedSecret, Encapsulate, Decapsulate: InvalidKeyUsageException; both after the key's state | every key is symmetric with usage ENCRYPT_DECRYPT |
    //! | ReplicateKey and UpdatePrimaryRegion: UnsupportedOperationException, after Disabled and PendingDeletion | no key is multi-Region |
    //! | Responses of rotation operations and GetKeyLastUsage bear the bare key ID, all others the key ARN | as AWS's examples show |
    //! | A rotation on demand is over when it is answered; within 20 minutes before an automatic one it is ConflictException | the documented exception |
    //! | EnableKeyRotation with the period that is set already changes nothing; with another, the next rotation is that period from now | "days after you enable" |
    //! | GetKeyLastUsage: no CloudTrailEventId and KmsRequestId; tracked from each key's creation | there is no CloudTrail |
    //! | Limits.requests_per_second holds for each key store, the default one too, as a bucket of one second, per process | a rate, not a count |
    //! | CreateCustomKeyStore checks, in this order: form, type, name, limit, then the cluster: there, free, active, its trust anchor, its HSMs' zones | from what costs least |
    //! | A repeated CreateCustomKeyStore is one with the same name, cluster, certificate (as a text) and password as a DISCONNECTED key store; after a first connect the password is another | "exactly the same property values" |
    //! | KeyStorePassword: 7 to 32 characters of any kind | the model has no pattern; what the cluster does not take ends in INVALID_CREDENTIALS |
    //! | Names of key stores differ in case; DescribeCustomKeyStores lists by ID, 100 without Limit | nothing is said of either |
    //! | Members of external key stores given for type AWS_CLOUDHSM, CustomKeyStoreId with CustomKeyStoreName: ValidationException | they do not go together |
    //! | ConnectCustomKeyStore of a CONNECTING or CONNECTED key store does nothing, and is no error; where the HSMs refused a connected key store's login, it tries the login again | the exception's text allows it |
    //! | ConnectCustomKeyStore of a cluster that is gone ends FAILED, CLUSTER_NOT_FOUND; one that is not active, or without active HSM, is told at once | the operation has no exception for the former |
    //! | DisconnectCustomKeyStore of a FAILED key store: DISCONNECTED at once | nothing is to be ended |
    //! | DeleteCustomKeyStore tells the state before the keys | the state is what the caller changes first |
    //! | UpdateCustomKeyStore without a property changes nothing; KeyStorePassword puts an end to a password that KMS was about to set | the owner tells what the cluster has |
    //! | A CONNECTED key store whose login the HSMs refuse after a restart stays CONNECTED and is not logged in again of itself; its keys answer KMSInvalidStateException | a broken link does not change CONNECTED; each wrong try may lock kmsuser |
    //! | CreateKey and GenerateRandom in a CONNECTED key store whose HSMs cannot be reached: CustomKeyStoreInvalidStateException; in the default key store DependencyTimeoutException, and cryptographic operations KeyUnavailableException | as failures of XKS proxies are told; faults are tried again |
}
