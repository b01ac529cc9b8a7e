//! How processes see each other's changes.
//!
//! Every call that names a slot or a session first compares the store's revision, a number in shared memory, with the one
//! that this process follows. When they differ, the store says which records changed since, and only what those touch is
//! dropped: an object from the slot's cache, a slot whose HSM or token is another now, a login whose user was deleted. If
//! the change log no longer reaches back, everything is checked.
//!
//! An opened object (`session::Held`) carries its state: live, replaced, gone. A session's engine (an expanded key) serves
//! a further operation only while its object is live; an operation in progress ends when its key is gone (destroyed by any
//! process, or its user logged out here), and goes on when only attributes changed. So the promise "gone at the next call"
//! costs the hot path two reads of memory that nobody writes meanwhile.
//!
//! What a session works with is always in the cache, so that an eviction finds it; the cache makes room only among
//! objects that nobody works with. An object read from the store is put into the cache only if nothing was evicted
//! since the read began, else it is read again.
//!
//! A slot whose token was wiped, or whose HSM failed, came back or left the cluster, is marked gone and another takes its place: its sessions
//! answer CKR_DEVICE_REMOVED once and are invalid from then on, and C_WaitForSlotEvent tells the slot.
//!
//! # Stores in etcd
//!
//! There the number in memory is kept by a watch, and is good for `max_stale_ms` after the moment that etcd proved it: by a
//! question that etcd answers in the order of all its work, sent three times in that time, and by the watch's having
//! delivered what the answer says. When that is too long ago the number is one that no revision has, so the next call
//! turns to the store, which waits for a new proof; when none comes the call fails with CKR_DEVICE_ERROR before it touches
//! a key. The clock is read with each call, so a process that was stopped notices in its first call, not when its
//! background thread does. Own commits are in the number when the call that made them returns.
//!
//! So a key that was destroyed on one machine is used on no other later than `max_stale_ms` after C_DestroyObject returned
//! CKR_OK. (An operation that is inside the library at that moment ends as it began.)
