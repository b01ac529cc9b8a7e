//! Profile `cloudhsm`: what templates may say of keys, by every row of the profile's table; defaults, sizes, certificates.

use crate::support::*;
use cryptoki_sys::*;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::rsa::Rsa;
use vhsm_pkcs11::profile::vendor::*;
use vhsm_pkcs11::profile::{ATTRIBUTES, Given, KEY_KINDS, KeyRules, Making, Shown};

const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// An attribute with a value that its own.
type Owned = (CK_ATTRIBUTE_TYPE, Vec<u8>);

/// Parts of keys to import, beside class and type.
struct Parts {
    rsa: Vec<Owned>,
    ec: Vec<Owned>,
}

impl Parts {
    fn new() -> Parts {
        let rsa = Rsa::generate(2048).unwrap();
        let part = |part: Option<&openssl::bn::BigNumRef>| part.unwrap().to_vec();
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let ec = EcKey::generate(&group).unwrap();
        let mut context = openssl::bn::BigNumContext::new().unwrap();
        let form = openssl::ec::PointConversionForm::UNCOMPRESSED;
        let point = ec.public_key().to_bytes(&group, form, &mut context).unwrap();
        Parts {
            rsa: vec![
                (CKA_MODULUS, rsa.n().to_vec()),
                (CKA_PUBLIC_EXPONENT, rsa.e().to_vec()),
                (CKA_PRIVATE_EXPONENT, rsa.d().to_vec()),
                (CKA_PRIME_1, part(rsa.p())),
                (CKA_PRIME_2, part(rsa.q())),
                (CKA_EXPONENT_1, part(rsa.dmp1())),
                (CKA_EXPONENT_2, part(rsa.dmq1())),
                (CKA_COEFFICIENT, part(rsa.iqmp())),
            ],
            ec: vec![
                (CKA_EC_PARAMS, P256.to_vec()),
                (CKA_EC_POINT, [&[0x04, 0x41][..], &point].concat()),
                (CKA_VALUE, ec.private_key().to_vec_padded(32).unwrap()),
            ],
        }
    }
}

/// The session that makes keys, and what it makes them of.
struct Maker<'m> {
    session: Session<'m>,
    parts: Parts,
    wrapping: CK_OBJECT_HANDLE,
    wrapped: Vec<(usize, Vec<u8>)>,
}

