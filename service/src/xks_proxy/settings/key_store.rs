//! `[[key_stores]]`: the rules that KMS has for URIs, keys and credentials (XKS Proxy API 1.0.3; reference/xks-proxy.md sec. 1, 2).

use super::file;
use super::secret;
use super::section::Section;
use super::{CredentialSettings, HsmGroupSettings, KeySetSettings, KeyStoreSettings};
use crate::failure::Failure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::{BTreeMap, BTreeSet};

/// What stands behind every prefix.
pub const PATH: &str = "/kms/xks/v1";
/// Of XksProxyUriPath, which is the prefix with what stands behind it.
const MOST_PATH_BYTES: usize = 128;
const MOST_KEY_ID_BYTES: usize = 128;
const MOST_METADATA_BYTES: usize = 20;
const MOST_CREDENTIALS: usize = 2;
/// Different ones of a secret: 64 random hexadecimal digits have hardly ever fewer.
const FEWEST_CHARACTERS: usize = 12;

pub fn all(top: &Section, hsms: &[HsmGroupSettings]) -> Result<Vec<KeyStoreSettings>, Failure> {
    let stores: Vec<_> =
        top.list("key_stores")?.iter().map(|store| one(store, hsms)).collect::<Result<_, _>>()?;
    if stores.is_empty() {
        let mend = "write a [[key_stores]] with name and credentials";
        return Err(top.wrong("key_stores", "there are none", mend));
    }
    let (mut names, mut prefixes, mut ids) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
    for store in &stores {
        let name = store.name.as_str();
        if !names.insert(name) {
            let what = format!("two are named {name:?}");
            return Err(top.wrong("key_stores", &what, "give each a name of its own"));
        }
        if let Some(other) = prefixes.insert(store.path_prefix.as_str(), name) {
            let what = format!("{other:?} and {name:?} have the same path_prefix {:?}", store.path_prefix);
            return Err(top.wrong("key_stores", &what, "give each a path_prefix of its own"));
        }
        for credential in &store.credentials {
            if let Some(other) = ids.insert(credential.access_key_id.as_str(), name) {
                let id = &credential.access_key_id;
                let what = format!("access_key_id {id} is there twice, in {other:?} and {name:?}");
                let mend = "make another by `vhsm xks-proxy new-credential`";
                return Err(top.wrong("key_stores", &what, mend));
            }
        }
    }
    Ok(stores)
}

fn one(store: &Section, groups: &[HsmGroupSettings]) -> Result<KeyStoreSettings, Failure> {
    let requests = store.number("requests_per_second")?;
    Ok(KeyStoreSettings {
        name: file::name(store)?,
        path_prefix: path_prefix(store)?,
        enabled: store.flag("enabled")?,
        credentials: credentials(store)?,
        keys: key_set(store)?,
        hsms: hsms(store, groups)?,
        requests_per_second: requests.and_then(|number| u32::try_from(number).ok()),
        policy_file: store.path("policy_file")?,
        decrypts_reference_aad: store.flag("decrypts_reference_aad")?,
        ciphertext_metadata: ciphertext_metadata(store)?,
    })
}

fn path_prefix(store: &Section) -> Result<String, Failure> {
    let prefix = store.said("path_prefix")?;
    match path_prefix_fault(&prefix) {
        Some((what, mend)) => Err(store.wrong("path_prefix", &format!("{prefix:?}: {what}"), mend)),
        None => Ok(prefix),
    }
}

/// What is wrong with a prefix, and its mend.
pub fn path_prefix_fault(prefix: &str) -> Option<(&'static str, &'static str)> {
    if prefix.is_empty() {
        return None;
    }
    if prefix.contains(PATH) {
        return Some(("/kms/xks/v1 follows by itself", "write what stands before it"));
    }
    if !prefix.starts_with('/') || prefix.ends_with('/') || prefix.contains("//") {
        return Some(("it does not begin with one / and end without", "write it as in \"/payments\""));
    }
    if !prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_".contains(&byte)) {
        return Some(("KMS takes a-z A-Z 0-9 / - _ only", "choose another"));
    }
    match prefix.len() + PATH.len() <= MOST_PATH_BYTES {
        true => None,
        false => Some(("KMS takes 117 characters at most", "choose a shorter one")),
    }
}

