//! Real etcd for tests: members on loopback, started and ended by the test, killed, stopped and cut off at its will.
//!
//! Owns: the processes (they end with the test, however that ends), their folders, addresses, certificates, and the
//! wires between the members. Used by the tests of all packages: `#[path = ".../store/tests/common/etcd/mod.rs"]`.
//! Never uses the store that is tested. Needs Debian's etcd-server and etcd-client; openssl for TLS.
#![allow(dead_code, reason = "each test program uses a part of it")]

mod address;
mod certificates;
mod process;
mod relay;

pub use certificates::Certificates;
pub use relay::{Relay, Wire};

use process::Running;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a test waits for what must come: generous, for many tests run on few cores.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// 1, 3 or 5.
    pub members: usize,
    /// Clients speak TLS, and the members' certificate is signed by `Etcd::certificates().ca`.
    pub tls: bool,
    /// Clients must show a certificate of the same CA, such as `Certificates::client` (with `tls`).
    pub client_certificates: bool,
    /// Authentication is on, for `root` and this user, who may read and write every key: name and password.
    pub user: Option<(String, String)>,
    /// Members speak to each other over wires that can be cut: for `Etcd::isolate`.
    pub wires: bool,
    /// Where the data lie; in memory, where there is such a folder, without one.
    pub parent: Option<PathBuf>,
    /// More arguments for every member, such as `--quota-backend-bytes=16777216`.
    pub arguments: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            members: 1,
            tls: false,
            client_certificates: false,
            user: None,
            wires: false,
            parent: None,
            arguments: Vec::new(),
        }
    }
}

/// A running etcd. Dropped, it is gone with its data.
pub struct Etcd {
    options: Options,
    members: Vec<Member>,
    certificates: Option<Certificates>,
    folder: TempDir,
}

struct Member {
    name: String,
    client: SocketAddr,
    /// Where it listens for its peers, and where they are told that it does.
    peer: SocketAddr,
    advertised: SocketAddr,
    metrics: SocketAddr,
    relay: Option<Relay>,
    running: Option<Running>,
}

impl Etcd {
    /// One member.
    pub fn one() -> Self {
        Self::with(Options::default())
    }

    /// Three members, with wires between them.
    pub fn three() -> Self {
        Self::with(Options { members: 3, wires: true, ..Options::default() })
    }

    /// Started and healthy, and authentication on where it is asked for.
    pub fn with(options: Options) -> Self {
        let memory = Some(PathBuf::from("/dev/shm")).filter(|memory| memory.is_dir());
        let parent = options.parent.clone().or(memory).unwrap_or_else(std::env::temp_dir);
        let folder = tempfile::tempdir_in(parent).expect("a folder can be made");
        let places = address::places(options.members);
        let certificates = options.tls.then(|| Certificates::make(folder.path(), places[0][0].ip()));
        let members = places.iter().enumerate().map(|(number, place)| member(number, place, options.wires));
        let mut etcd = Self { members: members.collect(), options, certificates, folder };
        (0..etcd.members.len()).for_each(|number| etcd.spawn(number));
        etcd.wait_healthy();
        etcd.tell_relays_the_ids();
        if let Some((name, password)) = etcd.options.user.clone() {
            etcd.enable_authentication(&name, &password);
        }
        etcd
    }

    pub fn members(&self) -> usize {
        self.members.len()
    }

    /// Where clients reach a member.
    pub fn address(&self, member: usize) -> SocketAddr {
        self.members[member].client
    }

    /// `HOST:PORT,HOST:PORT,...`, all members.
    pub fn hosts(&self) -> String {
        let hosts: Vec<String> = self.members.iter().map(|member| member.client.to_string()).collect();
        hosts.join(",")
    }

    /// `etcd://HOST:PORT,...`
    pub fn url(&self) -> String {
        format!("etcd://{}", self.hosts())
    }

    pub fn certificates(&self) -> &Certificates {
        self.certificates.as_ref().expect("started with `tls`")
    }

    /// Where a member keeps its data.
    pub fn data_folder(&self, member: usize) -> PathBuf {
        self.folder.path().join(&self.members[member].name)
    }

    /// Ends a member with SIGKILL.
    pub fn kill(&mut self, member: usize) {
        self.members[member].running.take().expect("it runs").kill();
    }

    /// Starts a member that was killed, on its data. Does not wait until it is healthy.
    pub fn start(&mut self, member: usize) {
        assert!(self.members[member].running.is_none(), "it runs");
        self.spawn(member);
    }

    /// SIGSTOP: it holds its connections and answers nothing.
    pub fn pause(&self, member: usize) {
        self.signal(member, libc::SIGSTOP);
    }

