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
}
