//! The manual: how the whole hangs together, where no single module can say it.
//!
//! - [`concurrency`]: threads, locks and their order, fork, C_Finalize.
//! - [`clusters`]: who may change a cluster, and what its certificate is for.
//! - [`coherence`]: how processes see each other's changes.
//! - [`secrets`]: where secrets lie, and who could still get at them.
//! - [`scale`]: what a key takes, and a hundred million of them.
//! - [`failures`]: what a client sees of each failure, as a table.
//! - [`choices`]: what the specification leaves open, and what was chosen.

pub mod choices;
pub mod clusters;
pub mod coherence;
pub mod concurrency;
pub mod failures;
pub mod scale;
pub mod secrets;