    /// SIGCONT.
    pub fn resume(&self, member: usize) {
        self.signal(member, libc::SIGCONT);
    }

    fn signal(&self, member: usize, signal: i32) {
        self.members[member].running.as_ref().expect("it runs").signal(signal);
    }

    /// Whether a member runs (a paused one does).
    pub fn is_running(&self, member: usize) -> bool {
        self.members[member].running.is_some()
    }

    /// Cuts a member off from the others, both ways, as a partition does: nothing is refused, nothing comes through.
    /// Clients still reach it. Needs `wires`.
    pub fn isolate(&self, member: usize) {
        let id = self.relay(member).own_id();
        for number in 0..self.members.len() {
            self.relay(number).hang(if number == member { Wire::All } else { Wire::From(id) });
        }
    }

    /// Ends every `isolate`.
    pub fn heal(&self) {
        self.members.iter().filter_map(|member| member.relay.as_ref()).for_each(Relay::open);
    }

    fn relay(&self, member: usize) -> &Relay {
        self.members[member].relay.as_ref().expect("started with `wires`")
    }

    /// The member that leads, as it says itself; waits until there is one.
    pub fn leader(&self) -> usize {
        wait_for("a leader", || self.leader_among(|_| true))
    }

    /// The leader among these members; waits until one of them is. A member that was cut off goes on for a while to
    /// take itself for the leader, so leave it out.
    pub fn leader_of(&self, members: &[usize]) -> usize {
        wait_for("a leader", || self.leader_among(|member| members.contains(&member)))
    }

    fn leader_among(&self, of_interest: impl Fn(usize) -> bool) -> Option<usize> {
        let leads = |member: &usize| {
            let metrics = self.metrics(*member).unwrap_or_default();
            metrics.lines().any(|line| line == "etcd_server_is_leader 1")
        };
        (0..self.members.len()).filter(|member| of_interest(*member)).find(leads)
    }

    /// A metric's value as a member tells it, such as `etcd_mvcc_db_total_size_in_bytes`.
    pub fn metric(&self, member: usize, name: &str) -> f64 {
        let metrics = self.metrics(member).expect("it answers");
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.expect("a metric of etcd").parse().expect("a number")
    }

    fn metrics(&self, member: usize) -> Option<String> {
        self.members[member].running.as_ref()?;
        get(self.members[member].metrics, "/metrics")
    }

