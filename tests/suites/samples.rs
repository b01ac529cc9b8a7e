//! AWS's sample programs for CloudHSM's PKCS#11 library (github.com/aws-samples/aws-cloudhsm-pkcs11-examples) run in profile
//! `cloudhsm` as they are, one test each. They are none of this repository's: the folder that SUITES_DIR names holds them,
//! built. Where it does not, the one test says so.

use crate::{built, folder, skipped};
use libtest_mimic::{Failed, Trial};
use std::path::Path;
use std::process::Command;

/// What a sample is given beside the PIN and the library.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Given {
    Nothing,
    /// `--object-id` of a token key.
    Object,
    /// `--wp_key`, the label of a trusted wrapping key.
    TrustedKey,
}

/// One sample: its program, what it is given, the settings that it wants, and what it must say.
struct Sample {
    program: &'static str,
    given: Given,
    settings: &'static str,
    says: &'static str,
}

const fn sample(program: &'static str, says: &'static str) -> Sample {
    Sample { program, given: Given::Nothing, settings: "", says }
}

const SAMPLES: &[Sample] = &[
    Sample { given: Given::Object, ..sample("attributes/attributes_cmd", "CKA_TRUSTED") },
    Sample {
        settings: "enable_certificate_storage = true",
        ..sample("certificate_storage/certificate_storage", "Certificate deleted successfully")
    },
    sample("derivation/aes_cmac_kdf", "Derived AES key of size 32 bytes"),
    sample("derivation/ecdh_with_kdf", "Key Derivation successful"),
    sample("derivation/hmac_kdf", "Derived AES key of size 32 bytes"),
    Sample { given: Given::Object, ..sample("destroy/destroy_cmd", "") },
    sample("digest/digest", "Digest: "),
    sample("digest/multi_part_digest", "Digest: "),
    sample("encrypt/aes_cbc", "Decrypted ciphertext: "),
    sample("encrypt/aes_ctr", "Decrypted ciphertext: "),
    sample("encrypt/aes_ecb", "Decrypted ciphertext: "),
    sample("encrypt/aes_gcm", "Decrypted ciphertext: "),
    Sample { settings: "fips = false", ..sample("encrypt/des_ecb", "Decrypted") },
    sample("find_objects/find_objects", "Found 1 public key with modulus"),
    sample("generate/aes_generate", "AES key generated"),
    sample("generate/ec_generate", "secp384r1 key generated"),
    sample("generate/rsa_generate", "RSA key generated"),
    sample("generate_random/generate_random", "Random data generated: "),
    sample("mechanism_info/mechanism_info", "Mechanism: CKM_CLOUDHSM_AES_KEY_WRAP_NO_PAD"),
    Sample {
        settings: "enable_ecdh_without_kdf = true",
        ..sample("non_fips_examples/derivation/ecdh", "Key Derivation successful")
    },
    Sample {
        settings: "fips = false",
        ..sample("non_fips_examples/generate/tdes_generate", "DES key generated")
    },
    sample("session/login_state", "Now we expect all open sessions on the slot to be logged out"),
    sample("session/session_keys", "key handle was invalid after session 1 was closed"),
    sample("sign/multi_part_sign", "Verification successful"),
    sample("sign/sign", "Verification successful"),
    sample("wrapping/aes_gcm_wrapping", "Unwrapped bytes as object"),
    sample("wrapping/aes_no_padding_wrapping", "Unwrapped bytes as object"),
    sample("wrapping/aes_wrapping", "Unwrapped bytes as object"),
    sample("wrapping/aes_zero_padding_wrapping", "Unwrapped bytes as object"),
    sample("wrapping/rsa_wrapping", "Running RSA AES wrap...\nWrapped key: "),
    Sample {
        given: Given::TrustedKey,
        ..sample("wrapping/unwrap_with_template", "Unwrap failed when using an invalid template with rv: 209")
    },
    sample("wrapping/wrap_with_template", "Successfully failed to wrap key with non matching attributes"),
];

const PIN: &str = "user1:user-password";
const TRUSTED: &str = "trusted";

