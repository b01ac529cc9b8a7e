//! Keys on the short Weierstrass curves of NIST SP 800-186 and SEC 2, on AWS-LC.
//!
//! Called by: object (keys from attributes and back), mechanism.

use super::fault;
use super::pkey::{PrivateKey, PublicKey};
use crate::error::{Error, ObjectError};
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey, EcPoint, PointConversionForm};
use openssl::nid::Nid;
use openssl::pkey::PKey;
use zeroize::Zeroizing;

/// The curves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curve {
    P224,
    P256,
    P384,
    P521,
    Secp256k1,
}

/// DER's tags of the two forms in which CKA_EC_PARAMS names a curve, and of a point's wrapping.
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const PRINTABLE_STRING: u8 = 0x13;

/// How CKA_EC_PARAMS names a curve.
pub(super) enum CurveName<'a> {
    /// An object identifier, in DER.
    Oid(&'a [u8]),
    Printable(&'a [u8]),
}

impl<'a> CurveName<'a> {
    /// Errors: `DomainParams`: the ecParameters and implicitlyCA forms of PKCS#11 3.2, Elliptic Curve, or none at all.
    pub(super) fn of(der: &'a [u8]) -> Result<Self, ObjectError> {
        match der {
            [tag, length @ 1..0x80, name @ ..] if usize::from(*length) == name.len() => match *tag {
                OBJECT_IDENTIFIER => Ok(CurveName::Oid(der)),
                PRINTABLE_STRING => Ok(CurveName::Printable(name)),
                _ => Err(ObjectError::DomainParams),
            },
            _ => Err(ObjectError::DomainParams),
        }
    }

    pub(super) fn is(&self, oids: &[&[u8]], names: &[&str]) -> bool {
        match self {
            CurveName::Oid(oid) => oids.contains(oid),
            CurveName::Printable(name) => names.iter().any(|own| own.as_bytes() == *name),
        }
    }
}

impl Curve {
    pub const ALL: [Curve; 5] = [Curve::P224, Curve::P256, Curve::P384, Curve::P521, Curve::Secp256k1];

    fn nid(self) -> Nid {
        match self {
            Curve::P224 => Nid::SECP224R1,
            Curve::P256 => Nid::X9_62_PRIME256V1,
            Curve::P384 => Nid::SECP384R1,
            Curve::P521 => Nid::SECP521R1,
            Curve::Secp256k1 => Nid::SECP256K1,
        }
    }

    /// The namedCurve form of ECParameters (RFC 5480 sec. 2.1.1), in DER.
    pub fn oid_der(self) -> &'static [u8] {
        match self {
            Curve::P224 => &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x21],
            Curve::P256 => &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
            Curve::P384 => &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22],
            Curve::P521 => &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23],
            Curve::Secp256k1 => &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a],
        }
    }

    /// The names that the curveName form may have: of SEC 2, ANSI X9.62 and NIST.
    fn names(self) -> &'static [&'static str] {
        match self {
            Curve::P224 => &["secp224r1", "P-224"],
            Curve::P256 => &["secp256r1", "prime256v1", "P-256"],
            Curve::P384 => &["secp384r1", "P-384"],
            Curve::P521 => &["secp521r1", "P-521"],
            Curve::Secp256k1 => &["secp256k1"],
        }
    }

    /// The curve that CKA_EC_PARAMS names, by its OID or as a PrintableString. Errors: `Curve`, `DomainParams`.
    pub fn from_params(der: &[u8]) -> Result<Curve, ObjectError> {
        let name = CurveName::of(der)?;
        Curve::ALL
            .into_iter()
            .find(|curve| name.is(&[curve.oid_der()], curve.names()))
            .ok_or(ObjectError::Curve)
    }

    /// Bytes of a private key, of a coordinate, and of half a signature.
    pub fn bytes(self) -> usize {
        match self {
            Curve::P224 => 28,
            Curve::P256 | Curve::Secp256k1 => 32,
            Curve::P384 => 48,
            Curve::P521 => 66,
        }
    }

    fn group(self) -> Option<EcGroup> {
        EcGroup::from_curve_name(self.nid()).ok()
    }

    pub(super) fn of(group: &openssl::ec::EcGroupRef) -> Option<Curve> {
        let nid = group.curve_name()?;
        Curve::ALL.into_iter().find(|curve| curve.nid() == nid)
    }
}

/// A new pair.
pub fn generate(curve: Curve) -> Result<PrivateKey, Error> {
    let group = EcGroup::from_curve_name(curve.nid()).map_err(fault)?;
    let key = EcKey::generate(&group).map_err(fault)?;
    PKey::from_ec_key(key).map(PrivateKey).map_err(fault)
}