    /// Waits until every member that runs says that it is healthy: that it has a leader and takes part.
    pub fn wait_healthy(&self) {
        for member in self.members.iter().filter(|member| member.running.is_some()) {
            wait_for(&format!("{} to be healthy\n{}", member.name, self.log(member)), || {
                get(member.metrics, "/health")?.contains(r#""health":"true""#).then_some(())
            });
        }
    }

    /// Waits until a member says that it is not healthy: that it has no leader.
    pub fn wait_unhealthy(&self, member: usize) {
        wait_for("a member to have no leader", || {
            let healthy = get(self.members[member].metrics, "/health")?.contains(r#""health":"true""#);
            (!healthy).then_some(())
        });
    }

    /// Forgets all but the newest revision, so that a watch that is behind is told to begin anew.
    pub fn compact(&self) -> u64 {
        self.compact_if_possible().expect("a majority answers")
    }

    /// The same where a majority answers.
    pub fn compact_if_possible(&self) -> Option<u64> {
        let answered = |arguments: &[&str]| {
            let output = self.etcdctl_command(arguments).output().expect("etcdctl runs");
            output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let any = answered(&["get", "nothing", "--write-out=json"])?;
        let (_, rest) = any.split_once(r#""revision":"#).expect("an answer has a revision");
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        answered(&["compaction", &digits])?;
        Some(digits.parse().expect("digits"))
    }

    /// Runs etcdctl as `root` on all members that run, and gives what it prints.
    pub fn etcdctl(&self, arguments: &[&str]) -> String {
        let output = self.etcdctl_command(arguments).output().expect("etcdctl: apt-get install etcd-client");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "etcdctl {arguments:?}: {error}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The same before it runs.
    pub fn etcdctl_command(&self, arguments: &[&str]) -> Command {
        let running = self.members.iter().filter(|member| member.running.is_some());
        let scheme = if self.options.tls { "https" } else { "http" };
        let endpoints: Vec<String> = running.map(|member| format!("{scheme}://{}", member.client)).collect();
        let mut command = Command::new("etcdctl");
        command.env("ETCDCTL_API", "3").arg(format!("--endpoints={}", endpoints.join(",")));
        command.args(["--command-timeout=60s", "--dial-timeout=60s"]);
        if let Some(certificates) = &self.certificates {
            command.arg(format!("--cacert={}", certificates.ca.display()));
            command.arg(format!("--cert={}", certificates.client.display()));
            command.arg(format!("--key={}", certificates.client_key.display()));
        }
        if self.options.user.is_some() && self.folder.path().join(AUTHENTICATES).exists() {
            command.arg(format!("--user=root:{ROOT_PASSWORD}"));
        }
        command.args(arguments).stdin(Stdio::null());
        command
    }

    fn enable_authentication(&self, name: &str, password: &str) {
        self.etcdctl(&["user", "add", &format!("root:{ROOT_PASSWORD}")]);
        self.etcdctl(&["user", "grant-role", "root", "root"]);
        self.etcdctl(&["role", "add", "everything"]);
        self.etcdctl(&["role", "grant-permission", "everything", "--prefix=true", "readwrite", ""]);
        self.etcdctl(&["user", "add", &format!("{name}:{password}")]);
        self.etcdctl(&["user", "grant-role", name, "everything"]);
        self.etcdctl(&["auth", "enable"]);
        File::create(self.folder.path().join(AUTHENTICATES)).expect("a file");
    }

    /// A relay knows the others by the ids that etcd gives them.
    fn tell_relays_the_ids(&self) {
        if !self.options.wires {
            return;
        }
        // "8e9e05c52164694d, started, m0, http://..."; a member has no name before it has told it to the others.
        let started = |line: &str| line.contains(", started, ");
        let members = wait_for("all members' names", || {
            Some(self.etcdctl(&["member", "list"])).filter(|list| list.lines().all(started))
        });
        for line in members.lines() {
            let words: Vec<&str> = line.split(", ").collect();
            let member = self.members.iter().find(|member| member.name == words[2]).expect("one of these");
            let id = u64::from_str_radix(words[0], 16).expect("an id");
            member.relay.as_ref().expect("they all have one").set_own_id(id);
        }
    }

    fn spawn(&mut self, number: usize) {
        let all = self.members.iter().map(|member| format!("{}=http://{}", member.name, member.advertised));
        let all: Vec<String> = all.collect();
        let (member, scheme) = (&self.members[number], if self.options.tls { "https" } else { "http" });
        let mut command = Command::new("etcd");
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.args(["--name", &member.name, "--initial-cluster", &all.join(","), "--logger", "zap"]);
        command.arg("--data-dir").arg(self.data_folder(number));
        command.arg(format!("--listen-client-urls={scheme}://{}", member.client));
        command.arg(format!("--advertise-client-urls={scheme}://{}", member.client));
        command.arg(format!("--listen-peer-urls=http://{}", member.peer));
        command.arg(format!("--initial-advertise-peer-urls=http://{}", member.advertised));
        command.arg(format!("--listen-metrics-urls=http://{}", member.metrics));
        // Bcrypt as cheap as it gets: a test logs in often.
        command.args(["--bcrypt-cost=4", "--log-outputs=stderr"]);
        if let Some(certificates) = &self.certificates {
            command.arg("--cert-file").arg(&certificates.server);
            command.arg("--key-file").arg(&certificates.server_key);
            if self.options.client_certificates {
                command.arg("--client-cert-auth").arg("--trusted-ca-file").arg(&certificates.ca);
            }
        }
        command.args(&self.options.arguments).stdin(Stdio::null()).stdout(Stdio::null());
        let log = self.folder.path().join(format!("{}.log", member.name));
        let log = File::options().create(true).append(true).open(log).expect("a log");
        self.members[number].running = Some(Running::spawn(command, log));
    }

    /// The end of what a member said.
    fn log(&self, member: &Member) -> String {
        let path = self.folder.path().join(format!("{}.log", member.name));
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text[text.ceil_char_boundary(text.len().saturating_sub(2000))..].to_owned()
    }
}

const ROOT_PASSWORD: &str = "root's own";
/// A file that is there once authentication is on.
const AUTHENTICATES: &str = "authenticates";

fn member(number: usize, place: &[SocketAddr; 3], wires: bool) -> Member {
    let [client, peer, metrics] = *place;
    let relay = wires.then(|| Relay::to(peer));
    let advertised = relay.as_ref().map_or(peer, Relay::address);
    Member { name: format!("m{number}"), client, peer, advertised, metrics, relay, running: None }
}

/// Asks until there is an answer; fails after two minutes.
#[track_caller]
pub fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The body of what HTTP answers, whatever its status; `None`: nobody is there.
fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
}
