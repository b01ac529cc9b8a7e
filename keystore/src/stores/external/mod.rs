//! External key stores: custom key stores whose keys are behind an external key store proxy.
//!
//! | file | owns |
//! | --- | --- |
//! | `members` | the members of requests that are theirs alone, and what goes together |
//! | `address` | that no two have one proxy, and what can be told of a VPC endpoint service |
//! | `create`, `update`, `connect` | what those operations do otherwise than for key stores in clusters |
//! | `health` | KmsHealthCheck in the background, and what is known of each proxy |
//! | `proxies` | proxies with their secrets, to be called |

mod address;
mod connect;
pub(super) mod create;
pub(crate) mod health;
pub(super) mod members;
pub(crate) mod proxies;
mod update;
