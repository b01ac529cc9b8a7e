//! Which store is used: what `store` in the file, its table `[store]` and `VHSM_STORE` say together.

use crate::error::ConfigError;
use serde::Deserialize;
use std::fmt;
use std::path::{Path, PathBuf};
use vhsm_store::{EtcdOptions, EtcdTls, EtcdUrl, EtcdUser};

/// Where the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreChoice {
    Embedded { path: PathBuf, group: bool },
    Memory,
    Etcd(EtcdOptions),
}

/// For people: without anything secret.
impl fmt::Display for StoreChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded { path, .. } => path.display().fmt(f),
            Self::Memory => f.write_str("memory"),
            Self::Etcd(options) => options.place().display().fmt(f),
        }
    }
}

/// `store` in the file: a URL alone, or a table.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum StoreEntry {
    Url(String),
    Table(StoreTable),
}

impl StoreEntry {
    pub(super) fn into_table(self) -> StoreTable {
        match self {
            Self::Url(url) => StoreTable { url: Some(url), ..StoreTable::default() },
            Self::Table(table) => table,
        }
    }
}

/// The file's `[store]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreTable {
    url: Option<String>,
    #[serde(default)]
    group: bool,
    prefix: Option<String>,
    max_stale_ms: Option<u64>,
    request_timeout_ms: Option<u64>,
    ca_file: Option<PathBuf>,
    cert_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
    user: Option<String>,
    password_file: Option<PathBuf>,
}

impl StoreTable {
    /// The store that `named` (VHSM_STORE, or a command's argument) or else the table names, with the table's settings.
    pub(super) fn choice(&self, named: Option<String>, home: &Path) -> Result<StoreChoice, ConfigError> {
        let only_file = named.is_none();
        let url = named.or_else(|| self.url.clone());
        if let Some(parsed) = url.as_deref().and_then(EtcdUrl::parse) {
            let parsed = parsed.map_err(|reason| wrong_url(&reason))?;
            return self.etcd(parsed).map(StoreChoice::Etcd);
        }
        // A variable that names another store leaves the file's settings without use, but not wrong.
        if let (true, Some(setting)) = (only_file, self.etcd_setting()) {
            let cause = format!("`{setting}` is for a store in etcd, and `url` names none");
            return Err(wrong(cause, "set `url` to etcd://host:2379,..., or remove that setting"));
        }
        match url.as_deref() {
            None | Some("embedded") => {
                Ok(StoreChoice::Embedded { path: home.join("store"), group: self.group })
            }
            Some("memory") => Ok(StoreChoice::Memory),
            Some(path) if path.starts_with('/') => {
                Ok(StoreChoice::Embedded { path: path.into(), group: self.group })
            }
            Some(other) => Err(wrong_url(&format!(
                "{other:?}: use `embedded`, `memory`, an absolute path, or etcd://host:2379,..."
            ))),
        }
    }

    /// A setting that means something to a store in etcd only.
    fn etcd_setting(&self) -> Option<&'static str> {
        let set = [
            ("prefix", self.prefix.is_some()),
            ("max_stale_ms", self.max_stale_ms.is_some()),
            ("request_timeout_ms", self.request_timeout_ms.is_some()),
            ("ca_file", self.ca_file.is_some()),
            ("cert_file", self.cert_file.is_some()),
            ("key_file", self.key_file.is_some()),
            ("user", self.user.is_some()),
            ("password_file", self.password_file.is_some()),
        ];
        set.iter().find(|(_, is_set)| *is_set).map(|(name, _)| *name)
    }

    fn etcd(&self, url: EtcdUrl) -> Result<EtcdOptions, ConfigError> {
        let has_prefix = url.prefix.is_some();
        let mut options = EtcdOptions::new(url.clone(), self.tls(&url)?);
        options.user = self.user()?;
        if let Some(prefix) = &self.prefix
            && !has_prefix
        {
            options.prefix = prefix.clone();
        }
        options.max_stale_ms = self.max_stale_ms.unwrap_or(options.max_stale_ms);
        options.request_timeout_ms = self.request_timeout_ms.unwrap_or(options.request_timeout_ms);
        match options.check() {
            Ok(()) => Ok(options),
            Err((setting, reason)) => Err(wrong(format!("`{setting}` {reason}"), "correct that setting")),
        }
    }

    fn tls(&self, url: &EtcdUrl) -> Result<Option<EtcdTls>, ConfigError> {
        if !url.tls {
            return match self.ca_file.as_ref().or(self.cert_file.as_ref()).or(self.key_file.as_ref()) {
                None => Ok(None),
                Some(_) => Err(wrong(
                    "`ca_file`, `cert_file` and `key_file` are for TLS, and the URL says etcd://".into(),
                    "say etcds:// in it, or remove these settings",
                )),
            };
        }
        let Some(ca_file) = self.ca_file.clone() else {
            let mend = "set it to a file with the certificates (PEM) of who signs the members': for public ones \
                        /etc/ssl/certs/ca-certificates.crt";
            return Err(wrong("etcds:// needs `ca_file`".into(), mend));
        };
        let identity = match (&self.cert_file, &self.key_file) {
            (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
            (None, None) => None,
            _ => {
                return Err(wrong(
                    "of `cert_file` and `key_file` one is missing".into(),
                    "set both, or none",
                ));
            }
        };
        for path in [Some(&ca_file), self.cert_file.as_ref(), self.key_file.as_ref()].into_iter().flatten() {
            check_readable(path)?;
        }
        Ok(Some(EtcdTls { ca_file, identity }))
    }

    fn user(&self) -> Result<Option<EtcdUser>, ConfigError> {
        match (&self.user, &self.password_file) {
            (Some(name), Some(file)) => {
                check_readable(file)?;
                Ok(Some(EtcdUser { name: name.clone(), password_file: file.clone() }))
            }
            (None, None) => Ok(None),
            _ => Err(wrong("of `user` and `password_file` one is missing".into(), "set both, or none")),
        }
    }
}

