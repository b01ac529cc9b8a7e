//! A token as a program has it, in a process of its own: this test binary once more, running only the ignored test
//! `import::token::process`. SoftHSM reads its configuration from the environment, and so does vhsm.

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, CertificateType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::{AuthPin, Date};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const TASK: &str = "VHSM_TEST_TASK";
const MODULE: &str = "VHSM_TEST_MODULE";
const PIN: &str = "VHSM_TEST_TOKEN_PIN";
const LABEL: &str = "VHSM_TEST_LABEL";
/// Lines `label=hex`, which the other token said.
const SIGNATURES: &str = "VHSM_TEST_SIGNATURES";
const MARK: &str = "token: ";
const MESSAGE: &[u8] = b"what one token did, the other undoes";
const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const ED25519: &[u8] = b"\x13\x0cedwards25519";

/// Which token, and how it is reached.
pub struct Token {
    pub module: PathBuf,
    pub environment: (&'static str, PathBuf),
    pub label: &'static str,
    pub pin: &'static str,
}

impl Token {
    /// Makes objects of every kind.
    pub fn fill(&self, certificate: &Path) {
        self.ask("fill", &certificate.display().to_string());
    }

    /// Every object with its attributes, and what its key does.
    pub fn describe(&self) -> BTreeSet<String> {
        self.ask("describe", "")
    }

    /// Signatures that are different each time.
    pub fn sign(&self) -> BTreeSet<String> {
        self.ask("sign", "")
    }

    pub fn verify(&self, signatures: &BTreeSet<String>) {
        let lines: Vec<&str> = signatures.iter().map(String::as_str).collect();
        assert_eq!(self.ask("verify", &lines.join("\n")).len(), signatures.len());
    }

    fn ask(&self, task: &str, more: &str) -> BTreeSet<String> {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "import::token::process", "--ignored", "--nocapture"])
            .env_clear()
            .env(self.environment.0, &self.environment.1)
            .envs([(TASK, task), (PIN, self.pin), (LABEL, self.label), (SIGNATURES, more)])
            .env(MODULE, &self.module)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{task}: {said} {}", String::from_utf8_lossy(&output.stderr));
        said.lines().filter_map(|line| Some(line.split_once(MARK)?.1.to_owned())).collect()
    }
}

#[test]
#[ignore = "the other side of a test, which starts it"]
fn process() {
    let Ok(task) = std::env::var(TASK) else { return };
    let variable = |name| std::env::var(name).unwrap();
    let pkcs11 = Pkcs11::new(variable(MODULE)).unwrap();
    pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
    let mut slots = pkcs11.get_slots_with_initialized_token().unwrap();
    slots.retain(|slot| pkcs11.get_token_info(*slot).unwrap().label() == variable(LABEL));
    let session = pkcs11.open_rw_session(slots[0]).unwrap();
    session.login(UserType::User, Some(&AuthPin::new(variable(PIN).into()))).unwrap();
    match task.as_str() {
        "fill" => {
            fill(&session, std::fs::read(variable(SIGNATURES)).unwrap());
        }
        "describe" => describe(&session),
        "sign" => sign(&session),
        "verify" => verify(&session, &variable(SIGNATURES)),
        other => panic!("{other}"),
    }
}

fn say(line: &str) {
    println!("{MARK}{line}");
}

