//! Configuration: environment variables first, then an optional TOML file, then defaults that need neither.
//!
//! | variable | key in the file | default |
//! | --- | --- | --- |
//! | `VHSM_HOME` | | `$XDG_DATA_HOME/vhsm` (`~/.local/share/vhsm`); for root `/var/lib/vhsm` |
//! | `VHSM_CONF` | | `$VHSM_HOME/vhsm.toml`, where it exists |
//! | `VHSM_PROFILE` | `profile` | `standard`; `cloudhsm`: the rules of AWS's Client SDK 5 |
//! | `VHSM_LEGACY` | `legacy` | `false`: no DES, no MD5, RSA from 2048 bits. Refused in profile `cloudhsm` |
//! | | `cloudhsm.disable_validate_key_at_init`, `.disable_key_availability_check`, `.enable_certificate_storage`, `.enable_ecdh_without_kdf` | `false`; as options of `configure-pkcs11`. Only in profile `cloudhsm` |
//! | | `cloudhsm.fips` | `true`: no 3DES, no encryption or wrapping by CKM_RSA_PKCS. Only in profile `cloudhsm` |
//! | `VHSM_STORE` | `store.url` or `store` | the embedded store in `$VHSM_HOME/store` |
//! | | `store.group` | `false`: files 0600; `true`: 0660, for daemons whose workers change user. Embedded stores only |
//! | | `store.prefix` | `vhsm/`: what stands before all keys. This and what follows: stores in etcd only |
//! | | `store.max_stale_ms` | 1000: how long what etcd said last is taken for what is so |
//! | | `store.request_timeout_ms` | 5000: how long a call tries before it fails |
//! | | `store.ca_file`; `.cert_file` and `.key_file` | none; with `etcds://`: who signed the members' certificates, and this client's own |
//! | | `store.user` and `.password_file` | none: no login to etcd |
//! | | `backups.folder` | `$VHSM_HOME/backups`: machines of one store in etcd share a folder. `store.group` holds for it too |
//! | | `password.memory_kib`, `.passes`, `.lanes` | 19456, 2, 1 (Argon2id, OWASP's minimum) |
//! | | `lifecycle.delay_ms` | 0: states that pass (`CREATE_IN_PROGRESS` and its like) are never seen; else for how long |
//! | | `lifecycle.region` | `us-east-1`: where availability zones lie that nobody names |
//! | `VHSM_ROOT_KEY_FILE` | `root_key_file` | `$VHSM_HOME/service.key`, made on first use by the `vhsm` command |
//! | `VHSM_FAULTS`: a file with a fault plan | `[faults]` with the plan itself | none; read by C_Initialize |
//! | | `[serve]`: what `vhsm serve` offers, and to whom | see `ServeTable` |
//! | `VHSM_LOG` | `log.level` | `error` |
//! | `VHSM_LOG_FILE` | `log.file` | standard error |

mod faults;
mod serve;
mod store;

pub use serve::{ServeLimits, ServeTable, ServeXks};
use store::StoreEntry;
pub use store::{StoreChoice, StoreTable};

use crate::cluster::faults::{FaultPlan, WrittenPlan};
use crate::cluster::{PasswordCosts, Policy, backup::BackupFolder, life};
use crate::error::{ConfigError, Error};
use crate::log::{Level, Logger};
use crate::profile::{Active, Profile, Settings};
use crate::root_key::RootKey;
use serde::Deserialize;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use vhsm_store::{LmdbOptions, Store, StoreSpec};