fn check_readable(path: &Path) -> Result<(), ConfigError> {
    match std::fs::File::open(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(wrong(format!("{}: {error}", path.display()), "name a file that can be read")),
    }
}

fn wrong(cause: String, mend: &str) -> ConfigError {
    ConfigError::File { path: "[store]".into(), cause, mend: mend.into() }
}

fn wrong_url(reason: &str) -> ConfigError {
    ConfigError::Environment {
        name: "VHSM_STORE",
        reason: format!("(or `store` in the configuration) is wrong: {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> StoreTable {
        toml::from_str(text).unwrap()
    }

    fn told(text: &str, named: Option<&str>) -> String {
        table(text).choice(named.map(Into::into), Path::new("/h")).unwrap_err().to_string()
    }

    #[test]
    fn a_variable_outweighs_the_file() {
        let choice =
            |text: &str, named: Option<&str>| table(text).choice(named.map(Into::into), Path::new("/h"));
        assert_eq!(choice("url = 'etcd://a'", Some("memory")).unwrap(), StoreChoice::Memory);
        assert_eq!(choice("url = 'etcd://a'\nprefix = 'p/'", Some("memory")).unwrap(), StoreChoice::Memory);
        let embedded = StoreChoice::Embedded { path: "/h/store".into(), group: true };
        assert_eq!(choice("group = true", None).unwrap(), embedded);
        assert!(told("", Some("relative/path")).contains("absolute path"));
    }

    #[test]
    fn settings_of_etcd_are_taken_over() {
        let text = "url = 'etcd://a,b:1'\nprefix = 'p/'\nmax_stale_ms = 300\nrequest_timeout_ms = 700";
        let StoreChoice::Etcd(options) = table(text).choice(None, Path::new("/h")).unwrap() else { panic!() };
        assert_eq!((options.endpoints, options.prefix), (vec!["a:2379".into(), "b:1".into()], "p/".into()));
        assert_eq!((options.max_stale_ms, options.request_timeout_ms), (300, 700));
        let named = table(text).choice(Some("etcd://c/other".into()), Path::new("/h")).unwrap();
        assert_eq!(named.to_string(), "etcd://c:2379/other/");
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().display();
        let text = format!(
            "url = 'etcds://a'\nca_file = '{path}'\ncert_file = '{path}'\nkey_file = '{path}'\n\
             user = 'u'\npassword_file = '{path}'"
        );
        let StoreChoice::Etcd(options) = table(&text).choice(None, Path::new("/h")).unwrap() else {
            panic!()
        };
        assert!(options.tls.unwrap().identity.is_some());
        assert_eq!(options.user.unwrap().name, "u");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_mend() {
        for (text, word) in [
            ("url = 'etcd://a b'", "host:port"),
            ("url = 'etcd://u:p@a'", "password_file"),
            ("prefix = 'p/'", "`prefix`"),
            ("url = 'etcd://a'\nca_file = '/x'", "etcds://"),
            ("url = 'etcds://a'", "`ca_file`"),
            ("url = 'etcds://a'\nca_file = '/nowhere'", "/nowhere"),
            ("url = 'etcds://a'\nca_file = '/dev/null'\ncert_file = '/dev/null'", "`key_file`"),
            ("url = 'etcd://a'\nuser = 'u'", "`password_file`"),
            ("url = 'etcd://a'\nmax_stale_ms = 1", "`max_stale_ms`"),
            ("url = 'etcd://a'\nprefix = ''", "`prefix`"),
        ] {
            let told = told(text, None);
            assert!(told.contains(word) && !told.contains("u:p"), "{text}: {told}");
        }
        assert!(toml::from_str::<StoreTable>("password = 'p'").is_err());
    }
}
