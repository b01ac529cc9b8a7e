//! Opening a store in etcd.

use super::background::Background;
use super::failure::Failure;
use super::freshness::now_ns;
use super::inner::{Inner, Newest, kv, newest, unknown_layout};
use super::keys::{self, CommitId, Keys};
use super::members::Members;
use crate::StoreError;
use crate::etcd_options::EtcdOptions;
use etcd_client::{Client, Compare, CompareOp, Txn, TxnOp};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The oldest etcd that this store knows how to use.
const OLDEST: (u32, u32) = (3, 4);

/// Connects, reads what is newest (an empty etcd gets a store) and starts what keeps it right.
pub(super) fn open(options: &EtcdOptions) -> Result<(Arc<Inner>, Background), StoreError> {
    let wrong = |(name, reason): (&str, String)| {
        failed(options, format!("the setting {name} {reason}"), "correct it")
    };
    options.check().map_err(wrong)?;
    let background = Background::start().map_err(|error| {
        failed(options, format!("no thread for it: {error}"), "raise the limits of this process")
    })?;
    let work = connect(options.clone());
    let inner = Arc::new(Background::run(background.handle(), work)??);
    background.handle().spawn(Arc::clone(&inner).follow());
    background.handle().spawn(Arc::clone(&inner).keep_fresh());
    background.handle().spawn(Arc::clone(&inner).keep_session());
    background.handle().spawn(Arc::clone(&inner).keep_claims());
    Ok((inner, background))
}

async fn connect(options: EtcdOptions) -> Result<Inner, StoreError> {
    let mut first = [0; 2];
    // Which member is asked first matters little.
    let _ = getrandom::fill(&mut first);
    let members = Members::new(options.clone(), usize::from(u16::from_be_bytes(first)));
    let keys = Keys::new(&options.prefix);
    let deadline = Instant::now() + Duration::from_millis(options.request_timeout_ms);
    let version = |client: Client| async move {
        client.maintenance_client().status().await.map(|status| status.version().to_owned())
    };
    let began_ns = now_ns();
    let (version, newest) =
        tokio::join!(members.ask(deadline, version), members.ask(deadline, |client| newest(client, &keys)));
    // A user may lack the right to ask for it.
    if let Ok(version) = version {
        check_version(&options, &version)?;
    }
    let found = newest.map_err(|failure| cannot(&options, &failure))?;
    let found = match found.revision {
        Some(_) => found,
        None => make(&members, &keys, deadline).await.map_err(|failure| cannot(&options, &failure))?,
    };
    keys::commit_of(&found.value).map_err(|layout| cannot(&options, &unknown_layout(layout)))?;
    let revision = found.revision.unwrap_or(found.through);
    Ok(Inner::new(&options, members, (revision, found.through), began_ns))
}

/// Makes an empty store, unless another process just did.
async fn make(members: &Members, keys: &Keys, deadline: Instant) -> Result<Newest, Failure> {
    let mut id = CommitId::default();
    getrandom::fill(&mut id).map_err(|error| Failure::Refused(error.to_string()))?;
    let request = |client: Client| {
        let missing = Compare::create_revision(keys.revision(), CompareOp::Equal, 0);
        let put = TxnOp::put(keys.revision(), keys::revision_value(&id), None);
        let txn = Txn::new().when([missing]).and_then([put]);
        async move { kv(&client).txn(txn).await }
    };
    members.ask(deadline, request).await?;
    members.ask(deadline, |client| newest(client, keys)).await
}

fn check_version(options: &EtcdOptions, version: &str) -> Result<(), StoreError> {
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().ok());
    let found = numbers.next().flatten().zip(numbers.next().flatten());
    if found.is_none_or(|found| found >= OLDEST) {
        return Ok(());
    }
    let (major, minor) = OLDEST;
    Err(failed(options, format!("etcd has version {version}"), &format!("use {major}.{minor} or newer")))
}

fn cannot(options: &EtcdOptions, failure: &Failure) -> StoreError {
    let cause = failure.cause();
    let mend = match failure {
        Failure::Unclear(_) if cause.contains("ertificate") => {
            "see whether `ca_file` signed the members' certificates for these names, and `cert_file` and `key_file`"
        }
        Failure::Unclear(_) => {
            "see whether the members run, have a quorum, can be reached from here, and whether they use TLS (etcds://)"
        }
        Failure::Denied(_) => {
            "see `user`, `password_file`, `cert_file` and `key_file`, and the rights of that user in etcd"
        }
        Failure::Full(_) => "free space in etcd (compact, defragment, disarm its alarm)",
        _ => "see etcd's log",
    };
    failed(options, cause, mend)
}

fn failed(options: &EtcdOptions, cause: String, mend: &str) -> StoreError {
    StoreError::Open { path: options.place(), cause, mend: mend.into() }
}
