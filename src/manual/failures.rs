//! What a client sees of each failure: README's table, and what a test finds.
//!
//! The client has a session with HSM 0, in which an encryption with a token key is in progress, and a session key; and
//! a session with HSM 1. Then the failure comes about, and after it what mends it.

/// How a failure comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// `vhsm hsm fail` of HSM 0.
    Fail,
    /// `vhsm hsm degrade` of HSM 0.
    Degrade,
    /// `vhsm cluster delete-hsm` of HSM 0.
    DeleteHsm,
    /// `vhsm cluster delete`
    DeleteCluster,
    /// `vhsm fault set` with this plan.
    Plan(&'static str),
}

/// A failure, and the codes and words that a client has for answer.
#[derive(Debug)]
pub struct Failure {
    pub cause: Cause,
    /// In README's words, as a command.
    pub command: &'static str,
    /// The cluster was made with the key availability check.
    pub key_availability: bool,
    pub seen: Seen,
}

/// What is seen, as README shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    /// C_EncryptUpdate of the operation that was in progress on HSM 0.
    pub in_progress: String,
    /// C_GetSessionInfo in that session after it.
    pub session: String,
    /// C_OpenSession with HSM 0, then C_Login and C_EncryptInit with the token key, up to what fails.
    pub anew: String,
    /// C_GenerateKey of a token key on HSM 0.
    pub new_key: String,
    /// C_EncryptInit with the token key on HSM 1.
    pub other: String,
    /// C_WaitForSlotEvent tells it.
    pub event: String,
    /// Of HSM 0, once it is mended.
    pub session_keys: String,
    pub token_keys: String,
}

impl Seen {
    /// The table's heads and what stands under them.
    pub fn columns(&self) -> [(&'static str, &str); 8] {
        [
            ("operation in progress", &self.in_progress),
            ("its session then", &self.session),
            ("anew: open, login, use of a token key", &self.anew),
            ("a new token key", &self.new_key),
            ("other slots", &self.other),
            ("slot event", &self.event),
            ("session keys", &self.session_keys),
            ("token keys", &self.token_keys),
        ]
    }
}

/// As they stand in the table: in progress, session, anew, new key, other, event, session keys, token keys.
fn seen(columns: [&str; 8]) -> Seen {
    let [in_progress, session, anew, new_key, other, event, session_keys, token_keys] =
        columns.map(str::to_owned);
    Seen { in_progress, session, anew, new_key, other, event, session_keys, token_keys }
}

const OK: &str = "goes on";
const REMOVED: &str = "CKR_DEVICE_REMOVED";
const ENDED: &str = "CKR_SESSION_HANDLE_INVALID";
const ABSENT: &str = "C_OpenSession: CKR_TOKEN_NOT_PRESENT";
const NO_LOGIN: &str = "C_Login: CKR_PIN_INCORRECT";

/// All rows of the table.
pub fn failures() -> Vec<Failure> {
    let failure =
        |command, cause, columns| Failure { cause, command, key_availability: false, seen: seen(columns) };
    let plan = |command, plan, columns| failure(command, Cause::Plan(plan), columns);
    vec![
        failure("`vhsm hsm fail 0`", Cause::Fail, [REMOVED, ENDED, ABSENT, "-", OK, "yes", "lost", "stay"]),
        failure("`vhsm hsm degrade 0`", Cause::Degrade, [OK, OK, OK, OK, OK, "no", "stay", "stay"]),
        Failure {
            key_availability: true,
            ..failure(
                "the same, where two HSMs must be active and one is left",
                Cause::Degrade,
                [
                    OK,
                    OK,
                    "C_EncryptInit: CKR_FUNCTION_FAILED",
                    "CKR_FUNCTION_FAILED",
                    "CKR_FUNCTION_FAILED",
                    "no",
                    "stay",
                    "stay",
                ],
            )
        },
        failure(
            "`vhsm cluster delete-hsm` of HSM 0",
            Cause::DeleteHsm,
            [REMOVED, ENDED, "C_OpenSession: CKR_SLOT_ID_INVALID", "-", OK, "yes", "lost", "stay"],
        ),
        failure(
            "`vhsm cluster delete`",
            Cause::DeleteCluster,
            [REMOVED, ENDED, "C_OpenSession: CKR_SLOT_ID_INVALID", "-", REMOVED, "yes", "lost", "lost"],
        ),
        plan(
            "`vhsm fault set --hsm 0 --function 'C_Encrypt*' --error CKR_DEVICE_ERROR`",
            "[[fault]]\nhsm = 0\nfunction = \"C_Encrypt*\"\nerror = \"CKR_DEVICE_ERROR\"",
            ["CKR_DEVICE_ERROR", OK, "C_EncryptInit: CKR_DEVICE_ERROR", OK, OK, "no", "stay", "stay"],
        ),
        plan(
            "`vhsm fault set --hsm 0 --latency-ms 20`",
            "[[fault]]\nhsm = 0\nlatency_ms = 20",
            [OK, OK, OK, OK, OK, "no", "stay", "stay"],
        ),
        plan(
            "`vhsm fault set --hsm 0 --function C_GenerateKey --per-second 0.01 --when-over CKR_FUNCTION_FAILED`, at the second call",
            "[[fault]]\nhsm = 0\nfunction = \"C_GenerateKey\"\nper_second = 0.01\nwhen_over = \"CKR_FUNCTION_FAILED\"",
            [OK, OK, OK, "CKR_FUNCTION_FAILED", OK, "no", "stay", "stay"],
        ),
        plan(
            "`vhsm fault set --hsm 0 --function C_EncryptUpdate --lose`",
            "[[fault]]\nhsm = 0\nfunction = \"C_EncryptUpdate\"\nlose = true",
            [REMOVED, ENDED, ABSENT, "-", OK, "yes", "lost", "stay"],
        ),
        plan(
            "`vhsm fault set --hsm 0 --store-full`",
            "[[fault]]\nhsm = 0\nstore_full = true",
            [OK, OK, OK, "CKR_DEVICE_MEMORY", OK, "no", "stay", "stay"],
        ),
        plan(
            "`vhsm fault set --hsm 0 --user kmsuser`",
            "[[fault]]\nhsm = 0\nuser = \"kmsuser\"",
            ["CKR_OPERATION_NOT_INITIALIZED", OK, NO_LOGIN, "-", OK, "no", "lost", "stay"],
        ),
        plan(
            "`vhsm fault set --hsm 0 --user kmsuser --drift old-password`, after C_Logout",
            "[[fault]]\nhsm = 0\nuser = \"kmsuser\"\ndrift = \"old-password\"",
            [OK, OK, NO_LOGIN, "-", OK, "no", "lost", "stay"],
        ),
        plan(
            "`vhsm fault set --hsm 0 --key LABEL`",
            "[[fault]]\nhsm = 0\nkey = \"a token key\"",
            [
                "CKR_OPERATION_NOT_INITIALIZED",
                OK,
                "C_EncryptInit: CKR_KEY_HANDLE_INVALID",
                OK,
                OK,
                "no",
                "stay",
                "stay",
            ],
        ),
    ]
}
