//! Asking etcd how it is. Writes nothing: an etcd without a store stays without one.

use super::background::Background;
use super::failure::Failure;
use super::inner::newest;
use super::keys::Keys;
use super::members::{Leaderless, connect};
use crate::StoreError;
use crate::etcd_health::{EndpointHealth, EndpointStatus, EtcdHealth, EtcdMember};
use crate::etcd_options::EtcdOptions;
use etcd_client::{AlarmAction, AlarmType, Client};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// Between two questions to a member.
const PAUSE: Duration = Duration::from_millis(50);
/// How often a member that is slow to answer is asked: one late answer shows a busy moment.
const ASKS: usize = 5;

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
    let has_store = Err("nobody answers".into());
    let mut health = EtcdHealth { endpoints: Vec::new(), members: Vec::new(), alarms: Vec::new(), has_store };
    // All members know of a leader at about the same time: they are waited for together.
    let led_by = Instant::now() + Duration::from_millis(options.request_timeout_ms);
    for endpoint in &options.endpoints {
        let status = ask(endpoint, &options, led_by, &mut health).await;
        health.endpoints.push(EndpointHealth { endpoint: endpoint.clone(), status });
    }
    health
}

async fn ask(
    endpoint: &str,
    options: &EtcdOptions,
    led_by: Instant,
    health: &mut EtcdHealth,
) -> Result<EndpointStatus, String> {
    let limit = Duration::from_millis(options.request_timeout_ms);
    let connected = connect(endpoint, options, Leaderless::Answers);
    let client = timeout(limit, connected).await.map_err(|_| late(limit))?.map_err(|f| f.cause())?;
    let mut status = ask_status(&client, limit).await?;
    while status.leader == 0 && Instant::now() < led_by {
        sleep(PAUSE).await;
        status = ask_status(&client, limit).await?;
    }
    for _ in 1..ASKS {
        if !status.is_slow(options) {
            break;
        }
        sleep(PAUSE).await;
        let again = ask_status(&client, limit).await?;
        status = EndpointStatus { took: again.took.min(status.took), ..again };
    }
    // The first that can tells what is the same for all.
    if health.has_store.is_err() && status.leader != 0 {
        ask_once(&client, options, limit, health).await;
    }
    Ok(status)
}

async fn ask_status(client: &Client, limit: Duration) -> Result<EndpointStatus, String> {
    let began = Instant::now();
    let answered = timeout(limit, client.maintenance_client().status()).await.map_err(|_| late(limit))?;
    let status = answered.map_err(|error| Failure::of(&error).cause())?;
    Ok(EndpointStatus {
        version: status.version().to_owned(),
        leader: status.leader(),
        db_bytes: u64::try_from(status.db_size()).unwrap_or_default(),
        errors: status.errors().to_vec(),
        took: began.elapsed(),
    })
}

fn late(limit: Duration) -> String {
    format!("no answer within {} ms", limit.as_millis())
}

/// What is the same for all members.
async fn ask_once(client: &Client, options: &EtcdOptions, limit: Duration, health: &mut EtcdHealth) {
    health.has_store = has_store(client, options, limit).await;
    if health.has_store.is_ok() {
        // What does not come in time is missing.
        let _ = timeout(limit, ask_about_members(client, health)).await;
    }
}

/// Asks until a majority answers, which takes a while after a leader was lost.
async fn has_store(client: &Client, options: &EtcdOptions, limit: Duration) -> Result<bool, String> {
    let (keys, deadline) = (Keys::new(&options.prefix), Instant::now() + limit);
    loop {
        let answered = timeout_at(deadline, newest(client.clone(), &keys)).await.map_err(|_| late(limit))?;
        match answered.map_err(|error| Failure::of(&error)) {
            Ok(newest) => return Ok(newest.revision.is_some()),
            Err(failure) if failure.is_unclear() && Instant::now() < deadline => sleep(PAUSE).await,
            Err(failure) => return Err(failure.cause()),
        }
    }
}

async fn ask_about_members(client: &Client, health: &mut EtcdHealth) {
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
