//! Who may change a cluster, and what its certificate is for.
//!
//! # Two kinds of right
//!
//! In AWS a cluster has two sides that know nothing of each other: its users, whom the HSMs let in by their passwords, and
//! the control plane, which IAM guards and which never sees a key. Here it is the same. Users hold keys that their
//! passwords open. The control plane is whoever holds the service's root key ([`crate::root_key`]); under it lies, in each
//! cluster's record, the key of that record's MACs and no other (`cluster/authority.rs`). With it HSMs come and go, a
//! cluster is initialized, activated, modified and deleted; no user's key and no object is opened by it.
//!
//! | has | may |
//! | --- | --- |
//! | the root key that the cluster was made with | all operations of the CloudHSM API on the cluster, and activate it once |
//! | an admin's password | the same on its own cluster, once that is active; users and their passwords |
//! | a crypto user's password | use that user's keys |
//! | neither, and the store's files | describe, see the HSMs' names and states; whatever else is written there breaks MACs |
//!
//! Until a cluster is active it has no users, so that the root key is the only way to lead it on. Where that is lost, `vhsm
//! cluster delete --force` removes what holds no keys yet; an active cluster is its admin's to change and delete. A cluster
//! that C_InitToken made knows no root key: the PKCS#11 library never reads one.
//!
//! # Certificates
//!
//! The certificate of a CloudHSM cluster proves to a client that it talks to the customer's HSMs, and not to others. Nothing
//! here is reached over a network, so nothing is proved by it: the private key signs the request, as the API wants to see
//! it, and is wiped. Two things are left for which others look at it:
//!
//! - its trust anchor, `customerCA.crt`, is what a custom key store of AWS KMS is given, which compares it with the cluster's;
//! - it stays the same in every cluster that is made of a backup: two clusters have one history of backups exactly if they
//!   have one certificate, and KMS lets only one of them be the key store.
//!
//! A cluster that C_InitToken made, or a version of vhsm that knew no certificates, has none: `vhsm cluster describe` says
//! so in StateMessage. It cannot back a key store, for there is nothing to compare; as a PKCS#11 token it lacks nothing.
//! `vhsm cluster certify` gives it a certificate of a CA of its own, by an admin's login, and lets the control plane act on it
//! from then on. Backups of the time before have no certificate, and clusters made of them are strangers to it.
//!
//! # The service's own cluster
//!
//! Keys of KMS that are in no custom key store (Origin AWS_KMS) need HSMs too. `vhsm serve` makes a cluster for them on
//! first use (`cluster/private.rs`): two HSMs in two zones, an admin and crypto user `kmsuser`. Both passwords are random,
//! and lie in the cluster's record under the root key; nobody is ever told them. There is one in a store, made in one
//! commit but for its user, whom the next process makes where the first was killed.
//!
//! | question | choice |
//! | --- | --- |
//! | who sees it | the process that asks for it: `vhsm serve` for its own PKCS#11 library. To all others, C_GetSlotList, `vhsm cluster list` and DescribeClusters, it is not there, and its label is free |
//! | backups | none of its own: only KMS's records tell what its keys are for, and a backup without them would be of no use. It is saved, moved and lost with the store it lies in |
//! | the root key is another | refused: a new cluster would have none of the keys. Put the right root key back |
//! | its settings | keys are not extractable, need a login, and are used and made while one HSM works |
//! | its certificate | none: it is nobody's key store by CreateCustomKeyStore |
