//! How large a store can get, and how it goes on to a hundred million keys.
//!
//! # What a key takes
//!
//! A token key with a label and an id is four records (`cluster::keys`): its object and an index entry each by label,
//! by id, by class. `vhsm store info` tells their number and bytes. Measured with AES-256 keys of nine attributes,
//! made one by one through C_GenerateKey into an empty token, 14-character labels, ids as the labels; sizes are those
//! of `data.mdb`, and etcd's metric `etcd_mvcc_db_total_size_in_bytes` of one member of etcd 3.4.23:
//!
//! | | 10,000 keys | 100,000 keys | per key more |
//! | --- | --- | --- | --- |
//! | keys and values of the records | 3.31 MB | 33.1 MB | 331 bytes |
//! | embedded: the file | 7.86 MB | 56.0 MB | 535 bytes |
//! | etcd: the database | 7.16 MB | 71.8 MB | 718 bytes |
//! | etcd: the same after compaction and defragmentation | 6.39 MB | 69.1 MB | 697 bytes |
//!
//! The file's first megabytes are the change log of the newest 10,000 revisions, hence the last column. A member that
//! is started anew on the 400,009 records has 96 MB of live heap and 179 MB of memory of its own, beside its
//! database, which is mapped: 1 to 1.8 kB a token key, for etcd's index of all keys is in memory. (A member that has
//! just taken them has 476 MB, the Raft log's newest 100,000 entries among them.)
//!
//! Hence for a hundred million keys: 54 GB in one LMDB file (the map is 64 GiB unless it grows; C_Initialize and a
//! search by label do not depend on the number of keys), or 72 GB in etcd with 100 to 180 GB of memory on every
//! member.
//!
//! # What a call costs
//!
//! A key in use needs no request: each call asks the clock whether what is known is still fresh, and that is all
//! that tells a store in etcd from an embedded one. AES-256-GCM of 32 bytes with a token key has 0.96 to 0.98 of the
//! embedded store's rate (C_EncryptInit and C_Encrypt by the processor time of the calling thread, six pairs of runs,
//! the two stores in turn). `make bench MODULES="vhsm vhsm-etcd"` compares them by the wall clock.
//!
//! # etcd's limits
//!
//! | limit | etcd | what it means here |
//! | --- | --- | --- |
//! | request | 1.5 MiB (`--max-request-bytes`) | `MAX_BATCH_BYTES` is 1 MiB |
//! | operations of a transaction | 128 (`--max-txn-ops`) | `MAX_OPERATIONS` is 100, and one condition of the store's own |
//! | database | 2 GiB (`--quota-backend-bytes`), 8 GiB at most are advised | 3.0 and 12.0 million token keys. Then every change answers CKR_DEVICE_MEMORY, for deleting writes too, and what is there is served; `etcdctl compaction`, `defrag` and `alarm disarm` make room |
//! | index | in memory, wholly, on each member | 12 million token keys: 12 to 22 GB |
//! | history | each change is another revision until it is compacted, and its pages are free only inside the file | compact (`--auto-compaction-retention`) and leave a third of the quota to it |
//! | a page of a long range | etcd 3.4 walks its index up to the range's end for every page | reading a whole store takes time with the square of its size: half a minute at 100,000 token keys. Searches are of short ranges |
//! | writes | one leader, one log: some thousands a second | a token key is one transaction |
//!
//! With a third left to history, an etcd of 8 GiB holds 8 million keys: a hundred million take thirteen of them. No
//! etcd holds them alone.
//!
//! # Several etcds
//!
//! The cut is between clusters. No commit and no snapshot spans two clusters but through the records of the store as
//! a whole: the head (numbers of clusters and slots), the numbers of objects, the starts of IVs. So a shard is a
//! store as it is, with a head of its own, and what is new is a directory above it:
//!
//! - a small store that says which cluster lies in which shard, and holds labels, which must be unique. It changes
//!   when clusters come and go, no more, and each process keeps it with its watch;
//! - slot ids, which have 64 bits, get the shard's number in their upper half, so that shards give them without
//!   asking each other;
//! - `Library` asks the revision of the store that the session's slot lies in: the hot path stays as it is. A shard
//!   without a quorum then takes its own clusters along and no others;
//! - a cluster moves from shard to shard as a store moves: `store::migrate` with the prefixes of its keys, under the
//!   same marks.
//!
//! A key-store layer puts each custom key store into a cluster of its own, so that its shards fill evenly. One
//! cluster of more than 8 million keys stays beyond this: its records would have to be cut by object number, with the
//! four records of an object together; commits would stay within one shard, a search would ask all shards. That, and
//! not the directory, is where a store that shards by itself begins to pay.
//!
//! # FoundationDB, TiKV
//!
//! What `Store` asks of them, and what their limits do to it:
//!
//! | of the trait | FoundationDB | TiKV |
//! | --- | --- | --- |
//! | `commit`: conditions and writes, all or nothing | a transaction that reads the conditions' keys; 10 MB at most, 1 MB is advised: 1 MiB fits | an optimistic transaction over its regions; 8 MB in one Raft entry by default: 1 MiB fits |
//! | values up to 1 MiB, keys up to 510 bytes | keys 10 kB, values 100 kB: larger ones are cut into several | keys 4 kB by default; values as the Raft entry allows |
//! | `read`: one snapshot | lives 5 seconds: a body that takes longer runs again, which the trait allows; whoever reads everything reads in pages, as `migrate` does | lives until garbage collection, ten minutes as it is usually set |
//! | `revision`: a number that changes only with this store's commits | not the database's read version, which grows by itself: a key of the store, set to the versionstamp with each commit, and a watch on it | a key of the store; there are no watches, so it is polled several times per `max_stale_ms` |
//! | that key in each commit | set without being read, it conflicts with nobody | it is where all commits of a store meet: one for each cluster, or none of them is fast |
//! | `changes_since` | a log under versionstamped keys, written in the same transaction and trimmed, as LMDB's | the same, under the timestamp of the commit, which is known only afterwards: the log's key is taken from the counter above |
//! | a commit without an answer | `commit_unknown_result`: a mark of its own in the transaction tells later, as for etcd | the same |
//! | `claim`: gone with its process | there are no leases: a record with a heartbeat, which others judge by their own clocks | the same |
//!
//! So neither needs another trait. Both lack what etcd gives for nothing, leases and a watch of a range, and both
//! give what it lacks: records beyond memory, and many leaders. The claims are the weak spot: a heartbeat that stops
//! late makes a login stand longer, and one that is missed must end the login of the process that missed it, before
//! others take it for gone.
