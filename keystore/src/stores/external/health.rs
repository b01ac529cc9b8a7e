//! How the proxies of external key stores are: what they were asked, how long they took, and what they said. KmsHealthCheck asks
//! those of connected key stores in the background (reference/xks-proxy.md sec. 7). All of it is kept in memory.
//!
//! A proxy that is not well does not disconnect its key store: it stays CONNECTED, and uses of keys fail (reference sec. 2).

use crate::error::KmsError;
use crate::ids::StoreId;
use crate::kms::{Caller, Kms};
use crate::records::store::{ConnectionState, ExternalStore};
use crate::tasks::Task;
use crate::xks::ProxyFailure;
use crate::xks::api::{HealthStatus, RequestMetadata};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// GetHealthStatus, by CloudWatch's XksOperation.
const OPERATION: &str = "GetHealthStatus";
/// kmsOperation of a check that nobody asked for.
const CHECK: &str = "KmsHealthCheck";
/// HealthStatus of an external key manager; any other is told as the last one.
const STATES: [&str; 4] = ["ACTIVE", "DEGRADED", "UNAVAILABLE", "UNKNOWN"];
/// Errors of the API; any other is told as `OTHER`.
const ERRORS: [&str; 12] = [
    "AccessDeniedException",
    "AuthenticationFailedException",
    "DependencyTimeoutException",
    "InternalException",
    "InvalidCiphertextException",
    "InvalidKeyUsageException",
    "InvalidStateException",
    "InvalidUriPathException",
    "KeyNotFoundException",
    "ThrottlingException",
    "UnsupportedOperationException",
    "ValidationException",
];
const OTHER: &str = "Other";

/// What is known of proxies, by key store.
#[derive(Default)]
pub(crate) struct Health(Mutex<BTreeMap<StoreId, ProxyHealth>>);

/// How the proxy of an external key store is, as far as this process knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProxyHealth {
    /// How many external key managers it told of in each state (ACTIVE, DEGRADED, UNAVAILABLE) when it was asked last.
    pub key_managers: BTreeMap<&'static str, u64>,
    /// Why it did not answer when it was asked last.
    pub failure: Option<String>,
    /// Calls of it, by XksOperation.
    pub calls: BTreeMap<&'static str, ProxyCalls>,
    /// When it is to be asked next.
    due_ms: u64,
}

/// Calls of a proxy since the key store was connected.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProxyCalls {
    pub count: u64,
    /// How long they took together.
    pub total: Duration,
    /// Those that failed, by exception of the proxy, or by what else went wrong.
    pub errors: BTreeMap<&'static str, u64>,
}

impl Health {
    /// What is known of each proxy.
    pub fn all(&self) -> BTreeMap<StoreId, ProxyHealth> {
        self.0.lock().clone()
    }

    pub fn forget(&self, id: &StoreId) {
        self.0.lock().remove(id);
    }

    /// Whether a proxy is to be asked now: then it is not again until `every` has passed.
    fn is_due(&self, id: &StoreId, now_ms: u64, every: Duration) -> bool {
        let every_ms = u64::try_from(every.as_millis()).unwrap_or(u64::MAX);
        let mut all = self.0.lock();
        let known = all.entry(id.clone()).or_default();
        let next_ms = now_ms.saturating_add(every_ms);
        // A clock that was set back does not put a check off.
        let is_due = known.due_ms <= now_ms || known.due_ms > next_ms;
        if is_due {
            known.due_ms = next_ms;
        }
        is_due
    }

    fn count<R>(
        &self,
        id: &StoreId,
        operation: &'static str,
        took: Duration,
        answer: &Result<R, ProxyFailure>,
    ) {
        let mut all = self.0.lock();
        if !all.contains_key(id) {
            all.insert(id.clone(), ProxyHealth::default());
        }
        let Some(known) = all.get_mut(id) else { return };
        let calls = known.calls.entry(operation).or_default();
        calls.count += 1;
        calls.total += took;
        if let Err(failure) = answer {
            *calls.errors.entry(error_name(failure)).or_default() += 1;
        }
    }

    fn note(&self, id: &StoreId, answer: &Result<HealthStatus, ProxyFailure>) {
        let mut all = self.0.lock();
        let known = all.entry(id.clone()).or_default();
        known.failure = answer.as_ref().err().map(ToString::to_string);
        known.key_managers = answer.as_ref().map(states).unwrap_or_default();
    }
}

impl Kms {
    /// Calls the proxy of an external key store by `call`, and counts that. `operation`: the API's.
    pub(crate) fn call_proxy<R>(
        &self,
        id: &StoreId,
        operation: &'static str,
        call: impl FnOnce() -> Result<R, ProxyFailure>,
    ) -> Result<R, ProxyFailure> {
        let began = Instant::now();
        let answer = call();
        self.health.count(id, operation, began.elapsed(), &answer);
        answer
    }

