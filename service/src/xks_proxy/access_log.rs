//! The access log: one JSON line for each request, whatever became of it (XKS Proxy API 1.0.3, "Logging").
//!
//! A place for the line is reserved before the request's work, and where there is none the request is refused with
//! ThrottlingException: no request is worked on that could not be told of. No plaintext, ciphertext, secret or signature gets in.

#[cfg(test)]
mod tests;

use super::api::{Api, Record};
use super::settings::AccessLogPlace;
use crate::failure::Failure;
use crate::lines::{self, Kind, Line, Lines, Output};
use serde::Serialize;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

/// A disk that loses the last moment's lines with its power may.
const KIND: Kind = Kind { name: "access log", is_durable: false, gathering: Duration::from_millis(2) };

/// Where lines go; one for the life of the process.
pub struct AccessLog {
    lines: Lines<Box<Entry>>,
    /// Off, nothing is logged, and a place is always there.
    is_on: AtomicBool,
}

/// The thread.
pub struct Writer(lines::Writer);

/// Kept for the line of a request that has begun. Dropped, it is free again: a request that is given up without an answer is to
/// be told of nevertheless.
pub struct Place<'a>(Option<lines::Place<'a, Box<Entry>>>);

/// A request and what became of it.
#[derive(Debug, Clone)]
pub struct Entry {
    pub received: SystemTime,
    pub peer: SocketAddr,
    /// Unknown where no key store has the path.
    pub key_store: Option<String>,
    pub api: Option<Api>,
    pub key_id: Option<String>,
    /// That the request names: where the signature failed, of nobody.
    pub access_key_id: Option<String>,
    /// HTTP's.
    pub status: u16,
    /// Of bodies.
    pub bytes_in: usize,
    pub bytes_out: usize,
    /// From its first byte until the answer was made.
    pub took: Duration,
    pub record: Record,
}

impl AccessLog {
    /// `tell` hears of what goes wrong later. Errors: the file cannot be written.
    pub fn start(place: Option<&AccessLogPlace>, tell: fn(&str)) -> Result<(Self, Writer), Failure> {
        let output = place.map_or(Output::File("/dev/null".into()), output);
        let (lines, writer) = Lines::start(KIND, output, tell).map_err(|error| cannot(place, &error))?;
        Ok((Self { lines, is_on: place.is_some().into() }, Writer(writer)))
    }

    /// `None`: the queue is full.
    pub fn reserve(&self) -> Option<Place<'_>> {
        match self.is_on.load(Relaxed) {
            true => Some(Place(Some(self.lines.reserve()?))),
            false => Some(Place(None)),
        }
    }

    /// After a reload, or when logrotate has moved the file away. Where it cannot be opened, the old one goes on, and it is told.
    pub fn reopen(&self, place: Option<&AccessLogPlace>) {
        if let Some(place) = place {
            self.lines.reopen(output(place));
        }
        self.is_on.store(place.is_some(), Relaxed);
    }

    /// Lines that could not be written.
    pub fn lost(&self) -> u64 {
        self.lines.lost()
    }

    /// Of `lines::QUEUED` places: lines that wait, and requests that run.
    pub fn queued(&self) -> usize {
        self.lines.taken()
    }
}

impl Place<'_> {
    /// Whether the entry will be written: where it will not, it need not be made.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Never waits.
    pub fn fill(self, entry: Entry) {
        if let Some(place) = self.0 {
            place.fill(Box::new(entry));
        }
    }
}

impl Writer {
    /// Ends when all is written that came before.
    pub fn finish(self, log: &AccessLog) {
        self.0.finish(&log.lines);
    }
}

fn output(place: &AccessLogPlace) -> Output {
    match place {
        AccessLogPlace::StandardOutput => Output::StandardOutput,
        AccessLogPlace::File(path) => Output::File(path.clone()),
    }
}

fn cannot(place: Option<&AccessLogPlace>, error: &std::io::Error) -> Failure {
    let of = match place {
        Some(AccessLogPlace::File(path)) => path.display().to_string(),
        _ => "standard output".into(),
    };
    let mend = "let this user write it, or name another file in `access_log`";
    Failure::new(format!("{of}: {error}; {mend}"))
}

/// As it stands in the log; `None` is left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    /// RFC 3339, UTC.
    time: String,
    #[serde(flatten)]
    metadata: Metadata<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_store: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_key_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_id: Option<&'a str>,
    peer: SocketAddr,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_name: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hsm: Option<&'a str>,
    microseconds: Stages,
    bytes_in: usize,
    bytes_out: usize,
}

/// requestMetadata
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_operation: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_arn: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_via_service: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aws_principal_arn: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aws_source_vpc: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aws_source_vpce: Option<&'a str>,
}

/// As far as they were reached.
#[derive(Serialize)]
struct Stages {
    #[serde(skip_serializing_if = "Option::is_none")]
    parse: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorize: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hsm: Option<u64>,
    total: u64,
}

impl Line for Box<Entry> {
    fn write(&self, text: &mut Vec<u8>) {
        // Text and numbers: this cannot fail.
        let _ = serde_json::to_writer(&mut *text, &self.told());
        text.push(b'\n');
    }
}

impl Entry {
    fn told(&self) -> Told<'_> {
        let record = &self.record;
        let error = record.error.as_ref();
        Told {
            time: humantime::format_rfc3339_micros(self.received).to_string(),
            metadata: Metadata {
                kms_request_id: record.kms_request_id.as_deref(),
                kms_operation: record.kms_operation.as_deref(),
                kms_key_arn: record.kms_key_arn.as_deref(),
                kms_via_service: record.kms_via_service.as_deref(),
                aws_principal_arn: record.aws_principal_arn.as_deref(),
                aws_source_vpc: record.aws_source_vpc.as_deref(),
                aws_source_vpce: record.aws_source_vpce.as_deref(),
            },
            key_store: self.key_store.as_deref(),
            api: self.api.map(Api::name),
            external_key_id: self.key_id.as_deref(),
            access_key_id: self.access_key_id.as_deref(),
            peer: self.peer,
            status: self.status,
            error_name: error.map(|error| error.name.name()),
            error_message: error.map(|error| error.message.as_str()),
            detail: error.and_then(|error| error.detail.as_deref()),
            rule: record.rule.as_deref(),
            hsm: record.hsm.as_deref(),
            microseconds: Stages {
                parse: record.parsed.map(microseconds),
                authorize: record.authorized.map(microseconds),
                queue: record.queued.map(microseconds),
                hsm: record.worked.map(microseconds),
                total: microseconds(self.took),
            },
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
        }
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