fn fill(session: &Session, certificate: Vec<u8>) {
    secret_keys(session);
    pairs(session);
    let names = |label: &str, id: u8| [Attribute::Label(label.into()), Attribute::Id(vec![id])];
    let make =
        |more: &[Attribute]| session.create_object(&[&[Attribute::Token(true)], more].concat()).unwrap();
    let (subject, certificate) = (Attribute::Subject(b"0\x00".to_vec()), Attribute::Value(certificate));
    let of_class =
        [Attribute::Class(ObjectClass::CERTIFICATE), Attribute::CertificateType(CertificateType::X_509)];
    make(&[&of_class[..], &names("web", 9), &[Attribute::Private(false), subject, certificate]].concat());
    for (private, label) in [(true, "note"), (false, "poster")] {
        make(&[
            Attribute::Class(ObjectClass::DATA),
            Attribute::Private(private),
            Attribute::Label(label.into()),
            Attribute::Application(b"app".to_vec()),
            Attribute::ObjectId(vec![6, 1, 42]),
            Attribute::Value(label.repeat(100).into()),
        ]);
    }
    make(&[Attribute::Class(ObjectClass::DATA), Attribute::Private(true)]);
}

fn secret_keys(session: &Session) {
    let date = |year| Date::new_from_str_slice(year, "02", "28").unwrap();
    session
        .generate_key(
            &Mechanism::AesKeyGen,
            &[
                Attribute::Token(true),
                Attribute::Private(true),
                Attribute::Sensitive(true),
                Attribute::Extractable(false),
                Attribute::Label(b"aes".to_vec()),
                Attribute::Id(vec![1, 0, 255]),
                Attribute::ValueLen(32.into()),
                Attribute::Encrypt(true),
                Attribute::Decrypt(true),
                Attribute::Sign(false),
                Attribute::Wrap(false),
                Attribute::StartDate(date("2024")),
                Attribute::EndDate(date("2054")),
                Attribute::AllowedMechanisms(vec![MechanismType::AES_CBC_PAD, MechanismType::AES_GCM]),
            ],
        )
        .unwrap();
    let create = |label: &str, key_type: KeyType, private: bool, value: &[u8]| {
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(key_type),
            Attribute::Token(true),
            Attribute::Private(private),
            Attribute::Sensitive(false),
            Attribute::Extractable(true),
            Attribute::Label(label.into()),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::Sign(true),
            Attribute::Verify(true),
            Attribute::Value(value.to_vec()),
        ];
        session.create_object(&template).unwrap();
    };
    create("aes in the open", KeyType::AES, true, &[1; 16]);
    create("aes for all", KeyType::AES, false, &[2; 24]);
    create("mac", KeyType::GENERIC_SECRET, true, &[3; 48]);
    create("mac of sha256", KeyType::SHA256_HMAC, true, &[4; 32]);
    create(
        "3des",
        KeyType::DES3,
        true,
        &[1, 2, 4, 7, 8, 11, 13, 14, 16, 19, 21, 22, 25, 26, 28, 31, 32, 35, 37, 38, 41, 42, 44, 47],
    );
}

fn pairs(session: &Session) {
    let names = |label: &str, id: u8| {
        [Attribute::Token(true), Attribute::Label(label.into()), Attribute::Id(vec![id])]
    };
    let make = |mechanism: Mechanism, label: &str, id: u8, public: Attribute| {
        let public =
            [&names(label, id)[..], &[Attribute::Private(false), Attribute::Verify(true), public]].concat();
        let private = [Attribute::Private(true), Attribute::Sensitive(true), Attribute::Sign(true)];
        session.generate_key_pair(&mechanism, &public, &[&names(label, id)[..], &private].concat()).unwrap();
    };
    make(Mechanism::RsaPkcsKeyPairGen, "rsa", 2, Attribute::ModulusBits(2048.into()));
    make(Mechanism::RsaPkcsKeyPairGen, "rsa-1024", 3, Attribute::ModulusBits(1024.into()));
    make(Mechanism::EccKeyPairGen, "p256", 4, Attribute::EcParams(P256.to_vec()));
    make(Mechanism::EccEdwardsKeyPairGen, "ed25519", 5, Attribute::EcParams(ED25519.to_vec()));
}