pub fn trials() -> Vec<Trial> {
    match folder("aws-cloudhsm-pkcs11-examples/build/src") {
        Ok(folder) => trials_in(&folder),
        Err(why) => skipped("aws_samples", why),
    }
}

fn trials_in(folder: &Path) -> Vec<Trial> {
    let mut trials = Vec::new();
    for sample in SAMPLES {
        let program = folder.join(sample.program);
        let name = sample.program.rsplit('/').next().unwrap_or_default();
        trials.push(Trial::test(name, move || run(sample, &program)));
    }
    let folder = folder.to_owned();
    trials.push(Trial::test("every_sample_is_known", move || no_others(&folder)));
    trials
}

/// A sample that is new wants a row here.
fn no_others(folder: &Path) -> Result<(), Failed> {
    let found = run_command(
        Command::new("find").arg(folder).args(["-type", "f", "-perm", "-u=x", "-printf", "%P\\n"]),
    )?;
    match found.lines().find(|program| !SAMPLES.iter().any(|sample| sample.program == *program)) {
        Some(other) => Err(format!("{other} is no row of SAMPLES").into()),
        None => Ok(()),
    }
}

fn run(sample: &Sample, program: &Path) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let home = folder.path().join("home");
    std::fs::create_dir(&home)?;
    std::fs::write(home.join("vhsm.toml"), format!("[cloudhsm]\n{}\n", sample.settings))?;
    let is_public = sample.given != Given::Nothing;
    // Only there does an admin see a key that it can trust: one with CKA_PRIVATE false.
    let profile = if is_public { "standard" } else { "cloudhsm" };
    let vhsm = |arguments: &str| {
        let mut command = Command::new(built::command());
        command.args(arguments.split(' ')).env("VHSM_PIN", "admin:admin-password");
        run_command(at(&mut command, &home, profile))
    };
    vhsm("cluster create --label samples --hsms 2 --admin-password admin-password")?;
    vhsm("user create --cluster samples --username user1 --role crypto-user --password user-password")?;

    let mut command = Command::new(program);
    command.args(["--pin", PIN, "--library"]).arg(built::module());
    if is_public {
        let object = trusted_key(folder.path(), &home)?;
        match sample.given {
            Given::Object => command.args(["--object-id", object.trim()]),
            _ => command.args(["--wp_key", TRUSTED]),
        };
    }
    let told = run_command(at(&mut command, &home, "cloudhsm"))?;
    match told.contains(sample.says) {
        true => Ok(()),
        false => Err(format!("it does not say {:?}:\n{told}", sample.says).into()),
    }
}

/// The handle of a trusted wrapping key that an admin made.
fn trusted_key(folder: &Path, home: &Path) -> Result<String, Failed> {
    let program = folder.join("trusted_key");
    let flags = run_command(Command::new("pkg-config").args(["--cflags", "p11-kit-1"]))?;
    let source = built::root().join("tests/c/trusted_key.c");
    let mut gcc = Command::new("gcc");
    gcc.args(["-Wall", "-Wextra", "-Werror", "-DCRYPTOKI_HEADER=<p11-kit/pkcs11.h>"])
        .args(flags.split_whitespace());
    run_command(gcc.arg(source).arg("-o").arg(&program).arg("-ldl"))?;
    let mut command = Command::new(program);
    command.arg(built::module()).args(["admin:admin-password", TRUSTED]);
    run_command(at(&mut command, home, "standard"))
}

fn at<'c>(command: &'c mut Command, home: &Path, profile: &str) -> &'c mut Command {
    for name in ["VHSM_CONF", "VHSM_STORE", "VHSM_LEGACY", "VHSM_LOG", "VHSM_LOG_FILE"] {
        command.env_remove(name);
    }
    command.env("VHSM_HOME", home).env("VHSM_PROFILE", profile)
}

/// What the command prints; it must end with 0.
fn run_command(command: &mut Command) -> Result<String, Failed> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let (told, failed) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    match output.status.success() {
        true => Ok(told.into_owned()),
        false => Err(format!("{command:?} ended with {}\n{told}\n{failed}", output.status).into()),
    }
}
