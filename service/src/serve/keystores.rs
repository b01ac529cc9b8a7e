//! The KMS of this store: held by one process, kept alive by one thread.

use super::endpoint::Endpoint;
use super::orphans::Orphans;
use super::{clusters, log, proxies};
use crate::App;
use crate::credential::Keyring;
use crate::directory::{self, Directory, RootSealer};
use crate::failure::Failure;
use crate::kms::KmsService;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use vhsm_keystore::{Kms, KmsError, Parts, Settings, SystemClock, Workers};
use vhsm_pkcs11::cluster::Clusters;
use vhsm_pkcs11::config::{Config, StoreChoice};
use vhsm_pkcs11::error::Error;
use vhsm_store::{Claim, ClaimKind, LmdbOptions, StoreSpec};

/// Who has it serves KMS.
const CLAIM: &[u8] = b"serve/kms";
/// How often the keeper looks.
const EVERY: Duration = Duration::from_secs(1);
/// How long a start waits for key stores that were connected before.
const RECONNECT: Duration = Duration::from_secs(10);
/// For connecting and disconnecting, which may wait for an HSM.
const WORKERS: usize = 4;

/// What the keeper needs to build the layer, now or when it takes over.
struct Plan {
    config: Config,
    endpoint: Endpoint,
    clusters: Clusters,
}

/// The thread, and what it keeps.
pub struct Keeper {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

/// What is held as long as this process serves KMS.
struct Tenure {
    kms: Arc<Kms>,
    /// What went wrong last, so that it is told once.
    trouble: Option<String>,
    orphans: Orphans,
    _workers: Workers,
    _claim: Box<dyn Claim>,
}

impl Keeper {
    /// Takes the claim if nobody has it. Errors: the layer cannot be built.
    pub fn start(
        app: &App,
        endpoint: &Endpoint,
        service: Arc<KmsService>,
        keyring: Option<Arc<Keyring>>,
    ) -> Result<Self, Failure> {
        let plan =
            Plan { config: app.config.clone(), endpoint: endpoint.clone(), clusters: clusters(&app.config)? };
        let mut tenure = plan.take(&service)?;
        if tenure.is_none() {
            log("waits with KMS: another process serves it for this store");
        }
        let (stop, stopped) = channel();
        let keep = move || {
            while is_time(&stopped) {
                look_at(keyring.as_deref());
                match &mut tenure {
                    Some(tenure) => tenure.keep(),
                    None => tenure = plan.take_later(&service),
                }
            }
            // Nobody asks any more: requests in flight are answered before.
            service.take();
        };
        let thread = std::thread::Builder::new().name("keeper".into()).spawn(keep);
        let thread = thread.map_err(|error| Failure::new(format!("threads: {error}")))?;
        Ok(Self { stop, thread })
    }

    /// Waits until it has ended; the key stores are let go.
    pub fn stop(self) {
        drop(self.stop);
        // A thread that panicked has said so.
        let _ = self.thread.join();
    }
}

/// Waits for the next round; `false` when there is none.
fn is_time(stopped: &Receiver<()>) -> bool {
    matches!(stopped.recv_timeout(EVERY), Err(RecvTimeoutError::Timeout))
}

fn look_at(keyring: Option<&Keyring>) {
    match keyring.map(Keyring::refresh) {
        Some(Ok(true)) => log("read the access keys anew"),
        Some(Err(failure)) => log(&format!("the access keys stay as they were: {failure}")),
        Some(Ok(false)) | None => {}
    }
}

impl Plan {
    /// `None`: another process has the claim.
    fn take(&self, service: &KmsService) -> Result<Option<Tenure>, Failure> {
        let claim = self.clusters.store().claim(CLAIM, ClaimKind::Exclusive).map_err(Error::from)?;
        let Some(claim) = claim else { return Ok(None) };
        let kms = Arc::new(self.build()?);
        let workers =
            kms.start_workers(WORKERS).map_err(|error| Failure::new(format!("threads: {error}")))?;
        kms.resume();
        if !kms.wait_for_tasks(RECONNECT) {
            log("serves KMS while key stores that were connected are still being connected again");
        }
        service.put(Arc::clone(&kms));
        log("serves KMS");
        Ok(Some(Tenure { kms, trouble: None, orphans: Orphans::default(), _workers: workers, _claim: claim }))
    }

    fn take_later(&self, service: &KmsService) -> Option<Tenure> {
        self.take(service).unwrap_or_else(|failure| {
            log(&format!("KMS cannot be served, and is tried again: {failure}"));
            None
        })
    }

    fn build(&self) -> Result<Kms, Failure> {
        let Self { config, endpoint, .. } = self;
        let root_key = Arc::new(config.root_key().map_err(Error::from)?);
        let directory = Directory::new(clusters(config)?, config.lifecycle(), Arc::clone(&root_key));
        let settings = Settings {
            region: endpoint.region.clone(),
            account: endpoint.account.clone(),
            limits: endpoint.limits.clone(),
            health_interval: endpoint.health_interval,
            ..Settings::default()
        };
        let parts = Parts {
            store: vhsm_store::open(&store_spec(config)).map_err(Error::from)?,
            directory: Arc::new(directory),
            module: directory::module(config)?,
            sealer: Arc::new(RootSealer(root_key)),
            clock: Arc::new(SystemClock),
            xks: proxies::client(&endpoint.xks)?,
        };
        Ok(Kms::new(settings, parts))
    }
}

impl Tenure {
    fn keep(&mut self) {
        for line in self.kms.keep_connections() {
            log(&format!("kms: {line}"));
        }
        for key in self.kms.delete_due_keys() {
            log(&format!("kms: deleted {key}"));
        }
        // What cannot be read now is told by the tasks beside.
        if let Ok(orphans) = self.kms.orphans() {
            self.orphans.news(orphans).iter().for_each(|line| log(&format!("kms: {line}")));
        }
        let done = [self.kms.rotate_due_keys(), self.kms.write_last_uses()];
        let trouble = done.into_iter().find_map(Result::err).map(told);
        if trouble != self.trouble {
            if let Some(trouble) = &trouble {
                log(&format!("kms: {trouble}: it is tried again"));
            }
            self.trouble = trouble;
        }
    }
}

fn told(error: KmsError) -> String {
    error.detail.unwrap_or(error.message)
}

/// Keys and key stores have an environment of their own beside the clusters': `$VHSM_HOME/kms`, or a prefix in the same etcd,
/// where the clusters' store has nothing and watches nothing.
pub fn store_spec(config: &Config) -> StoreSpec {
    match &config.store {
        StoreChoice::Memory => StoreSpec::Memory,
        StoreChoice::Embedded { group, .. } => {
            let path: &Path = &config.home.join("kms");
            StoreSpec::Embedded(LmdbOptions { group: *group, ..LmdbOptions::new(path) })
        }
        StoreChoice::Etcd(options) => {
            let mut options = options.clone();
            options.prefix.push_str("service/kms/");
            StoreSpec::Etcd(options)
        }
    }
}
