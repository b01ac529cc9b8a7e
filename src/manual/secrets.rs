//! Where secrets lie, how long, and who could still get at them.
//!
//! # At rest
//!
//! `cluster::secrets` says what is sealed under what. Every seal is bound to its cluster's lineage and to its user or its
//! object, owner and version; records that are not secret carry a MAC over their key and value, checked whenever they are
//! read under a login. So whoever can write the store's files
//!
//! | does | and gets |
//! | --- | --- |
//! | changes a byte, or puts a record in another's place | `Corrupt`, or nothing changed |
//! | puts an older version of a record back | the older version: an object's old attributes, an old password, a policy. Nothing in the store can tell: roll-back is out of scope, of one record as of all |
//! | deletes a record | a user, an object or an index entry is not there |
//! | deletes or changes a record of wrong tries | fewer tries or more, or a user that is locked. It carries no MAC, for who has the files guesses offline. One that cannot be read shuts its user out until an admin gives a new password; that of the only admin must be deleted |
//! | sets the number of starts back, or copies the files and has both copies used | start numbers of IVs come again; the counters behind them begin at random in 2^47, so IVs hardly ever do |
//! | takes the mark off a store that was moved, and has both used | the same, and object numbers that come twice: one handle, two keys |
//! | makes records that it has the MAC key for (a crypto user has it) | a policy or a name of its own making; no other user's keys, and no admin's rights, for these come out of seals |
//! | makes records with the service's root key, under which the MAC key lies too | the same; this is how the control plane works |
//! | puts records of one cluster into another that was made of its backup | users and objects of the other one: both have the same keys, as after a roll-back |
//! | makes a record with another user's public key | what is shared with that user from then on, until that user logs in, which then fails with `Corrupt` |
//! | writes the object of another who shares it (who it is shared with has its object key) | an object with other attributes: whoever uses a key has it in its process's memory anyway |
//! | says of a key that it is trusted (with the MAC key) | a key that wraps what wants a trusted one |
//! | puts an old envelope or an old adopted key of a share back | `Corrupt`: the object was sealed anew under another key |
//! | puts a public key into a cluster that refuses them | `Corrupt` when it is opened |
//! | writes costs of Argon2id | at most 2 GiB of memory and 16 GiB of work for a try |
//!
//! When an admin is deleted, the cluster key is renewed in the same commit (`cluster::renewal`): what the former admin
//! remembers opens nothing that is sealed later. What it copied while it was one, other users' keys among it, it keeps: who
//! has reason to fear that makes new users and new keys. The key of the MACs stays, for every user holds it. In a cluster of
//! more than 91 users the cluster key stays too: all their records must go into one commit of the store, or an admin that
//! was stopped half way would leave users whose password nobody can reset.
//!
//! A wiped token's keys are gone with its users' records, which C_InitToken deletes first. LMDB writes nothing over pages it
//! frees until it needs them: until then, who has the file *and* an old password could put an old user's record together from
//! free pages. Objects of a deleted user are the same. Wipe the disk where that matters.
//!
//! # In memory
//!
//! Passwords are read where the caller has them and not copied; Argon2id's memory, keys, expanded keys and decoded
//! values are wiped when they are dropped: at logout, at the last use of an object, at C_Finalize. Moving a value on the stack
//! leaves a copy that nothing wipes.
//!
//! # Core dumps and swap
//!
//! The `vhsm` command forbids itself core files. The library does not decide that for its host: keys in use lie in the
//! host's ordinary memory (its heap, and that of AWS-LC), neither locked into RAM nor left out of dumps. Pages of their
//! own for each key would cost thousands of mappings and a system call per key. A host whose dumps or swap leave the
//! machine turns them off: `LimitCORE=0` (systemd), `ulimit -c 0`, `prctl(PR_SET_DUMPABLE, 0)`, encrypted swap.
