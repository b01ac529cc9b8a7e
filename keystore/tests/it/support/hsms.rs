//! HSMs for one test: a module, its slots, and the crypto user `kmsuser` on them.

use super::Operator;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::session::UserType;
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tempfile::TempDir;
use vhsm_keystore::Module;

pub const USER: &str = "kmsuser";
pub const PASSWORD: &str = "kmsPassword1";
const OFFICER_PIN: &str = "officer1";
const SOFTHSM: [&str; 2] =
    ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"];

static ALONE: Mutex<()> = Mutex::new(());

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// This project's library, and a cluster of two HSMs.
    Vhsm,
    /// SoftHSM, and one token.
    SoftHsm,
}

/// Fields end in this order: the module is finalized before its folder goes.
pub struct Hsms {
    pub kind: Kind,
    pub module: Arc<Module>,
    pub slots: Vec<u64>,
    /// The slots of further clusters.
    pub others: Vec<Vec<u64>>,
    /// The admin of `Kind::Vhsm`, in another process.
    pub operator: Option<Operator>,
    finalizer: Finalizer,
    _folder: TempDir,
    _alone: MutexGuard<'static, ()>,
}

struct Finalizer(Option<Pkcs11>);

impl Hsms {
    /// One cluster.
    pub fn new(kind: Kind) -> Hsms {
        Hsms::with(kind, 1)
    }

    /// `clusters` of them, each with kmsuser; the operator works at the first.
    pub fn with(kind: Kind, clusters: usize) -> Hsms {
        Hsms::configured(kind, clusters, "")
    }

    /// Of `Kind::Vhsm` in profile `cloudhsm`: one slot for both HSMs, and a library like CloudHSM's own.
    pub fn of_profile_cloudhsm() -> Hsms {
        Hsms::configured(Kind::Vhsm, 1, "profile = \"cloudhsm\"\n")
    }

    fn configured(kind: Kind, clusters: usize, config: &str) -> Hsms {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().unwrap();
        let (path, operator) = match kind {
            Kind::Vhsm => (library(), Some(make_clusters(folder.path(), clusters, config))),
            Kind::SoftHsm => (softhsm(), None),
        };
        if kind == Kind::SoftHsm {
            make_tokens(folder.path(), clusters);
        }
        let module = Arc::new(Module::load(&path).unwrap());
        let pkcs11 = Pkcs11::new(&path).unwrap();
        let slots = slots_of(&pkcs11, 0);
        let others = (1..clusters).map(|number| slots_of(&pkcs11, number)).collect();
        let finalizer = Finalizer(Some(pkcs11));
        Hsms { kind, module, slots, others, operator, finalizer, _folder: folder, _alone: alone }
    }

    /// The same module as another part of this process has it.
    pub fn pkcs11(&self) -> &Pkcs11 {
        self.finalizer.0.as_ref().unwrap()
    }

    pub fn slot(&self, number: usize) -> Slot {
        Slot::try_from(self.slots[number]).unwrap()
    }

    /// As C_Login takes it.
    pub fn pin(&self, password: &str) -> Vec<u8> {
        match self.kind {
            Kind::Vhsm => format!("{USER}:{password}").into_bytes(),
            Kind::SoftHsm => password.into(),
        }
    }

    /// What an admin does: gives kmsuser another password, and unlocks it. Nobody may be logged in.
    pub fn reset_password(&mut self, password: &str) {
        match &mut self.operator {
            Some(operator) => operator.order(&format!("password {password}")),
            None => {
                let session = self.pkcs11().open_rw_session(self.slot(0)).unwrap();
                session.login(UserType::So, Some(&AuthPin::new(OFFICER_PIN.into()))).unwrap();
                session.init_pin(&AuthPin::new(password.into())).unwrap();
                session.logout().unwrap();
            }
        }
    }

    /// Finalizes and initializes the module: all sessions end, all handles are new.
    pub fn begin_again(&mut self) {
        self.pkcs11().clone().finalize().unwrap();
        self.pkcs11().initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
    }

    /// The admin's process.
    pub fn operator(&mut self) -> &mut Operator {
        self.operator.as_mut().expect("HSMs of Kind::Vhsm")
    }
}

impl Drop for Finalizer {
    fn drop(&mut self) {
        if let Some(pkcs11) = self.0.take() {
            // Whoever comes next in this process sets its own environment before C_Initialize.
            let _ = pkcs11.finalize();
        }
    }
}

/// The label of a cluster and its tokens.
fn label(number: usize) -> String {
    format!("test-{number}")
}

fn slots_of(pkcs11: &Pkcs11, cluster: usize) -> Vec<u64> {
    let slots = pkcs11.get_slots_with_initialized_token().unwrap();
    let is_its = |slot: &&Slot| pkcs11.get_token_info(**slot).unwrap().label() == label(cluster);
    slots.iter().filter(is_its).map(Slot::id).collect()
}

/// Where cargo puts the library: the folder of the test binary, or the one above.
pub fn library() -> PathBuf {
    let binary = std::env::current_exe().unwrap();
    let places: Vec<_> =
        binary.ancestors().skip(1).take(2).map(|folder| folder.join("libvhsm_pkcs11.so")).collect();
    places.iter().find(|path| path.exists()).unwrap_or_else(|| panic!("none of {places:?}")).clone()
}

fn softhsm() -> PathBuf {
    let installed = SOFTHSM.iter().map(Path::new).find(|path| path.exists());
    installed.expect("SoftHSM is installed (Debian: softhsm2)").to_path_buf()
}

fn make_clusters(home: &Path, clusters: usize, config: &str) -> Operator {
    // SAFETY: other threads of a test start after this; other tests wait for the lock.
    unsafe {
        std::env::set_var("VHSM_HOME", home);
        for name in ["VHSM_CONF", "VHSM_FAULTS", "VHSM_LOG", "VHSM_LOG_FILE", "VHSM_PROFILE", "VHSM_STORE"] {
            std::env::remove_var(name);
        }
    }
    // Argon2id as cheap as it gets.
    let config = format!("{config}[password]\nmemory_kib = 8\npasses = 1\n");
    std::fs::write(home.join("vhsm.toml"), config).unwrap();
    Operator::start(home, &(0..clusters).map(label).collect::<Vec<_>>())
}

fn make_tokens(folder: &Path, tokens: usize) {
    let (place, config) = (folder.join("tokens"), folder.join("softhsm2.conf"));
    std::fs::create_dir(&place).unwrap();
    let text = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
        place.display()
    );
    std::fs::write(&config, text).unwrap();
    for number in 0..tokens {
        let mut command = Command::new("softhsm2-util");
        command.args(["--init-token", "--free", "--label", &label(number)]);
        command.args(["--so-pin", OFFICER_PIN, "--pin", PASSWORD]);
        let output = command.env("SOFTHSM2_CONF", &config).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    // SAFETY: as in `make_clusters`.
    unsafe { std::env::set_var("SOFTHSM2_CONF", config) };
}
