//! Asking etcd how it is. Writes nothing: an etcd without a store stays without one.

use super::background::Background;
use super::failure::Failure;
use super::inner::newest;
use super::keys::Keys;
use super::members::connect;
use crate::StoreError;
use crate::etcd_health::{EndpointHealth, EndpointStatus, EtcdHealth, EtcdMember};
use crate::etcd_options::EtcdOptions;
use etcd_client::{AlarmAction, AlarmType, Client};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// Asks every endpoint. What one of them may not or cannot tell is missing in the answer. Errors: there is no thread for
/// it.
pub fn health(options: &EtcdOptions) -> Result<EtcdHealth, StoreError> {
    let failed =
        |cause: String, mend: &str| StoreError::Open { path: options.place(), cause, mend: mend.into() };
    options.check().map_err(|(name, reason)| failed(format!("the setting {name} {reason}"), "correct it"))?;
    let background = Background::start()
        .map_err(|error| failed(format!("no thread for it: {error}"), "raise the limits of this process"))?;
    Background::run(background.handle(), ask_all(options.clone()))
}

async fn ask_all(options: EtcdOptions) -> EtcdHealth {
    let mut health =
        EtcdHealth { endpoints: Vec::new(), members: Vec::new(), alarms: Vec::new(), has_store: None };
    for endpoint in &options.endpoints {
        let status = ask(endpoint, &options, &mut health).await;
        health.endpoints.push(EndpointHealth { endpoint: endpoint.clone(), status });
    }
    health
}

async fn ask(
    endpoint: &str,
    options: &EtcdOptions,
    health: &mut EtcdHealth,
) -> Result<EndpointStatus, String> {
    let limit = Duration::from_millis(options.request_timeout_ms);
    let late = |_| format!("no answer within {} ms", limit.as_millis());
    let client = timeout(limit, connect(endpoint, options)).await.map_err(late)?;
    let client = client.map_err(|failure| failure.cause())?;
    let began = Instant::now();
    let status = timeout(limit, client.maintenance_client().status()).await.map_err(late)?;
    let status = status.map_err(|error| Failure::of(&error).cause())?;
    let took = began.elapsed();
    // The first that answers tells what is the same for all.
    if health.has_store.is_none() && timeout(limit, ask_once(&client, options, health)).await.is_err() {
        return Err(format!("no answer within {} ms", limit.as_millis()));
    }
    Ok(EndpointStatus {
        version: status.version().to_owned(),
        leader: status.leader(),
        db_bytes: u64::try_from(status.db_size()).unwrap_or_default(),
        errors: status.errors().to_vec(),
        took,
    })
}

/// What is the same for all members.
async fn ask_once(client: &Client, options: &EtcdOptions, health: &mut EtcdHealth) {
    if let Ok(newest) = newest(client.clone(), &Keys::new(&options.prefix)).await {
        health.has_store = Some(newest.revision.is_some());
    }
    if let Ok(answer) = client.cluster_client().member_list().await {
        let member = |member: &etcd_client::Member| EtcdMember {
            id: member.id(),
            name: member.name().to_owned(),
            is_learner: member.is_learner(),
        };
        health.members = answer.members().iter().map(member).collect();
    }
    let every = client.maintenance_client().alarm(AlarmAction::Get, AlarmType::None, None).await;
    if let Ok(answer) = every {
        health.alarms =
            answer.alarms().iter().map(|alarm| (alarm.member_id(), name(alarm.alarm()))).collect();
    }
}

fn name(alarm: AlarmType) -> &'static str {
    match alarm {
        AlarmType::Corrupt => "CORRUPT",
        _ => "NOSPACE",
    }
}
