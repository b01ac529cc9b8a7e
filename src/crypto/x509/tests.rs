//! What a customer's CA can do right and wrong.

use super::*;
use openssl::rsa::Rsa;
use openssl::x509::X509Extension;

/// 2023-11-14, the clock of the cluster layer's tests.
pub const NOW_S: i64 = 1_700_000_000;
const DAY_S: i64 = 86_400;

/// A customer's CA.
pub struct Ca {
    key: PKey<Private>,
    pub name: X509Name,
    pub certificate: X509,
}

/// How a certificate differs from one as `openssl req -x509` makes it.
pub struct Form {
    version: i32,
    from_s: i64,
    to_s: i64,
    extensions: fn() -> Vec<X509Extension>,
}

pub const ROOT: Form = Form {
    version: 2,
    from_s: NOW_S - DAY_S,
    to_s: NOW_S + DAY_S,
    extensions: || vec![basic_constraints(true)],
};
const LEAF: Form = Form { extensions: Vec::new, ..ROOT };

fn basic_constraints(ca: bool) -> X509Extension {
    let mut constraints = BasicConstraints::new();
    if ca {
        constraints.ca();
    }
    constraints.critical().build().unwrap()
}

fn build(
    form: &Form,
    subject: &X509NameRef,
    key: &PKey<impl openssl::pkey::HasPublic>,
    issuer: &X509NameRef,
    by: &PKey<Private>,
) -> X509 {
    let mut builder = super::certificate(subject, issuer, NOW_S).unwrap();
    builder.set_version(form.version).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(form.from_s).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(form.to_s).unwrap()).unwrap();
    builder.set_pubkey(key).unwrap();
    for extension in (form.extensions)() {
        builder.append_extension2(&extension).unwrap();
    }
    builder.sign(by, MessageDigest::sha256()).unwrap();
    builder.build()
}

impl Ca {
    pub fn new(name: &str, form: &Form) -> Self {
        Self::with_key(name, form, new_key().unwrap())
    }

    fn with_key(name: &str, form: &Form, key: PKey<Private>) -> Self {
        let name = subject("customer", "CA", name).unwrap();
        let certificate = build(form, &name, &key, &name, &key);
        Self { key, name, certificate }
    }

    /// One that this one issued.
    fn below(&self, name: &str) -> Self {
        let (key, name) = (new_key().unwrap(), subject("customer", "CA", name).unwrap());
        let certificate = build(&ROOT, &name, &key, &self.name, &self.key);
        Self { key, name, certificate }
    }

    pub fn pem(&self) -> String {
        pem(self.certificate.to_pem().unwrap()).unwrap()
    }

    /// What it makes of a request.
    pub fn sign(&self, request: &str) -> String {
        self.sign_as(request, &LEAF)
    }

    fn sign_as(&self, request: &str, form: &Form) -> String {
        let request = X509Req::from_pem(request.as_bytes()).unwrap();
        let key = request.public_key().unwrap();
        assert!(request.verify(&key).unwrap(), "the request is signed by its own key");
        let signed = build(form, request.subject_name(), &key, &self.name, &self.key);
        pem(signed.to_pem().unwrap()).unwrap()
    }
}

fn csr() -> String {
    request("vhsm", "test", "cluster-x").unwrap()
}

