//! The main job in Rust, over the cryptoki crate: in a throw-away cluster of two HSMs the crypto user `kmsuser` makes
//! an AES-256 key that never leaves the cluster, encrypts a file on the first HSM, and another process decrypts it on
//! the second one.
//!
//!     main_job                             all of it; says what it does, ends with 1 when anything is not as it should be
//!     main_job encrypt MODULE PLAIN SEALED    makes a key on the first HSM and encrypts; PIN: $KMSUSER_PIN
//!     main_job decrypt MODULE SEALED PLAIN    decrypts on the second HSM

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, AttributeInfo, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

const KEY_LABEL: &str = "main-job-key";
const IV_BYTES: usize = 12;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => show(),
        ["encrypt", module, plain, sealed] => encrypt(module, plain, sealed),
        ["decrypt", module, sealed, plain] => decrypt(module, sealed, plain),
        _ => Err("usage: main_job [encrypt MODULE PLAIN SEALED | decrypt MODULE SEALED PLAIN]".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("main_job: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Makes a key through the first slot and encrypts a file with it.
fn encrypt(module: &str, plain: &str, sealed: &str) -> Outcome {
    let session = log_in(module, 0)?;
    let key = session.generate_key(
        &Mechanism::AesKeyGen,
        &[
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::ValueLen(32.into()),
            Attribute::Label(KEY_LABEL.into()),
        ],
    )?;
    println!(
        "  made the AES-256 key {KEY_LABEL:?}: private, sensitive, not extractable, kept in the cluster"
    );

    let data = fs::read(plain)?;
    let mut iv = [0; IV_BYTES];
    session.generate_random_slice(&mut iv)?;
    let encrypted =
        session.encrypt(&Mechanism::AesGcm(GcmParams::new(&mut iv.clone(), &[], 128.into())?), key, &data)?;
    fs::write(sealed, [&iv[..], &encrypted].concat())?;
    println!("  encrypted {} bytes with AES-GCM", data.len());
    refuses_the_value(&session, key)
}

/// Finds the key through the second slot and decrypts.
fn decrypt(module: &str, sealed: &str, plain: &str) -> Outcome {
    let session = log_in(module, 1)?;
    let wanted = [Attribute::Class(ObjectClass::SECRET_KEY), Attribute::Label(KEY_LABEL.into())];
    let keys = session.find_objects(&wanted)?;
    let [key] = keys.as_slice() else {
        return Err(format!("{} keys have the label {KEY_LABEL:?}", keys.len()).into());
    };
    println!("  found the key there");

    let sealed = fs::read(sealed)?;
    let (iv, encrypted) = sealed.split_at_checked(IV_BYTES).ok_or("the encrypted file is too short")?;
    let mut iv = iv.to_vec();
    let data =
        session.decrypt(&Mechanism::AesGcm(GcmParams::new(&mut iv, &[], 128.into())?), *key, encrypted)?;
    fs::write(plain, &data)?;
    println!("  decrypted {} bytes", data.len());

    let mut changed = encrypted.to_vec();
    changed[0] ^= 1;
    let gcm = Mechanism::AesGcm(GcmParams::new(&mut iv, &[], 128.into())?);
    match session.decrypt(&gcm, *key, &changed) {
        Err(Error::Pkcs11(RvError::EncryptedDataInvalid, _)) => {
            println!("  refused the file with one bit changed")
        }
        other => return Err(format!("a changed file gave {:?}", other.map(|data| data.len())).into()),
    }
    refuses_the_value(&session, *key)
}

/// A session of kmsuser with the HSM in the slot of that index.
fn log_in(module: &str, slot: usize) -> Outcome<Session> {
    let pkcs11 = Pkcs11::new(module)?;
    pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
    let slots = pkcs11.get_slots_with_initialized_token()?;
    let token = pkcs11.get_token_info(slots[slot])?;
    let session = pkcs11.open_rw_session(slots[slot])?;
    session.login(UserType::User, Some(&AuthPin::new(env::var("KMSUSER_PIN")?.into())))?;
    println!("  logged in to {} of cluster {:?}", token.serial_number(), token.label());
    Ok(session)
}

fn refuses_the_value(session: &Session, key: ObjectHandle) -> Outcome {
    let told = session.get_attribute_info(key, &[AttributeType::Value])?;
    if !matches!(told.as_slice(), [AttributeInfo::Sensitive]) {
        return Err(format!("the key's value is not refused as sensitive: {told:?}").into());
    }
    let given = session.get_attributes(key, &[AttributeType::Value])?;
    if !given.is_empty() {
        return Err("the key's value was given away".into());
    }
    let wrapper = session.generate_key(
        &Mechanism::AesKeyGen,
        &[Attribute::KeyType(KeyType::AES), Attribute::ValueLen(32.into()), Attribute::Wrap(true)],
    )?;
    match session.wrap_key(&Mechanism::AesKeyWrap, wrapper, key) {
        Err(Error::Pkcs11(RvError::KeyUnextractable, _)) => {}
        other => return Err(format!("wrapping the key gave {other:?}").into()),
    }
    println!("  asked for the key's value, plain and wrapped: refused both times");
    Ok(())
}

/// Sets up a throw-away cluster and runs the two processes.
fn show() -> Outcome {
    let home = tempfile::tempdir()?;
    let file = |name: &str| home.path().join(name).to_string_lossy().into_owned();
    let (vhsm, module) = (built("VHSM_COMMAND", "vhsm")?, built("VHSM_MODULE", "libvhsm_pkcs11.so")?);
    let module = module.to_string_lossy();

    println!("The main job in Rust: a throw-away cluster of two HSMs, with the crypto user kmsuser");
    let admin = |arguments: &str| {
        let mut command = Command::new(&vhsm);
        command.args(arguments.split(' ')).env("VHSM_PIN", "admin:admin-password");
        quietly(command.env("VHSM_HOME", home.path()))
    };
    admin("cluster create --label main-job --hsms 2 --admin-password admin-password")?;
    admin("user create --cluster main-job --username kmsuser --role crypto-user --password kms-password")?;

    let plain = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock").to_string_lossy().into_owned();
    let as_kmsuser = |arguments: [&str; 4]| -> Outcome {
        let mut command = Command::new(env::current_exe()?);
        command.args(arguments).env("KMSUSER_PIN", "kmsuser:kms-password");
        let status = command.env("VHSM_HOME", home.path()).status()?;
        if status.success() { Ok(()) } else { Err(format!("{} failed", arguments[0]).into()) }
    };
    println!("One process, on the first HSM:");
    as_kmsuser(["encrypt", &module, &plain, &file("sealed")])?;
    println!("Another process, on the second HSM:");
    as_kmsuser(["decrypt", &module, &file("sealed"), &file("plain")])?;
    if fs::read(&plain)? != fs::read(file("plain"))? {
        return Err("what came back is not what was encrypted".into());
    }
    println!("What came back is, byte for byte, what was encrypted.");
    Ok(())
}

/// A file of the build that this program belongs to, unless the variable names another.
fn built(variable: &str, name: &str) -> Outcome<PathBuf> {
    if let Some(path) = env::var_os(variable) {
        return Ok(path.into());
    }
    let path = env::current_exe()?.ancestors().nth(2).unwrap_or(Path::new(".")).join(name);
    if path.exists() {
        Ok(path)
    } else {
        Err(format!("{} is missing: run make build", path.display()).into())
    }
}

fn quietly(command: &mut Command) -> Outcome {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim()).into())
}
