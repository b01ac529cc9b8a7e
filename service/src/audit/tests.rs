//! The writer: what is pushed is written, in order, before it ends.

use super::*;
use crate::http::service::Record;
use crate::lines::QUEUED;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;

fn silent(line: &str) {
    assert!(line.starts_with("audit: "), "{line}");
}

fn event(number: usize) -> Event {
    let identity = Identity {
        r#type: "IAMUser",
        principal_id: "alice".into(),
        arn: "arn:aws:iam::111122223333:user/alice".into(),
        account_id: "111122223333".into(),
        access_key_id: Some("AKIDEXAMPLE".into()),
        user_name: Some("alice".into()),
    };
    let of = Circumstances {
        event_source: "kms.amazonaws.com",
        region: "us-east-1".into(),
        source_address: "127.0.0.1".into(),
        user_agent: "test".into(),
        request_id: number.to_string(),
        identity,
    };
    let record = Record {
        operation: Some("DisableKey"),
        request: json!({"keyId": "k"}),
        error: Some(("DisabledException".into(), "m".into())),
        ..Record::default()
    };
    Event::new(of, record).unwrap()
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn start(path: &Path) -> (Audit, Writer) {
    Audit::start(Some(path), silent).unwrap_or_else(|failure| panic!("{failure}"))
}

#[test]
fn an_event_is_a_line_with_cloudtrails_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.log");
    let (audit, writer) = start(&path);
    audit.push(event(7));
    writer.finish(&audit);
    let mut line = lines(&path).remove(0);
    let members = line.as_object_mut().unwrap();
    for (name, bytes) in [("eventTime", 20), ("eventID", 36)] {
        assert_eq!(members.remove(name).unwrap().as_str().unwrap().len(), bytes);
    }
    let wanted = json!({
        "eventVersion": "1.08",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": "alice",
            "arn": "arn:aws:iam::111122223333:user/alice",
            "accountId": "111122223333",
            "accessKeyId": "AKIDEXAMPLE",
            "userName": "alice",
        },
        "eventSource": "kms.amazonaws.com",
        "eventName": "DisableKey",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "127.0.0.1",
        "userAgent": "test",
        "errorCode": "DisabledException",
        "errorMessage": "m",
        "requestParameters": {"keyId": "k"},
        "responseElements": null,
        "requestID": "7",
        "readOnly": false,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": "111122223333",
        "eventCategory": "Management",
    });
    assert_eq!(line, wanted);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

/// Far more than the queue holds, from several threads.
#[test]
fn nothing_is_lost_where_the_writer_is_slower_than_its_callers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.log");
    let (audit, writer) = start(&path);
    let each = QUEUED;
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let audit = &audit;
            scope.spawn(move || (0..each).for_each(|number| audit.push(event(thread * each + number))));
        }
    });
    writer.finish(&audit);
    let mut found: Vec<usize> =
        lines(&path).iter().map(|line| line["requestID"].as_str().unwrap().parse().unwrap()).collect();
    found.sort_unstable();
    assert!(found.into_iter().eq(0..4 * each));
    assert_eq!(audit.lost(), 0);
}

#[test]
fn a_file_that_was_moved_away_is_followed_by_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let (path, old) = (folder.path().join("audit.log"), folder.path().join("audit.log.1"));
    let (audit, writer) = start(&path);
    audit.push(event(1));
    std::fs::rename(&path, &old).unwrap();
    audit.push(event(2));
    audit.reopen();
    audit.push(event(3));
    writer.finish(&audit);
    assert_eq!((lines(&old).len(), lines(&path).len()), (2, 1));
}

/// A disk that is full, always: /dev/full.
#[test]
fn what_cannot_be_written_is_counted() {
    let (audit, writer) = start(Path::new("/dev/full"));
    audit.push(event(1));
    audit.push(event(2));
    writer.finish(&audit);
    assert_eq!(audit.lost(), 2);
    audit.push(event(3));
    assert_eq!(audit.lost(), 3);
    assert!(Audit::start(Some(Path::new("/nowhere/audit.log")), silent).is_err());
}

#[test]
fn where_nothing_is_recorded_nothing_happens() {
    let (audit, writer) = Audit::start(None, silent).unwrap_or_else(|failure| panic!("{failure}"));
    assert!(!audit.is_on());
    audit.push(event(1));
    writer.finish(&audit);
    assert_eq!(audit.lost(), 0);
}
