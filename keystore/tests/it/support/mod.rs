//! What every topic needs: HSMs in a folder of their own, and a [`World`] on them.

mod directory;
mod hsms;
mod operator;
mod world;

pub use directory::TestDirectory;
pub use hsms::{Hsms, Kind, PASSWORD, USER};
pub use operator::Operator;
pub use world::{CLUSTER, CLUSTERS, TestSealer, World, caller};
