//! README's examples do what it says: its marked `sh` blocks run in order, as they stand, in one shell that sees the
//! repository's files and the built ones; its Rust program is the example of that name.

mod built;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

/// A server that a block starts in the background ends with the blocks, however they end.
const END: &str = "trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n";

#[test]
fn the_marked_blocks_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let release = folder.path().join("target/release");
    fs::create_dir_all(&release).expect("a folder");
    symlink(built::module(), release.join("libvhsm_pkcs11.so")).expect("a link");
    symlink(built::command(), release.join("vhsm")).expect("a link");
    for name in ["README.md", "include", "tests"] {
        symlink(built::root().join(name), folder.path().join(name)).expect("a link");
    }
    let mut blocks = marked_blocks(&readme(), "<!-- run -->\n```sh\n");
    assert!(blocks.len() >= 4, "README has lost its marked blocks");
    if !cfg!(feature = "etcd") {
        // What was built with this test has no stores in etcd; `make test` has.
        blocks.retain(|block| !block.contains("etcd://"));
    }

    let script = format!("{END}{}", blocks.concat());
    let output = shell(folder.path()).args(["-c", &script]).output().expect("bash");
    let (told, failed) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}\n{failed}");
    for line in ["\"ClusterId\"", "my-key", "CN = localhost", "encrypted and decrypted: attack at dawn"] {
        assert!(told.contains(line), "{line} is not in:\n{told}\n{failed}");
    }
}

#[test]
fn the_rust_program_is_the_example_and_runs() {
    let example = fs::read_to_string(built::root().join("examples/encrypt.rs")).expect("the example");
    let blocks = marked_blocks(&readme(), "<!-- examples/encrypt.rs -->\n```rust\n");
    assert_eq!(blocks, [example]);

    let folder = tempfile::tempdir().expect("a folder");
    let script = "\"$0\" cluster create --label demo --hsms 2 --admin-password admin-password
        VHSM_PIN=admin:admin-password \"$0\" user create --cluster demo --username kmsuser --role crypto-user --password kms-password
        \"$1\" \"$2\" demo kmsuser:kms-password";
    let mut command = shell(folder.path());
    command.args(["-c", script]).arg(built::command());
    command.arg(built::profile_folder().join("examples/encrypt")).arg(built::module());
    let output = command.output().expect("bash");
    let (told, failed) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && told.ends_with("attack at dawn\n"), "{told}\n{failed}");
}

#[test]
fn the_example_of_the_key_store_layer_runs_on_softhsm() {
    let example = fs::read_to_string(built::root().join("keystore/examples/custom_key_store.rs"));
    let dedented = example.expect("the example").replace("\n    ", "\n");
    let parts = marked_blocks(&readme(), "<!-- part of keystore/examples/custom_key_store.rs -->\n```rust\n");
    assert!(parts.len() == 1 && dedented.contains(&parts[0]), "README's part of the example is another");

    let folder = tempfile::tempdir().expect("a folder");
    let script = "mkdir tokens
        echo \"directories.tokendir = $PWD/tokens\" >softhsm2.conf
        export SOFTHSM2_CONF=$PWD/softhsm2.conf
        slot=$(softhsm2-util --init-token --free --label example --so-pin 87654321 --pin kms-password | tail -n 1)
        \"$0\" /usr/lib/softhsm/libsofthsm2.so \"${slot##* }\" kms-password";
    let mut command = shell(folder.path());
    command.args(["-c", script]).arg(built::profile_folder().join("examples/custom_key_store"));
    let output = command.output().expect("bash");
    let (told, failed) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && told.ends_with("attack at dawn\n"), "{told}\n{failed}");
}

fn shell(folder: &Path) -> Command {
    let mut bash = Command::new("bash");
    bash.args(["-e", "-u", "-o", "pipefail"]).current_dir(folder);
    bash.env("VHSM_HOME", folder.join("home")).env("TMPDIR", folder);
    let (clients, path) = (built::root().join("target/aws/bin"), std::env::var("PATH").unwrap_or_default());
    bash.env("PATH", format!("{}:{path}", clients.display())).env("AWS_EC2_METADATA_DISABLED", "true");
    for name in ["VHSM_CONF", "VHSM_PIN", "VHSM_PROFILE", "VHSM_LOG"] {
        bash.env_remove(name);
    }
    bash
}

fn readme() -> String {
    fs::read_to_string(built::root().join("README.md")).expect("README.md")
}

/// What stands in the blocks that begin so.
fn marked_blocks(text: &str, begin: &str) -> Vec<String> {
    let blocks = text.split(begin).skip(1);
    blocks.map(|rest| rest.split("```\n").next().unwrap_or_default().to_owned()).collect()
}