fn error(done: Result<(), Error>) -> CertificateError {
    match done {
        Err(Error::Life(crate::error::LifeError::Certificate(error))) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_root_issued_directly_is_taken() {
    let csr = csr();
    let rsa = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let old = Form { version: 0, extensions: Vec::new, ..ROOT };
    let usage = || vec![basic_constraints(true), KeyUsage::new().key_cert_sign().build().unwrap()];
    let strict = Form { extensions: usage, ..ROOT };
    for ca in [
        Ca::new("root", &ROOT),
        Ca::with_key("RSA", &ROOT, rsa),
        Ca::new("version 1", &old),
        Ca::new("with Key Usage", &strict),
    ] {
        check(&csr, &ca.sign(&csr), &ca.pem(), NOW_S).unwrap();
    }
    // On the edges of its validity, and of another version.
    let ca = Ca::new("root", &ROOT);
    for now_s in [ROOT.from_s, ROOT.to_s] {
        check(&csr, &ca.sign_as(&csr, &Form { version: 0, ..LEAF }), &ca.pem(), now_s).unwrap();
    }
}

#[test]
fn a_ca_of_its_own_passes_the_same_check() {
    let csr = csr();
    let issued = issue(&csr, "vhsm", "a CA", NOW_S).unwrap();
    check(&csr, &issued.certificate, &issued.trust_anchor, NOW_S).unwrap();
    check(&csr, &issued.certificate, &issued.trust_anchor, NOW_S + 3651 * DAY_S).unwrap();
    let again = issue(&csr, "vhsm", "a CA", NOW_S).unwrap();
    let mixed = check(&csr, &issued.certificate, &again.trust_anchor, NOW_S);
    assert_eq!(error(mixed), CertificateError::WrongSignature);
}

#[test]
fn each_wrong_thing_has_its_own_message() {
    let (csr, other_csr) = (csr(), csr());
    let (root, stranger) = (Ca::new("root", &ROOT), Ca::new("stranger", &ROOT));
    let (same_name, below) = (Ca::new("root", &ROOT), root.below("below"));
    let (signed, anchor) = (root.sign(&csr), root.pem());
    let refused = |certificate: &str, anchor: &str| error(check(&csr, certificate, anchor, NOW_S));

    assert_eq!(refused("none", &anchor), CertificateError::NotPem("SignedCert"));
    assert_eq!(refused(&csr, &anchor), CertificateError::NotPem("SignedCert"));
    assert_eq!(refused(&signed[..signed.len() / 2], &anchor), CertificateError::NotPem("SignedCert"));
    assert_eq!(refused(&signed, ""), CertificateError::NotPem("TrustAnchor"));
    assert_eq!(refused(&signed, &anchor.repeat(2)), CertificateError::Several("TrustAnchor"));
    assert_eq!(refused(&(signed.clone() + &anchor), &anchor), CertificateError::Several("SignedCert"));
    assert_eq!(refused(&root.sign(&other_csr), &anchor), CertificateError::OtherKey);
    assert_eq!(refused(&anchor, &anchor), CertificateError::OtherKey);
    assert_eq!(refused(&below.sign(&csr), &below.pem()), CertificateError::NotSelfSigned);
    let not_issuer = CertificateError::NotIssuer {
        issuer: "O=customer, OU=CA, CN=below".into(),
        anchor: "O=customer, OU=CA, CN=root".into(),
    };
    assert_eq!(refused(&below.sign(&csr), &anchor), not_issuer);
    assert!(matches!(refused(&signed, &stranger.pem()), CertificateError::NotIssuer { .. }));
    assert_eq!(refused(&signed, &same_name.pem()), CertificateError::WrongSignature);
}

#[test]
fn dates_count_for_both() {
    let csr = csr();
    let root = Ca::new("root", &ROOT);
    let refused = |certificate: &str, anchor: &str| error(check(&csr, certificate, anchor, NOW_S));
    let (past, future) = (Form { to_s: NOW_S - 1, ..LEAF }, Form { from_s: NOW_S + 1, ..LEAF });
    let told = |error: CertificateError| match error {
        CertificateError::Expired { what, on } => (what, "expired", on),
        CertificateError::NotYetValid { what, from } => (what, "not yet", from),
        other => panic!("{other}"),
    };
    let (what, how, when) = told(refused(&root.sign_as(&csr, &past), &root.pem()));
    assert_eq!((what, how), ("SignedCert", "expired"));
    assert!(when.contains("2023"), "{when}");
    let (what, how, _) = told(refused(&root.sign_as(&csr, &future), &root.pem()));
    assert_eq!((what, how), ("SignedCert", "not yet"));
    let old = Ca::new("old", &Form { to_s: NOW_S - 1, ..ROOT });
    assert_eq!(told(refused(&old.sign(&csr), &old.pem())).0, "TrustAnchor");
    let new = Ca::new("new", &Form { from_s: NOW_S + 1, ..ROOT });
    assert_eq!(told(refused(&new.sign(&csr), &new.pem())).1, "not yet");
}

#[test]
fn an_anchor_with_extensions_says_that_it_is_a_ca() {
    let csr = csr();
    let refused = |extensions| {
        let ca = Ca::new("root", &Form { extensions, ..ROOT });
        error(check(&csr, &ca.sign(&csr), &ca.pem(), NOW_S))
    };
    assert_eq!(refused(Vec::new), CertificateError::NotCa);
    assert_eq!(refused(|| vec![basic_constraints(false)]), CertificateError::NotCa);
    let usage = || vec![basic_constraints(true), KeyUsage::new().crl_sign().build().unwrap()];
    assert_eq!(refused(usage), CertificateError::NotCa);
}