/// The octets of a point, out of the OCTET STRING that CKA_EC_POINT wraps them in; bare octets are allowed too. Which
/// of both it is their length tells, for the first byte of an uncompressed point is that of an OCTET STRING. `None`:
/// not as long as a point of the curve in any form.
pub fn octets_of_point(curve: Curve, given: &[u8]) -> Option<&[u8]> {
    octets_of(given, &[1 + curve.bytes(), 1 + 2 * curve.bytes()])
}

/// As `octets_of_point`, of octets of one of these lengths.
pub(super) fn octets_of<'a>(given: &'a [u8], lengths: &[usize]) -> Option<&'a [u8]> {
    if lengths.contains(&given.len()) {
        return Some(given);
    }
    let octets = match given {
        [OCTET_STRING, length @ ..=0x7f, octets @ ..] if usize::from(*length) == octets.len() => octets,
        [OCTET_STRING, 0x81, length @ 0x80..=0xff, octets @ ..] if usize::from(*length) == octets.len() => {
            octets
        }
        _ => return None,
    };
    lengths.contains(&octets.len()).then_some(octets)
}

/// A point as CKA_EC_POINT has it: a DER OCTET STRING.
pub fn point_as_der(point: &[u8]) -> Vec<u8> {
    let length = point.len() as u8;
    let head: &[u8] = if length < 0x80 { &[OCTET_STRING, length] } else { &[OCTET_STRING, 0x81, length] };
    [head, point].concat()
}

/// The public key of a point, compressed or not (SEC 1 sec. 2.3.3). `None` if it is not on the curve, or in the hybrid
/// form, which AWS-LC would take.
pub fn public(curve: Curve, point: &[u8]) -> Option<PublicKey> {
    if !matches!(point, [2..=4, ..]) {
        return None;
    }
    let group = curve.group()?;
    let point = EcPoint::from_bytes(&group, point, &mut *BigNumContext::new().ok()?).ok()?;
    let key = EcKey::from_public_key(&group, &point).ok()?;
    key.check_key().ok()?;
    PKey::from_ec_key(key).ok().map(PublicKey)
}

/// The private key of a number. `None` if it is not from 1 to the group's order - 1.
pub fn private(curve: Curve, scalar: &[u8]) -> Option<PrivateKey> {
    let group = curve.group()?;
    let number = BigNum::from_slice(scalar).ok()?;
    let mut order = BigNum::new().ok()?;
    let mut context = BigNumContext::new().ok()?;
    group.order(&mut order, &mut context).ok()?;
    if number.num_bits() == 0 || number >= order {
        return None;
    }
    let mut point = EcPoint::new(&group).ok()?;
    point.mul_generator2(&group, &number, &mut context).ok()?;
    let key = EcKey::from_private_components(&group, &number, &point).ok()?;
    PKey::from_ec_key(key).ok().map(PrivateKey)
}

/// The curve and the uncompressed point of a public key. `None`: not a key of these curves.
pub fn public_point(key: &PublicKey) -> Option<(Curve, Vec<u8>)> {
    let key = key.0.ec_key().ok()?;
    let curve = Curve::of(key.group())?;
    let mut context = BigNumContext::new().ok()?;
    let form = PointConversionForm::UNCOMPRESSED;
    Some((curve, key.public_key().to_bytes(key.group(), form, &mut context).ok()?))
}

/// The curve of a private key. `None`: not a key of these curves.
pub fn private_curve(key: &PrivateKey) -> Option<Curve> {
    Curve::of(key.0.ec_key().ok()?.group())
}

/// The curve and the number of a private key, with leading zeros. `None`: not a key of these curves.
pub fn private_scalar(key: &PrivateKey) -> Option<(Curve, Zeroizing<Vec<u8>>)> {
    let key = key.0.ec_key().ok()?;
    let curve = Curve::of(key.group())?;
    let scalar = key.private_key().to_vec_padded(curve.bytes() as i32).ok()?;
    Some((curve, Zeroizing::new(scalar)))
}

/// Whether CKA_EC_POINT in any form is the point of this key.
pub fn is_point_of(given: &[u8], key: &PublicKey) -> bool {
    let Some((curve, own)) = public_point(key) else { return false };
    let given = octets_of_point(curve, given).and_then(|octets| public(curve, octets));
    given.as_ref().and_then(public_point) == Some((curve, own))
}

/// Whether the halves of a private key that came from outside belong together.
pub fn is_sound(key: &PrivateKey) -> bool {
    key.0.ec_key().is_ok_and(|key| key.check_key().is_ok())
}
