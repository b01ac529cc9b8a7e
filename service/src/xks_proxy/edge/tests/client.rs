//! A client of HTTP/1.1 and of Signature Version 4 that does what it is told, right or wrong.

use super::KEYS;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, SystemTime};

pub struct Client {
    pub address: SocketAddr,
    /// `None`: nothing is signed.
    pub signer: Option<Signer>,
}

#[derive(Clone)]
pub struct Signer {
    pub access_key_id: String,
    pub secret: String,
    pub region: String,
    pub service: String,
    pub at: SystemTime,
    /// Beside host and x-amz-date.
    pub more_headers: Vec<(String, String)>,
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        let of_name = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        of_name.map(|(_, value)| value.as_str())
    }

    /// Asserts an error's form; answers its message.
    pub fn fails(&self, status: u16, name: &str) -> String {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        let body: Value =
            serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        assert_eq!((self.status, body["errorName"].as_str()), (status, Some(name)), "{self:?}");
        let message = body["errorMessage"].as_str().unwrap();
        assert!(
            message.len() < 512 && message.bytes().all(|byte| matches!(byte, b' '..=b'~')),
            "{message:?}"
        );
        message.to_owned()
    }

    /// Asserts that the operation had it.
    pub fn reached(&self) {
        self.fails(400, "ValidationException");
    }
}

impl Signer {
    /// With one of the keys.
    pub fn of(key: usize) -> Self {
        Self {
            access_key_id: KEYS[key].0.into(),
            secret: KEYS[key].1.into(),
            region: "eu-central-1".into(),
            service: "kms-xks-proxy".into(),
            at: SystemTime::now(),
            more_headers: Vec::new(),
        }
    }

    pub fn seconds_ago(mut self, seconds: i64) -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        self.at = SystemTime::UNIX_EPOCH + Duration::from_secs(now.checked_sub_signed(seconds).unwrap());
        self
    }

    /// All headers that are signed, and Authorization.
    pub fn sign(&self, host: &str, path: &str, body: &str) -> Vec<(String, String)> {
        let date = humantime::format_rfc3339_seconds(self.at).to_string().replace(['-', ':'], "");
        let mut headers = vec![("host".to_owned(), host.to_owned()), ("x-amz-date".to_owned(), date.clone())];
        headers.extend(self.more_headers.iter().cloned());
        headers.sort();
        let names: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let names = names.join(";");
        let canonical = format!("POST\n{path}\n\n{lines}\n{names}\n{}", hex(&Sha256::digest(body)));
        let scope = format!("{}/{}/{}/aws4_request", &date[..8], self.region, self.service);
        let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
        let first = format!("AWS4{}", self.secret).into_bytes();
        let key = scope.split('/').fold(first, |key, part| hmac(&key, part));
        let signature = hex(&hmac(&key, &to_sign));
        let id = &self.access_key_id;
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}");
        headers.push(("authorization".into(), authorization));
        headers
    }
}

impl Client {
    pub fn connect(&self) -> BufReader<TcpStream> {
        BufReader::new(TcpStream::connect(self.address).unwrap())
    }

    /// A signed POST, as it goes over the wire.
    pub fn request(&self, path: &str, body: &str) -> String {
        let host = self.address.to_string();
        let headers = match &self.signer {
            Some(signer) => signer.sign(&host, path, body),
            None => vec![("host".into(), host)],
        };
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("POST {path} HTTP/1.1\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
    }

    pub fn post(&self, path: &str, body: &str) -> Reply {
        self.send(&self.request(path, body))
    }

    pub fn get(&self, path: &str) -> Reply {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n"))
    }

    /// On a connection of its own.
    pub fn send(&self, request: &str) -> Reply {
        exchange(&mut self.connect(), request)
    }
}

pub fn exchange<S: Read + Write>(stream: &mut BufReader<S>, request: &str) -> Reply {
    stream.get_mut().write_all(request.as_bytes()).unwrap();
    read(stream).expect("an answer")
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
    reply.body = String::from_utf8(body).unwrap();
    Some(reply)
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
