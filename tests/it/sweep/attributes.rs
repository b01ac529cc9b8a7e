//! Every attribute, of every class of object, in every call that takes a template, with a value of a size or form that
//! it cannot have.

use super::Report;
use super::attribute_table::{Form, Giving, form, is_secret, may_give};
use super::stock::{Half, Stock, pair_template, value_len};
use super::world::World;
use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;
use vhsm_pkcs11::mechanism::table::TABLE;
use vhsm_pkcs11::object::{known_attributes, known_classes};

/// Attributes that the library does not have: of the specification, and none at all.
const STRANGERS: &[(CK_ATTRIBUTE_TYPE, CK_RV)] = &[
    (CKA_OTP_FORMAT, CKR_TEMPLATE_INCONSISTENT),
    (CKA_PIXEL_X, CKR_TEMPLATE_INCONSISTENT),
    (CKA_HW_FEATURE_TYPE, CKR_TEMPLATE_INCONSISTENT),
    (CKA_VENDOR_DEFINED | 0x7fff_fff0, CKR_ATTRIBUTE_TYPE_INVALID),
    (CK_ATTRIBUTE_TYPE::MAX, CKR_ATTRIBUTE_TYPE_INVALID),
    (0x7fff_fff0, CKR_ATTRIBUTE_TYPE_INVALID),
];

type Values = Vec<(CK_ATTRIBUTE_TYPE, Vec<u8>)>;

/// An object of a class, and the template that makes one like it.
struct Specimen {
    what: String,
    class: CK_OBJECT_CLASS,
    subtype: CK_ULONG,
    object: CK_OBJECT_HANDLE,
    template: Values,
}

/// The attributes that an object of a class is created with, beside its class and type.
fn essentials(class: CK_OBJECT_CLASS, subtype: CK_ULONG) -> &'static [CK_ATTRIBUTE_TYPE] {
    match (class, subtype) {
        (CKO_DATA, _) => &[],
        (CKO_SECRET_KEY, _) => &[CKA_VALUE],
        (CKO_CERTIFICATE, CKC_X_509_ATTR_CERT) => &[CKA_OWNER, CKA_VALUE],
        (CKO_CERTIFICATE, _) => &[CKA_SUBJECT, CKA_VALUE],
        (CKO_PUBLIC_KEY, CKK_RSA) => &[CKA_MODULUS, CKA_PUBLIC_EXPONENT],
        (CKO_PRIVATE_KEY, CKK_RSA) => &[CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_PRIVATE_EXPONENT],
        (CKO_PUBLIC_KEY, CKK_EC | CKK_EC_EDWARDS | CKK_EC_MONTGOMERY) => &[CKA_EC_PARAMS, CKA_EC_POINT],
        (CKO_PRIVATE_KEY, CKK_EC | CKK_EC_EDWARDS | CKK_EC_MONTGOMERY) => &[CKA_EC_PARAMS, CKA_VALUE],
        (CKO_PUBLIC_KEY | CKO_PRIVATE_KEY, CKK_ML_DSA | CKK_ML_KEM) => &[CKA_PARAMETER_SET, CKA_VALUE],
        (CKO_DOMAIN_PARAMETERS, CKK_EC | CKK_EC_EDWARDS | CKK_EC_MONTGOMERY) => &[CKA_EC_PARAMS],
        (CKO_DOMAIN_PARAMETERS, CKK_DH) => &[CKA_PRIME, CKA_BASE],
        (CKO_DOMAIN_PARAMETERS, _) => &[CKA_PRIME, CKA_BASE, CKA_SUBPRIME],
        (class, subtype) => panic!("what makes an object of class {class:#x}, {subtype:#x}?"),
    }
}

fn specimens(world: &World, stock: &Stock) -> Vec<Specimen> {
    let session = world.calls();
    let specimen = |(class, (attribute, subtype))| {
        let key = match class {
            CKO_DOMAIN_PARAMETERS if !matches!(subtype, CKK_DH | CKK_DSA | CKK_X9_42_DH) => {
                Some(stock.key(subtype, Half::Public))
            }
            CKO_SECRET_KEY | CKO_PUBLIC_KEY => Some(stock.key(subtype, Half::Public)),
            CKO_PRIVATE_KEY => Some(stock.key(subtype, Half::Private)),
            _ => None,
        };
        let mut template: Values = vec![(CKA_CLASS, number(class).to_vec())];
        if attribute != CKA_CLASS {
            template.push((attribute, number(subtype).to_vec()));
        }
        for kind in essentials(class, subtype) {
            let value = match *kind {
                CKA_PRIME => Ok(vec![23]),
                CKA_BASE | CKA_SUBPRIME => Ok(vec![11]),
                kind => key.map_or(Ok(b"x".to_vec()), |key| session.get(key, kind)),
            };
            template.push((*kind, value.expect("a stock key tells all")));
        }
        let object = session.create(&pairs(&template)).expect("an object of every class");
        Specimen { what: format!("class {class:#x}, {subtype:#x}"), class, subtype, object, template }
    };
    known_classes().map(specimen).collect()
}

