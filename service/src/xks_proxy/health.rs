//! Whether HSMs work: they are probed again and again, and what GetHealthStatus and /ping tell follows. No request waits for a
//! probe.

use super::hsms::{HealthStatus, HsmStatus, Hsms};
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// XKS Proxy API 1.0.3, "GetHealthStatus": what is told is no older.
const OLDEST: Duration = Duration::from_secs(60);
/// While an HSM is not ACTIVE; how often it is looked whether all are.
const SOON: Duration = Duration::from_secs(1);
/// ekmFleetDetails has no more entries.
const ENTRIES: usize = 10;
const VENDOR: &str = "vhsm";
const MODEL: &str = concat!("vhsm xks-proxy ", env!("CARGO_PKG_VERSION"));
const UNKNOWN: &str = "unknown";

/// The thread that probes. It ends when this is dropped.
pub struct Prober {
    stop: Arc<Stop>,
    _thread: JoinHandle<()>,
}

#[derive(Default)]
struct Stop {
    is_told: Mutex<bool>,
    changed: Condvar,
}

impl Prober {
    /// Probes at once, and then after each interval; sooner while an HSM is not ACTIVE. `present`: the HSMs, which a reload may
    /// change. Errors: the system has no room for a thread.
    pub fn start(
        interval: Duration,
        present: impl Fn() -> Arc<Hsms> + Send + 'static,
    ) -> std::io::Result<Self> {
        let stop = Arc::<Stop>::default();
        let own = Arc::clone(&stop);
        let interval = interval.min(OLDEST);
        let probe = move || {
            let mut due = Instant::now();
            loop {
                let hsms = present();
                let all_active = || hsms.status().iter().all(|hsm| hsm.health == HealthStatus::Active);
                if Instant::now() >= due || !all_active() {
                    hsms.probe();
                    due = Instant::now() + interval;
                }
                drop(hsms);
                if own.wait(interval.min(SOON)) {
                    return;
                }
            }
        };
        let thread = Builder::new().name("hsm-prober".into()).spawn(probe)?;
        Ok(Self { stop, _thread: thread })
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        *self.stop.is_told.lock() = true;
        self.stop.changed.notify_all();
    }
}

impl Stop {
    /// `true`: it is told to.
    fn wait(&self, time: Duration) -> bool {
        let mut is_told = self.is_told.lock();
        self.changed.wait_while_for(&mut is_told, |is_told| !*is_told, time);
        *is_told
    }
}

/// The response of GetHealthStatus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fleet {
    pub xks_proxy_fleet_size: u32,
    pub xks_proxy_vendor: &'static str,
    /// Name and version.
    pub xks_proxy_model: &'static str,
    pub ekm_vendor: String,
    /// 1 to 10.
    pub ekm_fleet_details: Vec<FleetEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetEntry {
    pub id: String,
    pub model: String,
    /// `ACTIVE`, `DEGRADED` or `UNAVAILABLE`.
    pub health_status: &'static str,
}

/// What GetHealthStatus answers of these HSMs (XKS Proxy API 1.0.3, "GetHealthStatus"). Of more than ten the worst are told, and the best
/// one, so that it shows whether any serves.
pub fn fleet(status: &[HsmStatus], fleet_size: u32) -> Fleet {
    let mut hsms: Vec<&HsmStatus> = status.iter().collect();
    if hsms.len() > ENTRIES {
        hsms.sort_by_key(|hsm| std::cmp::Reverse(rank(hsm.health)));
        hsms.drain(ENTRIES - 1..hsms.len() - 1);
    }
    let mut vendors: Vec<&str> =
        status.iter().map(|hsm| hsm.manufacturer.as_str()).filter(|vendor| !vendor.is_empty()).collect();
    vendors.sort_unstable();
    vendors.dedup();
    let mut ekm_fleet_details: Vec<FleetEntry> = hsms.into_iter().map(entry).collect();
    if ekm_fleet_details.is_empty() {
        let health_status = name(HealthStatus::Unavailable);
        ekm_fleet_details.push(FleetEntry { id: UNKNOWN.into(), model: UNKNOWN.into(), health_status });
    }
    Fleet {
        xks_proxy_fleet_size: fleet_size.max(1),
        xks_proxy_vendor: VENDOR,
        xks_proxy_model: MODEL,
        ekm_vendor: known(vendors.join(", ")),
        ekm_fleet_details,
    }
}

