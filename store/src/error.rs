//! What can go wrong in a store.

use std::path::PathBuf;

#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A condition of the batch did not hold: nothing was changed.
    #[error("the store changed meanwhile (condition {condition} of the batch)")]
    Conflict { condition: usize },
    /// The batch is over the limits of this interface.
    #[error(
        "a batch of {operations} operations and {bytes} bytes is over the limit of {max_operations} and {max_bytes}"
    )]
    TooLarge { operations: usize, bytes: usize, max_operations: usize, max_bytes: usize },
    /// No store holds such a key.
    #[error("a key of {bytes} bytes: keys have 1 to {max_bytes}")]
    InvalidKey { bytes: usize, max_bytes: usize },
    /// A read's body may only read: a commit inside it would wait for itself.
    #[error("a commit inside a read")]
    CommitInRead,
    /// The disk or the map is full: this commit failed, the store goes on.
    #[error("no space left in the store at {path}: {cause}")]
    Full { path: PathBuf, cause: String },
    /// The store cannot be opened; `mend` says what to do.
    #[error("cannot open the store at {path}: {cause}; {mend}")]
    Open { path: PathBuf, cause: String, mend: String },
    /// Reading or writing failed; after a failed write the store refuses writes until it is opened again.
    #[error("the store at {path} failed: {cause}")]
    Io { path: PathBuf, cause: String },
    /// An earlier write failed in a state that is in doubt.
    #[error("the store at {path} refuses writes since one failed ({cause}); start the program again")]
    Refused { path: PathBuf, cause: String },
    /// The store is being copied to another place.
    #[error(
        "the store is being moved to {to}; if that was interrupted, `vhsm store migrate` with --restart or --cancel ends it"
    )]
    Moving { to: String },
    /// The store lives on at another place. What both would give out (object numbers, IVs) must not come twice.
    #[error("the store was moved to {to}: name that in the configuration (`store`, or VHSM_STORE)")]
    Moved { to: String },
    /// The store is being filled, or was left half filled.
    #[error(
        "the store is being filled from {from}; if that was interrupted, `vhsm store migrate` with --restart or --cancel \
         ends it"
    )]
    HalfFilled { from: String },
    /// A state that this version does not know.
    #[error("the store is in a state that this version does not know: use a newer version")]
    UnknownState,
    /// The servers have not said for too long what is newest, so nothing is answered from what was known:
    /// `since_ms` milliseconds ago they last did. It mends itself.
    #[error(
        "the store at {path} is {since_ms} ms behind, and answers nothing until it has caught up: {cause}"
    )]
    Stale { path: PathBuf, since_ms: u64, cause: String },
    /// A commit of which nobody knows whether it was done: no answer came, and none could be found out in time.
    /// Read what it would have changed before it is tried again.
    #[error("the store at {path} did not say whether it made a change: {cause}")]
    OutcomeUnknown { path: PathBuf, cause: String },
    /// The process forked: this store belongs to the parent.
    #[error("the store belongs to the parent of this forked process")]
    Forked,
    /// A fault injected by a test or a fault plan.
    #[error("injected fault: {0}")]
    Injected(String),
}
