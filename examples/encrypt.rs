//! Encrypts with a key that never leaves the token: `encrypt MODULE LABEL PIN`.

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::{Mechanism, aead::GcmParams};
use cryptoki::object::Attribute;
use cryptoki::{session::UserType, types::AuthPin};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, module, label, pin] = arguments.as_slice() else {
        return Err("usage: encrypt MODULE LABEL PIN".into());
    };
    let pkcs11 = Pkcs11::new(module)?;
    pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
    let mut slots = pkcs11.get_slots_with_initialized_token()?;
    slots.retain(|slot| pkcs11.get_token_info(*slot).is_ok_and(|token| token.label() == label));
    let session = pkcs11.open_rw_session(*slots.first().ok_or("no token has that label")?)?;
    session.login(UserType::User, Some(&AuthPin::new(pin.as_str().into())))?;

    let bits = [Attribute::ValueLen(32.into()), Attribute::Encrypt(true), Attribute::Decrypt(true)];
    let key = session.generate_key(&Mechanism::AesKeyGen, &bits)?;
    let mut iv: [u8; 12] = session.generate_random_vec(12)?.try_into().map_err(|_| "not 12 bytes")?;
    let sealed = session.encrypt(&gcm(&mut iv)?, key, b"attack at dawn")?;
    let opened = session.decrypt(&gcm(&mut iv)?, key, &sealed)?;
    println!("{}", String::from_utf8(opened)?);
    Ok(())
}

fn gcm(iv: &mut [u8]) -> Result<Mechanism<'_>, cryptoki::error::Error> {
    Ok(Mechanism::AesGcm(GcmParams::new(iv, &[], 128.into())?))
}
