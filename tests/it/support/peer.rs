//! Another process on the same store, told what to do line by line.
//!
//! It is this test binary once more, running only the ignored test `peer::process`. A request is a word and its
//! arguments; the answer is one line: a value, `ok`, or the name of a CKR code.

use super::{LABEL, Mechanism, Module, Pair, SO_PIN, Session, USER_PIN, YES, name, number, worker};
use cryptoki_sys::*;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use vhsm_pkcs11::cluster::{Clusters, ObjectId, PasswordCosts};
use vhsm_pkcs11::config::Config;

/// Names the home of the process that this one is the peer of.
const HOME: &str = "VHSM_TEST_PEER_HOME";
/// What answers begin with, for the test runner prints lines of its own.
const MARK: &str = "peer: ";

pub struct Peer {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

/// A test that is killed leaves no peer behind.
fn die_with_the_test() -> io::Result<()> {
    // SAFETY: takes no pointer.
    match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

impl Peer {
    /// Starts a process that has initialized the library on the same home.
    pub fn start(home: &Path) -> Peer {
        Peer::start_as("peer::process", home)
    }

    /// Starts a process that is what this ignored test is.
    pub fn start_as(test: &str, home: &Path) -> Peer {
        let mut command = Command::new(std::env::current_exe().expect("a test knows its own path"));
        command.args(["--exact", test, "--ignored", "--nocapture"]).env(HOME, home);
        // SAFETY: prctl is a system call: it is safe between fork and exec.
        unsafe { command.pre_exec(die_with_the_test) };
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the peer starts");
        let to = child.stdin.take().expect("piped");
        let from = BufReader::new(child.stdout.take().expect("piped"));
        let mut peer = Peer { child, to, from };
        assert_eq!(peer.ask("hello"), "ok");
        peer
    }

    /// Sends a request and waits for its answer.
    pub fn ask(&mut self, request: &str) -> String {
        self.send(request);
        self.hear()
    }

    /// Waits for the next line of the peer.
    pub fn hear(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(self.from.read_line(&mut line).expect("the peer answers"), 0, "the peer ended");
            if let Some((_, said)) = line.split_once(MARK) {
                return said.trim_end().to_string();
            }
        }
    }

    /// Sends a request that it answers with many lines, or never.
    pub fn send(&mut self, request: &str) {
        writeln!(self.to, "{request}").expect("the peer listens");
    }

    /// Kills it, and gives the lines that it had said and nobody had read: whole ones.
    pub fn kill_and_read(mut self) -> Vec<String> {
        self.child.kill().expect("the peer runs");
        self.child.wait().expect("the peer ends");
        let mut said = String::new();
        self.from.read_to_string(&mut said).expect("text");
        let whole = said.rfind('\n').map_or(0, |end| end + 1);
        said[..whole].lines().filter_map(|line| Some(line.split_once(MARK)?.1.to_string())).collect()
    }

    /// Stops it as it stands (SIGSTOP), or lets it go on (SIGCONT).
    #[cfg(feature = "etcd")]
    pub fn signal(&self, signal: i32) {
        // SAFETY: a child that nobody has waited for: its id is its own.
        assert_eq!(unsafe { libc::kill(self.child.id() as i32, signal) }, 0);
    }

    /// Lets the peer end without C_Finalize, and gives its exit code.
    pub fn end(self) -> Option<i32> {
        let Peer { mut child, to, from } = self;
        drop(to);
        // The runner prints its summary: somebody must take it.
        from.lines().for_each(drop);
        child.wait().expect("the peer ends").code()
    }

    /// As if its machine had lost power.
    pub fn kill(mut self) {
        self.child.kill().expect("the peer runs");
        self.child.wait().expect("the peer ends");
    }
}

/// The peer's own life: requests until the input ends. `false` when this process is nobody's peer.
pub fn serve() -> bool {
    let Some(home) = home() else { return false };
    let module = Module::at(&home);
    let mut served = Served { module, slot: 0, session: 0 };
    answer_lines(|words| served.answer(words).unwrap_or_else(name));
    true
}

/// The home of the process that this one was started by, if it was.
pub fn home() -> Option<PathBuf> {
    std::env::var_os(HOME).map(PathBuf::from)
}

/// Answers requests until the input ends.
pub fn answer_lines(mut answer: impl FnMut(&[&str]) -> String) {
    for line in std::io::stdin().lines() {
        let line = line.expect("text");
        let words: Vec<&str> = line.split(' ').collect();
        println!("{MARK}{}", answer(&words));
    }
}

struct Served {
    module: Module,
    slot: CK_SLOT_ID,
    session: CK_SESSION_HANDLE,
}

impl Served {
    fn answer(&mut self, words: &[&str]) -> Result<String, CK_RV> {
        let handle = |word: &str| word.parse::<u64>().expect("a handle");
        match words {
            ["hello"] => Ok("ok".into()),
            ["slots"] => Ok(self.module.slots(true).len().to_string()),
            ["open", slot] => {
                self.slot = handle(slot);
                self.session = self.module.open(self.slot, super::READ_WRITE)?.handle;
                Ok("ok".into())
            }
            ["close"] => ok(self.session().close()),
            ["login"] => ok(self.session().login(CKU_USER, USER_PIN)),
            ["login-as", pin] => ok(self.session().login(CKU_USER, pin.as_bytes())),
            ["logout"] => ok(self.session().logout()),
            ["administer", verb, pin, object, whom] => Ok(self.administer(verb, pin, handle(object), whom)),
            ["login", "wrong"] => ok(self.session().login(CKU_USER, b"not the pin")),
            ["init-token", slot] => ok(self.module.init_token(handle(slot), SO_PIN, LABEL)),
            ["generate", label] => Ok(self.generate(label)?.to_string()),
            ["generate-many", count] => {
                for number in 0..handle(count) {
                    self.generate(&format!("many-{number}"))?;
                }
                Ok("ok".into())
            }
            ["find-all"] => {
                let found = self.session().find(&[])?;
                Ok(found.iter().map(u64::to_string).collect::<Vec<_>>().join(" "))
            }
            ["label", object] => {
                let label = self.session().get(handle(object), CKA_LABEL)?;
                Ok(String::from_utf8_lossy(&label).into_owned())
            }
            ["churn", who] => self.churn(who),
            ["write", who, log] => {
                worker::write(&self.session(), who, log);
                Ok("ok".into())
            }
            ["use", log, keys @ ..] => {
                worker::use_keys(&self.session(), log, keys);
                Ok("ok".into())
            }
            ["find", label] => {
                let found = self.session().find(&[(CKA_LABEL, label.as_bytes())])?;
                Ok(found.iter().map(u64::to_string).collect::<Vec<_>>().join(" "))
            }
            ["destroy", object] => ok(self.session().destroy(handle(object))),
            ["relabel", object, label] => {
                ok(self.session().set(handle(object), &[(CKA_LABEL, label.as_bytes())]))
            }
            ["encrypt", key] => {
                let session = self.session();
                ok(session.encrypt_init(Mechanism::plain(CKM_AES_ECB), handle(key)))?;
                let bytes = session.encrypt(&[7; 16])?;
                Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
            }
            other => panic!("the peer does not know {other:?}"),
        }
    }

