//! The library's function list, and the calls that need no session.

use super::{Session, name, padded};
use cryptoki_sys::*;
use std::path::{Path, PathBuf};
use std::ptr::{null, null_mut};
use std::sync::{Mutex, MutexGuard};

/// Calls a function of the list: `call!(api, C_Encrypt(session, ...))`.
macro_rules! call {
    ($api:expr, $function:ident($($argument:expr),* $(,)?)) => {
        // SAFETY: every test passes pointers that are null or good for the lengths beside them.
        unsafe { ($api.$function.expect(concat!(stringify!($function), " is set")))($($argument),*) }
    };
}

pub(crate) use call;

/// The 3.2 function list, which begins with those of 3.0 and 2.40.
pub type Api = CK_FUNCTION_LIST_3_2;

/// The library, loaded with an empty home.
pub struct Module {
    pub api: &'static Api,
    pub library: &'static libloading::Library,
    home: PathBuf,
    _folder: Option<tempfile::TempDir>,
    _alone: MutexGuard<'static, ()>,
}

/// One test at a time where tests share a process (plain `cargo test`).
static ALONE: Mutex<()> = Mutex::new(());

/// Where cargo puts the library: the folder of the test binary, or the one above.
pub fn module_path() -> PathBuf {
    let binary = std::env::current_exe().expect("a test knows its own path");
    let folders = binary.ancestors().skip(1).take(2);
    let places: Vec<_> = folders.map(|folder| folder.join("libvhsm_pkcs11.so")).collect();
    places.iter().find(|path| path.exists()).unwrap_or_else(|| panic!("none of {places:?}")).clone()
}

impl Module {
    /// Loaded, not initialized.
    pub fn loaded() -> Module {
        Module::loaded_in(&std::env::temp_dir())
    }

    fn loaded_in(parent: &Path) -> Module {
        let alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let folder = tempfile::tempdir_in(parent).expect("a folder for the test");
        Module::load(folder.path().to_path_buf(), Some(folder), alone)
    }

    /// Initialized on a home that another process made.
    pub fn at(home: &Path) -> Module {
        let alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let module = Module::load(home.to_path_buf(), None, alone);
        assert_eq!(name(module.initialize()), "CKR_OK", "home {home:?}");
        module
    }

    fn load(home: PathBuf, folder: Option<tempfile::TempDir>, alone: MutexGuard<'static, ()>) -> Module {
        // SAFETY: other threads of a test start after this; other tests wait for the lock.
        unsafe {
            std::env::set_var("VHSM_HOME", &home);
            for name in [
                "VHSM_CONF",
                "VHSM_FAULTS",
                "VHSM_LOG",
                "VHSM_LOG_FILE",
                "VHSM_PIN",
                "VHSM_PROFILE",
                "VHSM_STORE",
                "VHSM_LEGACY",
            ] {
                std::env::remove_var(name);
            }
        }
        // Never unloaded: function pointers of the list outlive every borrow.
        // SAFETY: the library has no initializers that could fail.
        let library = unsafe { libloading::Library::new(module_path()) }.expect("the library loads");
        let library: &'static _ = Box::leak(Box::new(library));
        Module { api: interface_3_2(library), library, home, _folder: folder, _alone: alone }
    }

    /// Loaded and initialized, as most programs do it.
    pub fn initialized() -> Module {
        Module::initialized_in(&std::env::temp_dir())
    }

    pub fn initialized_in(parent: &Path) -> Module {
        let module = Module::loaded_in(parent);
        // A test that failed before in this process may have left it initialized.
        call!(module.api, C_Finalize(null_mut()));
        assert_eq!(name(module.initialize()), "CKR_OK", "home {:?}", module.home());
        module
    }

    /// The library's VHSM_HOME.
    pub fn home(&self) -> &Path {
        &self.home
    }

    pub fn initialize(&self) -> CK_RV {
        let mut arguments = CK_C_INITIALIZE_ARGS {
            CreateMutex: None,
            DestroyMutex: None,
            LockMutex: None,
            UnlockMutex: None,
            flags: CKF_OS_LOCKING_OK,
            pReserved: null_mut(),
        };
        call!(self.api, C_Initialize((&raw mut arguments).cast()))
    }

    pub fn finalize(&self) -> CK_RV {
        call!(self.api, C_Finalize(null_mut()))
    }

    pub fn slots(&self, with_token: bool) -> Vec<CK_SLOT_ID> {
        let mut count = 0;
        let with_token = CK_BBOOL::from(with_token);
        assert_eq!(call!(self.api, C_GetSlotList(with_token, null_mut(), &mut count)), CKR_OK);
        let mut slots = vec![0; count as usize];
        let rv = call!(self.api, C_GetSlotList(with_token, slots.as_mut_ptr(), &mut count));
        assert_eq!((rv, slots.len()), (CKR_OK, count as usize));
        slots
    }

    /// The slot whose token is not initialized.
    pub fn free_slot(&self) -> CK_SLOT_ID {
        let is_free = |slot: &CK_SLOT_ID| {
            self.token_info(*slot).is_ok_and(|info| info.flags & CKF_TOKEN_INITIALIZED == 0)
        };
        self.slots(true).into_iter().find(is_free).expect("there is always an uninitialized token")
    }

    pub fn token_info(&self, slot: CK_SLOT_ID) -> Result<CK_TOKEN_INFO, CK_RV> {
        let mut info = CK_TOKEN_INFO::default();
        match call!(self.api, C_GetTokenInfo(slot, &mut info)) {
            CKR_OK => Ok(info),
            rv => Err(rv),
        }
    }

    pub fn init_token(&self, slot: CK_SLOT_ID, pin: &[u8], label: &str) -> CK_RV {
        let (mut pin, mut label) = (pin.to_vec(), padded::<32>(label));
        let length = pin.len() as CK_ULONG;
        call!(self.api, C_InitToken(slot, pin.as_mut_ptr(), length, label.as_mut_ptr()))
    }

    pub fn open(&self, slot: CK_SLOT_ID, flags: CK_FLAGS) -> Result<Session<'_>, CK_RV> {
        let mut handle = 0;
        match call!(self.api, C_OpenSession(slot, flags, null_mut(), None, &mut handle)) {
            CKR_OK => Ok(Session { api: self.api, handle }),
            rv => Err(rv),
        }
    }

    pub fn session(&self, handle: CK_SESSION_HANDLE) -> Session<'_> {
        Session { api: self.api, handle }
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        call!(self.api, C_Finalize(null_mut()));
    }
}

fn interface_3_2(library: &'static libloading::Library) -> &'static Api {
    let mut version = CK_VERSION { major: 3, minor: 2 };
    let mut interface = null_mut();
    // SAFETY: the symbol has this type in every PKCS#11 3.0 library.
    let list = unsafe {
        let get: libloading::Symbol<CK_C_GetInterface> =
            library.get(b"C_GetInterface").expect("the symbol is exported");
        let name = c"PKCS 11".as_ptr() as *mut CK_UTF8CHAR;
        let rv = (get.expect("a function"))(name, &mut version, &mut interface, 0);
        assert_eq!(rv, CKR_OK);
        interface.as_ref().map_or(null(), |interface: &CK_INTERFACE| interface.pFunctionList)
    };
    // SAFETY: the list is static in the library, which is never unloaded.
    unsafe { list.cast::<Api>().as_ref() }.expect("the interface has a function list")
}
