//! What goes back.

use crate::xks_proxy::api::{Answer, ErrorName, ProxyError, Record};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

/// An answer, and whether its connection ends.
pub struct Reply {
    pub answer: Answer,
    allows_post: bool,
    closes: bool,
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        Self { answer, allows_post: false, closes: false }
    }
}

impl Reply {
    pub fn refused(error: ProxyError) -> Self {
        let (status, body) = (error.name.status(), error.body());
        let allows_post = error.name == ErrorName::MethodNotAllowed;
        let record = Record { error: Some(error), ..Record::default() };
        Self { answer: Answer { status, body, record }, allows_post, closes: false }
    }

    pub fn and_close(self) -> Self {
        Self { closes: true, ..self }
    }

    pub fn into_response(self) -> Response<Full<Bytes>> {
        let Self { answer, allows_post, closes } = self;
        // The body is wiped when it is sent.
        let mut response = Response::new(Full::new(Bytes::from_owner(answer.body)));
        // Each of the operations' codes is one of HTTP's.
        *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or_default();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if allows_post {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        if closes {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
