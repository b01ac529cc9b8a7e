//! Every key of the configuration file: what it means, its form, its default. The parser takes forms and defaults from here, and
//! `vhsm xks-proxy --help` prints this table, so neither knows a key that the other does not.

/// A key of the file.
#[derive(Debug)]
pub struct Row {
    /// The table that it stands in, as `key_stores.credentials`; empty: above all tables.
    pub section: &'static str,
    pub key: &'static str,
    pub form: Form,
    pub preset: Preset,
    pub meaning: &'static str,
}

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A text, described so.
    Text(&'static str),
    /// One of these.
    Word(&'static [&'static str]),
    Number {
        unit: &'static str,
        least: u64,
        most: u64,
    },
    Flag,
    /// A list of texts, described so.
    Texts(&'static str),
    /// A list of numbers, described so.
    Numbers(&'static str),
}

/// What holds where the file does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// It has to say.
    Needed,
    /// No value, and what that means.
    None(&'static str),
    Text(&'static str),
    Number(u64),
    Flag(bool),
}

/// A table of the file.
#[derive(Debug)]
pub struct Section {
    pub name: &'static str,
    /// As it is written.
    pub head: &'static str,
    pub meaning: &'static str,
}

/// Those there are, but for the one without a name.
pub const SECTIONS: &[Section] = &[
    Section {
        name: "tls",
        head: "[tls]",
        meaning: "Needed, unless nobody beyond this machine reaches `listen`.",
    },
    Section { name: "times", head: "[times]", meaning: "How long things take." },
    Section { name: "limits", head: "[limits]", meaning: "How much there is at once." },
    Section {
        name: "hsms",
        head: "[[hsms]]",
        meaning: "A group of HSMs: tokens of one PKCS#11 module with the same keys and the same user. One such table each, \
                  with one of token_label, token_serial and slots.",
    },
    Section {
        name: "key_stores",
        head: "[[key_stores]]",
        meaning: "A logical key store: what KMS calls an external key store. One such table each.",
    },
    Section {
        name: "key_stores.credentials",
        head: "credentials = [{ ... }]",
        meaning: "In [[key_stores]]: who may sign. One, or two while one is being replaced by the other.",
    },
    Section {
        name: "key_stores.keys",
        head: "keys.allowed, keys.disabled",
        meaning: "In [[key_stores]]: which keys belong to it.",
    },
];

const FILE: Form = Form::Text("FILE");
const NO_MOST: u64 = 1_000_000;

const fn number(unit: &'static str, least: u64, most: u64) -> Form {
    Form::Number { unit, least, most }
}

const fn row(
    section: &'static str,
    key: &'static str,
    form: Form,
    preset: Preset,
    meaning: &'static str,
) -> Row {
    Row { section, key, form, preset, meaning }
}

/// All keys, in the order in which they are told.
pub const KEYS: &[Row] = &[
    row(
        "",
        "listen",
        Form::Text("ADDRESS:PORT"),
        Preset::Text("127.0.0.1:8443"),
        "Where KMS, or what stands before the proxy, reaches it. Without [tls] loopback addresses only.",
    ),
    row(
        "",
        "status_listen",
        Form::Text("ADDRESS:PORT"),
        Preset::None("/metrics nowhere"),
        "A second address, always without TLS, that answers GET /ping (load balancers) and GET /metrics (Prometheus) alone.",
    ),
    row(
        "",
        "region",
        Form::Text("AWS region"),
        Preset::None("any"),
        "The region that KMS calls from: what is signed for another one is refused.",
    ),
    row(
        "",
        "fleet_size",
        number("proxies", 1, NO_MOST),
        Preset::Number(1),
        "How many proxies stand behind the endpoint, this one included (xksProxyFleetSize).",
    ),
    row(
        "",
        "access_log",
        Form::Text("FILE, \"-\" or \"none\""),
        Preset::Text("-"),
        "Where a line of JSON for each request goes; \"-\": standard output.",
    ),
    row("tls", "cert_file", FILE, Preset::Needed, "The certificate and its chain, PEM."),
    row(
        "tls",
        "key_file",
        FILE,
        Preset::Needed,
        "The certificate's key, PEM; no others than its group may read it.",
    ),
    row(
        "tls",
        "client_ca_file",
        FILE,
        Preset::None("clients show no certificate"),
        "mTLS: clients show a certificate that one of these authorities issued (KMS: Amazon Trust Services), PEM.",
    ),
    row(
        "tls",
        "client_names",
        Form::Texts("names"),
        Preset::None("cks.kms.REGION.amazonaws.com of `region`"),
        "mTLS: whose certificate it has to be: the subject's alternative or common name.",
    ),
    row(
        "times",
        "deadline_ms",
        number("ms", 10, 60_000),
        Preset::Number(250),
        "From a request's first byte to its answer's last. KMS waits for 250 ms.",
    ),
    row(
        "times",
        "reserve_ms",
        number("ms", 0, 10_000),
        Preset::Number(20),
        "How much of that is kept for the way back; less than deadline_ms.",
    ),
    row(
        "times",
        "idle_ms",
        number("ms", 1000, 86_400_000),
        Preset::Number(600_000),
        "How long a connection may be idle.",
    ),
    row(
        "times",
        "stop_ms",
        number("ms", 0, 600_000),
        Preset::Number(5000),
        "How long requests in flight have at the end.",
    ),
    row(
        "times",
        "probe_ms",
        number("ms", 100, 50_000),
        Preset::Number(10_000),
        "How often each HSM is probed by an encryption: what GetHealthStatus tells.",
    ),
    row(
        "limits",
        "connections",
        number("at once", 1, NO_MOST),
        Preset::Number(1024),
        "More wait to be accepted.",
    ),
    row(
        "limits",
        "requests",
        number("at once", 1, NO_MOST),
        Preset::Number(512),
        "More are answered ThrottlingException.",
    ),
    row(
        "limits",
        "plaintext_bytes",
        number("bytes", 4300, 65_536),
        Preset::Number(8192),
        "The longest plaintext and ciphertext; more is UnsupportedOperationException.",
    ),
    row(
        "limits",
        "aad_bytes",
        number("bytes", 8192, 65_535),
        Preset::Number(16_384),
        "The longest additionalAuthenticatedData; more is UnsupportedOperationException.",
    ),
    row("hsms", "name", Form::Text("name"), Preset::Needed, "For key stores, logs and metrics; unique."),
    row(
        "hsms",
        "module",
        FILE,
        Preset::None("the library in this program, of $VHSM_HOME"),
        "The PKCS#11 module.",
    ),
    row(
        "hsms",
        "token_label",
        Form::Text("label"),
        Preset::None("one of the three is needed"),
        "All tokens of this label; for a cluster that is all of its HSMs.",
    ),
    row(
        "hsms",
        "token_serial",
        Form::Text("number"),
        Preset::None("one of the three is needed"),
        "The token of this serial number.",
    ),
    row(
        "hsms",
        "slots",
        Form::Numbers("slot ids"),
        Preset::None("one of the three is needed"),
        "The tokens in these slots.",
    ),
    row(
        "hsms",
        "pin_file",
        FILE,
        Preset::Needed,
        "Its first line is what C_Login takes as user (CloudHSM: user:password); nobody else may read it.",
    ),
    row(
        "hsms",
        "workers",
        number("threads", 1, 1024),
        Preset::Number(8),
        "Sessions, and threads that work on them, of each HSM.",
    ),
    row(
        "hsms",
        "queue",
        number("requests", 1, NO_MOST),
        Preset::Number(256),
        "How many may wait for each HSM; more are answered ThrottlingException.",
    ),
    row(
        "hsms",
        "iv",
        Form::Word(&["proxy", "module-writes", "module-appends"]),
        Preset::None("what the module is known to need"),
        "Who makes the IV of AES-GCM: the proxy, by C_GenerateRandom (most modules, SoftHSM); the module, which writes it into \
         the parameters (CloudHSM, and our library in profile cloudhsm); or the module, which appends it (Luna).",
    ),
    row(
        "hsms",
        "keys_by",
        Form::Word(&["label", "id"]),
        Preset::Text("label"),
        "What an external key id is: the key's CKA_LABEL, or its CKA_ID in lower-case hexadecimal digits.",
    ),
    row(
        "hsms",
        "probe_label",
        Form::Text("label"),
        Preset::Text("vhsm-xks-probe"),
        "The AES key that probes encrypt with. It belongs to no key store.",
    ),
    row(
        "hsms",
        "make_probe_key",
        Form::Flag,
        Preset::Flag(true),
        "Whether that key is made where it is missing.",
    ),
    row("key_stores", "name", Form::Text("name"), Preset::Needed, "For logs, metrics and policies; unique."),
    row(
        "key_stores",
        "path_prefix",
        Form::Text("/prefix"),
        Preset::Text(""),
        "What stands before /kms/xks/v1 in its URIs: empty, or / and up to 116 of a-z A-Z 0-9 / - _; unique.",
    ),
    row(
        "key_stores",
        "enabled",
        Form::Flag,
        Preset::Flag(true),
        "false: every request is answered InvalidStateException.",
    ),
    row(
        "key_stores",
        "hsms",
        Form::Texts("names of [[hsms]]"),
        Preset::None("all"),
        "Where its keys lie, the preferred ones first.",
    ),
    row(
        "key_stores",
        "requests_per_second",
        number("requests", 1, NO_MOST),
        Preset::None("any number"),
        "More are answered ThrottlingException. KMS's own default is 1800.",
    ),
    row(
        "key_stores",
        "policy_file",
        FILE,
        Preset::None("who may sign may do everything"),
        "Cedar policies: which principals may do what with which keys.",
    ),
    row(
        "key_stores",
        "decrypts_reference_aad",
        Form::Flag,
        Preset::Flag(false),
        "Whether what the reference proxy (aws-kms-xks-proxy) encrypted is decrypted too: it binds a digest of the \
         additionalAuthenticatedData.",
    ),
    row(
        "key_stores",
        "ciphertext_metadata",
        Form::Text("base64"),
        Preset::Text(""),
        "What goes into ciphertextMetadata, and is bound: up to 20 bytes.",
    ),
    row(
        "key_stores.credentials",
        "access_key_id",
        Form::Text("id"),
        Preset::Needed,
        "20 to 30 of A-Z and 2-7. `vhsm xks-proxy new-credential` makes one.",
    ),
    row(
        "key_stores.credentials",
        "secret_file",
        FILE,
        Preset::Needed,
        "Its first line is the secret access key: 43 to 64 of a-z A-Z 0-9 / + =; nobody else may read it.",
    ),
    row(
        "key_stores.keys",
        "allowed",
        Form::Texts("external key ids"),
        Preset::None("all AES-256 keys"),
        "With * for any characters.",
    ),
    row(
        "key_stores.keys",
        "disabled",
        Form::Texts("external key ids"),
        Preset::None("none"),
        "Those that are DISABLED; with * for any characters.",
    ),
];

/// The keys of a table.
pub fn of(section: &str) -> impl Iterator<Item = &'static Row> {
    KEYS.iter().filter(move |row| row.section == section)
}

/// The tables in a table, by their name in it.
pub fn inner(section: &str) -> impl Iterator<Item = &'static str> {
    SECTIONS.iter().filter_map(move |inner| match section {
        "" => Some(inner.name).filter(|name| !name.contains('.')),
        outer => inner.name.strip_prefix(outer)?.strip_prefix('.'),
    })
}