fn pairs(template: &Values) -> Vec<Pair<'_>> {
    template.iter().map(|(kind, value)| (*kind, value.as_slice())).collect()
}

pub fn sweep(world: &World, report: &mut Report) {
    let stock = Stock::new(world);
    let specimens = specimens(world, &stock);
    world.settle_in();
    let kinds: Vec<_> = known_attributes().chain(STRANGERS.iter().map(|(kind, _)| *kind)).collect();
    kinds.iter().for_each(|kind| find(world, report, *kind));
    for specimen in &specimens {
        for (giving, call) in givings(world, specimen) {
            for kind in &kinds {
                give(world, report, specimen, (giving, &call), *kind);
            }
            world.check(report, &format!("{giving:?} of {}", specimen.what), &[]);
        }
        for kind in &kinds {
            get(world, report, specimen, *kind);
        }
        world.check(report, &format!("C_GetAttributeValue of {}", specimen.what), &[]);
    }
    for specimen in specimens {
        expect("destroy", world.calls().destroy(specimen.object), CKR_OK);
    }
    stock.destroy(world);
}

/// Makes the call with a template.
type Call<'w> = Box<dyn Fn(&mut [CK_ATTRIBUTE]) -> CK_RV + 'w>;

/// The calls that make or change objects of the class.
fn givings<'w>(world: &'w World, specimen: &'w Specimen) -> Vec<(Giving, Call<'w>)> {
    let (api, session) = (world.api, world.session);
    let place = world.memory.place(0) as *mut CK_OBJECT_HANDLE;
    let other = world.memory.place(1) as *mut CK_OBJECT_HANDLE;
    let count = |list: &[CK_ATTRIBUTE]| list.len() as CK_ULONG;
    let mut calls: Vec<(Giving, Call)> = vec![
        (
            Giving::Create,
            Box::new(move |list| call!(api, C_CreateObject(session, list.as_mut_ptr(), count(list), place))),
        ),
        (
            Giving::Copy,
            Box::new(move |list| {
                call!(api, C_CopyObject(session, specimen.object, list.as_mut_ptr(), count(list), place))
            }),
        ),
        (
            Giving::Set,
            Box::new(move |list| {
                call!(api, C_SetAttributeValue(session, specimen.object, list.as_mut_ptr(), count(list)))
            }),
        ),
    ];
    let of_type = |row: &&vhsm_pkcs11::mechanism::Mechanism| row.key_types.first() == Some(&specimen.subtype);
    let makes_key = TABLE.iter().filter(of_type).find(|row| row.generate.is_some());
    let makes_pair = TABLE.iter().filter(of_type).find(|row| row.generate_pair.is_some());
    match (specimen.class, makes_key, makes_pair) {
        (CKO_SECRET_KEY, Some(row), _) => calls.push((
            Giving::Generate,
            Box::new(move |list| {
                let by = world.mechanism(row.id) as *mut CK_MECHANISM;
                call!(api, C_GenerateKey(session, by, list.as_mut_ptr(), count(list), place))
            }),
        )),
        (CKO_PUBLIC_KEY, _, Some(row)) => calls.push((
            Giving::Generate,
            Box::new(move |list| {
                let (by, n) = (world.mechanism(row.id) as *mut CK_MECHANISM, count(list));
                call!(api, C_GenerateKeyPair(session, by, list.as_mut_ptr(), n, null_mut(), 0, place, other))
            }),
        )),
        (CKO_PRIVATE_KEY, _, Some(row)) => calls.push((
            Giving::Generate,
            Box::new(move |list| {
                let (kind, value) = pair_template(specimen.subtype);
                let mut public = Attributes::new(&[(kind, &value)]);
                let (by, n) = (world.mechanism(row.id) as *mut CK_MECHANISM, count(list));
                let public = public.as_mut_ptr();
                call!(api, C_GenerateKeyPair(session, by, public, 1, list.as_mut_ptr(), n, place, other))
            }),
        )),
        _ => {}
    }
    if matches!(specimen.class, CKO_SECRET_KEY | CKO_PRIVATE_KEY) {
        calls.push((
            Giving::Unwrap,
            Box::new(move |list| {
                let by = world.mechanism(CKM_AES_KEY_WRAP) as *mut CK_MECHANISM;
                let wrapped = world.memory.kept("wrapped");
                let (from, bytes) = (wrapped.as_ptr().cast_mut(), wrapped.len() as CK_ULONG);
                let (pointer, n) = (list.as_mut_ptr(), count(list));
                call!(api, C_UnwrapKey(session, by, world.key, from, bytes, pointer, n, place))
            }),
        ));
    }
    if specimen.class == CKO_SECRET_KEY {
        calls.push((
            Giving::Derive,
            Box::new(move |list| {
                let by = world.derivation() as *mut CK_MECHANISM;
                call!(api, C_DeriveKey(session, by, world.secret, list.as_mut_ptr(), count(list), place))
            }),
        ));
    }
    calls
}

