//! Threads, locks, fork.
//!
//! # What a call holds
//!
//! A call takes its own reference to the current `Library` (arc-swap: a few nanoseconds, no shared counter), looks
//! up its session in a table sharded by handle, and locks that session. Cryptography runs under the session's lock and
//! no other. Two threads with sessions of their own share nothing that either writes: whatever the hot path touches
//! (the engine with its expanded key, the phase of the operation) lies with the session, and what it reads of others
//! (the store's revision, the slot's and the key's state) is written only when something changes. Hence two threads do
//! twice the work of one.
//!
//! # Lock order
//!
//! A thread takes locks only downwards in this list, and never two of one line:
//!
//! 1. `fork::LIFE`: C_Initialize, C_Finalize, fork
//! 2. `Library::follow`: while a newer revision is taken over
//! 3. `Slot::counts`: opening and closing sessions, C_InitToken, the SO's login
//! 4. a session's state
//! 5. `Slot::login`, `Slot::token`
//! 6. shards: sessions, session objects, the cache; slot events
//! 7. the store's own
//!
//! Lines 5 and 6 are held for moments, never over I/O or cryptography. Line 3 is taken for the end of every login, so that
//! it comes before or after the closing of the last session, which logs out; a logout empties the cache under line 5, so that
//! the next user finds nothing of it. What a call makes belongs to the user who was logged in when it began
//! (`slot::Term`). C_Logout, C_DestroyObject and the like visit all
//! sessions of the slot for keys to forget: they hold no session's lock meanwhile, and wait for a session that is inside
//! a long operation.
//!
//! # C_Finalize
//!
//! Takes the `Library` out of the global, closes the sessions (waiting for calls inside them) and marks the slots as gone.
//! A call that got its reference before finishes on it: at worst it answers CKR_DEVICE_REMOVED or
//! CKR_SESSION_HANDLE_INVALID. The last reference closes the store. A C_Initialize right after it starts anew; both
//! runs may use one open store for a moment.
//!
//! The library is linked so that dlclose leaves its code in memory (`-z nodelete`): threads of the host that called it
//! run its thread-exit code when they end, which may be later. A library that is loaded again goes on where C_Finalize
//! left it.
//!
//! # Fork
//!
//! `pthread_atfork` handlers take line 1 and the store's gate before the fork, so that the child's copy has no transaction
//! open. In the child every call answers CKR_CRYPTOKI_NOT_INITIALIZED until C_Initialize, which leaves the parent's
//! `Library` untouched in memory (locks in it may belong to threads that the child does not have, so it is not even
//! dropped), closes the inherited store and opens it again. The child takes a start number of its own for the IVs
//! that vhsm makes, and logs in anew.
//!
//! A store in etcd has a thread, the library's only one, which every call that needs etcd hands its request to. It takes no
//! lock that a call holds over anything but memory, takes no signal of the host, and ends with the store. A fork does not
//! wait for it, nor for calls that wait for etcd: the child uses nothing of the inherited store, whatever state it is in.
//! The descriptors of the connections stay open in a child until it executes another program or ends.
//!
//! Every lock of the library and of the store is one of std (`sync`), a word of its own memory: no table of waiting
//! threads is shared between locks, which a fork in a bad moment would leave locked in the child.
