//! What stands in a line, and that a request without a place in the queue is not begun.

use super::*;
use crate::xks_proxy::api::{ErrorName, ProxyError};
use serde_json::{Value, json};
use std::path::Path;

fn silent(line: &str) {
    assert!(line.starts_with("access log: "), "{line}");
}

fn entry() -> Entry {
    Entry {
        received: SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
        peer: "10.0.0.7:4711".parse().unwrap(),
        key_store: Some("payments".into()),
        api: Some(Api::Encrypt),
        key_id: Some("key-1".into()),
        access_key_id: Some("AKIDAKIDAKIDAKIDAKID".into()),
        status: 200,
        bytes_in: 512,
        bytes_out: 128,
        took: Duration::from_micros(900),
        record: Record::default(),
    }
}

fn start(place: Option<&AccessLogPlace>) -> (AccessLog, Writer) {
    AccessLog::start(place, silent).unwrap_or_else(|failure| panic!("{failure}"))
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_line_has_all_that_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let (log, writer) = start(Some(&AccessLogPlace::File(path.clone())));
    let us = |us| Some(Duration::from_micros(us));
    let record = Record {
        kms_request_id: Some("4112f4d6\n".into()),
        kms_operation: Some("GenerateDataKey".into()),
        kms_key_arn: Some("arn:aws:kms:us-east-1:111122223333:key/k".into()),
        aws_principal_arn: Some("arn:aws:iam::111122223333:user/Alice".into()),
        kms_via_service: Some("s3.us-east-1.amazonaws.com".into()),
        aws_source_vpc: Some("vpc-1".into()),
        aws_source_vpce: Some("vpce-1".into()),
        error: Some(ProxyError::new(ErrorName::AccessDenied, "m").with_detail("d")),
        rule: Some("only-s3".into()),
        hsm: Some("main/hsm-1".into()),
        parsed: us(1),
        authorized: us(2),
        queued: us(3),
        worked: us(4),
    };
    log.reserve().unwrap().fill(Entry { status: 403, record, ..entry() });
    log.reserve().unwrap().fill(Entry { key_store: None, api: None, key_id: None, ..entry() });
    writer.finish(&log);
    let full = json!({
        "time": "2023-11-14T22:13:20.123000Z",
        "kmsRequestId": "4112f4d6\n",
        "kmsOperation": "GenerateDataKey",
        "kmsKeyArn": "arn:aws:kms:us-east-1:111122223333:key/k",
        "kmsViaService": "s3.us-east-1.amazonaws.com",
        "awsPrincipalArn": "arn:aws:iam::111122223333:user/Alice",
        "awsSourceVpc": "vpc-1",
        "awsSourceVpce": "vpce-1",
        "keyStore": "payments",
        "api": "Encrypt",
        "externalKeyId": "key-1",
        "accessKeyId": "AKIDAKIDAKIDAKIDAKID",
        "peer": "10.0.0.7:4711",
        "status": 403,
        "errorName": "AccessDeniedException",
        "errorMessage": "m",
        "detail": "d",
        "rule": "only-s3",
        "hsm": "main/hsm-1",
        "microseconds": {"parse": 1, "authorize": 2, "queue": 3, "hsm": 4, "total": 900},
        "bytesIn": 512,
        "bytesOut": 128,
    });
    let bare = json!({
        "time": "2023-11-14T22:13:20.123000Z",
        "accessKeyId": "AKIDAKIDAKIDAKIDAKID",
        "peer": "10.0.0.7:4711",
        "status": 200,
        "microseconds": {"total": 900},
        "bytesIn": 512,
        "bytesOut": 128,
    });
    assert_eq!(lines(&path), [full, bare]);
}

#[test]
fn a_full_queue_gives_no_place_and_a_place_that_is_given_up_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let (log, writer) = start(Some(&AccessLogPlace::File(path.clone())));
    let places: Vec<_> = (0..lines::QUEUED).map(|_| log.reserve().unwrap()).collect();
    assert!(log.reserve().is_none());
    drop(places);
    assert_eq!(log.queued(), 0);
    log.reserve().unwrap().fill(entry());
    writer.finish(&log);
    assert_eq!(lines(&path).len(), 1);
}

#[test]
fn it_can_be_turned_on_off_and_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| AccessLogPlace::File(folder.path().join(name));
    let (log, writer) = start(None);
    assert!(!log.reserve().unwrap().is_on());
    log.reserve().unwrap().fill(entry());
    log.reopen(Some(&place("a")));
    assert!(log.reserve().unwrap().is_on());
    log.reserve().unwrap().fill(entry());
    log.reopen(Some(&place("b")));
    log.reserve().unwrap().fill(entry());
    log.reserve().unwrap().fill(entry());
    log.reopen(None);
    log.reserve().unwrap().fill(entry());
    writer.finish(&log);
    let count = |name| lines(&folder.path().join(name)).len();
    assert_eq!((count("a"), count("b"), log.lost()), (1, 2, 0));
}

#[test]
fn a_file_that_cannot_be_written_is_named_with_its_mend() {
    let place = AccessLogPlace::File("/nowhere/access.log".into());
    let failure = AccessLog::start(Some(&place), silent).err().unwrap().to_string();
    assert!(failure.starts_with("/nowhere/access.log: No such file"), "{failure}");
    assert!(failure.contains("`access_log`"), "{failure}");
}
