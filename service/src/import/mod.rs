//! `vhsm import ...`: objects of other tokens become a cluster's.
//!
//! Owns what is told about each object. The rules of objects are the library's: what they refuse is not brought, and
//! the answer says why. Never prints a PIN or a value.

mod names;
mod softhsm;

use crate::App;
use crate::cli::{ImportCommand, SofthsmArgs};
use crate::cluster::named_or_only;
use crate::failure::Failure;
use crate::{output, password};
use cryptoki_sys::*;
use serde::Serialize;
use softhsm::{OpenToken, Owned, Token};
use std::collections::HashMap;
use std::path::Path;
use vhsm_pkcs11::cluster::{Cluster, Clusters, Login, ObjectId, Role};
use vhsm_pkcs11::error::Error;
use vhsm_pkcs11::object::{Adopted, Attribute, Context, Object, Template};
use vhsm_pkcs11::profile::Active;
use zeroize::Zeroizing;

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Report {
    cluster_id: String,
    token: TokenView,
    dry_run: bool,
    imported: Vec<Brought>,
    /// Objects with the same class, type, label, id and value.
    already_there: Vec<Brought>,
    skipped: Vec<Skipped>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct TokenView {
    label: String,
    serial: String,
}

/// An object in the cluster.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Brought {
    #[serde(flatten)]
    object: names::ObjectView,
    /// The object's handle in every slot; none where nothing was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_reference: Option<String>,
    /// Attributes that it had in the token and does not have here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attributes_left_out: Vec<String>,
}

/// An object that could not be brought.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Skipped {
    file: String,
    #[serde(flatten)]
    object: Option<names::ObjectView>,
    why: String,
}

pub fn run(app: &App, command: ImportCommand) -> Result<(), Failure> {
    match command {
        ImportCommand::Softhsm(arguments) => softhsm(app, &arguments),
    }
}

fn softhsm(app: &App, arguments: &SofthsmArgs) -> Result<(), Failure> {
    let clusters = &app.clusters;
    let cluster = named_or_only(clusters, arguments.cluster.cluster.as_deref())?;
    let token = Token::find(&arguments.folder, arguments.token.as_deref())?;
    let opened = token.unlock(&token_pin(&token, arguments)?)?;
    let login = password::login(clusters, &cluster, arguments.login.pin.as_ref(), "a crypto user")?;
    if login.user.role != Role::CryptoUser {
        return Err(Failure::new(format!(
            "user {:?} is no crypto user: log in as the one who shall own the objects",
            login.user.name
        )));
    }
    cluster.check_key_availability().map_err(Error::from)?;
    let mut import = Import::begin(app, &cluster, &login, arguments)?;
    for file in opened.files()? {
        import.take(&opened, &file)?;
    }
    output::json(&import.report(token))
}

fn token_pin(token: &Token, arguments: &SofthsmArgs) -> Result<Zeroizing<Vec<u8>>, Failure> {
    match arguments.token_pin() {
        Some(pin) => pin.read(),
        None if !token.has_pin() => Ok(Zeroizing::default()),
        None => Err(Failure::new(format!(
            "the PIN of the user of token {:?} is missing: give --token-pin-file, or set VHSM_TOKEN_PIN",
            token.label
        ))),
    }
}

/// An import in progress.
struct Import<'a> {
    clusters: &'a Clusters,
    cluster: &'a Cluster,
    login: &'a Login,
    context: Context,
    make_private: bool,
    dry_run: bool,
    /// What is there, by identity.
    there: HashMap<[u8; 32], Option<ObjectId>>,
    imported: Vec<Brought>,
    already_there: Vec<Brought>,
    skipped: Vec<Skipped>,
}