impl<'m> Maker<'m> {
    fn new(session: Session<'m>) -> Maker<'m> {
        let wrapping = session.aes_key(&[(CKA_WRAP, YES), (CKA_UNWRAP, YES)]);
        let mut maker = Maker { session, parts: Parts::new(), wrapping, wrapped: Vec::new() };
        for (kind, (.., key_type)) in KEY_KINDS.iter().enumerate() {
            if !maker.is_possible(Making::Unwrap, kind) {
                continue;
            }
            let mut template = maker.base(Making::Create, kind);
            if *key_type == CKK_RSA {
                template.extend(maker.parts.rsa[3..].iter().cloned());
            }
            let key = maker.session.create(&borrowed(&template)).unwrap();
            let by = Mechanism::plain(CKM_CLOUDHSM_AES_KEY_WRAP_ZERO_PAD);
            maker.wrapped.push((kind, maker.session.wrap(by, wrapping, key).unwrap()));
        }
        maker
    }

    /// Public keys are neither unwrapped nor derived; what is derived has tests of its own.
    fn is_possible(&self, making: Making, kind: usize) -> bool {
        let class = KEY_KINDS[kind].1;
        match making {
            Making::Unwrap => class != CKO_PUBLIC_KEY,
            Making::Derive => false,
            _ => true,
        }
    }

    /// What must be given, class and type too.
    fn base(&self, making: Making, kind: usize) -> Vec<Owned> {
        let (_, class, key_type) = KEY_KINDS[kind];
        let rules = KeyRules::of(class, key_type).unwrap();
        let mut kinds: Vec<_> = rules.required(making).collect();
        for always in [CKA_CLASS, CKA_KEY_TYPE] {
            if !kinds.contains(&always) {
                kinds.push(always);
            }
        }
        kinds.into_iter().map(|attribute| (attribute, self.value(kind, attribute))).collect()
    }

    /// A value that the attribute may have; of a flag, the default of keys that are made in no way but generation.
    fn value(&self, kind: usize, attribute: CK_ATTRIBUTE_TYPE) -> Vec<u8> {
        let (_, class, key_type) = KEY_KINDS[kind];
        let parts = if key_type == CKK_RSA { &self.parts.rsa } else { &self.parts.ec };
        match attribute {
            CKA_CLASS => number(class).to_vec(),
            CKA_KEY_TYPE => number(key_type).to_vec(),
            CKA_LABEL | CKA_ID => b"some text".to_vec(),
            CKA_MODULUS_BITS => number(2048).to_vec(),
            CKA_VALUE_LEN => number(32).to_vec(),
            CKA_PUBLIC_EXPONENT => vec![1, 0, 1],
            CKA_CHECK_VALUE => vec![1, 2, 3],
            CKA_WRAP_TEMPLATE | CKA_UNWRAP_TEMPLATE => Vec::new(),
            CKA_VALUE if key_type == CKK_DES3 => [1, 2, 4].repeat(8),
            CKA_VALUE if class == CKO_SECRET_KEY => vec![7; 32],
            _ => match parts.iter().find(|(part, _)| *part == attribute) {
                Some((_, value)) => value.clone(),
                None => vec![u8::from(default_of(Making::Create, kind, attribute))],
            },
        }
    }

    /// Makes a key; of a pair, the half that `kind` says. The template of the other half is its base.
    fn make(&self, making: Making, kind: usize, template: &[Owned]) -> Result<CK_OBJECT_HANDLE, CK_RV> {
        let (_, class, key_type) = KEY_KINDS[kind];
        let pairs = borrowed(template);
        match (making, class) {
            (Making::Create, _) => self.session.create(&pairs),
            (Making::Generate, CKO_SECRET_KEY) => {
                let by = match key_type {
                    CKK_AES => CKM_AES_KEY_GEN,
                    CKK_DES3 => CKM_DES3_KEY_GEN,
                    _ => CKM_GENERIC_SECRET_KEY_GEN,
                };
                self.session.generate(Mechanism::plain(by), &pairs)
            }
            (Making::Generate, _) => {
                let by = if key_type == CKK_RSA { CKM_RSA_PKCS_KEY_PAIR_GEN } else { CKM_EC_KEY_PAIR_GEN };
                let half = if class == CKO_PUBLIC_KEY { kind - 1 } else { kind + 1 };
                let other = self.base(making, half);
                let other = borrowed(&other);
                match class {
                    CKO_PUBLIC_KEY => {
                        self.session.generate_pair(Mechanism::plain(by), &pairs, &other).map(|pair| pair.0)
                    }
                    _ => self.session.generate_pair(Mechanism::plain(by), &other, &pairs).map(|pair| pair.1),
                }
            }
            _ => {
                let wrapped = &self.wrapped.iter().find(|(of, _)| *of == kind).unwrap().1;
                let by = Mechanism::plain(CKM_CLOUDHSM_AES_KEY_WRAP_ZERO_PAD);
                self.session.unwrap(by, self.wrapping, wrapped, &pairs)
            }
        }
    }
}

fn borrowed(template: &[Owned]) -> Vec<Pair<'_>> {
    template.iter().map(|(kind, value)| (*kind, &value[..])).collect()
}

/// The guide's defaults, said once more.
fn default_of(making: Making, kind: usize, attribute: CK_ATTRIBUTE_TYPE) -> bool {
    let generated = making == Making::Generate;
    match attribute {
        CKA_PRIVATE | CKA_MODIFIABLE | CKA_DESTROYABLE | CKA_SENSITIVE | CKA_EXTRACTABLE => true,
        CKA_LOCAL => matches!(making, Making::Generate | Making::Derive),
        CKA_SIGN | CKA_VERIFY => generated && KEY_KINDS[kind].1 == CKO_SECRET_KEY,
        CKA_ALWAYS_SENSITIVE => generated,
        _ => false,
    }
}

fn is_flag(attribute: CK_ATTRIBUTE_TYPE) -> bool {
    let others = [
        CKA_CLASS,
        CKA_KEY_TYPE,
        CKA_LABEL,
        CKA_ID,
        CKA_WRAP_TEMPLATE,
        CKA_UNWRAP_TEMPLATE,
        CKA_MODULUS,
        CKA_MODULUS_BITS,
        CKA_PRIME_1,
        CKA_PRIME_2,
        CKA_COEFFICIENT,
        CKA_EXPONENT_1,
        CKA_EXPONENT_2,
        CKA_PRIVATE_EXPONENT,
        CKA_PUBLIC_EXPONENT,
        CKA_EC_PARAMS,
        CKA_EC_POINT,
        CKA_VALUE,
        CKA_VALUE_LEN,
        CKA_CHECK_VALUE,
    ];
    !others.contains(&attribute)
}

