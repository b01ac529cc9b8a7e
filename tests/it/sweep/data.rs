//! Every mechanism with data of every length that matters, and with outputs for which there is too little room: what
//! is encrypted is decrypted again, what is signed verifies, and other lengths get their code.

use super::Report;
use super::samples::{Laid, form};
use super::stock::Stock;
use super::uses::{Use, uses};
use super::world::{ROOM, World};
use crate::support::*;
use cryptoki_sys::*;
use vhsm_pkcs11::mechanism::Mechanism as MechanismRow;
use vhsm_pkcs11::mechanism::table::TABLE;

const LENGTHS: [usize; 18] = [0, 1, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 190, 191, 245, 246, 256, 257];
/// Bytes of the modulus of the stock's RSA keys.
const RSA: usize = 256;
/// Bytes of data in the parameter of CKM_AES_CCM.
const CCM: usize = 32;

/// Whether a mechanism encrypts so many bytes; else CKR_DATA_LEN_RANGE.
fn encrypts(mechanism: CK_MECHANISM_TYPE, bytes: usize) -> bool {
    match mechanism {
        CKM_AES_ECB | CKM_AES_CBC => bytes.is_multiple_of(16),
        CKM_DES_ECB | CKM_DES_CBC | CKM_DES3_ECB | CKM_DES3_CBC => bytes.is_multiple_of(8),
        CKM_AES_XTS => bytes >= 16,
        CKM_AES_KEY_WRAP => bytes.is_multiple_of(8) && bytes >= 16,
        CKM_AES_KEY_WRAP_KWP => bytes >= 1,
        // Padded, they must be two halves of a block at least.
        CKM_AES_KEY_WRAP_PKCS7 => bytes >= 8,
        CKM_AES_CCM => bytes == CCM,
        CKM_RSA_PKCS => bytes <= RSA - 11,
        CKM_RSA_PKCS_OAEP => bytes <= RSA - 2 * 32 - 2,
        CKM_RSA_X_509 => bytes <= RSA,
        _ => true,
    }
}

/// What encrypted data that are `by` longer or shorter than whole ones get.
fn decrypts(mechanism: CK_MECHANISM_TYPE, bytes: usize) -> CK_RV {
    const LENGTH: CK_RV = CKR_ENCRYPTED_DATA_LEN_RANGE;
    const INVALID: CK_RV = CKR_ENCRYPTED_DATA_INVALID;
    let ok_or = |is_so: bool, rv: CK_RV| if is_so { CKR_OK } else { rv };
    match mechanism {
        CKM_AES_ECB | CKM_AES_CBC => ok_or(bytes.is_multiple_of(16), LENGTH),
        CKM_DES_ECB | CKM_DES_CBC | CKM_DES3_ECB | CKM_DES3_CBC => ok_or(bytes.is_multiple_of(8), LENGTH),
        CKM_AES_CBC_PAD | CKM_DES_CBC_PAD | CKM_DES3_CBC_PAD => LENGTH,
        CKM_AES_XTS => ok_or(bytes >= 16, LENGTH),
        CKM_AES_GCM | CKM_CHACHA20_POLY1305 => {
            if bytes < 16 {
                LENGTH
            } else {
                INVALID
            }
        }
        CKM_AES_CCM | CKM_RSA_PKCS | CKM_RSA_PKCS_OAEP | CKM_RSA_X_509 => LENGTH,
        CKM_AES_KEY_WRAP | CKM_AES_KEY_WRAP_KWP | CKM_AES_KEY_WRAP_PKCS7 => LENGTH,
        _ => CKR_OK,
    }
}

/// Whether a mechanism signs so many bytes; else CKR_DATA_LEN_RANGE.
fn signs(mechanism: CK_MECHANISM_TYPE, bytes: usize) -> bool {
    match mechanism {
        CKM_RSA_PKCS => bytes <= RSA - 11,
        CKM_RSA_X_509 => bytes <= RSA,
        CKM_RSA_PKCS_PSS | CKM_HASH_ML_DSA => bytes == 32,
        _ => true,
    }
}

