//! Answers as they go out.

use super::fault::Fault;
use hyper::Response;
use hyper::body::{Body, Bytes, Frame};
use hyper::header::{CONTENT_TYPE, LOCATION};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

const JSON: &str = "application/json";
const HTML: &str = "text/html";
const BETWEEN_BYTES: Duration = Duration::from_millis(50);

/// An error of the API.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub status: u16,
    pub name: String,
    pub message: String,
}

impl Refusal {
    pub fn new(status: u16, name: &str, message: impl Into<String>) -> Self {
        Self { status, name: name.into(), message: message.into() }
    }
}

/// Goes out piece by piece.
pub struct Pieces {
    pieces: VecDeque<Piece>,
    pause: Option<Pin<Box<Sleep>>>,
}

enum Piece {
    Bytes(Bytes),
    Pause(Duration),
    /// The connection ends.
    Cut,
}

/// The right answer, or what the fault makes of it.
pub fn response(mut answer: Result<Value, Refusal>, fault: Option<&Fault>) -> Response<Pieces> {
    match fault {
        Some(Fault::Error { name, status }) => {
            answer = Err(Refusal::new(*status, name, "as the test wants it"))
        }
        Some(Fault::WrongSignatureAnswer) => {
            answer = Err(Refusal::new(401, "AuthenticationFailedException", "as the test wants it"));
        }
        Some(Fault::Throttling) => {
            answer = Err(Refusal::new(429, "ThrottlingException", "as the test wants it"))
        }
        _ => {}
    }
    if let (Some(fault), Ok(members)) = (fault, &mut answer) {
        spoil(members, fault);
    }
    let (status, body) = match answer {
        Ok(members) => (200, members),
        Err(Refusal { status, name, message }) => {
            (status, json!({ "errorName": name, "errorMessage": message }))
        }
    };
    write(status, body.to_string(), fault)
}

fn spoil(members: &mut Value, fault: &Fault) {
    let members = members.as_object_mut().expect("every answer is an object");
    match fault {
        Fault::MissingMember(name) => drop(members.remove(name)),
        Fault::Member(name, value) => drop(members.insert(name.clone(), value.clone())),
        Fault::WrongMemberType(name) => {
            let wrong = if members.get(name).is_some_and(Value::is_string) { json!(17) } else { json!("17") };
            members.insert(name.clone(), wrong);
        }
        Fault::BadBase64 => {
            for name in ["ciphertext", "initializationVector", "authenticationTag", "plaintext"] {
                if let Some(Value::String(text)) = members.get_mut(name) {
                    text.replace_range(..1, "!");
                }
            }
        }
        _ => {}
    }
}

fn write(status: u16, body: String, fault: Option<&Fault>) -> Response<Pieces> {
    let whole = |body: String| vec![Piece::Bytes(body.into())];
    let half = |body: &str| Piece::Bytes(Bytes::copy_from_slice(&body.as_bytes()[..body.len() / 2]));
    let page = |title: &str| whole(format!("<html><body>{title}</body></html>"));
    let (status, kind, pieces) = match fault {
        Some(Fault::ErrorWithoutJson(status)) => (*status, HTML, page("Bad gateway")),
        Some(Fault::Redirect) => (302, HTML, page("Moved")),
        Some(Fault::MalformedJson) => (200, JSON, vec![half(&body)]),
        Some(Fault::EmptyBody) => (200, JSON, Vec::new()),
        Some(Fault::WrongContentType) => (status, HTML, whole(body)),
        Some(Fault::HugeBody) => (200, JSON, huge()),
        Some(Fault::SlowBody) => (status, JSON, slowly(&body)),
        Some(Fault::CloseBeforeAnswer) => (status, JSON, vec![Piece::Cut]),
        Some(Fault::CloseMidAnswer) => {
            (status, JSON, vec![half(&body), Piece::Pause(BETWEEN_BYTES), Piece::Cut])
        }
        _ => (status, JSON, whole(body)),
    };
    let mut response = Response::builder().status(status).header(CONTENT_TYPE, kind);
    if status == 302 {
        response = response.header(LOCATION, "/elsewhere");
    }
    response.body(Pieces { pieces: pieces.into(), pause: None }).expect("a status that HTTP has")
}

fn slowly(body: &str) -> Vec<Piece> {
    let byte = |byte: u8| [Piece::Bytes(vec![byte].into()), Piece::Pause(BETWEEN_BYTES)];
    body.bytes().flat_map(byte).collect()
}

/// 64 MiB.
fn huge() -> Vec<Piece> {
    let block = Bytes::from(vec![b'a'; 1 << 16]);
    let mut pieces = vec![Piece::Bytes("{\"keySpec\":\"".into())];
    pieces.extend((0..1024).map(|_| Piece::Bytes(block.clone())));
    pieces.push(Piece::Bytes("\"}".into()));
    pieces
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            if let Some(pause) = &mut self.pause {
                std::task::ready!(pause.as_mut().poll(context));
                self.pause = None;
            }
            return Poll::Ready(match self.pieces.pop_front() {
                None => None,
                Some(Piece::Bytes(bytes)) => Some(Ok(Frame::data(bytes))),
                Some(Piece::Cut) => Some(Err(io::Error::other("as the test wants it"))),
                Some(Piece::Pause(pause)) => {
                    self.pause = Some(Box::pin(sleep_until(Instant::now() + pause)));
                    continue;
                }
            });
        }
    }
}