/// 3DES is there outside FIPS mode.
fn every_kind() -> CloudHsm {
    CloudHsm::with(2, "fips = false")
}

fn for_every_making(mut check: impl FnMut(&Maker, Making, usize, &str)) {
    let hsm = every_kind();
    let maker = Maker::new(hsm.user());
    for making in [Making::Generate, Making::Create, Making::Unwrap] {
        for (kind, (name, ..)) in KEY_KINDS.iter().enumerate() {
            if maker.is_possible(making, kind) {
                check(&maker, making, kind, &format!("{making:?} {name}"));
            }
        }
    }
}

fn given(making: Making, kind: usize, attribute: CK_ATTRIBUTE_TYPE) -> Given {
    let (_, class, key_type) = KEY_KINDS[kind];
    KeyRules::of(class, key_type).unwrap().given(making, attribute)
}

#[test]
fn what_a_template_may_give_it_may() {
    for_every_making(|maker, making, kind, what| {
        let mut template = maker.base(making, kind);
        for row in ATTRIBUTES {
            let has = template.iter().any(|(attribute, _)| *attribute == row.kind);
            let may = matches!(given(making, kind, row.kind), Given::May | Given::DefaultOnly);
            // Templates in templates have tests of their own.
            if may && !has && !matches!(row.kind, CKA_WRAP_TEMPLATE | CKA_UNWRAP_TEMPLATE) {
                template.push((row.kind, maker.value(kind, row.kind)));
            }
        }
        let made = maker.make(making, kind, &template).unwrap_or_else(|rv| panic!("{what}: {}", name(rv)));
        assert_eq!(maker.session.get(made, CKA_LABEL).as_deref(), Ok(&b"some text"[..]), "{what}");
    });
}

#[test]
fn what_a_template_may_not_give_is_refused_by_its_code() {
    for_every_making(|maker, making, kind, what| {
        let base = maker.base(making, kind);
        for row in ATTRIBUTES {
            let more = |value: Vec<u8>| [&base[..], &[(row.kind, value)]].concat();
            let value = maker.value(kind, row.kind);
            let (template, wanted) = match given(making, kind, row.kind) {
                Given::May => continue,
                Given::ReadOnly => (more(value), CKR_ATTRIBUTE_READ_ONLY),
                Given::Never => (more(value), CKR_TEMPLATE_INCONSISTENT),
                Given::DefaultOnly => (more(vec![1 - value[0]]), CKR_TEMPLATE_INCONSISTENT),
                Given::Must => {
                    let kept = base.iter().filter(|(attribute, _)| *attribute != row.kind);
                    (kept.cloned().collect(), CKR_TEMPLATE_INCOMPLETE)
                }
            };
            let rv = maker.make(making, kind, &template).expect_err("refused");
            expect(&format!("{what}, {}", row.name), rv, wanted);
        }
        // What the guide does not name, and what is no attribute.
        for (attribute, value, wanted) in [
            (CKA_START_DATE, &b"20250101"[..], CKR_TEMPLATE_INCONSISTENT),
            (CKA_COPYABLE, YES, CKR_TEMPLATE_INCONSISTENT),
            (CKA_ALLOWED_MECHANISMS, &number(CKM_AES_ECB), CKR_TEMPLATE_INCONSISTENT),
            (CKA_KEY_GEN_MECHANISM, &number(CKM_AES_ECB), CKR_TEMPLATE_INCONSISTENT),
            (CKA_VENDOR_DEFINED | 0x4711, YES, CKR_ATTRIBUTE_TYPE_INVALID),
        ] {
            let template = [&base[..], &[(attribute, value.to_vec())]].concat();
            let rv = maker.make(making, kind, &template).expect_err("refused");
            expect(&format!("{what}, {attribute:#x}"), rv, wanted);
        }
    });
}

