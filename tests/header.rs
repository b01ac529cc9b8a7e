//! C programs over p11-kit's pkcs11.h and our vhsm.h, compiled and run against the library.

mod built;

use std::fs;
use std::path::Path;
use std::process::Command;
use vhsm_pkcs11::mechanism::table::TABLE;

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

#[test]
fn the_headers_name_every_mechanism_with_its_number() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut source =
        "#include <p11-kit/pkcs11.h>\n#include <vhsm.h>\nint main(void) { return 0; }\n".to_owned();
    for row in TABLE {
        source += &format!("_Static_assert({0} == {1:#x}UL, \"{0}\");\n", row.name, row.id);
    }
    let file = folder.path().join("names.c");
    fs::write(&file, source).expect("a file");
    compile(&file, folder.path());
}

fn compile(source: &Path, folder: &Path) -> std::path::PathBuf {
    let program = folder.join("program");
    let flags = run(Command::new("pkg-config").args(["--cflags", "p11-kit-1"]));
    run(Command::new("gcc")
        .args(["-Wall", "-Wextra", "-Werror", "-I"])
        .arg(built::root().join("include"))
        .args(flags.split_whitespace())
        .arg(source)
        .arg("-o")
        .arg(&program)
        .arg("-ldl"));
    program
}

/// What the command prints; it must end with 0.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let (told, failed) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{told}\n{failed}");
    told.into_owned()
}
