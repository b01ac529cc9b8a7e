//! A CA of its own, and what it signs, by the `openssl` program.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Files in PEM.
pub struct Certificates {
    pub ca: PathBuf,
    pub server: PathBuf,
    pub server_key: PathBuf,
    /// Its common name is `vhsm`.
    pub client: PathBuf,
    pub client_key: PathBuf,
    /// A CA that signed nothing here.
    pub other_ca: PathBuf,
}

impl Certificates {
    /// The server's certificate is good for this address only.
    pub fn make(folder: &Path, address: IpAddr) -> Self {
        let file = |name: &str| folder.join(name);
        root(&file("ca.key"), &file("ca.crt"));
        root(&file("other.key"), &file("other.crt"));
        let server = format!("subjectAltName=IP:{address}\nextendedKeyUsage=serverAuth,clientAuth\n");
        signed(folder, "server", &server);
        signed(folder, "vhsm", "extendedKeyUsage=clientAuth\n");
        Self {
            ca: file("ca.crt"),
            server: file("server.crt"),
            server_key: file("server.key"),
            client: file("vhsm.crt"),
            client_key: file("vhsm.key"),
            other_ca: file("other.crt"),
        }
    }
}

const KEY: [&str; 5] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

fn root(key: &Path, certificate: &Path) {
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-days", "2", "-subj", "/CN=CA of a test"]).args(KEY);
    run(command.arg("-keyout").arg(key).arg("-out").arg(certificate));
}

fn signed(folder: &Path, name: &str, extensions: &str) {
    let file = |ending: &str| folder.join(format!("{name}.{ending}"));
    std::fs::write(file("ext"), extensions).expect("a file");
    let mut request = Command::new("openssl");
    request.args(["req", "-new", "-subj", &format!("/CN={name}")]).args(KEY);
    run(request.arg("-keyout").arg(file("key")).arg("-out").arg(file("csr")));
    let mut sign = Command::new("openssl");
    sign.args(["x509", "-req", "-days", "2", "-CAcreateserial"]);
    sign.arg("-CA").arg(folder.join("ca.crt")).arg("-CAkey").arg(folder.join("ca.key"));
    run(sign.arg("-in").arg(file("csr")).arg("-extfile").arg(file("ext")).arg("-out").arg(file("crt")));
}

fn run(command: &mut Command) {
    let output = command.output().expect("openssl runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
