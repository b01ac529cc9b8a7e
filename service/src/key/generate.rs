//! `vhsm key generate` and its kin: C_GenerateKey and C_GenerateKeyPair of a session.

use super::attributes::{self, Attributes};
use super::view::KeyView;
use super::{User, made};
use crate::cli::key::{
    GenerateArgs, KeyTypeName, NewKeyArgs, PairArgs, PairCommand, SymmetricArgs, SymmetricCommand,
};
use crate::failure::Failure;
use crate::output;
use crate::password::SecretText;
use cryptoki_sys::*;
use serde::Serialize;
use vhsm_pkcs11::cluster::ObjectId;
use vhsm_pkcs11::error::{Error, MechanismError};
use vhsm_pkcs11::library::Library;
use vhsm_pkcs11::mechanism::{Mechanism, Params};

#[derive(Serialize)]
struct Key {
    key: KeyView,
}

#[derive(Serialize)]
struct Pair {
    public_key: KeyView,
    private_key: KeyView,
}

/// Whose login, and where.
struct Place<'a> {
    cluster: Option<&'a str>,
    pin: Option<&'a SecretText>,
}

/// A pair to be.
struct NewPair<'a> {
    mechanism: CK_MECHANISM_TYPE,
    /// What the public key's template needs.
    kind: Attributes,
    public_label: &'a str,
    private_label: &'a str,
}

pub fn generate(library: &Library, arguments: GenerateArgs) -> Result<(), Failure> {
    let place = Place { cluster: arguments.cluster.cluster.as_deref(), pin: arguments.login.pin.as_ref() };
    let label = arguments.label.as_str();
    let pair = |mechanism, kind| NewPair { mechanism, kind, public_label: label, private_label: label };
    let secret = |mechanism| {
        new_secret(library, &place, mechanism, label, arguments.key_length_bytes, &arguments.more)
    };
    match arguments.key_type {
        KeyTypeName::Aes => secret(CKM_AES_KEY_GEN),
        KeyTypeName::GenericSecret => secret(CKM_GENERIC_SECRET_KEY_GEN),
        KeyTypeName::Rsa => {
            let kind = rsa(arguments.modulus_size_bits, arguments.public_exponent);
            new_pair(library, &place, pair(CKM_RSA_PKCS_KEY_PAIR_GEN, kind), &arguments.more)
        }
        KeyTypeName::Ec => {
            let kind = ec(&arguments.curve)?;
            new_pair(library, &place, pair(CKM_EC_KEY_PAIR_GEN, kind), &arguments.more)
        }
    }
}

pub fn symmetric(library: &Library, command: SymmetricCommand) -> Result<(), Failure> {
    let (mechanism, arguments) = match command {
        SymmetricCommand::Aes(arguments) => (CKM_AES_KEY_GEN, arguments),
        SymmetricCommand::GenericSecret(arguments) => (CKM_GENERIC_SECRET_KEY_GEN, arguments),
    };
    let SymmetricArgs { cluster, label, key_length_bytes, more, login } = &arguments;
    let place = Place { cluster: cluster.cluster.as_deref(), pin: login.pin.as_ref() };
    new_secret(library, &place, mechanism, label, *key_length_bytes, more)
}

pub fn pair(library: &Library, command: PairCommand) -> Result<(), Failure> {
    let (mechanism, kind, arguments) = match &command {
        PairCommand::Rsa(new) => {
            (CKM_RSA_PKCS_KEY_PAIR_GEN, rsa(new.modulus_size_bits, new.public_exponent), &new.pair)
        }
        PairCommand::Ec(new) => (CKM_EC_KEY_PAIR_GEN, ec(&new.curve)?, &new.pair),
    };
    let PairArgs { cluster, public_label, private_label, more, login } = arguments;
    let place = Place { cluster: cluster.cluster.as_deref(), pin: login.pin.as_ref() };
    new_pair(library, &place, NewPair { mechanism, kind, public_label, private_label }, more)
}

fn rsa(modulus_bits: u64, exponent: u64) -> Attributes {
    let exponent = exponent.to_be_bytes();
    let zeros = exponent.iter().take_while(|byte| **byte == 0).count();
    Attributes::default()
        .with(CKA_MODULUS_BITS, modulus_bits.to_ne_bytes())
        .with(CKA_PUBLIC_EXPONENT, &exponent[zeros..])
}

fn ec(curve: &str) -> Result<Attributes, Failure> {
    Ok(Attributes::default().with(CKA_EC_PARAMS, attributes::curve(curve)?))
}

fn new_secret(
    library: &Library,
    place: &Place,
    mechanism: CK_MECHANISM_TYPE,
    label: &str,
    key_bytes: u64,
    more: &NewKeyArgs,
) -> Result<(), Failure> {
    if !more.public_attributes.is_empty() {
        return Err(Failure::new("--public-attributes: a secret key has no public one"));
    }
    let mut template = labelled(label).with(CKA_VALUE_LEN, key_bytes.to_ne_bytes());
    template.set_all(&more.attributes)?;
    let user = User::log_in(library, place.cluster, place.pin)?;
    let mechanism = known(library, mechanism)?;
    let id = ObjectId(user.session.generate_key(mechanism, &Params::None, &template.template())?);
    share(library, &user, &[id], id, more)?;
    output::json(&Key { key: made(library, &user, id)? })
}

fn new_pair(library: &Library, place: &Place, new: NewPair, more: &NewKeyArgs) -> Result<(), Failure> {
    let mut public = new.kind.with(CKA_LABEL, new.public_label).with(CKA_TOKEN, [CK_TRUE]);
    public.set_all(&more.public_attributes)?;
    let mut private = labelled(new.private_label);
    private.set_all(&more.attributes)?;
    let user = User::log_in(library, place.cluster, place.pin)?;
    let mechanism = known(library, new.mechanism)?;
    let made_pair =
        user.session.generate_key_pair(mechanism, &Params::None, &public.template(), &private.template())?;
    let (public, private) = (ObjectId(made_pair.0), ObjectId(made_pair.1));
    share(library, &user, &[public, private], private, more)?;
    let (public_key, private_key) = (made(library, &user, public)?, made(library, &user, private)?);
    output::json(&Pair { public_key, private_key })
}

fn labelled(label: &str) -> Attributes {
    Attributes::default().with(CKA_LABEL, label).with(CKA_TOKEN, [CK_TRUE])
}

/// The mechanism, where the configuration has it.
fn known(library: &Library, mechanism: CK_MECHANISM_TYPE) -> Result<&'static Mechanism, Failure> {
    let found = library.mechanisms.find(mechanism);
    Ok(found.ok_or_else(|| Error::from(MechanismError::Invalid(mechanism)))?)
}

/// Shares a new key; where that is refused, nothing was made.
fn share(
    library: &Library,
    user: &User,
    all: &[ObjectId],
    id: ObjectId,
    more: &NewKeyArgs,
) -> Result<(), Failure> {
    let with: Vec<&str> = more.share_crypto_users.iter().map(String::as_str).collect();
    if with.is_empty() {
        return Ok(());
    }
    let shared = library.clusters.share_object(&user.cluster, &user.login, id, &with);
    if shared.is_err() {
        for id in all {
            user.session.destroy_object(id.0)?;
        }
    }
    shared?;
    Ok(())
}
