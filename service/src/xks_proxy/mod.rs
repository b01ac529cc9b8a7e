//! `vhsm xks-proxy`: the external key store proxy that AWS KMS calls, on any PKCS#11 module (XKS Proxy API 1.0.3).
//!
//! | module | owns |
//! | --- | --- |
//! | `settings` | the configuration file: what each key means, its default, what is wrong with it |
//! | `current` | what one reading of the configuration made: key stores, their credentials and policies |
//! | `edge` | a request from its first byte to its answer: TLS, path, signature, deadline |
//! | `api` | the four operations: what a request must have, what goes to an HSM, what goes back |
//! | `policy` | who may do what (secondary authorization) |
//! | `hsms` | PKCS#11: HSMs, their queues, workers and sessions, failover, and whether they work |
//! | `health` | the probe of each HSM, and what GetHealthStatus and /ping tell of it |
//! | `access_log`, `metrics` | what operators see |
//! | `run` | the process: its start, its signals, its end |
//! | `changes` | what a reload changed |
//! | `check` | `--check` |
//! | `demo` | `--demo` |
//! | `credential` | `new-credential` |
//!
//! Data flows down: edge, api, hsms. A request holds the `Current` it began with, so a reload changes nothing under it.

pub mod access_log;
pub mod api;
mod changes;
mod check;
mod credential;
pub mod current;
mod demo;
pub mod edge;
pub mod health;
pub mod hsms;
pub mod key_set;
pub mod metrics;
pub mod policy;
pub mod rate_limit;
mod run;
pub mod settings;

pub use run::run;

use std::time::SystemTime;

/// A line for people and journals: no secret ever enters it.
pub fn log(line: &str) {
    eprintln!("{} vhsm xks-proxy: {line}", humantime::format_rfc3339_seconds(SystemTime::now()));
}