    /// Asks the proxy of a key store that is there.
    pub(super) fn ask_health(
        &self,
        id: &StoreId,
        store: &ExternalStore,
        request: &Request,
    ) -> Result<Result<HealthStatus, ProxyFailure>, KmsError> {
        let proxy = self.proxy_of(id, store)?;
        let answer = self.call_proxy(id, OPERATION, || self.xks.health(&proxy, &request.metadata()));
        self.health.note(id, &answer);
        Ok(answer)
    }

    /// Asks the proxy that a key store is to have. Errors: those of [`ProxyFailure::for_store`].
    pub(super) fn try_proxy(
        &self,
        caller: &Caller,
        id: &StoreId,
        store: &ExternalStore,
        why: &'static str,
    ) -> Result<(), KmsError> {
        let (proxy, request) = (self.open_proxy(id, store)?, Request::of(caller, why));
        let answer = self.xks.health(&proxy, &request.metadata());
        answer.map(drop).map_err(|failure| failure.for_store().with_detail(request.told(store, &failure)))
    }

    /// Looks after a connected external key store: its proxy is asked when it is time, by a task.
    pub(in crate::stores) fn watch(&self, id: &StoreId, attempt: u64) {
        if self.health.is_due(id, self.now_ms(), self.settings.health_interval) {
            self.tasks.push(Task::CheckHealth { id: id.clone(), attempt });
        }
    }

    /// Does nothing to a key store that is not CONNECTED, or was connected anew.
    pub(crate) fn check_health(&self, id: &StoreId, attempt: u64) {
        if let Err(error) = self.try_check_health(id, attempt) {
            self.keeper.log_error(id, "asking the proxy", &error);
        }
    }

    fn try_check_health(&self, id: &StoreId, attempt: u64) -> Result<(), KmsError> {
        let (_, read) = self.view(|view| self.custom_key_store(view, &id.0))?;
        let record = read.value;
        if record.state != ConnectionState::Connected || record.attempt != attempt {
            return Ok(());
        }
        let told = match self.ask_health(id, record.as_external()?, &Request::new(CHECK))? {
            Ok(status) => {
                let active = states(&status).get(STATES[0]).copied().unwrap_or_default();
                format!("{active} of {} external key managers are ACTIVE", status.ekm_fleet_details.len())
            }
            Err(failure) => format!("CONNECTED, but its proxy does not serve: {failure}"),
        };
        self.keeper.see(id, &told);
        Ok(())
    }

    /// Forgets what is known of a proxy whose key store is not connected, and its secret.
    pub(in crate::stores) fn forget_proxy(&self, id: &StoreId) {
        self.proxies.forget(id);
        self.health.forget(id);
    }
}

/// One GetHealthStatus.
pub(super) struct Request {
    /// kmsOperation
    why: &'static str,
    /// kmsRequestId: by it the proxy's log is found.
    id: String,
}

impl Request {
    pub fn new(why: &'static str) -> Self {
        Self { why, id: Uuid::new_v4().to_string() }
    }

    fn of(caller: &Caller, why: &'static str) -> Self {
        Self { why, id: caller.kms_request_id() }
    }

    fn metadata(&self) -> RequestMetadata {
        RequestMetadata {
            kms_operation: Some(self.why.into()),
            kms_request_id: Some(self.id.clone()),
            ..RequestMetadata::default()
        }
    }

    /// For the log.
    pub fn told(&self, store: &ExternalStore, failure: &ProxyFailure) -> String {
        format!("{} (kmsRequestId {}): {failure}", store.endpoint, self.id)
    }
}

fn states(status: &HealthStatus) -> BTreeMap<&'static str, u64> {
    let mut states = BTreeMap::new();
    for manager in &status.ekm_fleet_details {
        let state = STATES.into_iter().find(|state| *state == manager.health_status);
        *states.entry(state.unwrap_or(STATES[3])).or_default() += 1;
    }
    states
}

/// CloudWatch's ExceptionName, as far as there is one.
fn error_name(failure: &ProxyFailure) -> &'static str {
    match failure {
        ProxyFailure::Unreachable(_) => "Unreachable",
        ProxyFailure::Tls(_) => "Tls",
        ProxyFailure::TimedOut => "TimedOut",
        ProxyFailure::Malformed(_) => "InvalidResponse",
        ProxyFailure::NoKeyManager => "NoKeyManager",
        ProxyFailure::Refused { name, .. } => ERRORS.into_iter().find(|known| known == name).unwrap_or(OTHER),
    }
}