/// A good template of the call, without the attribute.
fn template(giving: Giving, specimen: &Specimen, without: CK_ATTRIBUTE_TYPE) -> Values {
    let mut template = match giving {
        Giving::Create => specimen.template.clone(),
        Giving::Generate if specimen.class == CKO_SECRET_KEY => {
            let length = value_len(specimen.subtype);
            length.map(|length| (CKA_VALUE_LEN, number(length).to_vec())).into_iter().collect()
        }
        Giving::Generate if specimen.class == CKO_PUBLIC_KEY => vec![pair_template(specimen.subtype)],
        Giving::Generate | Giving::Copy | Giving::Set => Vec::new(),
        Giving::Unwrap | Giving::Derive => {
            vec![
                (CKA_CLASS, number(specimen.class).to_vec()),
                (CKA_KEY_TYPE, number(specimen.subtype).to_vec()),
            ]
        }
    };
    template.retain(|(kind, _)| *kind != without);
    template
}

/// Gives the attribute with every value that it cannot have.
fn give(
    world: &World,
    report: &mut Report,
    specimen: &Specimen,
    (giving, call): (Giving, &Call),
    kind: CK_ATTRIBUTE_TYPE,
) {
    let template = template(giving, specimen, kind);
    let mut try_with = |value: CK_VOID_PTR, length: usize, wanted: CK_RV, what: &str| {
        let attribute = |(kind, value): &(CK_ATTRIBUTE_TYPE, Vec<u8>)| CK_ATTRIBUTE {
            type_: *kind,
            pValue: value.as_ptr().cast_mut().cast(),
            ulValueLen: value.len() as CK_ULONG,
        };
        let mut list: Vec<_> = template.iter().map(attribute).collect();
        list.push(CK_ATTRIBUTE { type_: kind, pValue: value, ulValueLen: length as CK_ULONG });
        let rv = call(&mut list);
        report.code(|| format!("{giving:?} of {} with {kind:#x} {what}", specimen.what), rv, wanted);
    };
    for value in form(kind).map_or(&[&[0u8] as &[u8]][..], Form::wrong) {
        let wanted = code(world, specimen, giving, kind);
        try_with(value.as_ptr().cast_mut().cast(), value.len(), wanted, &format!("{value:?}"));
    }
    let here: CK_VOID_PTR = world.memory.data() as CK_VOID_PTR;
    try_with(null_mut(), 1, CKR_ATTRIBUTE_VALUE_INVALID, "null, with a length");
    try_with(null_mut(), usize::MAX, CKR_ATTRIBUTE_VALUE_INVALID, "null, and endless");
    try_with(here, usize::MAX, CKR_ATTRIBUTE_VALUE_INVALID, "endless");
}

/// What a wrong value of the attribute gets (PKCS#11 3.0 sec. 4.1.1): it is told where the attribute may be given.
fn code(world: &World, specimen: &Specimen, giving: Giving, kind: CK_ATTRIBUTE_TYPE) -> CK_RV {
    if let Some((_, rv)) = STRANGERS.iter().find(|(stranger, _)| *stranger == kind) {
        return *rv;
    }
    let has = match kind {
        CKA_CHECK_VALUE => matches!(specimen.class, CKO_SECRET_KEY | CKO_CERTIFICATE),
        // An empty list is no attribute.
        CKA_ALLOWED_MECHANISMS => {
            matches!(specimen.class, CKO_SECRET_KEY | CKO_PUBLIC_KEY | CKO_PRIVATE_KEY)
        }
        kind => world.calls().get(specimen.object, kind) != Err(CKR_ATTRIBUTE_TYPE_INVALID),
    };
    match kind {
        // A list of attributes is read before it is known whose it shall be.
        _ if form(kind) == Some(Form::Template) => CKR_ATTRIBUTE_VALUE_INVALID,
        _ if !has => CKR_TEMPLATE_INCONSISTENT,
        CKA_UNIQUE_ID if !matches!(giving, Giving::Copy | Giving::Set) => CKR_ATTRIBUTE_TYPE_INVALID,
        kind if !may_give(giving, specimen.class, kind) => CKR_ATTRIBUTE_READ_ONLY,
        _ => CKR_ATTRIBUTE_VALUE_INVALID,
    }
}