    fn generate(&self, label: &str) -> Result<CK_OBJECT_HANDLE, CK_RV> {
        worker::token_key(&self.session(), label)
    }

    /// Does what the command `vhsm` does, through the library's own layer; sessions end.
    fn administer(&self, verb: &str, pin: &str, object: u64, whom: &str) -> String {
        assert_eq!(self.module.finalize(), CKR_OK, "one copy of the store's code at a time");
        let (user, password) = pin.split_once(':').expect("user:password");
        let done = {
            let config = Config::load().expect("a configuration");
            let store = config.open_store().expect("a store");
            let clusters = Clusters::open(store, PasswordCosts::default()).expect("clusters");
            let cluster = clusters.find(LABEL).expect("the cluster");
            let login = clusters.login_as(&cluster, None, user, password.as_bytes()).expect("a login");
            let id = ObjectId(object);
            match verb {
                "share" => clusters.share_object(&cluster, &login, id, &[whom]).map(|all| all.is_some()),
                "unshare" => clusters.unshare_object(&cluster, &login, id, &[whom]).map(|all| all.is_some()),
                "trust" => clusters.set_trusted(&cluster, &login, id, true),
                "delete-user" => clusters.delete_user(&cluster, &login, whom, true).map(|_| true),
                other => panic!("the peer does not know {other:?}"),
            }
        };
        assert_eq!(self.module.initialize(), CKR_OK);
        done.map_or_else(|error| name(error.rv()), |done| done.to_string())
    }

    /// Makes, relabels and destroys keys without end. Says before each what it is about to do, and after it that it
    /// was acknowledged.
    fn churn(&self, who: &str) -> Result<String, CK_RV> {
        let say = |line: String| println!("{MARK}{line}");
        let mut kept = std::collections::VecDeque::new();
        for number in 0u64.. {
            let label = format!("{who}-{number}");
            say(format!("make {label}"));
            let key = self.generate_with_id(&label)?;
            say(format!("made {label} {key}"));
            kept.push_back(key);
            if number % 3 == 1 {
                let key = kept[kept.len() / 2];
                say(format!("relabel {key} {label}-again"));
                ok(self.session().set(key, &[(CKA_LABEL, format!("{label}-again").as_bytes())]))?;
                say(format!("relabelled {key}"));
            }
            if let (2, Some(key)) = (number % 4, kept.pop_front()) {
                say(format!("destroy {key}"));
                ok(self.session().destroy(key))?;
                say(format!("destroyed {key}"));
            }
        }
        Ok("ok".into())
    }

    fn generate_with_id(&self, label: &str) -> Result<CK_OBJECT_HANDLE, CK_RV> {
        let length = number(32);
        let template: [Pair; 5] = [
            (CKA_TOKEN, YES),
            (CKA_PRIVATE, YES),
            (CKA_VALUE_LEN, &length),
            (CKA_LABEL, label.as_bytes()),
            (CKA_ID, label.as_bytes()),
        ];
        self.session().generate(Mechanism::plain(CKM_AES_KEY_GEN), &template)
    }

    fn session(&self) -> Session<'_> {
        self.module.session(self.session)
    }
}

fn ok(rv: CK_RV) -> Result<String, CK_RV> {
    if rv == CKR_OK { Ok("ok".into()) } else { Err(rv) }
}