/// What /ping tells: whether any of these HSMs does anything.
pub fn serves(status: &[HsmStatus]) -> bool {
    status.iter().any(|hsm| hsm.health != HealthStatus::Unavailable)
}

fn entry(hsm: &HsmStatus) -> FleetEntry {
    FleetEntry { id: hsm.id.to_string(), model: known(hsm.model.clone()), health_status: name(hsm.health) }
}

fn known(text: String) -> String {
    if text.is_empty() { UNKNOWN.into() } else { text }
}

fn rank(health: HealthStatus) -> usize {
    match health {
        HealthStatus::Active => 0,
        HealthStatus::Degraded => 1,
        HealthStatus::Unavailable => 2,
    }
}

/// As healthStatus says it.
fn name(health: HealthStatus) -> &'static str {
    match health {
        HealthStatus::Active => "ACTIVE",
        HealthStatus::Degraded => "DEGRADED",
        HealthStatus::Unavailable => "UNAVAILABLE",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(number: usize, health: HealthStatus) -> HsmStatus {
        HsmStatus {
            id: format!("group/{number}").into(),
            group: "group".into(),
            manufacturer: "Maker".into(),
            model: "M1".into(),
            health,
            trouble: String::new(),
            hanging: 0,
            sessions: 1,
            queued: 0,
            operations: 0,
            failures: 0,
            probed: None,
        }
    }

    fn told(status: &[HsmStatus]) -> Vec<(String, &'static str)> {
        let details = fleet(status, 1).ekm_fleet_details;
        details.into_iter().map(|entry| (entry.id, entry.health_status)).collect()
    }

    #[test]
    fn each_hsm_is_told_as_it_is() {
        use HealthStatus::{Active, Degraded, Unavailable};
        let all = [status(0, Active), status(1, Degraded), status(2, Unavailable)];
        let expected = [("group/0", "ACTIVE"), ("group/1", "DEGRADED"), ("group/2", "UNAVAILABLE")];
        assert_eq!(told(&all), expected.map(|(id, health)| (id.to_owned(), health)));
        let fleet = fleet(&all, 3);
        assert_eq!((fleet.xks_proxy_fleet_size, fleet.ekm_vendor.as_str()), (3, "Maker"));
        assert!(serves(&all) && serves(&all[1..]) && !serves(&all[2..]) && !serves(&[]));
    }

    #[test]
    fn of_many_the_worst_are_told_and_one_that_serves() {
        use HealthStatus::{Active, Degraded, Unavailable};
        let mut all: Vec<_> = (0..20).map(|number| status(number, Unavailable)).collect();
        all[13].health = Active;
        let told_all = told(&all);
        assert_eq!(told_all.len(), 10);
        assert_eq!(told_all.iter().filter(|(_, health)| *health == "ACTIVE").count(), 1);
        all.iter_mut().for_each(|hsm| hsm.health = Active);
        all[19].health = Degraded;
        all[18].health = Unavailable;
        let told_all = told(&all);
        let worst = [("group/18".to_owned(), "UNAVAILABLE"), ("group/19".to_owned(), "DEGRADED")];
        assert_eq!((told_all.len(), &told_all[..2]), (10, &worst[..]));
    }

    #[test]
    fn without_hsms_nothing_serves_yet_the_answer_has_an_entry() {
        let fleet = fleet(&[], 0);
        assert_eq!((fleet.xks_proxy_fleet_size, fleet.ekm_vendor.as_str()), (1, "unknown"));
        assert_eq!(told(&[]), [("unknown".to_owned(), "UNAVAILABLE")]);
    }
}
