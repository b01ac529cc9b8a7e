//! `vhsm xks-check`: what can be asked.

use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;

pub const HELP: &str = "\
Examples:
  vhsm xks-check https://xks.example.com/store-1/kms/xks/v1 \\
      --key my-key --access-key-id ABCDEFGHIJKLMNOPQRST --secret-file secret.txt

  all that can be checked: keys with restricted use, mTLS, another key store, five seconds of load
  vhsm xks-check https://xks.example.com/store-1/kms/xks/v1 \\
      --key my-key --access-key-id ABCDEFGHIJKLMNOPQRST --secret-file secret.txt \\
      --encrypt-only-key enc --decrypt-only-key dec --no-use-key none \\
      --client-cert-file kms.pem --client-key-file kms.key --other-prefix /store-2 --load 5

  a proxy on this machine, without TLS; and only some of the checks
  vhsm xks-check http://127.0.0.1:8000/kms/xks/v1 --key k --access-key-id ... --secret-file s.txt --only sigv4 decrypt

  a proxy that DNS does not know yet, with a certificate of a private authority
  vhsm xks-check https://xks.example.com/kms/xks/v1 --connect-to 10.0.0.7:8443 --ca-file ca.pem ...

What it needs of the proxy:
  an enabled AES-256 key that may encrypt and decrypt, and that no KMS key uses: it encrypts random bytes of its own
  some 3,000 requests in ten seconds or so, and more with --load; nothing is changed and no key is made

Result, a line each:
  PASS  as the specification says
  FAIL  breaks a rule: KMS would refuse this proxy, or could not rely on it
  WARN  a proxy should do this, and this one does not
  SKIP  could not be checked; the line says what it takes
  In [brackets] stands the section of the XKS Proxy API specification 1.0.3, or the RFC.
  Exit status 0: no FAIL; 1: at least one FAIL; 2: the checks could not be made.

Certificates are judged by the checks of group tls and do not end the run. Neither the secret nor what was encrypted
is ever shown. `vhsm xks-check --list` shows every check.";

#[derive(Args)]
pub struct XksCheckArgs {
    /// Where the proxy is: https://HOST/kms/xks/v1, with :PORT and /PREFIX where it has them. http is for loopback addresses only
    #[arg(value_name = "URL", required_unless_present = "list")]
    pub url: Option<String>,
    /// The external key id of a key that may encrypt and decrypt
    #[arg(long, value_name = "ID", required_unless_present = "list")]
    pub key: Option<String>,
    /// The access key id of the proxy's credential
    #[arg(long, value_name = "ID", required_unless_present = "list")]
    pub access_key_id: Option<String>,
    /// A file with the secret access key in its first line; `-`: standard input
    #[arg(long, value_name = "FILE", required_unless_present = "list")]
    pub secret_file: Option<PathBuf>,
    /// A key that may encrypt and not decrypt
    #[arg(long, value_name = "ID")]
    pub encrypt_only_key: Option<String>,
    /// A key that may decrypt and not encrypt
    #[arg(long, value_name = "ID")]
    pub decrypt_only_key: Option<String>,
    /// A key that may do neither
    #[arg(long, value_name = "ID")]
    pub no_use_key: Option<String>,
    /// The path prefix of another key store of the same proxy, which this credential must not open
    #[arg(long, value_name = "PATH")]
    pub other_prefix: Option<String>,
    /// The region in the scope of signatures, and in ARNs
    #[arg(long, default_value = "us-east-1")]
    pub region: String,
    /// awsPrincipalArn, where the proxy's authorization lets only some do it
    #[arg(long, value_name = "ARN", default_value = "arn:aws:iam::123456789012:user/Alice")]
    pub principal_arn: String,
    /// kmsKeyArn, where the proxy's authorization lets only some do it [default: one of the region]
    #[arg(long, value_name = "ARN")]
    pub kms_key_arn: Option<String>,
    /// PEM: authorities that the proxy's certificate may come from, beside the system's
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// PEM: the certificate that a proxy with mTLS takes, and those between it and its root
    #[arg(long, value_name = "FILE", requires = "client_key_file")]
    pub client_cert_file: Option<PathBuf>,
    /// PEM: its private key
    #[arg(long, value_name = "FILE", requires = "client_cert_file")]
    pub client_key_file: Option<PathBuf>,
    /// PEM: a certificate of the same authority for another name, which a proxy with mTLS must refuse
    #[arg(long, value_name = "FILE", requires = "other_client_key_file")]
    pub other_client_cert_file: Option<PathBuf>,
    /// PEM: its private key
    #[arg(long, value_name = "FILE", requires = "other_client_cert_file")]
    pub other_client_key_file: Option<PathBuf>,
    /// Where TCP connections go, in place of what DNS says of the URL's host
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub connect_to: Option<SocketAddr>,
    /// How long an answer may take; KMS waits 250 ms, TCP and TLS of a new connection included
    #[arg(long, value_name = "MS", default_value_t = 250, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub timeout_ms: u64,
    /// Encrypt as fast as the proxy can for some seconds, on 32 connections
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub load: Option<u64>,
    /// Only these: names of groups, or of single checks such as decrypt.tag
    #[arg(long, value_name = "GROUP", num_args = 1..)]
    pub only: Vec<String>,
    /// Answer JSON, for machines
    #[arg(long)]
    pub json: bool,
    /// Show all checks, and make none
    #[arg(long)]
    pub list: bool,
}
