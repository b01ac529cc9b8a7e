//! README's tables are made from the code's own. `UPDATE_README=1 cargo nextest run tidy` writes them anew.

use crate::source::root;
use std::fs;
use vhsm_pkcs11::api::functions;
use vhsm_pkcs11::mechanism::Mechanism;
use vhsm_pkcs11::mechanism::table::TABLE;
use vhsm_pkcs11::profile;

#[test]
fn the_tables_of_the_readme_are_fresh() {
    let path = root().join("README.md");
    let found = fs::read_to_string(&path).expect("README.md");
    let tables =
        [("functions", function_lists()), ("mechanisms", mechanism_table()), ("differences", differences())];
    let wanted = tables.iter().fold(found.clone(), |text, (name, table)| replaced(&text, name, table));
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(&path, wanted).expect("README.md can be written");
        return;
    }
    assert!(found == wanted, "README's tables are stale: run UPDATE_README=1 cargo nextest run tidy");
}

/// The text with what stands between the two markers of that name replaced.
fn replaced(text: &str, name: &str, table: &str) -> String {
    let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("README lacks {begin}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("README lacks {end}"));
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

fn differences() -> String {
    let mut table = "| | `standard` | `cloudhsm` |\n| --- | --- | --- |\n".to_owned();
    for row in profile::DIFFERENCES {
        table += &format!("| {} | {} | {} |\n", row.topic, row.standard, row.cloudhsm);
    }
    let functions: Vec<_> = profile::FUNCTIONS.iter().map(|name| format!("`{name}`")).collect();
    format!("{table}\nFunctions: {}.\n", functions.join(", "))
}

fn mechanism_table() -> String {
    let mut table = "| mechanism | functions | key size |\n| --- | --- | --- |\n".to_owned();
    for row in TABLE.iter() {
        let legacy = if row.legacy { " (`legacy`)" } else { "" };
        table += &format!("| `{}`{legacy} | {} | {} |\n", row.name, uses(row).join(", "), key_size(row));
    }
    table
}

fn uses(row: &Mechanism) -> Vec<&'static str> {
    let all = [
        (row.cipher.is_some(), "encrypt, decrypt"),
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