impl<'a> Import<'a> {
    fn begin(
        app: &'a App,
        cluster: &'a Cluster,
        login: &'a Login,
        arguments: &SofthsmArgs,
    ) -> Result<Self, Failure> {
        let clusters = &app.clusters;
        let context = Context {
            user: true,
            refuse_public_keys: cluster.policy.refuse_public_keys,
            refuse_extractable: cluster.policy.refuse_extractable,
            legacy: app.config.legacy,
            active: Active::STANDARD,
            ..Context::default()
        };
        Ok(Self {
            there: identities(clusters, cluster, login)?,
            clusters,
            cluster,
            login,
            context,
            make_private: arguments.private,
            dry_run: arguments.dry_run,
            imported: Vec::new(),
            already_there: Vec::new(),
            skipped: Vec::new(),
        })
    }

    /// One object of the token. Errors: the cluster takes nothing more.
    fn take(&mut self, token: &OpenToken, file: &Path) -> Result<(), Failure> {
        let (values, view) = match token.object(file) {
            Ok(mut values) => {
                set(&mut values, CKA_TOKEN, CK_TRUE);
                let view = names::ObjectView::of(&values);
                if self.make_private && view.keeps_a_secret() {
                    set(&mut values, CKA_PRIVATE, CK_TRUE);
                }
                (values, view)
            }
            Err(why) => return self.skip(file, None, why),
        };
        let attributes = values.iter().map(|(kind, value)| Attribute { kind: *kind, value });
        match Object::adopt(&Template { attributes: attributes.collect() }, &self.context) {
            Ok(adopted) => self.keep(&adopted, view),
            Err(error) => self.skip(file, Some(view), names::reason(&error)),
        }
    }

    fn keep(&mut self, adopted: &Adopted, object: names::ObjectView) -> Result<(), Failure> {
        let identity = adopted.object.identity()?;
        let attributes_left_out = adopted.left_out.iter().map(|kind| names::attribute(*kind)).collect();
        let brought = |id: Option<ObjectId>| {
            let key_reference = id.map(|id| format!("{:#018x}", id.0));
            Brought { object, key_reference, attributes_left_out }
        };
        if let Some(id) = self.there.get(&identity) {
            self.already_there.push(brought(*id));
            return Ok(());
        }
        let id = match self.dry_run {
            true => None,
            false => Some(self.create(&adopted.object)?),
        };
        self.there.insert(identity, id);
        self.imported.push(brought(id));
        Ok(())
    }

    fn create(&self, object: &Object) -> Result<ObjectId, Failure> {
        self.clusters.create_object(self.cluster, Some(self.login), object).map_err(|error| {
            let done = self.imported.len();
            Failure::new(format!(
                "{error}; {done} objects were brought before this, and running the command again brings the others"
            ))
        })
    }

    fn skip(&mut self, file: &Path, object: Option<names::ObjectView>, why: String) -> Result<(), Failure> {
        let file = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.skipped.push(Skipped { file, object, why });
        Ok(())
    }

    fn report(self, token: Token) -> Report {
        Report {
            cluster_id: self.cluster.name.clone(),
            token: TokenView { label: token.label, serial: token.serial },
            dry_run: self.dry_run,
            imported: self.imported,
            already_there: self.already_there,
            skipped: self.skipped,
        }
    }
}

/// Sets a flag, whatever it was.
fn set(values: &mut Vec<Owned>, kind: CK_ATTRIBUTE_TYPE, on: CK_BBOOL) {
    values.retain(|(own, _)| *own != kind);
    values.push((kind, Zeroizing::new(vec![on])));
}

/// All objects that the login sees, by what tells them apart: they are opened once, however many are brought.
fn identities(
    clusters: &Clusters,
    cluster: &Cluster,
    login: &Login,
) -> Result<HashMap<[u8; 32], Option<ObjectId>>, Failure> {
    let (all, _) = clusters.candidates(cluster, Some(login), &Template::default())?;
    let mut identities = HashMap::with_capacity(all.len());
    for id in all {
        // Another process may have destroyed it since.
        if let Some(object) = clusters.object(cluster, Some(login), id)? {
            identities.insert(object.identity()?, Some(id));
        }
    }
    Ok(identities)
}
