//! How an etcd is: plain data, there without the feature `etcd` too.

use crate::etcd_options::EtcdOptions;
use std::time::Duration;

/// What its members say, asked one by one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdHealth {
    /// In the order of the options' endpoints.
    pub endpoints: Vec<EndpointHealth>,
    /// All members that etcd knows; empty where nobody answers, or the user may not ask.
    pub members: Vec<EtcdMember>,
    /// `NOSPACE` or `CORRUPT`, with the member that raised it.
    pub alarms: Vec<(u64, &'static str)>,
    /// Whether there is a store. Errors: why nobody tells it; there may be no majority, though members answer.
    pub has_store: Result<bool, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointHealth {
    /// `host:port`
    pub endpoint: String,
    /// Errors: why it does not answer.
    pub status: Result<EndpointStatus, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointStatus {
    pub version: String,
    /// The leader's id; 0: this member knew none for as long as a call waits, which an election does not take.
    pub leader: u64,
    /// Bytes of the member's database, those that are free in it too: what etcd's quota limits.
    pub db_bytes: u64,
    /// What it complains of.
    pub errors: Vec<String>,
    /// How long the member took for its quickest answer.
    pub took: Duration,
}

impl EndpointStatus {
    /// Whether what it answers is half stale when it comes, so that calls may have to wait.
    pub fn is_slow(&self, options: &EtcdOptions) -> bool {
        self.took * 2 > Duration::from_millis(options.max_stale_ms)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdMember {
    pub id: u64,
    pub name: String,
    /// Does not vote yet.
    pub is_learner: bool,
}