#[test]
fn what_no_template_says_is_the_guides_default() {
    for_every_making(|maker, making, kind, what| {
        let (_, class, key_type) = KEY_KINDS[kind];
        let rules = KeyRules::of(class, key_type).unwrap();
        let key = maker.make(making, kind, &maker.base(making, kind)).unwrap();
        for row in ATTRIBUTES.iter().filter(|row| is_flag(row.kind) && rules.shown(row.kind) == Shown::Yes) {
            let wanted = default_of(making, kind, row.kind);
            assert_eq!(maker.session.flag(key, row.kind), wanted, "{what}, {}", row.name);
        }
        for text in [CKA_LABEL, CKA_ID] {
            assert_eq!(maker.session.get(key, text), Ok(vec![]), "{what}");
        }
    });
}

#[test]
fn what_is_not_the_guides_is_not_read() {
    for_every_making(|maker, making, kind, what| {
        let (_, class, key_type) = KEY_KINDS[kind];
        let rules = KeyRules::of(class, key_type).unwrap();
        let key = maker.make(making, kind, &maker.base(making, kind)).unwrap();
        for row in ATTRIBUTES {
            let got = maker.session.get(key, row.kind);
            let what = format!("{what}, {}", row.name);
            match (rules.shown(row.kind), row.kind) {
                (Shown::No, _) => assert_eq!(got, Err(CKR_ATTRIBUTE_TYPE_INVALID), "{what}"),
                (Shown::Sensitive, _) => assert_eq!(got, Err(CKR_ATTRIBUTE_SENSITIVE), "{what}"),
                (_, CKA_VALUE) => assert_eq!(got, Err(CKR_ATTRIBUTE_SENSITIVE), "{what}"),
                // Check values are those of secret keys.
                (_, CKA_CHECK_VALUE) => assert_eq!(got.is_ok(), class == CKO_SECRET_KEY, "{what}: {got:?}"),
                (_, CKA_WRAP_TEMPLATE | CKA_UNWRAP_TEMPLATE) => {}
                (Shown::Yes, _) => assert!(got.is_ok(), "{what}: {got:?}"),
            }
        }
        for other in [CKA_UNIQUE_ID, CKA_COPYABLE, CKA_START_DATE, CKA_KEY_GEN_MECHANISM, CKA_SUBJECT] {
            assert_eq!(maker.session.get(key, other), Err(CKR_ATTRIBUTE_TYPE_INVALID), "{what} {other:#x}");
        }
    });
}

#[test]
fn a_secret_that_is_not_sensitive_can_be_read() {
    let hsm = CloudHsm::new();
    let session = hsm.user();
    let key = session.aes_key(&[(CKA_SENSITIVE, NO)]);
    assert_eq!(session.get(key, CKA_VALUE).unwrap().len(), 32);
    assert_eq!(session.get(key, CKA_VALUE_LEN).unwrap(), number(32));
    assert_eq!(session.get(session.aes_key(&[]), CKA_VALUE), Err(CKR_ATTRIBUTE_SENSITIVE));
}

/// All attributes of a call are answered, those too behind one that is not.
#[test]
fn a_call_fills_what_it_can() {
    let hsm = CloudHsm::new();
    let session = hsm.user();
    let key = session.aes_key(&[]);
    let mut class = 0u64;
    let pointer = (&raw mut class).cast();
    let mut template = [
        CK_ATTRIBUTE { type_: CKA_UNIQUE_ID, pValue: pointer, ulValueLen: 8 },
        CK_ATTRIBUTE { type_: CKA_CLASS, pValue: pointer, ulValueLen: 8 },
    ];
    let rv = call!(session.api, C_GetAttributeValue(session.handle, key, template.as_mut_ptr(), 2));
    expect("get", rv, CKR_ATTRIBUTE_TYPE_INVALID);
    assert_eq!(template[0].ulValueLen, CK_UNAVAILABLE_INFORMATION);
    assert_eq!((template[1].ulValueLen, class), (8, CKO_SECRET_KEY));
}