/// For people: every key with its form, default and meaning.
pub fn reference() -> String {
    let mut text = HEAD.to_owned();
    for row in of("") {
        text += &told(row);
    }
    for section in SECTIONS {
        text += &format!("\n{}\n{}", section.head, filled(section.meaning, 2));
        for row in of(section.name) {
            text += &told(row);
        }
    }
    text
}

const HEAD: &str = "\
Keys of the configuration file (TOML). A FILE is a whole path, one from the folder of the
configuration, or $CREDENTIALS_DIRECTORY/NAME: what systemd's LoadCredential=NAME:... gives.

";

fn told(row: &Row) -> String {
    let form = match row.form {
        Form::Text(form) => form.to_owned(),
        Form::Word(words) => words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(" | "),
        Form::Number { unit, least, most: NO_MOST } => format!("{unit}, {least} or more"),
        Form::Number { unit, least, most } => format!("{unit}, {least} to {most}"),
        Form::Flag => "true | false".into(),
        Form::Texts(what) | Form::Numbers(what) => format!("list of {what}"),
    };
    let preset = match row.preset {
        Preset::Needed => "needed".to_owned(),
        Preset::None(meaning) => format!("default: {meaning}"),
        Preset::Text(text) => format!("default: {text:?}"),
        Preset::Number(number) => format!("default: {number}"),
        Preset::Flag(flag) => format!("default: {flag}"),
    };
    format!("  {}  ({form}; {preset})\n{}", row.key, filled(row.meaning, 6))
}

/// Lines of at most 98 characters, this far from the left.
fn filled(text: &str, indent: usize) -> String {
    let (mut lines, mut line) = (String::new(), String::new());
    for word in text.split_whitespace() {
        if !line.is_empty() && indent + line.len() + 1 + word.len() > 98 {
            lines += &format!("{:indent$}{line}\n", "");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
    }
    lines + &format!("{:indent$}{line}\n", "")
}
