//! C programs over Debian's pkcs11.h's and our vhsm.h, compiled and run against the library.

mod built;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use vhsm_pkcs11::mechanism::table::TABLE;
use vhsm_pkcs11::profile::vendor;

#[test]
fn a_c_program_makes_a_key_and_encrypts_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = compile(&built::root().join("tests/c/encrypt.c"), folder.path());
    let home = folder.path().join("home");
    let vhsm = |arguments: &str| {
        let mut command = Command::new(built::command());
        command.args(arguments.split(' ')).env("VHSM_HOME", &home).env("VHSM_PIN", "admin:admin-password");
        run(&mut command)
    };
    vhsm("cluster create --label c --hsms 2 --admin-password admin-password");
    vhsm("user create --cluster c --username kmsuser --role crypto-user --password kms-password");

    let told = run(Command::new(program)
        .arg(built::module())
        .args(["c", "kmsuser:kms-password"])
        .env("VHSM_HOME", &home)
        .env_remove("VHSM_CONF"));
    assert_eq!(told.matches("token c ").count(), 2, "two HSMs: {told}");
    assert!(told.contains("the key's value is refused"), "{told}");
    assert!(told.contains("encrypted and decrypted: attack at dawn"), "{told}");
}

/// The headers that Debian packages. OpenSC packages none, nor does anybody OASIS's own; NSS's is of its layout. gck's is
/// p11-kit's.
const HEADERS: [(&str, &[&str]); 5] = [
    ("<p11-kit/pkcs11.h>", &["/usr/include/p11-kit-1"]),
    ("<nss/pkcs11.h>", &["/usr/include/nss", "/usr/include/nspr"]),
    ("<opencryptoki/pkcs11.h>", &[]),
    ("<pkcs11-helper-1.0/pkcs11.h>", &[]),
    ("<softhsm/pkcs11.h>", &[]),
];

#[test]
fn a_c_program_of_profile_cloudhsm_compiles_with_every_header_and_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().join("home");
    let vhsm = |arguments: &str| {
        let mut command = Command::new(built::command());
        command.args(arguments.split(' ')).env("VHSM_HOME", &home).env("VHSM_PIN", "admin:admin-password");
        run(command.env("VHSM_PROFILE", "cloudhsm"))
    };
    vhsm("cluster create --label c --hsms 2 --admin-password admin-password");
    vhsm("user create --cluster c --username kmsuser --role crypto-user --password kms-password");
    for header in HEADERS {
        let program = compile_with(&built::root().join("tests/c/headers.c"), folder.path(), header);
        let told = run(Command::new(program)
            .arg(built::module())
            .arg("kmsuser:kms-password")
            .envs([("VHSM_HOME", home.as_os_str()), ("VHSM_PROFILE", "cloudhsm".as_ref())])
            .env_remove("VHSM_CONF"));
        let wanted = "structures: 8 16 24 24\nencrypted and decrypted: attack at dawn\n\
                      wrapped: 40 bytes\nwrapped: 48 bytes\nwrapped: 40 bytes\n";
        assert_eq!(told, wanted, "{}", header.0);
    }
}

#[test]
fn the_headers_name_every_mechanism_with_its_number() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut source = "#include CRYPTOKI_HEADER\n#include <vhsm.h>\nint main(void) { return 0; }\n".to_owned();
    let mut must_be = |name: &str, number: u64| {
        source += &format!("_Static_assert({name} == {number:#x}UL, \"{name}\");\n");
    };
    TABLE.iter().for_each(|row| must_be(row.name, row.id));
    for (name, number) in [
        ("CKM_CLOUDHSM_SP800_108_COUNTER_KDF", vendor::CKM_CLOUDHSM_SP800_108_COUNTER_KDF),
        ("CKD_CLOUDHSM_X963_SHA1_KDF", vendor::CKD_CLOUDHSM_X963_SHA1_KDF),
        ("CKD_CLOUDHSM_X963_SHA224_KDF", vendor::CKD_CLOUDHSM_X963_SHA224_KDF),
        ("CKD_CLOUDHSM_X963_SHA256_KDF", vendor::CKD_CLOUDHSM_X963_SHA256_KDF),
        ("CKD_CLOUDHSM_X963_SHA384_KDF", vendor::CKD_CLOUDHSM_X963_SHA384_KDF),
        ("CKD_CLOUDHSM_X963_SHA512_KDF", vendor::CKD_CLOUDHSM_X963_SHA512_KDF),
    ] {
        must_be(name, number);
    }
    let file = folder.path().join("names.c");
    fs::write(&file, source).expect("a file");
    for header in HEADERS {
        compile_with(&file, folder.path(), header);
    }
}

fn compile(source: &Path, folder: &Path) -> PathBuf {
    compile_with(source, folder, HEADERS[0])
}

fn compile_with(source: &Path, folder: &Path, (header, folders): (&str, &[&str])) -> PathBuf {
    let program = folder.join("program");
    let mut gcc = Command::new("gcc");
    gcc.args(["-Wall", "-Wextra", "-Werror", "-I"]).arg(built::root().join("include"));
    gcc.args(folders.iter().flat_map(|folder| ["-isystem", folder]));
    run(gcc.arg(format!("-DCRYPTOKI_HEADER={header}")).arg(source).arg("-o").arg(&program).arg("-ldl"));
    program
}

/// What the command prints; it must end with 0.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let (told, failed) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{told}\n{failed}");
    told.into_owned()
}