#[test]
fn sizes_are_the_guides() {
    let hsm = CloudHsm::new();
    let session = hsm.user();
    let generic = |bytes: u64| {
        let length = number(bytes);
        session.generate(Mechanism::plain(CKM_GENERIC_SECRET_KEY_GEN), &[(CKA_VALUE_LEN, &length)]).map(drop)
    };
    assert_eq!([generic(1), generic(800)], [Ok(()), Ok(())]);
    assert_eq!([generic(0), generic(801)], [Err(CKR_ATTRIBUTE_VALUE_INVALID); 2]);
    let (class, kind) = (number(CKO_SECRET_KEY), number(CKK_GENERIC_SECRET));
    let import = |bytes: usize| {
        session.create(&[(CKA_CLASS, &class), (CKA_KEY_TYPE, &kind), (CKA_VALUE, &vec![1; bytes])]).map(drop)
    };
    assert_eq!([import(800), import(801)], [Ok(()), Err(CKR_ATTRIBUTE_VALUE_INVALID)]);
    let aes = |bytes: u64| {
        let length = number(bytes);
        session.generate(Mechanism::plain(CKM_AES_KEY_GEN), &[(CKA_VALUE_LEN, &length)]).map(drop)
    };
    assert_eq!([aes(16), aes(24), aes(32)], [Ok(()); 3]);
    assert_eq!([aes(0), aes(17), aes(64)], [Err(CKR_ATTRIBUTE_VALUE_INVALID); 3]);

    let rsa = |bits: u64| {
        let public: [Pair; 2] = [(CKA_MODULUS_BITS, &number(bits)), (CKA_PUBLIC_EXPONENT, &[1, 0, 1])];
        session.generate_pair(Mechanism::plain(CKM_RSA_PKCS_KEY_PAIR_GEN), &public, &[]).map(drop)
    };
    assert_eq!([rsa(2048), rsa(2304)], [Ok(()); 2]);
    for bits in [0, 1024, 1792, 2049, 2176, 4352, 8192] {
        assert_eq!(rsa(bits), Err(CKR_ATTRIBUTE_VALUE_INVALID), "{bits}");
    }
    let public = |bits: i32| {
        let mut modulus = BigNum::new().unwrap();
        modulus.set_bit(bits - 1).unwrap();
        modulus.set_bit(0).unwrap();
        let (class, kind) = (number(CKO_PUBLIC_KEY), number(CKK_RSA));
        let parts: [Pair; 4] = [
            (CKA_CLASS, &class),
            (CKA_KEY_TYPE, &kind),
            (CKA_MODULUS, &modulus.to_vec()),
            (CKA_PUBLIC_EXPONENT, &[1, 0, 1]),
        ];
        session.create(&parts).map(drop)
    };
    assert_eq!([public(2048), public(4096)], [Ok(()); 2]);
    assert_eq!([public(2056), public(2176), public(5120)], [Err(CKR_ATTRIBUTE_VALUE_INVALID); 3]);

    let label = |bytes| {
        let (length, label) = (number(32), vec![b'x'; bytes]);
        let template: [Pair; 2] = [(CKA_VALUE_LEN, &length), (CKA_LABEL, &label)];
        session.generate(Mechanism::plain(CKM_AES_KEY_GEN), &template).map(drop)
    };
    assert_eq!([label(127), label(128)], [Ok(()), Err(CKR_ATTRIBUTE_VALUE_INVALID)]);
}

#[test]
fn other_objects_are_none_of_the_profiles() {
    let hsm = CloudHsm::new();
    let session = hsm.user();
    let make = |class, kind: Option<CK_ULONG>| {
        let (class, kind) = (number(class), kind.map(number));
        let mut template: Vec<Pair> = vec![(CKA_CLASS, &class), (CKA_VALUE, &[7; 24])];
        template.extend(kind.iter().map(|kind| (CKA_KEY_TYPE, &kind[..])));
        session.create(&template)
    };
    for (class, kind) in [
        (CKO_DATA, None),
        (CKO_SECRET_KEY, Some(CKK_SHA256_HMAC)),
        (CKO_SECRET_KEY, Some(CKK_CHACHA20)),
        (CKO_SECRET_KEY, Some(CKK_DES3)),
        (CKO_PRIVATE_KEY, Some(CKK_EC_EDWARDS)),
    ] {
        let rv = make(class, kind).unwrap_err();
        expect(&format!("{class} {kind:?}"), rv, CKR_TEMPLATE_INCONSISTENT);
    }
    assert!(make(CKO_SECRET_KEY, Some(CKK_AES)).is_ok());
}

/// X.509 certificates, as certificate storage takes them.
fn certificate(session: &Session, more: &[Pair]) -> Result<CK_OBJECT_HANDLE, CK_RV> {
    let (class, kind) = (number(CKO_CERTIFICATE), number(CKC_X_509));
    let base: [Pair; 4] = [
        (CKA_CLASS, &class),
        (CKA_CERTIFICATE_TYPE, &kind),
        (CKA_SUBJECT, b"subject"),
        (CKA_VALUE, b"certificate"),
    ];
    let kept = base.iter().filter(|(kind, _)| !more.iter().any(|(other, _)| other == kind));
    session.create(&kept.chain(more).filter(|(_, value)| *value != b"none").copied().collect::<Vec<_>>())
}

