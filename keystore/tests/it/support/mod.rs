//! What every topic needs: HSMs in a folder of their own, and a [`World`] on them.

mod call;
mod directory;
mod hsms;
mod operator;
pub mod proxy;
mod requests;
mod scene;
mod world;

pub use call::{OPERATIONS, call};
pub use directory::TestDirectory;
pub use hsms::{Hsms, Kind, PASSWORD, USER, library};
pub use operator::Operator;
pub use requests::request_for;
pub use scene::{Scene, blob, bytes, text};
pub use world::{CLUSTER, CLUSTERS, TestSealer, World, caller};
