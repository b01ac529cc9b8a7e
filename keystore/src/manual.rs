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
    //! | Members of the other type of key store, CustomKeyStoreId with CustomKeyStoreName: ValidationException | they do not go together |
    //! | CreateCustomKeyStore of an external key store checks, in this order: form, what goes together, name, limit, that the proxy is free (path, endpoint, VPC endpoint service), the VPC endpoint service, then asks a public proxy | from what costs least |
    //! | A repeated CreateCustomKeyStore of an external key store: as for one in a cluster, with endpoint, path, credential, connectivity, VPC endpoint service and its owner | "exactly the same property values" |
    //! | XksProxyUriEndpoint must name a host by a name of DNS, XksProxyUriPath end in /kms/xks/v1: else ValidationException. `allow_private` lets endpoints have a port and an IPv4 address | the model's patterns allow more, the documentation does not |
    //! | Two endpoints that differ in case, or in a point at their end, are one | so DNS has it |
    //! | A path that is in use is XksProxyUriInUseException, also where the connectivity differs | it says more than XksProxyUriEndpointInUseException |
    //! | A VPC endpoint service whose name has another Region is XksProxyVpcEndpointServiceNotFoundException; one whose private DNS name, the endpoint's host, lies in no domain is XksProxyVpcEndpointServiceInvalidConfigurationException. Nothing else is known of it: whether it is there, of type interface, open to KMS, on a Network Load Balancer in two zones, and has that private DNS name; nor whether a public endpoint is one in another account | only AWS could be asked; the proxy itself is asked by ConnectCustomKeyStore and UpdateCustomKeyStore |
    //! | Without XksProxyVpcEndpointServiceOwner, DescribeCustomKeyStores shows the own account | the documented default |
    //! | UpdateCustomKeyStore asks the proxy where any member of external key stores is given, also the one that it had | the name is no matter of the proxy |
    //! | A change of XksProxyConnectivity needs another XksProxyUriEndpoint, and to VPC_ENDPOINT_SERVICE a service: else ValidationException. To PUBLIC_ENDPOINT, the service goes, whether XksProxyVpcEndpointServiceName is empty or not given | "null or empty" |
    //! | UpdateCustomKeyStore with members that need DISCONNECTED is refused in other states, also where they would change nothing | what a request names counts |
    //! | UpdateCustomKeyStore that crosses another change of the key store begins anew: the proxy is asked with what it will have | nothing untested is stored |
    //! | ConnectCustomKeyStore asks the proxy once, and ends CONNECTED or FAILED | its owner tries again |
    //! | The proxy of a CONNECTED key store is asked every minute (`health_interval`); whatever it says, the key store stays CONNECTED | "every few minutes"; a broken link does not change CONNECTED |
    //! | Metrics count calls of a proxy from the connecting to the disconnecting of its key store, in memory | counters may begin anew |
    //! | GenerateRandom in an external key store is UnsupportedOperationException in every connection state | no state makes it possible |
    //! | ConnectCustomKeyStore of a CONNECTING or CONNECTED key store does nothing, and is no error; where the HSMs refused a connected key store's login, it tries the login again | the exception's text allows it |
    //! | ConnectCustomKeyStore of a cluster that is gone ends FAILED, CLUSTER_NOT_FOUND; one that is not active, or without active HSM, is told at once | the operation has no exception for the former |
    //! | DisconnectCustomKeyStore of a FAILED key store: DISCONNECTED at once | nothing is to be ended |
    //! | DeleteCustomKeyStore tells the state before the keys | the state is what the caller changes first |
    //! | UpdateCustomKeyStore without a property changes nothing; KeyStorePassword puts an end to a password that KMS was about to set | the owner tells what the cluster has |
    //! | A CONNECTED key store whose login the HSMs refuse after a restart stays CONNECTED and is not logged in again of itself; its keys answer KMSInvalidStateException | a broken link does not change CONNECTED; each wrong try may lock kmsuser |
    //! | CreateKey and GenerateRandom in a CONNECTED key store whose HSMs cannot be reached: CustomKeyStoreInvalidStateException; in the default key store DependencyTimeoutException, and cryptographic operations KeyUnavailableException | as failures of XKS proxies are told; faults are tried again |
    //! | CreateKey: members that do not go together (Origin, CustomKeyStoreId, XksKeyId, KeySpec with KeyUsage) are ValidationException; what a custom key store never has (other key specs and usages, MultiRegion) is UnsupportedOperationException | the model documents the second for key stores alone |
    //! | CreateKey: Origin EXTERNAL, asymmetric, HMAC and multi-Region keys are UnsupportedOperationException, after their members were found to go together | this layer makes symmetric encryption keys of one Region |
    //! | CreateKey with an Origin that the key store's type does not have: ValidationException, before the key store's state | members that do not go together; no exception is documented for it |
    //! | CreateKey where the proxy answers AccessDeniedException: CustomKeyStoreInvalidStateException | the guide says so; the specification's KMSInvalidStateException is not one of CreateKey's |
    //! | CreateKey where the proxy answers UnsupportedOperationException: XksKeyInvalidConfigurationException | the specification's XksKeyInvalidResponse is not in KMS's model |
    //! | CreateKey looks whether the external key is in use before it asks the proxy; kmsKeyArn is not in that request | what costs least; the specification has no such member there |
    //! | CreateCustomKeyStore, UpdateCustomKeyStore and ConnectCustomKeyStore: an error that GetHealthStatus does not have, and one of no known name, is an answer that is not understood | AccessDeniedException has a ConnectionErrorCode of its own, and no exception |
    //! | ConnectCustomKeyStore: DependencyTimeoutException is XKS_PROXY_TIMED_OUT, ThrottlingException XKS_PROXY_NOT_REACHABLE | the texts of the codes |
    //! | No TCP connection in time is a proxy that cannot be reached; a proxy that takes one and is silent has timed out; one that ends it before TLS is set up has no TLS; one that ends it before its answer cannot be reached; one that ends it in the midst of its answer is not understood | the texts of the codes: "can connect, but does not respond" |
    //! | Calls of proxies are not tried again, but for once where a connection that was kept had been closed | KMS's retries are not documented; within 250 ms none helps |
    //! | Every answer of a proxy must be application/json; redirects are not followed; errors go by errorName, whatever their status | KMS reads JSON; xks-check tells wrong statuses |
    //! | KMS offers proxies TLS 1.2 and 1.3 with AES-256-GCM and ChaCha20-Poly1305 alone | what the specification lists: what works here works there |
    //! | A damaged CiphertextBlob, or another encryption context, of a key in an external key store: KMSInvalidStateException; InvalidCiphertextException where KMS finds it by itself | the proxy finds it, as the specification has it |
    //! | kmsOperation, awsPrincipalArn and kmsKeyArn go to the proxy with each use of a key; kmsRequestId is the caller's request id, of connecting and health checks an own one, and stands in the log with a failure; awsSourceVpc, awsSourceVpce and kmsViaService never go | one request of KMS may call two proxies; there are no VPCs and no other services here |
    //! | The AAD of proxies has the encryption context as it is, or its SHA-256 where the AAD would have more than 8192 bytes; KMS's own encryption authenticates it whole | the form is private; no proxy must take more |
    //! | Data keys under keys of external key stores are of AWS-LC's generator | proxies make no random numbers |
    //! | CreateKey and CreateGrant check members first, then tags and policy, then key store, cluster and quota | what the request alone decides costs nothing |
    //! | CreateKey in a cluster that is gone or not active is CloudHsmClusterInvalidConfigurationException | the only exception about clusters that CreateKey documents |
    //! | A killed CreateKey may leave key material in the HSMs that no record names, labelled with a key ARN that does not exist | one commit for each key; the label lets it be found |
    //! | The quota of KMS keys is off by default; where it is set, each CreateKey counts the keys | 100,000 keys are as fast as 10 |
    //! | Sid of the default policy: Enable IAM policies | what the guide shows now |
    //! | Lock-out check: the statements that name the caller, his account or his role must allow kms:PutKeyPolicy on the key and not deny it; conditions count as fulfilled, but for those of denials | policies are not evaluated otherwise, so that nobody is locked out here by a condition |
    //! | A key policy over 32 KB is LimitExceededException, over the model's 131072 characters ValidationException | both are documented |
    //! | Policy statements without Action or Resource are taken and have no effect | so the documentation of CreateKey |
    //! | A policy name other than default is NotFoundException ("No such policy exists"); PutKeyPolicy of AWS_RAM is ValidationException | the first as KMS answers, the second documented |
    //! | PendingWindowInDays outside of 7 to 30 is ValidationException | the model's 1 to 365 is wider than the documentation |
    //! | CancelKeyDeletion is possible until the deletion itself has begun, even after its time | nothing is lost by it |
    //! | Aliases, grants and material go after their key, within the same run or the next one | a commit of the store is bounded |
    //! | alias/aws/ is NotAuthorizedException | KMS answers so, though its model does not say it |
    //! | An alias name without alias/ is InvalidAliasNameException of CreateAlias, ValidationException of UpdateAlias and DeleteAlias | only CreateAlias documents the first |
    //! | A TargetKeyId that is an alias is ValidationException | an alias names a key, never an alias |
    //! | Wrong characters, aws: and repeated tag keys are TagException; over 50 tags of a key is LimitExceededException | both are documented without a border between them |
    //! | Limit may be up to 1000 for every list, as the model says; ListAliases and grants put at most 100 on a page, tags 50 | so the documentation of each |
    //! | Pages are in the order of key IDs, alias names, tag keys, grant IDs; a marker of another list, or of another version, is InvalidMarkerException | the place behind the last item is a key of the store |
    //! | Grants: principals must be ARNs of IAM or STS, else InvalidArnException | whether they exist cannot be known |
    //! | Grants: operations that the key cannot do are ValidationException, data key pairs of a key in a custom key store too | the documentation of Operations |
    //! | The ID of a grant with a name is made of its parameters; without a name it is random | so the same request finds the same grant without a search |
    //! | A grant token is sealed, names its grant, and is worth as much as the grant: of a retired one it is InvalidGrantTokenException, wherever it is given | tokens are opaque and differ at each CreateGrant |
    //! | A grant ID that is not 64 hex digits is InvalidGrantIdException; one that is not there NotFoundException (RetireGrant, RevokeGrant) or an empty list (ListGrants) | the border is not documented |
    //! | RetireGrant takes a token alone, or a key ARN and a grant ID; a bare key ID is InvalidArnException | so its documentation |
    //! | Who may retire or revoke a grant is not asked | policies and grants are not evaluated |
    //! | Documented, but never answered here: InvalidArnException of CreateKey (an ARN in a policy is MalformedPolicyDocumentException); LimitExceededException of EnableKey; UnsupportedOperationException of PutKeyPolicy; KMSInvalidStateException of operations that the table of states allows in all states | nothing here brings them about |
}
