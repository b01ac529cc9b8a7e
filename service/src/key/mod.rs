//! `vhsm key ...`: on the library's own sessions, in this process; so every rule for keys is the library's.

mod attributes;
mod filter;
mod generate;
mod view;

use crate::cli::key::{DeleteKeyArgs, KeyCommand, ListKeysArgs, SetAttributeArgs, ShareArgs};
use crate::cluster::named_or_only;
use crate::failure::Failure;
use crate::output;
use crate::password::{self, SecretText};
use attributes::Attributes;
use cryptoki_sys::CKA_TRUSTED;
use filter::Filter;
use serde::Serialize;
use std::sync::Arc;
use vhsm_pkcs11::cluster::{Cluster, Login, ObjectId, Role, Sharing};
use vhsm_pkcs11::config::Config;
use vhsm_pkcs11::error::Error;
use vhsm_pkcs11::library::Library;
use vhsm_pkcs11::log::{Level, Logger};
use vhsm_pkcs11::object::Context;
use vhsm_pkcs11::session::{Pin, Session, UserType};
use view::{KeyList, Names};

const A_CRYPTO_USER: &str = "a crypto user";

pub fn run(config: Config, command: KeyCommand) -> Result<(), Failure> {
    let library = Library::start(config, Logger::to_stderr(Level::Off))?;
    let done = match command {
        KeyCommand::List(arguments) => list(&library, &arguments),
        KeyCommand::Generate(arguments) => generate::generate(&library, arguments),
        KeyCommand::GenerateSymmetric(command) => generate::symmetric(&library, command),
        KeyCommand::GenerateAsymmetricPair(command) => generate::pair(&library, command),
        KeyCommand::SetAttribute(arguments) => set_attribute(&library, &arguments),
        KeyCommand::Share(arguments) => share(&library, &arguments, true),
        KeyCommand::Unshare(arguments) => share(&library, &arguments, false),
        KeyCommand::Delete(arguments) => delete(&library, &arguments),
    };
    library.finish();
    done
}

/// Who runs a command.
enum Caller {
    User(User),
    Admin { cluster: Arc<Cluster>, login: Box<Login> },
}

/// A crypto user with a session on one of the cluster's HSMs.
struct User {
    cluster: Arc<Cluster>,
    login: Arc<Login>,
    session: Arc<Session>,
}

impl Caller {
    fn log_in(
        library: &Library,
        cluster: Option<&str>,
        pin: Option<&SecretText>,
        who: &str,
    ) -> Result<Self, Failure> {
        let cluster = named_or_only(&library.clusters, cluster)?;
        let given = password::given(pin, who)?;
        let users = library.clusters.users(&cluster)?;
        let role =
            users.iter().find(|user| user.name.eq_ignore_ascii_case(&given.name)).map(|user| user.role);
        if role != Some(Role::CryptoUser) {
            let login = password::login(&library.clusters, &cluster, pin, who)?;
            return Ok(Caller::Admin { cluster, login: Box::new(login) });
        }
        given.check_role(Role::CryptoUser)?;
        let slots = library.slots()?;
        let of_cluster = |slot: &Arc<vhsm_pkcs11::session::Slot>| {
            slot.cluster().is_ok_and(|other| other.id == cluster.id) && slot.must_be_present().is_ok()
        };
        let slot = slots.iter().find(|slot| of_cluster(slot)).ok_or_else(|| {
            Failure::new(format!(
                "cluster {:?} has no HSM that works; `vhsm cluster describe` shows them",
                cluster.label
            ))
        })?;
        let session = library.session(library.open_session(slot.id, true)?)?;
        let pin = Pin::Named { user: &given.name, password: &given.password };
        library.log_in(&session, UserType::User, pin)?;
        let login = slot.login().ok_or_else(|| Failure::new("the login ended; try again"))?;
        Ok(Caller::User(User { cluster, login, session }))
    }
}

impl User {
    fn log_in(library: &Library, cluster: Option<&str>, pin: Option<&SecretText>) -> Result<Self, Failure> {
        match Caller::log_in(library, cluster, pin, A_CRYPTO_USER)? {
            Caller::User(user) => Ok(user),
            Caller::Admin { login, .. } => Err(Failure::new(format!(
                "user {:?} is an admin, who has no keys: give a crypto user's login",
                login.user.name
            ))),
        }
    }

    /// The one key that a filter means, if the user owns it.
    fn own(&self, library: &Library, filter: &[String]) -> Result<ObjectId, Failure> {
        let id = Filter::parse(filter)?.one(&self.session)?;
        let sharing = library.clusters.sharing(&self.cluster, &self.login, id)?;
        match sharing.and_then(|sharing| sharing.owner).filter(|owner| *owner != self.login.user.id) {
            None => Ok(id),
            Some(owner) => {
                let users = library.clusters.users(&self.cluster)?;
                let names = Names(&users);
                let owner = names.of(owner);
                Err(Failure::new(format!(
                    "key {} is shared with you: only its owner, {owner:?}, changes, shares or deletes it",
                    view::reference(id)
                )))
            }
        }
    }
}

