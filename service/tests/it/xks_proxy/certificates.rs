//! A certificate authority, the server's certificate, and clients', good and bad. They lie in a home.

use super::*;
use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Name, X509NameBuilder};

pub struct Certificates {
    /// The authority's, DER.
    pub authority: Vec<u8>,
    pub kms: Identity,
    pub expired: Identity,
    /// Of the authority, but somebody else.
    pub stranger: Identity,
    /// Of another authority.
    pub foreign: Identity,
}

/// A certificate and its key.
#[derive(Clone)]
pub struct Identity {
    certificate: X509,
    key: PKey<Private>,
}

impl Identity {
    /// DER.
    pub fn certificate(&self) -> Vec<u8> {
        self.certificate.to_der().unwrap()
    }

    /// PKCS#8, DER.
    pub fn key(&self) -> Vec<u8> {
        self.key.private_key_to_pkcs8().unwrap()
    }
}

impl Certificates {
    /// `ca.crt`, `server.crt` and `server.key` (localhost, 127.0.0.1), `kms.crt` and `kms.key` (kms.test).
    pub fn make(home: &Home) -> Self {
        let (authority, other) = (issue("vhsm test authority", None, 30), issue("another", None, 30));
        home.write("ca.crt", &pem(&authority));
        write_server(home, &authority);
        let kms = issue("kms.test", Some(&authority), 30);
        home.write("kms.crt", &pem(&kms));
        home.write("kms.key", &text(&kms.key.private_key_to_pem_pkcs8().unwrap()));
        Self {
            kms,
            expired: issue("kms.test", Some(&authority), -1),
            stranger: issue("stranger.test", Some(&authority), 30),
            foreign: issue("kms.test", Some(&other), 30),
            authority: authority.certificate(),
        }
    }
}

fn write_server(home: &Home, authority: &Identity) {
    let server = issue("localhost", Some(authority), 30);
    home.write("server.crt", &pem(&server));
    let key = home.write("server.key", &text(&server.key.private_key_to_pem_pkcs8().unwrap()));
    std::fs::set_permissions(key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

fn pem(identity: &Identity) -> String {
    text(&identity.certificate.to_pem().unwrap())
}

/// For so many days from yesterday on; by itself where nobody issues it.
fn issue(name: &str, issuer: Option<&Identity>, days: i64) -> Identity {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut builder = X509::builder().unwrap();
    let mut serial = BigNum::new().unwrap();
    serial.rand(120, MsbOption::ONE, false).unwrap();
    let day = |days: i64| {
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() as i64;
        Asn1Time::from_unix(now + days * 86_400).unwrap()
    };
    builder.set_version(2).unwrap();
    builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&named(name)).unwrap();
    match issuer {
        Some(issuer) => builder.set_issuer_name(issuer.certificate.subject_name()).unwrap(),
        None => builder.set_issuer_name(&named(name)).unwrap(),
    }
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&day(-2)).unwrap();
    builder.set_not_after(&day(days)).unwrap();
    match issuer {
        None => builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap(),
        Some(_) => {
            let mut names = SubjectAlternativeName::new();
            names.dns(name);
            if name == "localhost" {
                names.ip("127.0.0.1");
            }
            let names = names.build(&builder.x509v3_context(None, None)).unwrap();
            builder.append_extension(names).unwrap();
        }
    }
    builder.sign(issuer.map_or(&key, |issuer| &issuer.key), MessageDigest::sha256()).unwrap();
    Identity { certificate: builder.build(), key }
}

fn named(name: &str) -> X509Name {
    let mut builder = X509NameBuilder::new().unwrap();
    builder.append_entry_by_nid(Nid::COMMONNAME, name).unwrap();
    builder.build()
}
