//! Requests that no AWS client sends, and what they are told.

use super::client::{raw, read};
use super::*;
use serde_json::json;
use std::io::BufReader;
use std::net::Shutdown;

const UNKNOWN: &str = "UnknownOperationException";

#[test]
fn an_operation_is_answered_and_an_unknown_one_is_not() {
    let home = home("");
    let server = Server::start(&home);
    let client = server.client(&home);
    assert_eq!(client.kms("DescribeCustomKeyStores", &json!({})).good()["CustomKeyStores"], json!([]));
    client.kms("Encipher", &json!({})).fails(400, UNKNOWN, "Encipher");
    client.kms("describeCustomKeyStores", &json!({})).fails(400, UNKNOWN, "describeCustomKeyStores");
    client.send(&client.request("TrentService.", "{}")).fails(400, UNKNOWN, "");
    client.send(&client.request("DynamoDB_20120810.ListTables", "{}")).fails(
        400,
        UNKNOWN,
        "names no service",
    );
    let mut cloudhsm = server.client(&home);
    cloudhsm.signer.as_mut().unwrap().service = "cloudhsm".into();
    let clusters = cloudhsm.send(&cloudhsm.request("BaldrApiService.DescribeClusters", "{}")).good();
    assert_eq!(clusters["Clusters"], json!([]));
}

#[test]
fn what_names_no_operation_is_unknown() {
    let home = home("");
    let server = Server::start(&home);
    let client = server.client(&home);
    let plain = |line: &str, headers: &[(&str, &str)]| {
        let headers: Vec<_> = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        client.send(&raw(line, &headers, "{}"))
    };
    let json = ("Content-Type", "application/x-amz-json-1.1");
    let target = ("X-Amz-Target", "TrentService.ListKeys");
    plain("GET / HTTP/1.1", &[json, target]).fails(404, UNKNOWN, "POST");
    plain("PUT / HTTP/1.1", &[json, target]).fails(404, UNKNOWN, "POST");
    plain("POST /kms HTTP/1.1", &[json, target]).fails(404, UNKNOWN, "/kms");
    plain("POST / HTTP/1.1", &[json]).fails(400, UNKNOWN, "X-Amz-Target");
    plain("POST / HTTP/1.1", &[json, target, target]).fails(400, UNKNOWN, "one header X-Amz-Target");
    plain("POST / HTTP/1.1", &[target]).fails(400, UNKNOWN, "content type");
    plain("POST / HTTP/1.1", &[target, ("Content-Type", "text/plain")]).fails(400, UNKNOWN, "content type");
    let rpc = "POST /service/BaldrApiService/operation/DescribeClusters HTTP/1.1";
    plain(rpc, &[]).fails(400, UNKNOWN, "smithy-protocol");
    plain("POST /service/Other/operation/DescribeClusters HTTP/1.1", &[]).fails(404, UNKNOWN, "");
}

#[test]
fn bodies_that_cannot_be_read_are_told_without_their_values() {
    let home = home("");
    let server = Server::start(&home);
    let client = server.client(&home);
    for (body, says) in [
        ("{\"KeyId\": \"hidden", "Unexpected end"),
        ("hidden", "not JSON"),
        ("[]", "Start of list"),
        ("{\"Plaintext\": 5}", "NUMBER_VALUE can not be converted"),
        ("{\"EncryptionContext\": \"hidden\"}", "STRING_VALUE can not be converted to a Map"),
        ("{\"Plaintext\": \"hid~den\"}", "cannot be read"),
    ] {
        let reply = client.send(&client.request("TrentService.Encrypt", body));
        reply.fails(400, "SerializationException", says);
        assert!(!reply.body.contains("hid"), "{reply:?}");
    }
    // No body, and members that nobody knows, are fine.
    assert_eq!(client.send(&client.request("TrentService.DescribeCustomKeyStores", "")).status, 200);
    assert_eq!(
        client.kms("DescribeCustomKeyStores", &json!({"Unknown": {"a": [1]}, "Limit": null})).status,
        200
    );
    client.kms("Encrypt", &json!({})).fails(400, "ValidationException", "2 validation errors detected");
}