fn list(library: &Library, arguments: &ListKeysArgs) -> Result<(), Failure> {
    let (cluster, pin) = (arguments.cluster.cluster.as_deref(), arguments.login.pin.as_ref());
    let filter = Filter::parse(&arguments.filter)?;
    let list = match Caller::log_in(library, cluster, pin, "a crypto user or an admin")? {
        Caller::User(user) => {
            let users = library.clusters.users(&user.cluster)?;
            let page = filter::Page::of(filter.all(&user.session)?, arguments)?;
            KeyList::new(page, |id| {
                let sharing = library.clusters.sharing(&user.cluster, &user.login, id)?;
                view::key(&user.session, id, sharing.as_ref(), &Names(&users), arguments.verbose)
            })?
        }
        Caller::Admin { cluster, login } => {
            let reference = filter.reference_alone().ok_or_else(|| {
                Failure::new("an admin sees no attributes of keys: filter by key-reference=0x... alone")
            })?;
            let users = library.clusters.users(&cluster)?;
            let mut inventory = library.clusters.inventory(&cluster, &login)?;
            inventory.retain(|(id, _)| reference.is_none_or(|reference| *id == reference));
            let ids = inventory.iter().map(|(id, _)| *id).collect();
            let sharing = |id| inventory.iter().find(|(other, _)| *other == id).map(|(_, sharing)| sharing);
            let page = filter::Page::of(ids, arguments)?;
            KeyList::new(page, |id| Ok(view::bare(id, sharing(id), &Names(&users))))?
        }
    };
    output::json(&list)
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Done {
    message: &'static str,
    key_reference: String,
}

fn done(message: &'static str, id: ObjectId) -> Result<(), Failure> {
    output::json(&Done { message, key_reference: view::reference(id) })
}

fn set_attribute(library: &Library, arguments: &SetAttributeArgs) -> Result<(), Failure> {
    let row = attributes::find(&arguments.name)?;
    if row.name == "token" {
        return Err(Failure::new(
            "keys that this command sees stay already: they are token keys, and stay ones",
        ));
    }
    if !row.changes {
        return Err(Failure::new(format!(
            "attribute {:?} cannot be changed; these can: {}",
            row.name,
            attributes::changeable()
        )));
    }
    let value = row.parse(&arguments.value)?;
    let (cluster, pin) = (arguments.cluster.cluster.as_deref(), arguments.login.pin.as_ref());
    if row.is_trusted() {
        return set_trusted(library, arguments, value == [1]);
    }
    let user = User::log_in(library, cluster, pin)?;
    let id = user.own(library, &arguments.filter.filter)?;
    let change = Attributes::default().with(row.kind(), value);
    change_object(library, &user.cluster, Some(&user.login), id, &change, &user.session.slot.context())?;
    done("Attribute set successfully", id)
}

/// By an admin: of a crypto user's key, which the admin cannot open, or of a public one.
fn set_trusted(library: &Library, arguments: &SetAttributeArgs, trusted: bool) -> Result<(), Failure> {
    let (cluster, pin) = (arguments.cluster.cluster.as_deref(), arguments.login.pin.as_ref());
    let Caller::Admin { cluster, login } = Caller::log_in(library, cluster, pin, "an admin")? else {
        return Err(Failure::new("attribute \"trusted\": only an admin says that a key is trusted"));
    };
    let id = Filter::parse(&arguments.filter.filter)?.reference_alone().flatten().ok_or_else(|| {
        Failure::new("an admin sees no attributes of keys: say which by --filter key-reference=0x...")
    })?;
    if !library.clusters.set_trusted(&cluster, &login, id, trusted)? {
        let change = Attributes::default().with(CKA_TRUSTED, [u8::from(trusted)]);
        let context = Context { security_officer: true, ..Context::default() };
        change_object(library, &cluster, None, id, &change, &context)?;
    }
    done("Attribute set successfully", id)
}

fn change_object(
    library: &Library,
    cluster: &Cluster,
    login: Option<&Login>,
    id: ObjectId,
    change: &Attributes,
    context: &Context,
) -> Result<(), Failure> {
    let template = change.template();
    let mut change = |object: &vhsm_pkcs11::object::Object| -> Result<_, Error> {
        Ok(object.with_changes(&template, context)?)
    };
    match library.clusters.update_object(cluster, login, id, &mut change)? {
        Some(_) => Ok(()),
        None => Err(filter::no_key(&view::reference(id))),
    }
}

fn share(library: &Library, arguments: &ShareArgs, is_shared: bool) -> Result<(), Failure> {
    if Role::from(arguments.role) != Role::CryptoUser {
        return Err(Failure::new("keys are shared with crypto users: --role crypto-user"));
    }
    let (cluster, pin) = (arguments.cluster.cluster.as_deref(), arguments.login.pin.as_ref());
    let user = User::log_in(library, cluster, pin)?;
    let id = user.own(library, &arguments.filter.filter)?;
    let (clusters, names) = (&library.clusters, [arguments.username.as_str()]);
    let (shared, message) = match is_shared {
        true => (clusters.share_object(&user.cluster, &user.login, id, &names)?, "Key shared successfully"),
        false => {
            (clusters.unshare_object(&user.cluster, &user.login, id, &names)?, "Key unshared successfully")
        }
    };
    match shared {
        Some(_) => done(message, id),
        None => Err(Failure::new("public keys are everybody's, and are not shared")),
    }
}

fn delete(library: &Library, arguments: &DeleteKeyArgs) -> Result<(), Failure> {
    let (cluster, pin) = (arguments.cluster.cluster.as_deref(), arguments.login.pin.as_ref());
    let user = User::log_in(library, cluster, pin)?;
    let id = user.own(library, &arguments.filter.filter)?;
    user.session.destroy_object(id.0)?;
    done("Key deleted successfully", id)
}

/// What a new key's answer tells of it.
fn made(library: &Library, user: &User, id: ObjectId) -> Result<view::KeyView, Failure> {
    let users = library.clusters.users(&user.cluster)?;
    let sharing: Option<Sharing> = library.clusters.sharing(&user.cluster, &user.login, id)?;
    view::key(&user.session, id, sharing.as_ref(), &Names(&users), true)
}