#[test]
fn certificates_are_there_where_the_setting_says_so() {
    let hsm = CloudHsm::new();
    expect("off", certificate(&hsm.open(), &[]).unwrap_err(), CKR_TEMPLATE_INCONSISTENT);
    drop(hsm);

    let hsm = CloudHsm::with(2, "enable_certificate_storage = true");
    let session = hsm.open();
    let made = certificate(&session, &[(CKA_LABEL, b"one"), (CKA_ID, b"id")]).expect("without a login");
    for (flag, wanted) in [
        (CKA_TOKEN, true),
        (CKA_MODIFIABLE, true),
        (CKA_PRIVATE, false),
        (CKA_COPYABLE, false),
        (CKA_DESTROYABLE, true),
        (CKA_TRUSTED, false),
    ] {
        assert_eq!(session.flag(made, flag), wanted, "{flag:#x}");
        let (same, other) = if wanted { (YES, NO) } else { (NO, YES) };
        assert!(certificate(&session, &[(flag, same)]).is_ok(), "{flag:#x}");
        expect(
            &format!("{flag:#x}"),
            certificate(&session, &[(flag, other)]).unwrap_err(),
            CKR_TEMPLATE_INCONSISTENT,
        );
    }
    let long = vec![1; 40_000];
    for (attribute, value, wanted) in [
        (CKA_CERTIFICATE_CATEGORY, &number(CK_CERTIFICATE_CATEGORY_AUTHORITY)[..], CKR_TEMPLATE_INCONSISTENT),
        (CKA_CERTIFICATE_TYPE, &number(CKC_X_509_ATTR_CERT), CKR_TEMPLATE_INCONSISTENT),
        (CKA_URL, b"http://example.com", CKR_TEMPLATE_INCONSISTENT),
        (CKA_CHECK_VALUE, &[1, 2, 3], CKR_ATTRIBUTE_READ_ONLY),
        (CKA_SUBJECT, b"none", CKR_TEMPLATE_INCOMPLETE),
        (CKA_VALUE, b"none", CKR_TEMPLATE_INCOMPLETE),
        (CKA_VALUE, &long[..(32 << 10) + 1], CKR_ATTRIBUTE_VALUE_INVALID),
        (CKA_ID, &long[..129], CKR_ATTRIBUTE_VALUE_INVALID),
        (CKA_LABEL, &long[..128], CKR_ATTRIBUTE_VALUE_INVALID),
        (CKA_PUBLIC_KEY_INFO, &long[..(16 << 10) + 1], CKR_ATTRIBUTE_VALUE_INVALID),
    ] {
        let rv = certificate(&session, &[(attribute, value)]).unwrap_err();
        expect(&format!("{attribute:#x} of {} bytes", value.len()), rv, wanted);
    }
    let whole: [Pair; 6] = [
        (CKA_CERTIFICATE_CATEGORY, &number(CK_CERTIFICATE_CATEGORY_UNSPECIFIED)),
        (CKA_START_DATE, b"20250101"),
        (CKA_END_DATE, b"20300101"),
        (CKA_ISSUER, b"issuer"),
        (CKA_SERIAL_NUMBER, b"serial"),
        (CKA_VALUE, &long[..32 << 10]),
    ];
    assert!(certificate(&session, &whole).is_ok());

    // Certificates can be changed, keys cannot.
    expect("set", session.set(made, &[(CKA_LABEL, b"another")]), CKR_OK);
    assert_eq!(session.get(made, CKA_LABEL).as_deref(), Ok(&b"another"[..]));
    let user = hsm.user();
    let key = user.aes_key(&[]);
    expect("a key", user.set(key, &[(CKA_LABEL, b"another")]), CKR_FUNCTION_NOT_SUPPORTED);
    let kept = user.aes_key(&[(CKA_TOKEN, YES)]);
    expect("a token key", user.set(kept, &[(CKA_LABEL, b"another")]), CKR_FUNCTION_NOT_SUPPORTED);
    expect("destroy", session.destroy(made), CKR_OK);
}
