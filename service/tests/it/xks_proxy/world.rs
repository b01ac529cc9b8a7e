//! A token with keys, a configuration, and the proxy that runs on them.

use super::*;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// The key store's that every world has.
pub const ACCESS_KEY_ID: &str = "XKSTESTAAAAAAAAAAAAA";
pub const SECRET: &str = "c2VjcmV0IG9mIHRoZSB0ZXN0cywgbm9ib2R5IGVsc2UncyE1";
pub const REGION: &str = "us-east-1";
const SOFTHSM: &str = "/usr/lib/softhsm/libsofthsm2.so";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The library within the command, and a cluster of two HSMs.
    Own,
    /// SoftHSM, and one token.
    SoftHsm,
}

pub struct World {
    pub home: Home,
    pub kind: Kind,
    pub certificates: Certificates,
    /// The head of the configuration, before all tables.
    pub top: String,
    /// `[tls]` and its like.
    pub tables: String,
    /// `[times]`: by default those of tests that are not about time, on a machine that has much else to do.
    pub times: String,
    /// More of `[[hsms]]`.
    pub hsms: String,
    /// The key store's.
    pub credentials: String,
    /// More of `[[key_stores]]`, and further ones.
    pub key_stores: String,
}

impl World {
    /// With the keys that `keys` tells.
    pub fn new(kind: Kind) -> Self {
        let home = Home::demo();
        if kind == Kind::SoftHsm {
            make_token(&home);
        }
        let certificates = Certificates::make(&home);
        let world = Self {
            certificates,
            home,
            kind,
            top: String::new(),
            tables: String::new(),
            times: "deadline_ms = 10000\n".into(),
            hsms: String::new(),
            credentials: format!("{{ access_key_id = \"{ACCESS_KEY_ID}\", secret_file = \"secret\" }}"),
            key_stores: String::new(),
        };
        world.secret("secret", SECRET);
        world.secret("pin", world.pin());
        keys::make(&world);
        world
    }

    /// TLS, with nobody's certificate asked for.
    pub fn with_tls(mut self) -> Self {
        self.tables += "[tls]\ncert_file = \"server.crt\"\nkey_file = \"server.key\"\n";
        self
    }

    /// TLS, and clients are `kms.test`.
    pub fn with_mtls(self) -> Self {
        let mut world = self.with_tls();
        world.tables += "client_ca_file = \"ca.crt\"\nclient_names = [\"kms.test\"]\n";
        world
    }

    pub fn pin(&self) -> &'static str {
        match self.kind {
            Kind::Own => USER_PIN,
            Kind::SoftHsm => USER,
        }
    }

    pub fn module(&self) -> PathBuf {
        match self.kind {
            Kind::Own => Path::new(env!("CARGO_BIN_EXE_vhsm")).with_file_name("deps/libvhsm_pkcs11.so"),
            Kind::SoftHsm => SOFTHSM.into(),
        }
    }

    /// What a process on the module needs.
    pub fn environment(&self) -> [(&'static str, PathBuf); 2] {
        let at = |name: &str| self.home.path().join(name);
        [("VHSM_HOME", at("")), ("SOFTHSM2_CONF", at("softhsm.conf"))]
    }

    /// A file that nobody else reads.
    pub fn secret(&self, name: &str, text: &str) {
        let path = self.home.write(name, &format!("{text}\n"));
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
    }

    /// The configuration, written.
    pub fn configure(&self) {
        let module = match self.kind {
            Kind::Own => String::new(),
            Kind::SoftHsm => format!("module = \"{SOFTHSM}\"\n"),
        };
        let Self { top, tables, times, hsms, credentials, key_stores, .. } = self;
        let text = format!(
            r#"
listen = "127.0.0.1:0"
status_listen = "127.0.0.1:0"
region = "{REGION}"
access_log = "access.log"
{top}
{tables}
[times]
{times}
[[hsms]]
name = "main"
{module}token_label = "demo"
pin_file = "pin"
{hsms}
[[key_stores]]
name = "payments"
path_prefix = "/payments"
credentials = [{credentials}]
{key_stores}"#
        );
        self.home.write("xks-proxy.toml", &text);
    }

    /// `vhsm xks-proxy` with these arguments, of this world.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.home.command(None, &[&["xks-proxy"], arguments].concat());
        command.envs(self.environment());
        command
    }

    pub fn start(&self) -> Proxy {
        self.configure();
        let mut command = self.command(&[]);
        command.stdout(Stdio::null());
        let process = Serve::of(command);
        let at = |says: &str| {
            let line = process.says(says);
            line.rsplit("://").next().unwrap().parse::<SocketAddr>().unwrap_or_else(|_| panic!("{line}"))
        };
        let (status, address) = (at("tells its status on http://"), at("listens on http"));
        let proxy = Proxy { process, address, status };
        let hsms = if self.kind == Kind::Own { 2 } else { 1 };
        poll("all HSMs are ACTIVE", || proxy.active() == hsms);
        proxy
    }

    /// The access log's lines.
    pub fn access_log(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.home.path().join("access.log")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// A client of the key store that every world has.
    pub fn client(&self, proxy: &Proxy) -> Client {
        Client::new(self, proxy)
    }
}

/// A running proxy, and where it is.
pub struct Proxy {
    pub process: Serve,
    pub address: SocketAddr,
    pub status: SocketAddr,
}

impl Proxy {
    /// GET of the address without TLS.
    pub fn get(&self, path: &str) -> super::client::Reply {
        let client = serve_http::Client { address: self.status.to_string(), signer: None };
        client.get(path)
    }

    /// How many HSMs are ACTIVE.
    pub fn active(&self) -> usize {
        let metrics = self.get("/metrics").body;
        let active = |line: &&str| {
            line.starts_with("xks_external_key_manager_states") && line.ends_with("state=\"ACTIVE\"} 1")
        };
        metrics.lines().filter(active).count()
    }
}

/// Waits for something that comes.
pub fn poll(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < LONG, "{what}: never");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn make_token(home: &Home) {
    let tokens = home.path().join("tokens");
    std::fs::create_dir(&tokens).unwrap();
    let config = home.write("softhsm.conf", &format!("directories.tokendir = {}\n", tokens.display()));
    let output = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", "demo", "--so-pin", "so-pin-1", "--pin", USER])
        .env("SOFTHSM2_CONF", config)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("softhsm2-util: {error}: .ci/install installs it"));
    assert!(output.status.success(), "{}", text(&output.stderr));
}
