//! What can be wrong with a proxy.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Api {
    GetKeyMetadata,
    Encrypt,
    Decrypt,
    GetHealthStatus,
}

/// One fault. Those of one API's members mean nothing to the other APIs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    // Of connections.
    /// Nothing listens at the port; nobody else gets it.
    RefuseTcp,
    /// Connections are accepted, and nothing is read or written.
    HangAfterAccept,
    /// The client's first message of TLS is read and not answered.
    HangInTls,
    CloseAfterAccept,
    /// Heads and bodies go out byte by byte, one in 20 ms.
    SlowHead,
    /// The certificate is another host's.
    TlsWrongName,
    /// The certificate's time is over.
    TlsExpired,
    /// The certificate is signed by another authority.
    TlsUnknownCa,
    /// TLS 1.1 at most.
    TlsOldVersion,
    /// HTTP without TLS.
    PlainHttp,
    /// Clients without a certificate of the proxy's authority are refused: `Proxy::client_certificate` has one.
    WantsClientCertificate,

    // Of answers.
    /// The answer comes after so many milliseconds.
    Slow(u64),
    /// The body goes out byte by byte, one in 50 ms.
    SlowBody,
    /// The connection ends instead of an answer.
    CloseBeforeAnswer,
    /// The connection ends in the middle of the body.
    CloseMidAnswer,
    /// As if the credential were wrong: AuthenticationFailedException.
    WrongSignatureAnswer,
    /// ThrottlingException.
    Throttling,
    Error {
        name: String,
        status: u16,
    },
    /// An HTML page.
    ErrorWithoutJson(u16),
    /// The status is 302, and Location names the same host.
    Redirect,
    MalformedJson,
    /// 200 and nothing.
    EmptyBody,
    /// 200, and text/html around the right body.
    WrongContentType,
    /// 64 MiB of JSON.
    HugeBody,
    /// The answer lacks this member.
    MissingMember(String),
    /// A number where this member has text, text where it has anything else.
    WrongMemberType(String),
    /// The answer has this member in place of the right one.
    Member(String, serde_json::Value),
    /// Each member that is base64 has a character that is not.
    BadBase64,

    // Of Encrypt. The integrity value is right for what is answered, but for the first two.
    WrongCdiv,
    NoCdiv,
    /// 11 bytes.
    ShortIv,
    /// 16 bytes: no fault, but seldom.
    LongIv,
    /// 15 bytes.
    ShortTag,
    /// So many bytes of ciphertextMetadata: no fault up to 20.
    LongMetadata(usize),
    /// One byte more than the plaintext.
    CiphertextOfOtherLength,

    // Of Decrypt.
    /// Other bytes of the same length.
    WrongPlaintext,
    /// One bit in the middle is another.
    PlaintextChangedInside,
    /// One byte is missing.
    PlaintextShort,

    // Of GetKeyMetadata.
    KeySpec(String),
    UsageWithout(String),
    KeyDisabled,

    // Of GetHealthStatus.
    AllUnavailable,
    OneDegraded,
    OneUnavailable,
    FleetSizeZero,
    NoFleet,
}

impl Fault {
    pub(super) fn is_of_connections(&self) -> bool {
        matches!(
            self,
            Self::RefuseTcp
                | Self::HangAfterAccept
                | Self::HangInTls
                | Self::CloseAfterAccept
                | Self::SlowHead
                | Self::TlsWrongName
                | Self::TlsExpired
                | Self::TlsUnknownCa
                | Self::TlsOldVersion
                | Self::PlainHttp
                | Self::WantsClientCertificate
        )
    }
}
