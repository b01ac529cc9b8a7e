//! README's tables, and the mechanisms of include/vhsm.h, are made from the code's own. `UPDATE_README=1 cargo nextest run
//! tidy` writes them anew.

use crate::source::root;
use std::fs;
use vhsm_pkcs11::api::functions;
use vhsm_pkcs11::manual::failures::{Seen, failures};
use vhsm_pkcs11::mechanism::Mechanism;
use vhsm_pkcs11::mechanism::table::TABLE;
use vhsm_pkcs11::profile::{self, Given, IvSource, MechanismRow, Uses};

#[test]
fn the_tables_of_the_readme_are_fresh() {
    let path = root().join("README.md");
    let found = fs::read_to_string(&path).expect("README.md");
    let tables = [
        ("functions", function_lists()),
        ("mechanisms", mechanism_table()),
        ("differences", differences()),
        ("failures", failure_table()),
    ];
    let wanted = tables.iter().fold(found.clone(), |text, (name, table)| replaced(&text, name, table));
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(&path, wanted).expect("README.md can be written");
        return;
    }
    assert!(found == wanted, "README's tables are stale: run UPDATE_README=1 cargo nextest run tidy");
}

#[test]
fn the_mechanisms_of_the_header_are_fresh() {
    let path = root().join("include/vhsm.h");
    let found = fs::read_to_string(&path).expect("vhsm.h");
    let standard = TABLE.iter().filter(|row| !row.cloudhsm);
    let names =
        standard.map(|row| format!("#ifndef {0}\n#define {0} {1:#010x}UL\n#endif\n", row.name, row.id));
    let marks = ("/* mechanisms: begin */\n", "/* mechanisms: end */");
    let wanted = between(&found, marks, &names.collect::<String>());
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(&path, wanted).expect("vhsm.h can be written");
        return;
    }
    assert!(found == wanted, "vhsm.h is stale: run UPDATE_README=1 cargo nextest run tidy");
}

/// The text with what stands between the two markers of that name replaced.
fn replaced(text: &str, name: &str, table: &str) -> String {
    between(text, (&format!("<!-- {name}: begin -->\n"), &format!("<!-- {name}: end -->")), table)
}

fn between(text: &str, (begin, end): (&str, &str), table: &str) -> String {
    let (before, rest) = text.split_once(begin).unwrap_or_else(|| panic!("there is no {begin}"));
    let (_, after) = rest.split_once(end).unwrap_or_else(|| panic!("there is no {end}"));
    format!("{before}{begin}{table}{end}{after}")
}

fn function_lists() -> String {
    let all = functions();
    let list = |supported: bool| {
        let rows = all.iter().filter(|row| row.supported == supported);
        rows.map(|row| format!("`{}`", row.name)).collect::<Vec<_>>().join(", ")
    };
    format!("Supported: {}.\n\nAnswered with CKR_FUNCTION_NOT_SUPPORTED: {}.\n", list(true), list(false))
}

/// `tests/it/what_a_client_sees.rs` holds every row against the library.
fn failure_table() -> String {
    let line = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    let heads = Seen::default();
    let heads = heads.columns().map(|(head, _)| head);
    let mut table = line([&["what goes wrong"], &heads[..]].concat());
    table += &line(vec!["---"; heads.len() + 1]);
    for failure in failures() {
        table += &line([&[failure.command], &failure.seen.columns().map(|(_, seen)| seen)[..]].concat());
    }
    table
}

fn differences() -> String {
    let mut table = "| | `standard` | `cloudhsm` |\n| --- | --- | --- |\n".to_owned();
    for row in profile::DIFFERENCES {
        table += &format!("| {} | {} | {} |\n", row.topic, row.standard, row.cloudhsm);
    }
    let functions: Vec<_> = profile::FUNCTIONS.iter().map(|name| format!("`{name}`")).collect();
    let (mechanisms, attributes) = (cloudhsm_mechanisms(), cloudhsm_attributes());
    let kdfs: Vec<_> =
        profile::ECDH_KDFS.iter().map(|(name, number, _)| format!("`{name}` ({number:#x})")).collect();
    format!(
        "{table}\nFunctions: {}.\n\n{mechanisms}\nFunctions of `CKM_ECDH1_DERIVE`: {}; `CKD_NULL` too, where \
         `enable_ecdh_without_kdf` is set. Others are CKR_MECHANISM_PARAM_INVALID.\n\n{attributes}",
        functions.join(", "),
        kdfs.join(", ")
    )
}

