//! Two HSMs, a group of them, and somebody who makes keys.

use super::*;
use crate::directory::tests::{PASSWORD, USER, World, config};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::Attribute;
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use vhsm_pkcs11::api;
use vhsm_pkcs11::cluster::faults::FaultPlan;
use vhsm_pkcs11::cluster::{Authority, Cluster, HsmState};
use vhsm_pkcs11::config::Config;
use vhsm_pkcs11::profile::Profile;

/// More than anything here takes on a busy machine.
pub const LONG: Duration = Duration::from_secs(60);
const LABEL: &str = "ekm";
const SOFTHSM_PIN: &str = "userPin1";
const SOFTHSM: [&str; 2] =
    ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// This program's library, and a cluster of two HSMs.
    Vhsm,
    /// SoftHSM, and two tokens with one label.
    SoftHsm,
}

pub struct Scene {
    pub kind: Kind,
    pub runtime: Runtime,
    pub pkcs11: Pkcs11,
    settings: HsmGroupSettings,
    world: Option<(World, Arc<Cluster>)>,
    _folder: TempDir,
}

impl Scene {
    pub fn new(kind: Kind) -> Self {
        match kind {
            Kind::Vhsm => Self::of_vhsm(Profile::Standard),
            Kind::SoftHsm => Self::of_softhsm(),
        }
    }

    pub fn of_vhsm(profile: Profile) -> Self {
        let world = World::new();
        let cluster = world.cluster(LABEL);
        api::configure(Config { profile, ..config(world.home.path()) });
        let pin = format!("{USER}:{PASSWORD}").into_bytes();
        Self::with(Kind::Vhsm, ModuleChoice::Own, pin, Some((world, cluster)), tempfile::tempdir().unwrap())
    }

