//! README's table of failures is what a client finds: every row is brought about, and every column looked at.

use crate::support::call;
use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;
use vhsm_pkcs11::api::rv_name;
use vhsm_pkcs11::manual::failures::{Cause, Failure, Seen, failures};

fn ecb() -> Mechanism {
    Mechanism::plain(CKM_AES_ECB)
}

/// `goes on`, or the code.
fn told(rv: CK_RV) -> String {
    if rv == CKR_OK { "goes on".into() } else { rv_name(rv).into_owned() }
}

fn code<T>(result: Result<T, CK_RV>) -> CK_RV {
    result.err().unwrap_or(CKR_OK)
}

/// The client at work: a session with each HSM, a token key, a session key of HSM 0.
struct Client {
    first: CK_SESSION_HANDLE,
    second: CK_SESSION_HANDLE,
    key: CK_OBJECT_HANDLE,
    session_key: CK_OBJECT_HANDLE,
}

impl Client {
    fn start(drill: &Drill) -> Client {
        let (first, second) = (drill.user(0), drill.user(1));
        let key = first.aes_key(&[(CKA_TOKEN, YES), (CKA_LABEL, b"a token key")]);
        let session_key = drill.user(0).aes_key(&[]);
        expect("init", first.encrypt_init(ecb(), key), CKR_OK);
        first.encrypt_update(&[0; 16]).expect("in progress");
        Client { first: first.handle, second: second.handle, key, session_key }
    }

    fn sees(&self, drill: &Drill, of_logins: bool) -> Seen {
        let [first, second] = [self.first, self.second].map(|handle| drill.module.session(handle));
        let in_progress = told(code(first.encrypt_update(&[0; 16])));
        let session = told(code(first.info()));
        if of_logins {
            first.logout();
        }
        let (anew, new_key) = self.anew(drill);
        Seen {
            in_progress,
            session,
            anew,
            new_key,
            other: told(second.encrypt_init(ecb(), self.key)),
            event: if has_event(&drill.module, 0) { "yes".into() } else { "no".into() },
            ..Seen::default()
        }
    }

    /// A session with HSM 0, a login, a use of the token key, up to what fails; and a new token key.
    fn anew(&self, drill: &Drill) -> (String, String) {
        let session = match drill.module.open(0, READ_WRITE) {
            Ok(session) => session,
            Err(rv) => return (format!("C_OpenSession: {}", told(rv)), "-".into()),
        };
        match session.login(CKU_USER, KMS_PIN) {
            CKR_OK | CKR_USER_ALREADY_LOGGED_IN => {}
            rv => return (format!("C_Login: {}", told(rv)), "-".into()),
        }
        let template: [Pair; 3] = [(CKA_TOKEN, YES), (CKA_PRIVATE, YES), (CKA_VALUE_LEN, &number(32))];
        let make = || code(session.generate(Mechanism::plain(CKM_AES_KEY_GEN), &template));
        // The second call is looked at: a throttle lets the first one in.
        let made = [make(), make()][1];
        let used = match session.encrypt_init(ecb(), self.key) {
            CKR_OK => "goes on".into(),
            rv => format!("C_EncryptInit: {}", told(rv)),
        };
        (used, told(made))
    }

    /// What is left of keys, once the failure is mended: looked at on HSM 0, or on HSM 1 where it is gone.
    fn left(&self, drill: &Drill) -> (String, String) {
        let slot = drill.module.slots(true)[0];
        let session = drill.module.open(slot, READ_WRITE);
        let stays = |key| {
            let Ok(session) = &session else { return "lost" };
            let rv = session.login(CKU_USER, KMS_PIN);
            if !matches!(rv, CKR_OK | CKR_USER_ALREADY_LOGGED_IN) {
                return "lost";
            }
            match session.encrypt_init(ecb(), key) {
                CKR_OK => {
                    expect("cancel", session.cancel(CKF_ENCRYPT), CKR_OK);
                    "stay"
                }
                rv => {
                    expect("lost", rv, CKR_KEY_HANDLE_INVALID);
                    "lost"
                }
            }
        };
        (stays(self.session_key).into(), stays(self.key).into())
    }
}

fn has_event(module: &Module, wanted: CK_SLOT_ID) -> bool {
    let mut slot = CK_SLOT_ID::MAX;
    let mut found = false;
    while call!(module.api, C_WaitForSlotEvent(CKF_DONT_BLOCK, &mut slot, null_mut())) == CKR_OK {
        found |= slot == wanted;
    }
    found
}

fn bring_about(operator: &mut Operator, cause: Cause) {
    match cause {
        Cause::Fail => operator.fail(0),
        Cause::Degrade => operator.degrade(0),
        Cause::DeleteHsm => operator.delete_hsm(0),
        Cause::DeleteCluster => operator.delete_cluster(),
        Cause::Plan(text) => operator.plan(text),
    }
}

fn mend(operator: &mut Operator, cause: Cause) {
    match cause {
        Cause::Fail | Cause::Degrade => operator.recover(0),
        Cause::DeleteHsm | Cause::DeleteCluster => {}
        Cause::Plan(_) => operator.plan(""),
    }
}

fn is_seen(failure: &Failure) {
    let mut drill = Drill::start(Module::loaded(), 2, failure.key_availability);
    let client = Client::start(&drill);
    bring_about(&mut drill.operator, failure.cause);
    let of_logins = failure.command.contains("C_Logout");
    let mut seen = client.sees(&drill, of_logins);
    mend(&mut drill.operator, failure.cause);
    (seen.session_keys, seen.token_keys) = client.left(&drill);
    assert_eq!(seen, failure.seen, "{}", failure.command);
}

#[test]
fn every_row_of_the_table_is_what_a_client_sees() {
    for failure in failures() {
        is_seen(&failure);
    }
}
