//! `vhsm store ...`

use crate::cli::{InfoArgs, MigrateArgs, StoreCommand};
use crate::failure::Failure;
use crate::output;
use crate::serve::keystores;
use serde::Serialize;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};
use vhsm_pkcs11::cluster::Clusters;
use vhsm_pkcs11::config::{Config, StoreChoice};
use vhsm_pkcs11::error::Error;
use vhsm_store::{Content, MigrateError, Place, Standing, Step, Store, StoreError, StoreSpec};

/// How long somebody waits without a word.
const QUIET: Duration = Duration::from_secs(2);

pub fn run(config: &Config, command: StoreCommand) -> Result<(), Failure> {
    match command {
        StoreCommand::Info(arguments) => info(config, &arguments),
        StoreCommand::Migrate(arguments) if arguments.cancel => cancel(config, &arguments),
        StoreCommand::Migrate(arguments) => migrate(config, &arguments),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct StoreView {
    kind: &'static str,
    place: String,
    state: &'static str,
    /// Where it is moved to, or filled from.
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<String>,
    records: u64,
    bytes: u64,
    digest: String,
    revision: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct MovedView {
    from: String,
    to: String,
    records: u64,
    bytes: u64,
    digest: String,
    next: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CancelledView {
    from: String,
    next: String,
}

fn info(config: &Config, arguments: &InfoArgs) -> Result<(), Failure> {
    let site = match &arguments.store {
        Some(name) => Site::existing(config, name)?,
        None => Site::configured(config)?,
    };
    let mut told = Told::new();
    let content = vhsm_store::content(&*site.store, &mut |done| told.progress("read", done, 0))?;
    let (state, other) = match vhsm_store::standing(&*site.store)? {
        Standing::InUse => ("IN_USE", None),
        Standing::Moving { to } => ("MOVING", Some(to)),
        Standing::Moved { to } => ("MOVED", Some(to)),
        Standing::Filling { from } => ("FILLING", Some(from)),
    };
    let Content { records, bytes, digest, revision } = content;
    output::json(&StoreView {
        kind: kind(&site.config.store),
        place: site.name,
        state,
        other,
        records,
        bytes,
        digest: hex(&digest),
        revision: revision.0,
    })
}

fn migrate(config: &Config, arguments: &MigrateArgs) -> Result<(), Failure> {
    let from = Site::existing(config, &arguments.from)?;
    let to = Site::named(config, &arguments.to)?;
    if !arguments.force {
        from.check_nobody_is_logged_in()?;
        from.check_no_kms_stays(&to)?;
    }
    let mut told = Told::new();
    let mut progress = |step, done, of| told.progress(word(step), done, of);
    let moved = vhsm_store::migrate(from.place(), to.place(), arguments.restart, &mut progress)?;
    output::json(&MovedView {
        next: format!(
            "name the store in {}: store = {:?} (in a table: [store] url = {:?}), or set VHSM_STORE; the records in {} are \
             of no more use and can be deleted",
            config_file(config),
            arguments.to,
            arguments.to,
            from.name
        ),
        from: from.name,
        to: to.name,
        records: moved.records,
        bytes: moved.bytes,
        digest: hex(&moved.digest),
    })
}

fn cancel(config: &Config, arguments: &MigrateArgs) -> Result<(), Failure> {
    let from = Site::existing(config, &arguments.from)?;
    let to = Site::named(config, &arguments.to)?;
    let mut told = Told::new();
    vhsm_store::cancel(from.place(), to.place(), &mut |step, done, of| told.progress(word(step), done, of))?;
    let next = "programs can use it as before; the target is empty".to_owned();
    output::json(&CancelledView { from: from.name, next })
}

/// A store that takes part, open in any state.
struct Site {
    config: Config,
    name: String,
    store: Arc<dyn Store>,
}

impl Site {
    fn named(config: &Config, name: &str) -> Result<Self, Failure> {
        Self::configured(&config.with_store(name).map_err(Error::from)?)
    }

    /// As `named`; nothing is made where there is nothing.
    fn existing(config: &Config, name: &str) -> Result<Self, Failure> {
        let config = config.with_store(name).map_err(Error::from)?;
        if let StoreChoice::Embedded { path, .. } = &config.store
            && !path.join("data.mdb").exists()
        {
            return Err(Failure::new(format!("there is no store in {}", path.display())));
        }
        Self::configured(&config)
    }

    fn configured(config: &Config) -> Result<Self, Failure> {
        if config.store == StoreChoice::Memory {
            return Err(Failure::new("a store in memory is gone when a command ends: name another"));
        }
        let store = vhsm_store::open_in_any_state(&config.store_spec())?;
        Ok(Self { config: config.clone(), name: config.store.to_string(), store })
    }

    fn place(&self) -> Place<'_> {
        Place { store: &*self.store, name: &self.name }
    }

    /// KMS keys and key stores lie beside the clusters, and do not move with them.
    fn check_no_kms_stays(&self, to: &Site) -> Result<(), Failure> {
        let (here, there) = (keystores::store_spec(&self.config), keystores::store_spec(&to.config));
        let is_there = match &here {
            StoreSpec::Embedded(options) => options.path.join("data.mdb").exists(),
            _ => true,
        };
        if here == there || !is_there || is_empty(&*vhsm_store::open_in_any_state(&here)?)? {
            return Ok(());
        }
        Err(Failure::new(format!(
            "KMS (`vhsm serve`) has keys or key stores for the clusters of {}, and this command does not move those: delete \
             them there first, or move the clusters alone with --force",
            self.name
        )))
    }

    /// Programs of users that are logged in would lose the store under their hands.
    fn check_nobody_is_logged_in(&self) -> Result<(), Failure> {
        if vhsm_store::standing(&*self.store)? != Standing::InUse || is_empty(&*self.store)? {
            return Ok(());
        }
        let clusters = Clusters::open(self.config.open_store()?, self.config.password_costs)?.with_private();
        for cluster in clusters.list()? {
            for user in clusters.users(&cluster)? {
                if clusters.is_logged_in(&cluster, &user.name)? {
                    return Err(Failure::new(format!(
                        "user {:?} of cluster {:?} is logged in: end the programs that use {}, or move it from under \
                         them with --force",
                        user.name, cluster.label, self.name
                    )));
                }
            }
        }
        Ok(())
    }
}

fn is_empty(store: &dyn Store) -> Result<bool, StoreError> {
    let mut empty = true;
    store.read(&mut |snapshot| {
        snapshot.range(&[], &[u8::MAX], &mut |_, _| {
            empty = false;
            ControlFlow::Break(())
        })
    })?;
    Ok(empty)
}

/// Tells on standard error how far it is, from time to time.
struct Told(Instant);

impl Told {
    fn new() -> Self {
        Self(Instant::now())
    }

    fn progress(&mut self, done: &str, records: u64, of: u64) {
        if self.0.elapsed() < QUIET {
            return;
        }
        self.0 = Instant::now();
        let of = if of > 0 { format!(" of {of}") } else { String::new() };
        eprintln!("vhsm: {done} {records}{of} records");
    }
}

fn word(step: Step) -> &'static str {
    match step {
        Step::Count => "read",
        Step::Copy => "copied",
        Step::Check => "compared",
        Step::Empty => "deleted",
    }
}

fn kind(store: &StoreChoice) -> &'static str {
    match store {
        StoreChoice::Embedded { .. } => "embedded",
        StoreChoice::Etcd(_) => "etcd",
        StoreChoice::Memory => "memory",
    }
}

fn config_file(config: &Config) -> String {
    match std::env::var_os("VHSM_CONF").filter(|named| !named.is_empty()) {
        Some(named) => named.to_string_lossy().into_owned(),
        None => config.home.join("vhsm.toml").display().to_string(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Error::from(error).into()
    }
}

impl From<MigrateError> for Failure {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Store(error) => error.into(),
            error => Self::new(error.to_string()),
        }
    }
}