    fn of_softhsm() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("softhsm2.conf");
        configure(folder.path(), &config);
        make_tokens(&config, LABEL);
        // SAFETY: each test has a process of its own, and no other thread yet.
        unsafe { std::env::set_var("SOFTHSM2_CONF", config) };
        let installed = SOFTHSM.iter().map(PathBuf::from).find(|path| path.exists());
        let module = ModuleChoice::File(installed.expect("SoftHSM is installed (Debian: softhsm2)"));
        Self::with(Kind::SoftHsm, module, SOFTHSM_PIN.into(), None, folder)
    }

    fn with(
        kind: Kind,
        module: ModuleChoice,
        pin: Vec<u8>,
        world: Option<(World, Arc<Cluster>)>,
        folder: TempDir,
    ) -> Self {
        let pkcs11 = match &module {
            ModuleChoice::Own => Pkcs11::new_from_self().unwrap(),
            ModuleChoice::File(path) => Pkcs11::new(path).unwrap(),
        };
        pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
        let settings = HsmGroupSettings {
            name: "hsms".into(),
            module,
            tokens: TokenChoice::Label(LABEL.into()),
            pin: Zeroizing::new(pin),
            workers: 4,
            queue: 64,
            iv: IvSource::Proxy,
            named_by: KeyName::Label,
            probe_label: "probe".into(),
            make_probe_key: true,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        Self { kind, runtime: runtime.unwrap(), pkcs11, settings, world, _folder: folder }
    }

    pub fn settings(&self) -> HsmGroupSettings {
        self.settings.clone()
    }

    /// Of one HSM alone.
    pub fn settings_of_one(&self) -> HsmGroupSettings {
        HsmGroupSettings { tokens: TokenChoice::Slots(vec![self.slots()[0].id()]), ..self.settings() }
    }

    pub fn start(&self, settings: HsmGroupSettings) -> Arc<Hsms> {
        Hsms::start(&[settings], None).unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// When all HSMs work, and all their threads have sessions.
    pub fn active(&self, settings: HsmGroupSettings) -> Arc<Hsms> {
        let workers = settings.workers;
        let hsms = self.start(settings);
        wait_for("all HSMs are active", || {
            hsms.probe();
            let status = hsms.status();
            status.iter().all(|hsm| hsm.health == HealthStatus::Active && hsm.sessions == workers)
        });
        hsms
    }

    pub fn slots(&self) -> Vec<Slot> {
        let slots = self.pkcs11.get_slots_with_initialized_token().unwrap();
        let is_its = |slot: &Slot| self.pkcs11.get_token_info(*slot).unwrap().label() == LABEL;
        slots.into_iter().filter(is_its).collect()
    }

    /// A session of the user on one of the HSMs.
    pub fn session(&self, slot: Slot) -> Session {
        let session = self.pkcs11.open_rw_session(slot).unwrap();
        let pin = AuthPin::new(String::from_utf8(self.settings.pin.to_vec()).unwrap().into());
        // The group may have logged in.
        let _ = session.login(UserType::User, Some(&pin));
        session
    }

    /// Makes an AES-256 key on all HSMs.
    pub fn key(&self, label: &str) {
        self.key_with(label, &[Attribute::Encrypt(true), Attribute::Decrypt(true)]);
    }

    pub fn key_with(&self, label: &str, more: &[Attribute]) {
        // The HSMs of a cluster share their keys. SoftHSM's tokens do not, and get keys of their own.
        let slots = self.slots();
        let count = if self.kind == Kind::Vhsm { 1 } else { slots.len() };
        slots[..count].iter().for_each(|slot| self.generate(*slot, label, more));
    }

    fn generate(&self, slot: Slot, label: &str, more: &[Attribute]) {
        let mut template = vec![
            Attribute::Label(label.into()),
            Attribute::Id(label.into()),
            Attribute::ValueLen(32.into()),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
        ];
        template.extend_from_slice(more);
        self.session(slot).generate_key(&Mechanism::AesKeyGen, &template).unwrap();
    }

    /// Makes an AES-256 key by one HSM.
    pub fn key_at(&self, hsm: usize, label: &str) {
        self.generate(self.slots()[hsm], label, &[Attribute::Encrypt(true), Attribute::Decrypt(true)]);
    }

    /// Makes an RSA key pair.
    pub fn rsa(&self, label: &str) {
        let public = [
            Attribute::Label(label.into()),
            Attribute::Token(true),
            Attribute::ModulusBits(2048.into()),
            Attribute::PublicExponent(vec![1, 0, 1]),
            Attribute::Verify(true),
        ];
        let private = [
            Attribute::Label(label.into()),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Sign(true),
        ];
        let session = self.session(self.slots()[0]);
        session.generate_key_pair(&Mechanism::RsaPkcsKeyPairGen, &public, &private).unwrap();
    }

    pub fn destroy(&self, label: &str) {
        for slot in self.slots() {
            let session = self.session(slot);
            for key in session.find_objects(&[Attribute::Label(label.into())]).unwrap() {
                session.destroy_object(key).unwrap();
            }
        }
    }

    /// Of `Kind::Vhsm`: makes another cluster, with the same user.
    pub fn make_cluster(&self, label: &str) {
        self.world.as_ref().unwrap().0.cluster(label);
    }

    /// Of `Kind::Vhsm`: what goes wrong from now on; nothing, if empty.
    pub fn plan(&self, text: &str) {
        let (world, cluster) = self.world.as_ref().unwrap();
        let by = Authority::Service(&world.root_key);
        world.clusters.set_fault_plan(cluster, by, &FaultPlan::parse(text).unwrap()).unwrap();
    }

    /// The id of an HSM, for plans.
    pub fn name(&self, hsm: usize) -> String {
        self.world.as_ref().unwrap().1.hsms[hsm].name.clone()
    }

    pub fn set(&self, hsm: usize, state: HsmState) {
        let (world, cluster) = self.world.as_ref().unwrap();
        world.set(cluster, hsm, state);
    }

    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Does work with all the time it may need.
    pub fn run(&self, hsms: &Hsms, key: &str, work: Work) -> Result<Outcome, HsmFailure> {
        self.block_on(hsms.run(&[0], key, work, Instant::now() + LONG)).outcome
    }

    pub fn encrypt(
        &self,
        hsms: &Hsms,
        key: &str,
        plaintext: &[u8],
        aad: &[u8],
    ) -> Result<Sealed, HsmFailure> {
        match self.run(hsms, key, encrypt(plaintext, aad))? {
            Outcome::Sealed(sealed) => Ok(sealed),
            _ => panic!("no ciphertext"),
        }
    }

    pub fn decrypt(
        &self,
        hsms: &Hsms,
        key: &str,
        sealed: &Sealed,
        aads: &[&[u8]],
    ) -> Result<Vec<u8>, HsmFailure> {
        match self.run(hsms, key, decrypt(sealed, aads))? {
            Outcome::Plaintext(plaintext) => Ok(plaintext.to_vec()),
            _ => panic!("no plaintext"),
        }
    }
}

pub fn encrypt(plaintext: &[u8], aad: &[u8]) -> Work {
    Work::Encrypt { plaintext: Zeroizing::new(plaintext.to_vec()), aad: aad.to_vec(), cdiv: None }
}

pub fn decrypt(sealed: &Sealed, aads: &[&[u8]]) -> Work {
    Work::Decrypt {
        ciphertext: sealed.ciphertext.clone(),
        iv: sealed.iv.clone(),
        tag: sealed.tag.clone(),
        aads: aads.iter().map(|aad| aad.to_vec()).collect(),
    }
}

#[track_caller]
pub fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < until, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn configure(folder: &Path, config: &Path) {
    let place = folder.join("tokens");
    std::fs::create_dir(&place).unwrap();
    let text = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
        place.display()
    );
    std::fs::write(config, text).unwrap();
}

fn make_tokens(config: &Path, label: &str) {
    for _ in 0..2 {
        let mut command = Command::new("softhsm2-util");
        command.args([
            "--init-token",
            "--free",
            "--label",
            label,
            "--so-pin",
            "officer1",
            "--pin",
            SOFTHSM_PIN,
        ]);
        let output = command.env("SOFTHSM2_CONF", config).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