/// What decides how the library runs.
#[derive(Debug, Clone)]
pub struct Config {
    pub home: PathBuf,
    pub store: StoreChoice,
    /// The file's `[store]`, for other stores that are named later.
    pub store_table: StoreTable,
    pub profile: Profile,
    /// Of profile `cloudhsm`.
    pub settings: Settings,
    /// Old mechanisms and key sizes are there too: DES, 3DES, MD5, RSA from 1024 bits.
    pub legacy: bool,
    pub password_costs: PasswordCosts,
    /// How long states of clusters and HSMs that pass are shown, in milliseconds.
    pub lifecycle_delay_ms: u64,
    /// The region of availability zones that nobody names.
    pub region: String,
    /// Where the `vhsm` command keeps backups.
    pub backups: BackupFolder,
    /// Where the service's root key lies, if not in its default places.
    pub root_key_file: Option<PathBuf>,
    /// What shall go wrong in every cluster, beside the clusters' own plans.
    pub faults: FaultPlan,
    /// What `vhsm serve` offers.
    pub serve: ServeTable,
    pub log_level: Level,
    pub log_file: Option<PathBuf>,
    /// Whether the service's own cluster has slots here. No file and no variable says it: `vhsm serve` alone does.
    pub private: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    profile: Option<String>,
    #[serde(default)]
    legacy: bool,
    #[serde(default)]
    cloudhsm: CloudHsmEntry,
    store: Option<StoreEntry>,
    root_key_file: Option<PathBuf>,
    faults: Option<WrittenPlan>,
    #[serde(default)]
    backups: BackupsEntry,
    #[serde(default)]
    serve: ServeTable,
    #[serde(default)]
    password: PasswordEntry,
    #[serde(default)]
    lifecycle: LifecycleEntry,
    #[serde(default)]
    log: LogEntry,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct CloudHsmEntry {
    fips: bool,
    disable_validate_key_at_init: bool,
    disable_key_availability_check: bool,
    enable_certificate_storage: bool,
    enable_ecdh_without_kdf: bool,
}

impl Default for CloudHsmEntry {
    fn default() -> Self {
        Self {
            fips: true,
            disable_validate_key_at_init: false,
            disable_key_availability_check: false,
            enable_certificate_storage: false,
            enable_ecdh_without_kdf: false,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct BackupsEntry {
    folder: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct PasswordEntry {
    memory_kib: Option<u32>,
    passes: Option<u32>,
    lanes: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LifecycleEntry {
    #[serde(default)]
    delay_ms: u64,
    region: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LogEntry {
    level: Option<String>,
    file: Option<PathBuf>,
}

impl Config {
    /// Reads environment and file. Errors name the file or variable, the cause and the mend.
    pub fn load() -> Result<Self, ConfigError> {
        let home = home()?;
        let file = read_file(&home)?;
        let table = file.store.map(StoreEntry::into_table).unwrap_or_default();
        let profile = profile(variable("VHSM_PROFILE").or(file.profile))?;
        let legacy = legacy(variable("VHSM_LEGACY"), file.legacy)?;
        allowed_legacy(profile, legacy)?;
        let store = table.choice(variable("VHSM_STORE"), &home)?;
        let group = matches!(store, StoreChoice::Embedded { group: true, .. });
        Ok(Self {
            store,
            store_table: table,
            profile,
            settings: settings(&file.cloudhsm),
            legacy,
            password_costs: password_costs(&file.password)?,
            lifecycle_delay_ms: file.lifecycle.delay_ms,
            region: region(file.lifecycle.region)?,
            backups: backups(file.backups.folder, group, &home)?,
            root_key_file: variable("VHSM_ROOT_KEY_FILE").map(PathBuf::from).or(file.root_key_file),
            faults: faults::configured(variable("VHSM_FAULTS"), file.faults)?,
            serve: file.serve,
            log_level: log_level(variable("VHSM_LOG").or(file.log.level))?,
            log_file: variable("VHSM_LOG_FILE").map(PathBuf::from).or(file.log.file),
            private: false,
            home,
        })
    }

    /// The log of a start that failed: where the configuration says; where that cannot be read, or its file not be
    /// opened, what the environment alone asks for.
    pub fn log_of_failed_start() -> Logger {
        let configured = Self::load().and_then(|config| config.open_log());
        configured.unwrap_or_else(|_| Self::log_from_environment())
    }

    fn log_from_environment() -> Logger {
        let level = log_level(variable("VHSM_LOG")).unwrap_or_default();
        Logger::open(level, variable("VHSM_LOG_FILE").as_deref().map(Path::new))
            .unwrap_or_else(|_| Logger::to_stderr(level))
    }

    /// Errors: the log file cannot be opened.
    pub fn open_log(&self) -> Result<Logger, ConfigError> {
        Logger::open(self.log_level, self.log_file.as_deref()).map_err(|error| ConfigError::File {
            path: self.log_file.clone().unwrap_or_default().display().to_string(),
            cause: format!("the log file cannot be opened: {error}"),
            mend: "name a file that can be written in VHSM_LOG_FILE".into(),
        })
    }

    pub fn open_store(&self) -> Result<Arc<dyn Store>, Error> {
        Ok(vhsm_store::open(&self.store_spec())?)
    }

    pub fn store_spec(&self) -> StoreSpec {
        match &self.store {
            StoreChoice::Memory => StoreSpec::Memory,
            StoreChoice::Embedded { path, group } => {
                StoreSpec::Embedded(LmdbOptions { group: *group, ..LmdbOptions::new(path) })
            }
            StoreChoice::Etcd(options) => StoreSpec::Etcd(options.clone()),
        }
    }

    /// This configuration with the store that is named, as `VHSM_STORE` would name it.
    pub fn with_store(&self, name: &str) -> Result<Self, ConfigError> {
        Ok(Self { store: self.store_table.choice(Some(name.to_owned()), &self.home)?, ..self.clone() })
    }

    /// The service's root key; made on first use. Errors: `ConfigError::File`.
    pub fn root_key(&self) -> Result<RootKey, ConfigError> {
        RootKey::load(self.root_key_file.as_deref(), &self.home)
    }

    /// Whether opening the store starts threads.
    pub fn needs_threads(&self) -> bool {
        matches!(self.store, StoreChoice::Etcd(_))
    }

    /// The profile as the library runs it.
    pub fn active(&self) -> Active {
        let active = Active::new(self.profile, self.settings);
        Active { legacy: self.legacy || active.legacy, ..active }
    }

    /// The profile that C_Initialize would find now; `Standard` where it would find an error.
    pub fn profile_now() -> Profile {
        let named = match variable("VHSM_PROFILE") {
            Some(name) => Some(name),
            None => home().and_then(|home| read_file(&home)).ok().and_then(|file| file.profile),
        };
        profile(named).unwrap_or_default()
    }

    /// How the life cycle of clusters runs.
    pub fn lifecycle(&self) -> life::Settings {
        life::Settings {
            delay_ms: self.lifecycle_delay_ms,
            region: self.region.clone(),
            policy: self.policy(),
        }
    }

    /// The settings that a cluster made under this profile takes.
    pub fn policy(&self) -> Policy {
        let Active { rules, settings, .. } = self.active();
        Policy {
            key_availability: rules.key_availability && !settings.no_key_availability,
            refuse_public_keys: rules.refuse_public_keys,
            refuse_extractable: false,
        }
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn home() -> Result<PathBuf, ConfigError> {
    if let Some(home) = variable("VHSM_HOME") {
        let home = PathBuf::from(home);
        if !home.is_absolute() {
            let reason = format!("{} is not an absolute path", home.display());
            return Err(ConfigError::Environment { name: "VHSM_HOME", reason });
        }
        return Ok(home);
    }
    if let Some(data) = variable("XDG_DATA_HOME").map(PathBuf::from).filter(|p| p.is_absolute()) {
        return Ok(data.join("vhsm"));
    }
    if nobody_but_root() {
        return Ok(PathBuf::from("/var/lib/vhsm"));
    }
    match variable("HOME") {
        Some(home) => Ok(PathBuf::from(home).join(".local/share/vhsm")),
        None => Err(ConfigError::Environment {
            name: "VHSM_HOME",
            reason: "is not set, nor are XDG_DATA_HOME and HOME: set it to the folder that vhsm shall use"
                .into(),
        }),
    }
}

fn nobody_but_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn read_file(home: &Path) -> Result<File, ConfigError> {
    let named = variable("VHSM_CONF").map(PathBuf::from);
    let path = named.clone().unwrap_or_else(|| home.join("vhsm.toml"));
    let problem = |cause: String, mend: &str| ConfigError::File {
        path: path.display().to_string(),
        cause,
        mend: mend.into(),
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        // A home that is no folder is for the store to tell.
        Err(error)
            if named.is_none() && matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
        {
            return Ok(File::default());
        }
        Err(error) => {
            return Err(problem(
                error.to_string(),
                "VHSM_CONF must name a file that can be read; unset it for defaults",
            ));
        }
    };
    toml::from_str(&text).map_err(|error| {
        problem(error.to_string().trim_end().to_string(), "correct that line, or remove it for the default")
    })
}

fn profile(name: Option<String>) -> Result<Profile, ConfigError> {
    match name.as_deref() {
        None | Some("standard") => Ok(Profile::Standard),
        Some("cloudhsm") => Ok(Profile::CloudHsm),
        Some(other) => Err(ConfigError::Environment {
            name: "VHSM_PROFILE",
            reason: format!("(or `profile` in the configuration) is {other:?}: use `standard` or `cloudhsm`"),
        }),
    }
}

fn settings(entry: &CloudHsmEntry) -> Settings {
    Settings {
        late_key_check: entry.disable_validate_key_at_init,
        no_key_availability: entry.disable_key_availability_check,
        certificates: entry.enable_certificate_storage,
        ecdh_without_kdf: entry.enable_ecdh_without_kdf,
        non_fips: !entry.fips,
    }
}

fn allowed_legacy(profile: Profile, legacy: bool) -> Result<(), ConfigError> {
    if !legacy || Active::new(profile, Settings::default()).rules.legacy {
        return Ok(());
    }
    Err(ConfigError::Environment {
        name: "VHSM_LEGACY",
        reason:
            "(or `legacy` in the configuration) is true, and profile `cloudhsm` has no legacy mechanisms: \
                 set it to false, or use profile `standard`"
                .into(),
    })
}

fn legacy(named: Option<String>, file: bool) -> Result<bool, ConfigError> {
    match named.as_deref() {
        None => Ok(file),
        Some("true" | "1") => Ok(true),
        Some("false" | "0") => Ok(false),
        Some(other) => Err(ConfigError::Environment {
            name: "VHSM_LEGACY",
            reason: format!("is {other:?}: use `true` or `false`"),
        }),
    }
}

fn region(named: Option<String>) -> Result<String, ConfigError> {
    let region = named.unwrap_or_else(|| "us-east-1".into());
    match life::is_region(&region) {
        true => Ok(region),
        false => Err(ConfigError::File {
            path: "[lifecycle]".into(),
            cause: format!("region {region:?} is none"),
            mend: "write one like us-east-1".into(),
        }),
    }
}

fn backups(folder: Option<PathBuf>, group: bool, home: &Path) -> Result<BackupFolder, ConfigError> {
    let folder = folder.unwrap_or_else(|| home.join("backups"));
    if !folder.is_absolute() {
        return Err(ConfigError::File {
            path: "[backups]".into(),
            cause: format!("folder {} is not an absolute path", folder.display()),
            mend: "write the whole path".into(),
        });
    }
    Ok(BackupFolder::new(folder, group))
}

fn password_costs(entry: &PasswordEntry) -> Result<PasswordCosts, ConfigError> {
    let costs = PasswordCosts {
        memory_kib: entry.memory_kib.unwrap_or(19_456),
        passes: entry.passes.unwrap_or(2),
        lanes: entry.lanes.unwrap_or(1),
    };
    if !costs.are_bearable() || costs.passes == 0 || costs.memory_kib < 8 * costs.lanes {
        return Err(ConfigError::File {
            path: "[password]".into(),
            cause: format!("{costs:?} are no costs for Argon2id"),
            mend: "lanes 1 to 64, passes from 1, memory_kib from 8 per lane to 2097152, and passes times \
                   memory_kib up to 16777216"
                .into(),
        });
    }
    Ok(costs)
}

fn log_level(name: Option<String>) -> Result<Level, ConfigError> {
    let Some(name) = name else { return Ok(Level::default()) };
    Level::parse(&name).ok_or_else(|| ConfigError::Environment {
        name: "VHSM_LOG",
        reason: format!("is {name:?}: use off, error, info or debug"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// README's example is a whole configuration, and says the defaults.
    #[test]
    fn readme_shows_a_configuration_that_works() {
        let readme = include_str!("../README.md");
        let text =
            readme.split("```toml").nth(1).and_then(|rest| rest.split("```").next()).unwrap_or_default();
        let file: File = toml::from_str(text).unwrap();
        let costs = password_costs(&file.password).unwrap();
        assert_eq!((costs.memory_kib, costs.passes, costs.lanes), (19_456, 2, 1));
        assert_eq!(profile(file.profile).unwrap(), Profile::default());
        assert_eq!(settings(&file.cloudhsm), Settings::default());
        assert_eq!(log_level(file.log.level).unwrap(), Level::default());
        let named = region(file.lifecycle.region).unwrap();
        assert_eq!((file.lifecycle.delay_ms, named), (0, region(None).unwrap()));
        let table = file.store.unwrap().into_table();
        let home = Path::new("/home");
        let default = StoreTable::default().choice(None, home).unwrap();
        assert_eq!(table.choice(None, home).unwrap(), default);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for text in
            ["stoer = 1", "[store]\nurl = 1", "[password]\npasses = -1", "[log]\nfile = \"x\"\nfile = \"y\""]
        {
            assert!(toml::from_str::<File>(text).is_err(), "{text}");
        }
        assert!(profile(Some("cloud".into())).is_err());
        assert!(log_level(Some("loud".into())).is_err());
        assert!(legacy(Some("yes".into()), true).is_err());
        assert!(!legacy(Some("0".into()), true).unwrap() && legacy(None, true).unwrap());
        assert!(allowed_legacy(Profile::CloudHsm, true).is_err());
        assert!(
            allowed_legacy(Profile::CloudHsm, false).is_ok()
                && allowed_legacy(Profile::Standard, true).is_ok()
        );
        for entry in [(7, 1, 1), (19_456, 0, 1), (8, 1, 2), (u32::MAX, 1, 1)] {
            let (memory_kib, passes, lanes) = entry;
            let entry =
                PasswordEntry { memory_kib: Some(memory_kib), passes: Some(passes), lanes: Some(lanes) };
            assert!(password_costs(&entry).is_err(), "{entry:?}");
        }
    }

    /// What no login would take from a record must not be configured: its user would be shut out for good.
    #[test]
    fn costs_are_those_that_a_record_may_have() {
        let costs = |memory_kib, passes, lanes| {
            let [memory_kib, passes, lanes] = [memory_kib, passes, lanes].map(Some);
            password_costs(&PasswordEntry { memory_kib, passes, lanes })
        };
        for (memory_kib, passes, lanes) in [(8, 1, 1), (512, 1, 64), (2 << 20, 8, 4), (19_456, 862, 1)] {
            assert!(costs(memory_kib, passes, lanes).unwrap().are_bearable());
        }
        for (memory_kib, passes, lanes) in
            [(7, 1, 1), (64, 0, 1), (511, 1, 64), (520, 1, 65), ((2 << 20) + 1, 1, 1), (19_456, 863, 1)]
        {
            assert!(costs(memory_kib, passes, lanes).is_err(), "{memory_kib} {passes} {lanes}");
        }
    }
}