#[test]
fn bodies_over_a_mebibyte_are_too_large() {
    let home = home("");
    let server = Server::start(&home);
    let client = server.client(&home);
    let largest = format!("{{\"Unknown\": \"{}\"}}", "x".repeat((1 << 20) - 15));
    assert_eq!(largest.len(), 1 << 20);
    let ask = |body: &str| client.send(&client.request("TrentService.DescribeCustomKeyStores", body));
    assert_eq!(ask(&largest).status, 200);
    ask(&format!("{largest} ")).fails(413, "RequestEntityTooLargeException", "1048576 bytes");
}

#[test]
fn whoever_is_too_slow_is_cut_off() {
    let home = home("[serve.limits]\nheader_timeout_ms = 300\nbody_timeout_ms = 300");
    let server = Server::start(&home);
    let client = server.client(&home);
    let request = client.request("TrentService.DescribeCustomKeyStores", "{}");
    // Nothing at all, half a head, and a head that lacks its end: the server closes.
    for part in [&b""[..], b"P", &request[..40]] {
        let mut stream = client.connect();
        stream.write_all(part).unwrap();
        assert!(read(&mut BufReader::new(stream)).is_none());
    }
    let mut stream = client.connect();
    stream.write_all(&request[..request.len() - 1]).unwrap();
    let reply = read(&mut BufReader::new(stream)).unwrap();
    reply.fails(408, "RequestTimeoutException", "in time");
    // A connection on which nothing comes any more.
    let mut stream = client.connect();
    stream.write_all(&request).unwrap();
    let mut stream = BufReader::new(stream);
    assert_eq!(read(&mut stream).unwrap().status, 200);
    assert!(read(&mut stream).is_none());
}

#[test]
fn a_connection_serves_many_requests_and_survives_bad_ones() {
    let home = home("");
    let server = Server::start(&home);
    let client = server.client(&home);
    let mut stream = BufReader::new(client.connect());
    for body in ["{}", "[", "{}", "{\"Limit\": \"x\"}", "{}"] {
        let request = client.request("TrentService.DescribeCustomKeyStores", body);
        stream.get_mut().write_all(&request).unwrap();
        let status = if body == "{}" { 200 } else { 400 };
        assert_eq!(read(&mut stream).unwrap().status, status);
    }
    // What is no HTTP ends its own connection only.
    for noise in
        ["\0\0\0\0\r\n\r\n", "POST\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
    {
        let mut stream = client.connect();
        stream.write_all(noise.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let reply = read(&mut BufReader::new(stream));
        assert!(reply.is_none_or(|reply| reply.status >= 400), "{noise:?}");
    }
    assert_eq!(client.kms("DescribeCustomKeyStores", &json!({})).status, 200);
}

/// One place: a second connection is served when the first is gone.
#[test]
fn connections_beyond_the_limit_wait() {
    let home = home("[serve.limits]\nconnections = 1");
    let server = Server::start(&home);
    let client = server.client(&home);
    let request = client.request("TrentService.DescribeCustomKeyStores", "{}");
    let mut first = BufReader::new(client.connect());
    first.get_mut().write_all(&request).unwrap();
    assert_eq!(read(&mut first).unwrap().status, 200);
    let mut second = client.connect();
    second.write_all(&request).unwrap();
    second.set_read_timeout(Some(std::time::Duration::from_millis(300))).unwrap();
    assert!(read(&mut BufReader::new(&second)).is_none());
    drop(first);
    second.set_read_timeout(None).unwrap();
    assert_eq!(read(&mut BufReader::new(second)).unwrap().status, 200);
}

/// The body may come long after the head that is refused: the connection goes on, for its client may have sent the next
/// request already.
#[test]
fn what_is_refused_by_its_head_leaves_the_connection_usable() {
    let home = home("");
    let server = Server::start(&home);
    let mut client = server.client(&home);
    let good = client.request("TrentService.DescribeCustomKeyStores", "{}");
    client.signer = None;
    let unsigned = client.request("TrentService.DescribeCustomKeyStores", "{}");
    let unknown = client.request("Nobody.Nothing", "{}");
    let mut stream = BufReader::new(client.connect());
    for refused in [unsigned, unknown] {
        let (head, body) = refused.split_at(refused.len() - 2);
        stream.get_mut().write_all(head).unwrap();
        // The server has read the head when it has answered another connection's request that came after it.
        assert_eq!(client.get("/health").status, 200);
        stream.get_mut().write_all(body).unwrap();
        assert_eq!(read(&mut stream).unwrap().status, 400);
        stream.get_mut().write_all(&good).unwrap();
        assert_eq!(read(&mut stream).unwrap().status, 200);
    }
}