/// One mechanism with its good key and parameter.
struct Trial<'t> {
    world: &'t World,
    row: &'static MechanismRow,
    stock: &'t Stock,
}

pub fn sweep(world: &World, report: &mut Report) {
    let stock = Stock::new(world);
    for row in TABLE.iter().filter(|row| world.offers(row)) {
        let trial = Trial { world, row, stock: &stock };
        for bytes in LENGTHS {
            if row.cipher.is_some() {
                trial.encrypt(report, bytes);
            }
            if row.sign.is_some() {
                trial.sign(report, bytes);
            }
            if row.digest.is_some() {
                let begin = || trial.begin("C_DigestInit");
                trial.output(report, "C_Digest", &begin, world.api.C_Digest, bytes);
            }
        }
        world.check(report, row.name, &[]);
    }
    stock.destroy(world);
}

impl Trial<'_> {
    fn laid(&self, used: &Use) -> Laid {
        form(self.world, self.row, used).sample.lay()
    }

    fn begin(&self, function: &str) {
        let used = uses(self.row).find(|used| used.name == function).expect("the mechanism does it");
        let laid = self.laid(used);
        let mut mechanism = CK_MECHANISM {
            mechanism: self.row.id,
            pParameter: laid.pointer(),
            ulParameterLen: laid.length as CK_ULONG,
        };
        let (api, session, key) = (self.world.api, self.world.session, used.good_key(self.row, self.stock));
        let rv = match function {
            "C_EncryptInit" => call!(api, C_EncryptInit(session, &mut mechanism, key)),
            "C_DecryptInit" => call!(api, C_DecryptInit(session, &mut mechanism, key)),
            "C_SignInit" => call!(api, C_SignInit(session, &mut mechanism, key)),
            "C_VerifyInit" => call!(api, C_VerifyInit(session, &mut mechanism, key)),
            _ => call!(api, C_DigestInit(session, &mut mechanism)),
        };
        expect(self.row.name, rv, CKR_OK);
    }

    fn encrypt(&self, report: &mut Report, bytes: usize) {
        let api = self.world.api;
        let begin = || self.begin("C_EncryptInit");
        if !encrypts(self.row.id, bytes) {
            begin();
            let rv = self.run(api.C_Encrypt, &self.data(bytes), ROOM as CK_ULONG).0;
            report.code(|| format!("C_Encrypt of {bytes}, {}", self.row.name), rv, CKR_DATA_LEN_RANGE);
            return;
        }
        let Some(encrypted) = self.output(report, "C_Encrypt", &begin, api.C_Encrypt, bytes) else { return };
        self.begin("C_DecryptInit");
        let (rv, decrypted) = self.run(api.C_Decrypt, &encrypted, ROOM as CK_ULONG);
        let mut data = self.data(bytes);
        if self.row.id == CKM_RSA_X_509 {
            data = [vec![0; RSA - bytes], data].concat();
        }
        let is_back = rv == CKR_OK && decrypted == data;
        report.check(is_back, || format!("{}: {bytes} bytes and back: {}", self.row.name, name(rv)));
        let longer = [encrypted.as_slice(), &[7]].concat();
        let shorter = &encrypted[..encrypted.len().saturating_sub(1)];
        for wrong in [&[], &[7][..], shorter, &longer] {
            if wrong.len() != encrypted.len() {
                self.begin("C_DecryptInit");
                let (rv, _) = self.run(api.C_Decrypt, wrong, ROOM as CK_ULONG);
                let what = || format!("C_Decrypt of {}, {}", wrong.len(), self.row.name);
                report.code(what, rv, decrypts(self.row.id, wrong.len()));
            }
        }
    }

    fn sign(&self, report: &mut Report, bytes: usize) {
        let api = self.world.api;
        let begin = || self.begin("C_SignInit");
        let data = self.data(bytes);
        if !signs(self.row.id, bytes) {
            begin();
            let rv = self.run(api.C_Sign, &data, ROOM as CK_ULONG).0;
            report.code(|| format!("C_Sign of {bytes}, {}", self.row.name), rv, CKR_DATA_LEN_RANGE);
            return;
        }
        let Some(signature) = self.output(report, "C_Sign", &begin, api.C_Sign, bytes) else { return };
        let longer = [signature.as_slice(), &[7]].concat();
        let cases = [
            (&signature[..], CKR_OK),
            (&[], CKR_SIGNATURE_LEN_RANGE),
            (&signature[..1], CKR_SIGNATURE_LEN_RANGE),
            (&signature[..signature.len() - 1], CKR_SIGNATURE_LEN_RANGE),
            (&longer, CKR_SIGNATURE_LEN_RANGE),
        ];
        for (given, wanted) in cases {
            self.begin("C_VerifyInit");
            let rv = self.world.calls().verify(&data, given);
            let what = || format!("C_Verify of {bytes} with {}, {}", given.len(), self.row.name);
            report.code(what, rv, wanted);
        }
    }

    fn data(&self, bytes: usize) -> Vec<u8> {
        vec![7; bytes]
    }

    /// Too little room keeps the operation and tells the need; the rest of the buffer stays as it was.
    fn output(
        &self,
        report: &mut Report,
        function: &str,
        begin: &dyn Fn(),
        run: Option<InOut>,
        bytes: usize,
    ) -> Option<Vec<u8>> {
        let data = self.data(bytes);
        begin();
        let mut length = 0;
        let session = self.world.session;
        let pointer = data.as_ptr().cast_mut();
        let call = run.expect("the function is set");
        // SAFETY: no output, and a place for its length.
        let rv = unsafe { call(session, pointer, bytes as CK_ULONG, std::ptr::null_mut(), &mut length) };
        let what = || format!("{function} of {bytes}, {}", self.row.name);
        report.code(what, rv, CKR_OK);
        // The size may be one that is never needed: then what is needed less 1 is not too little.
        let (rv, whole) = self.run(run, &data, length);
        report.code(|| format!("{} with the room asked for", what()), rv, CKR_OK);
        if rv != CKR_OK {
            self.world.cancel();
            return None;
        }
        begin();
        for room in [0, 1, whole.len() / 2, whole.len().saturating_sub(1)] {
            if room < whole.len() {
                let (rv, _) = self.run(run, &data, room as CK_ULONG);
                report.code(|| format!("{} with room for {room}", what()), rv, CKR_BUFFER_TOO_SMALL);
                let told = self.world.memory.length() as usize;
                let is_enough = (whole.len()..=length as usize).contains(&told);
                report.check(is_enough, || format!("{}: told {told}, not {}", what(), whole.len()));
                let untouched = self.world.memory.is_frame_whole(room);
                report.check(untouched, || format!("{}: written beyond {room}", what()));
            }
        }
        let (rv, _) = self.run(run, &data, whole.len() as CK_ULONG);
        report.code(|| format!("{} with just enough room", what()), rv, CKR_OK);
        let untouched = self.world.memory.is_frame_whole(whole.len());
        report.check(untouched, || format!("{}: written beyond its end", what()));
        self.world.cancel();
        Some(whole)
    }

    fn run(&self, run: Option<InOut>, data: &[u8], room: CK_ULONG) -> (CK_RV, Vec<u8>) {
        let memory = &self.world.memory;
        let (to, length) = (memory.framed_out() as *mut CK_BYTE, memory.told(room) as *mut CK_ULONG);
        let (from, bytes) = (data.as_ptr().cast_mut(), data.len() as CK_ULONG);
        // SAFETY: the output has more room than any result takes, and the length is told by the caller.
        let rv = unsafe { run.expect("the function is set")(self.world.session, from, bytes, to, length) };
        let written = if rv == CKR_OK { memory.length() as usize } else { 0 };
        (rv, memory.out_bytes(written))
    }
}

#[test]
fn every_mechanism_takes_its_lengths_and_no_others() {
    let world = World::new();
    let mut report = Report::default();
    sweep(&world, &mut report);
    report.finish();
}