fn cloudhsm_attributes() -> String {
    let kinds: Vec<_> = profile::KEY_KINDS.iter().map(|(name, ..)| *name).collect();
    let mut table = format!(
        "Attributes of keys, a letter for each kind of key in this order: {}. `Y` may be given, `M` must be \
         (CKR_TEMPLATE_INCOMPLETE), `P` takes its default only and `-` is not supported (CKR_TEMPLATE_INCONSISTENT), `R` is \
         read-only (CKR_ATTRIBUTE_READ_ONLY). Under read, `-` is CKR_ATTRIBUTE_TYPE_INVALID and `S` always \
         CKR_ATTRIBUTE_SENSITIVE. By default CKA_PRIVATE, CKA_MODIFIABLE, CKA_DESTROYABLE, CKA_SENSITIVE and \
         CKA_EXTRACTABLE are true, CKA_SIGN and CKA_VERIFY of generated secret keys too, and everything else is false. \
         CKA_LABEL has at most {} bytes, a generic secret 1 to {}; RSA keys have {} to {} bits in steps of {} \
         (CKR_ATTRIBUTE_VALUE_INVALID).\n\n| attribute | generate | create | unwrap | derive | read |\n| --- | --- | \
         --- | --- | --- | --- |\n",
        kinds.join(", "),
        profile::LABEL_BYTES,
        profile::GENERIC_SECRET_BYTES,
        profile::RSA_BITS.start(),
        profile::RSA_BITS.end(),
        profile::RSA_STEP_BITS
    );
    for row in profile::ATTRIBUTES {
        let columns = [row.generate, row.create, row.unwrap, row.derive, row.get];
        let letters = columns.map(|column| format!("`{}`", String::from_utf8_lossy(column)));
        table += &format!("| `{}` | {} |\n", row.name, letters.join(" | "));
    }
    let rows = profile::CERTIFICATE.iter().map(|row| format!("`{}` {}", row.name, certificate_rule(row)));
    let rows: Vec<_> = rows.collect();
    format!("{table}\nX.509 certificates, where `enable_certificate_storage` is set: {}.\n", rows.join(", "))
}

fn certificate_rule(row: &profile::CertificateRow) -> String {
    let mut rule = match (row.given, row.default) {
        (Given::Must, _) => "(must be given".to_owned(),
        (Given::DefaultOnly, Some(on)) => format!("(only {on}"),
        (Given::DefaultOnly, None) => "(only 0".to_owned(),
        (Given::ReadOnly, _) => "(read-only".to_owned(),
        _ => "(may be given".to_owned(),
    };
    if row.max_bytes != usize::MAX {
        rule += &format!(", up to {} bytes", row.max_bytes);
    }
    rule + ")"
}

fn cloudhsm_mechanisms() -> String {
    let mut table =
        "| mechanism | functions | only where `fips = false` | limits |\n| --- | --- | --- | --- |\n"
            .to_owned();
    for row in profile::MECHANISMS {
        let vendor = if row.name.contains("CLOUDHSM") { format!(" ({:#x})", row.id) } else { String::new() };
        table += &format!(
            "| `{}`{vendor} | {} | {} | {} |\n",
            row.name,
            names(row.uses),
            names(row.non_fips),
            limits(row)
        );
    }
    table
}

fn names(uses: Uses) -> String {
    let all = [
        (Uses::CIPHER, "encrypt, decrypt"),
        (Uses::DIGEST, "digest"),
        (Uses::SIGN, "sign, verify"),
        (Uses::WRAP, "wrap, unwrap"),
        (Uses::GENERATE, "generate"),
        (Uses::GENERATE_PAIR, "generate pairs"),
        (Uses::DERIVE, "derive"),
    ];
    let has: Vec<_> = all.into_iter().filter(|(one, _)| uses.has(*one)).map(|(_, name)| name).collect();
    has.join(", ")
}

fn limits(row: &MechanismRow) -> String {
    let mut told = Vec::new();
    if row.limits.data_bytes != usize::MAX {
        told.push(format!("{} bytes a call (CKR_DATA_LEN_RANGE)", row.limits.data_bytes));
    }
    if row.limits.single_part {
        told.push("single part (an update: CKR_MECHANISM_INVALID)".to_owned());
    }
    match row.limits.iv {
        IvSource::Caller => {}
        IvSource::WrittenBack => {
            told.push("the library makes the IV; pIv must hold 12 zeros, and has the IV after `C_Encrypt` or `C_WrapKey`".to_owned());
        }
        IvSource::Prepended => {
            told.push(
                "the library makes the IV and puts it before the ciphertext; pIv must be null".to_owned(),
            );
        }
    }
    if row.limits.one_hash {
        told.push("OAEP's hash and that of its MGF1 are the same, SHA-1 to SHA-512 (else CKR_MECHANISM_PARAM_INVALID)".to_owned());
    }
    if let Some((min, max)) = row.key_sizes {
        told.push(format!("key sizes {min} to {max}"));
    }
    told.join("; ")
}

fn mechanism_table() -> String {
    let mut table = "| mechanism | functions | key size |\n| --- | --- | --- |\n".to_owned();
    for row in TABLE.iter().filter(|row| !row.cloudhsm) {
        let legacy = if row.legacy { " (`legacy`)" } else { "" };
        table += &format!(
            "| `{}`{legacy} | {} | {} |
",
            row.name,
            uses(row).join(", "),
            key_size(row)
        );
    }
    table
}

fn uses(row: &Mechanism) -> Vec<&'static str> {
    let all = [
        (row.cipher.is_some(), "encrypt, decrypt"),
        (row.message.is_some(), "messages"),
        (row.digest.is_some(), "digest"),
        (row.sign.is_some(), "sign, verify"),
        (row.recover.is_some(), "sign and verify with recovery"),
        (row.wrap.is_some(), "wrap, unwrap"),
        (row.generate.is_some(), "generate"),
        (row.generate_pair.is_some(), "generate a pair"),
        (row.derive.is_some(), "derive"),
        (row.kem.is_some(), "encapsulate, decapsulate"),
    ];
    all.into_iter().filter(|(has, _)| *has).map(|(_, name)| name).collect()
}

fn key_size(row: &Mechanism) -> String {
    let sizes = &row.key_sizes;
    let unit = if sizes.bits { "bits" } else { "bytes" };
    match (sizes.min, sizes.max) {
        (0, 0) => "-".to_owned(),
        (min, max) if min == max => format!("{min} {unit}"),
        (min, max) => format!("{min} to {max} {unit}"),
    }
}