const ATTRIBUTES: [AttributeType; 36] = [
    AttributeType::Class,
    AttributeType::KeyType,
    AttributeType::CertificateType,
    AttributeType::Token,
    AttributeType::Private,
    AttributeType::Id,
    AttributeType::Modifiable,
    AttributeType::Copyable,
    AttributeType::Destroyable,
    AttributeType::Sensitive,
    AttributeType::Extractable,
    AttributeType::AlwaysSensitive,
    AttributeType::NeverExtractable,
    AttributeType::Local,
    AttributeType::Encrypt,
    AttributeType::Decrypt,
    AttributeType::Sign,
    AttributeType::Verify,
    AttributeType::SignRecover,
    AttributeType::VerifyRecover,
    AttributeType::Wrap,
    AttributeType::Unwrap,
    AttributeType::Derive,
    AttributeType::WrapWithTrusted,
    AttributeType::AlwaysAuthenticate,
    AttributeType::StartDate,
    AttributeType::EndDate,
    AttributeType::AllowedMechanisms,
    AttributeType::Subject,
    AttributeType::Modulus,
    AttributeType::PublicExponent,
    AttributeType::EcParams,
    AttributeType::CheckValue,
    AttributeType::Value,
    AttributeType::Application,
    AttributeType::ObjectId,
];

fn describe(session: &Session) {
    for object in session.find_objects(&[]).unwrap() {
        let (class, label) = (class_of(session, object), label_of(session, object));
        for kind in ATTRIBUTES {
            // One by one: an attribute that an object does not have hides no other.
            let value = session.get_attributes(object, &[kind]).unwrap_or_default();
            value.iter().for_each(|value| say(&format!("{class} {label:?} {value:?}")));
        }
        let did = match (class, label.as_str()) {
            (ObjectClass::SECRET_KEY, "3des") => continue,
            (ObjectClass::SECRET_KEY, label) if label.starts_with("mac") => {
                session.sign(&Mechanism::Sha256Hmac, object, MESSAGE).unwrap()
            }
            (ObjectClass::SECRET_KEY, _) => {
                session.encrypt(&Mechanism::AesCbcPad([7; 16]), object, MESSAGE).unwrap()
            }
            (ObjectClass::PRIVATE_KEY, "rsa") => {
                session.sign(&Mechanism::Sha256RsaPkcs, object, MESSAGE).unwrap()
            }
            (ObjectClass::PRIVATE_KEY, "ed25519") => session.sign(&eddsa(), object, MESSAGE).unwrap(),
            _ => continue,
        };
        say(&format!("{class} {label:?} does {}", hex(&did)));
    }
}

/// By keys whose signatures differ each time.
fn sign(session: &Session) {
    let key = the_one(session, ObjectClass::PRIVATE_KEY, "p256");
    let digest = [9; 32];
    say(&format!("p256={}", hex(&session.sign(&Mechanism::Ecdsa, key, &digest).unwrap())));
}

fn verify(session: &Session, signatures: &str) {
    for line in signatures.lines() {
        let (label, signature) = line.split_once('=').unwrap();
        let key = the_one(session, ObjectClass::PUBLIC_KEY, label);
        session.verify(&Mechanism::Ecdsa, key, &[9; 32], &unhex(signature)).unwrap();
        say(label);
    }
}

fn eddsa() -> Mechanism<'static> {
    Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure))
}

fn the_one(session: &Session, class: ObjectClass, label: &str) -> ObjectHandle {
    let found = session.find_objects(&[Attribute::Class(class), Attribute::Label(label.into())]).unwrap();
    assert_eq!(found.len(), 1, "{label}");
    found[0]
}

fn class_of(session: &Session, object: ObjectHandle) -> ObjectClass {
    match session.get_attributes(object, &[AttributeType::Class]).unwrap()[..] {
        [Attribute::Class(class)] => class,
        ref other => panic!("{other:?}"),
    }
}

fn label_of(session: &Session, object: ObjectHandle) -> String {
    match &session.get_attributes(object, &[AttributeType::Label]).unwrap()[..] {
        [Attribute::Label(label)] => String::from_utf8(label.clone()).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
