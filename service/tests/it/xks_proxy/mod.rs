//! `vhsm xks-proxy` as KMS reaches it: real processes on real modules (our library, SoftHSM), real connections, signatures and
//! certificates made here.

mod apis;
mod certificates;
mod client;
mod command;
mod conformance;
mod errors;
mod failures;
mod isolation;
mod keys;
mod reload;
mod world;

use super::serve::Serve;
use super::*;
use certificates::Certificates;
use client::{Client, Proof};
use serde_json::json;
use std::time::{Duration, Instant};
use world::{Kind, Proxy, World};

/// More than anything here takes on a busy machine.
const LONG: Duration = Duration::from_secs(60);
