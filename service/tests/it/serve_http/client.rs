//! A client of HTTP/1.1 and of Signature Version 4 that does what it is told, right or wrong.

use super::*;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::time::SystemTime;

pub struct Client {
    pub address: String,
    /// `None`: nothing is signed.
    pub signer: Option<Signer>,
}

#[derive(Clone)]
pub struct Signer {
    pub access_key: String,
    pub secret: String,
    pub session_token: Option<String>,
    pub region: String,
    pub service: String,
    /// What the clock is wrong by, in seconds.
    pub ahead: i64,
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts what every answer of AWS has, and answers the body of a success.
    pub fn good(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.is_aws();
        self.json()
    }

    /// Asserts an error's form.
    pub fn fails(&self, status: u16, exception: &str, says: &str) {
        self.is_aws();
        let body = self.json();
        assert_eq!((self.status, body["__type"].as_str()), (status, Some(exception)), "{self:?}");
        let message = body["message"].as_str().or(body["Message"].as_str()).unwrap_or_default();
        assert!(message.contains(says), "{message:?} lacks {says:?}");
    }

    fn is_aws(&self) {
        assert_eq!(self.header("content-type"), Some("application/x-amz-json-1.1"), "{self:?}");
        assert_eq!(self.header("x-amzn-requestid").unwrap().len(), 36);
    }
}

impl Client {
    /// KMS's operation.
    pub fn kms(&self, operation: &str, body: &Value) -> Reply {
        self.send(&self.request(&format!("TrentService.{operation}"), &body.to_string()))
    }

    /// A signed request, as it goes over the wire.
    pub fn request(&self, target: &str, body: &str) -> Vec<u8> {
        let mut headers = vec![
            ("Host".to_owned(), self.address.clone()),
            ("Content-Type".to_owned(), "application/x-amz-json-1.1".to_owned()),
            ("X-Amz-Target".to_owned(), target.to_owned()),
        ];
        if let Some(signer) = &self.signer {
            signer.sign(&mut headers, body);
        }
        raw("POST / HTTP/1.1", &headers, body)
    }

    pub fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).unwrap()
    }

    /// On a connection of its own.
    pub fn send(&self, request: &[u8]) -> Reply {
        let mut stream = self.connect();
        // A server that answers before it has read all may have closed its side.
        let _ = stream.write_all(request);
        read(&mut BufReader::new(stream)).expect("an answer")
    }

    pub fn get(&self, path: &str) -> Reply {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())
    }
}

/// A request with the length of its body.
pub fn raw(line: &str, headers: &[(String, String)], body: &str) -> Vec<u8> {
    let mut text = format!("{line}\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    text += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
    text.into_bytes()
}

/// `None`: the connection ended before an answer.
pub fn read(stream: &mut impl BufRead) -> Option<Reply> {
    let mut line = String::new();
    let mut next = || {
        line.clear();
        let length = stream.read_line(&mut line).unwrap_or(0);
        (length > 0).then(|| line.trim_end().to_owned())
    };
    let status = next()?.split(' ').nth(1)?.parse().ok()?;
    let mut headers = Vec::new();
    loop {
        let line = next()?;
        let Some((name, value)) = line.split_once(": ") else { break };
        headers.push((name.to_owned(), value.to_owned()));
    }
    let mut reply = Reply { status, headers, body: String::new() };
    let length: usize = reply.header("content-length").unwrap_or("0").parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    reply.body = text(&body);
    Some(reply)
}

impl Signer {
    /// By a profile of the home's file.
    pub fn of(home: &Home, profile: &str) -> Self {
        let file = std::fs::read_to_string(home.path().join("credentials")).unwrap();
        let section = file.split('[').find(|section| section.starts_with(&format!("{profile}]"))).unwrap();
        let value = |name: &str| {
            let lines = section.lines();
            lines
                .filter_map(|line| line.split_once(" = "))
                .find(|(known, _)| *known == name)
                .map(|(_, v)| v.to_owned())
        };
        Self {
            access_key: value("aws_access_key_id").unwrap(),
            secret: value("aws_secret_access_key").unwrap(),
            session_token: value("aws_session_token"),
            region: "us-east-1".into(),
            service: "kms".into(),
            ahead: 0,
        }
    }

    /// Adds X-Amz-Date, the token and Authorization; every header is signed.
    pub fn sign(&self, headers: &mut Vec<(String, String)>, body: &str) {
        self.sign_for("/", headers, body);
    }

    /// As `sign`, of a request to this path.
    pub fn sign_for(&self, path: &str, headers: &mut Vec<(String, String)>, body: &str) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let now = SystemTime::UNIX_EPOCH
            + std::time::Duration::from_secs(now.checked_add_signed(self.ahead).unwrap());
        let date = humantime::format_rfc3339_seconds(now).to_string().replace(['-', ':'], "");
        headers.push(("X-Amz-Date".into(), date.clone()));
        headers.extend(
            self.session_token.iter().map(|token| ("X-Amz-Security-Token".to_owned(), token.clone())),
        );
        let mut signed: Vec<_> = headers.iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
        signed.sort();
        let names: Vec<_> = signed.iter().map(|(name, _)| name.as_str()).collect();
        let lines: String = signed.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let names = names.join(";");
        let canonical = format!("POST\n{path}\n\n{lines}\n{names}\n{}", hex(&Sha256::digest(body)));
        let scope = format!("{}/{}/{}/aws4_request", &date[..8], self.region, self.service);
        let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
        let first = format!("AWS4{}", self.secret).into_bytes();
        let key = scope.split('/').fold(first, |key, part| hmac(&key, part));
        let signature = hex(&hmac(&key, &to_sign));
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
            self.access_key
        );
        headers.push(("Authorization".into(), authorization));
    }
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