fn credentials(store: &Section) -> Result<Vec<CredentialSettings>, Failure> {
    let list = store.list("credentials")?;
    let mend = "write one { access_key_id, secret_file }, or two while one replaces the other; `vhsm xks-proxy \
                new-credential` makes one";
    match list.len() {
        0 => Err(store.wrong("credentials", "nobody may sign", mend)),
        1..=MOST_CREDENTIALS => list.iter().map(credential).collect(),
        many => Err(store.wrong("credentials", &format!("there are {many}"), mend)),
    }
}

fn credential(credential: &Section) -> Result<CredentialSettings, Failure> {
    let access_key_id = credential.said("access_key_id")?;
    if !is_access_key_id(&access_key_id) {
        let mend = "write 20 to 30 of A-Z and 2-7; `vhsm xks-proxy new-credential` makes one";
        return Err(credential.wrong(
            "access_key_id",
            &format!("{access_key_id:?}: KMS takes no such"),
            mend,
        ));
    }
    let path = credential.path("secret_file")?.unwrap_or_default();
    let (secret, since) = secret::first_line(&path)?;
    match is_secret(&secret) {
        true => Ok(CredentialSettings { access_key_id, secret, since }),
        false => Err(credential.wrong(
            "secret_file",
            &format!("{}: KMS takes no such secret access key", path.display()),
            "write 43 to 64 of a-z A-Z 0-9 / + = there; `vhsm xks-proxy new-credential` makes one",
        )),
    }
}

pub fn is_access_key_id(id: &str) -> bool {
    (20..=30).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte))
}

pub fn is_secret(secret: &str) -> bool {
    (43..=64).contains(&secret.len())
        && secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/+=".contains(&byte))
}

fn key_set(store: &Section) -> Result<KeySetSettings, Failure> {
    let Some(keys) = store.inner("keys")? else { return Ok(KeySetSettings::default()) };
    let patterns = |key: &str| {
        let patterns = keys.texts(key)?.unwrap_or_default();
        match patterns.iter().find(|pattern| !is_pattern(pattern)) {
            Some(other) => Err(keys.wrong(
                key,
                &format!("{other:?} is no external key id"),
                "use up to 128 of A-Z a-z 0-9 - . _, and * for any characters",
            )),
            None => Ok(patterns),
        }
    };
    Ok(KeySetSettings { allowed: patterns("allowed")?, disabled: patterns("disabled")? })
}

fn is_pattern(pattern: &str) -> bool {
    (1..=MOST_KEY_ID_BYTES).contains(&pattern.len())
        && pattern.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._*".contains(&byte))
}

fn hsms(store: &Section, groups: &[HsmGroupSettings]) -> Result<Vec<String>, Failure> {
    let Some(named) = store.texts("hsms")? else {
        return Ok(groups.iter().map(|group| group.name.clone()).collect());
    };
    let mut seen = BTreeSet::new();
    for name in &named {
        if !groups.iter().any(|group| group.name == *name) {
            let known: Vec<_> = groups.iter().map(|group| group.name.as_str()).collect();
            let mend = format!("there are: {}", known.join(", "));
            return Err(store.wrong("hsms", &format!("no [[hsms]] is named {name:?}"), &mend));
        }
        if !seen.insert(name) {
            return Err(store.wrong("hsms", &format!("{name:?} is there twice"), "write it once"));
        }
    }
    Ok(named)
}

fn ciphertext_metadata(store: &Section) -> Result<Vec<u8>, Failure> {
    let mend = "write up to 20 bytes in base64";
    let bytes = STANDARD.decode(store.said("ciphertext_metadata")?);
    let bytes = bytes.map_err(|_| store.wrong("ciphertext_metadata", "it is no base64", mend))?;
    match bytes.len() <= MOST_METADATA_BYTES {
        true => Ok(bytes),
        false => {
            Err(store.wrong("ciphertext_metadata", &format!("KMS refuses its {} bytes", bytes.len()), mend))
        }
    }
}

/// What is not wrong, but not well either: no secret.
pub fn hints(stores: &[KeyStoreSettings]) -> Vec<String> {
    let all = stores.iter().flat_map(|store| store.credentials.iter().map(move |one| (store, one)));
    let weak = all.filter(|(_, credential)| {
        credential.secret.bytes().collect::<BTreeSet<_>>().len() < FEWEST_CHARACTERS
    });
    weak.map(|(store, credential)| {
        format!(
            "key_stores {:?}: the secret of {} does not look random, and has to have 256 random bits; replace it by one \
             of `vhsm xks-proxy new-credential`",
            store.name, credential.access_key_id
        )
    })
    .collect()
}