/// A search with such a value finds nothing.
fn find(world: &World, report: &mut Report, kind: CK_ATTRIBUTE_TYPE) {
    for value in form(kind).map_or(&[&[0u8] as &[u8]][..], Form::wrong) {
        // An attribute that may be empty is found by what it is.
        let may_be_so = value.is_empty() && !matches!(form(kind), Some(Form::Flag | Form::Number));
        let found = world.calls().find(&[(kind, value)]);
        // A list of attributes is read, and this is none.
        let wanted = match form(kind) {
            Some(Form::Template) => Err(CKR_ATTRIBUTE_VALUE_INVALID),
            _ => Ok(Vec::new()),
        };
        report.check(may_be_so || found == wanted, || format!("search for {kind:#x} {value:?}: {found:?}"));
    }
    let mut attribute = CK_ATTRIBUTE { type_: kind, pValue: null_mut(), ulValueLen: 1 };
    let rv = call!(world.api, C_FindObjectsInit(world.session, &mut attribute, 1));
    report.code(|| format!("search for {kind:#x} null"), rv, CKR_ATTRIBUTE_VALUE_INVALID);
}

/// Reads the attribute into too little room, into enough and into more.
fn get(world: &World, report: &mut Report, specimen: &Specimen, kind: CK_ATTRIBUTE_TYPE) {
    let read = |value: CK_VOID_PTR, room: CK_ULONG| {
        let mut attribute = CK_ATTRIBUTE { type_: kind, pValue: value, ulValueLen: room };
        let rv = call!(world.api, C_GetAttributeValue(world.session, specimen.object, &mut attribute, 1));
        (rv, attribute.ulValueLen)
    };
    let out = || world.memory.framed_out() as CK_VOID_PTR;
    let what = |room: CK_ULONG| format!("{kind:#x} of {} into {room}", specimen.what);
    let (rv, needed) = read(null_mut(), 0);
    if rv != CKR_OK {
        // Objects are sensitive where their templates do not say otherwise.
        let is_secret = is_secret(specimen.class, kind) && rv == CKR_ATTRIBUTE_SENSITIVE;
        let wanted = if is_secret { CKR_ATTRIBUTE_SENSITIVE } else { CKR_ATTRIBUTE_TYPE_INVALID };
        report.code(|| format!("{kind:#x} of {}", specimen.what), rv, wanted);
        let again = read(out(), 64);
        report.check(again == (rv, CK_UNAVAILABLE_INFORMATION), || format!("{}: {again:?}", what(64)));
        report.check(world.memory.is_frame_whole(0), || format!("{}: it was written", what(64)));
        return;
    }
    for room in [0, 1, needed.saturating_sub(1)].into_iter().filter(|room| *room < needed) {
        let short = read(out(), room);
        let wanted = (CKR_BUFFER_TOO_SMALL, CK_UNAVAILABLE_INFORMATION);
        report.check(short == wanted, || format!("{}: {short:?}", what(room)));
        report.check(world.memory.is_frame_whole(0), || format!("{}: it was written", what(room)));
    }
    for room in [needed, needed + 1, CK_ULONG::MAX >> 1] {
        let whole = read(out(), room);
        report.check(whole == (CKR_OK, needed), || format!("{}: {whole:?}", what(room)));
        let kept = world.memory.is_frame_whole(needed as usize);
        report.check(kept, || format!("{}: written beyond it", what(room)));
    }
}

#[test]
fn every_attribute_has_a_form() {
    for kind in known_attributes() {
        assert!(form(kind).is_some(), "which form has the value of attribute {kind:#x}?");
    }
}

#[test]
fn a_value_of_the_wrong_size_gets_its_code_in_every_call() {
    let world = World::new();
    let mut report = Report::default();
    sweep(&world, &mut report);
    report.finish();
}
