//! `vhsm serve` as AWS clients and others reach it: real processes, real connections, signatures made here.

pub mod client;
mod credentials;
mod external;
mod key_stores;
mod life;
#[cfg(feature = "etcd")]
mod over_etcd;
mod protocol;
mod proxies;
mod signatures;
mod status;
mod tls;

pub use client::{Client, Signer};

use super::serve::Serve;
use super::*;

/// A running server, and where it is.
pub struct Server {
    pub serve: Serve,
    pub address: String,
}

impl Server {
    /// On a port of its own.
    pub fn start(home: &Home) -> Self {
        let serve = Serve::listening(home, "127.0.0.1:0", &[]);
        let line = serve.says("listens on ");
        let (_, address) = line.split_once("://").unwrap();
        Self { address: address.to_owned(), serve }
    }

    pub fn client(&self, home: &Home) -> Client {
        Client { address: self.address.clone(), signer: Some(Signer::of(home, "default")) }
    }
}

/// A home whose configuration has these lines in `[serve]`.
pub fn home(serve: &str) -> Home {
    let home = Home::empty();
    let text = std::fs::read_to_string(home.path().join("vhsm.toml")).unwrap();
    home.write("vhsm.toml", &format!("{text}\n[serve]\n{serve}\n"));
    home
}

/// The audit log's events.
pub fn audit(home: &Home) -> Vec<Value> {
    let text = std::fs::read_to_string(home.path().join("audit.log")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
