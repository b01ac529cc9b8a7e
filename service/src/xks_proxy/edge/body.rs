//! A request's body: whole, hashed, in time, and no larger than a request can be.

use super::answer::Reply;
use crate::xks_proxy::api::{ErrorName, ProxyError};
use crate::xks_proxy::settings::Limits;
use http_body_util::BodyExt;
use hyper::body::{Body, Bytes};
use sha2::{Digest, Sha256};
use std::pin::pin;
use std::time::Instant;
use tokio::time::timeout_at;
use zeroize::Zeroizing;

/// requestMetadata (three ARNs of 2048 characters, and more), IV, tag and what KMS may add one day.
const METADATA_BYTES: usize = 16 * 1024;
/// Of a body that is too large, or whose request is refused: beyond it the connection ends.
const MOST_DISCARDED_BYTES: usize = 1 << 20;

pub struct ReadBody {
    /// `None`: they are more than there may be.
    pub bytes: Option<Zeroizing<Vec<u8>>>,
    pub length: usize,
    /// SHA-256
    pub hash: [u8; 32],
}

/// Of a body with the largest plaintext and aad.
pub fn most_bytes(limits: &Limits) -> usize {
    let base64 = |bytes: usize| bytes.div_ceil(3) * 4;
    base64(limits.plaintext_bytes) + base64(limits.aad_bytes) + METADATA_BYTES
}

/// Errors: what to answer where it does not come whole; the connection is of no use then.
pub async fn read<B: Body<Data = Bytes>>(body: B, most: usize, deadline: Instant) -> Result<ReadBody, Reply> {
    match timeout_at(deadline.into(), whole(body, most)).await {
        Ok(Some(body)) if body.length > MOST_DISCARDED_BYTES => {
            Err(Reply::refused(too_large(most)).and_close())
        }
        Ok(Some(body)) => Ok(body),
        Ok(None) => {
            let error = ProxyError::new(ErrorName::Validation, "The request's body ended before its end.");
            Err(Reply::refused(error).and_close())
        }
        Err(_) => {
            let message = "The request did not come whole in time.";
            Err(Reply::refused(ProxyError::new(ErrorName::RequestTimeout, message)).and_close())
        }
    }
}

pub fn too_large(most: usize) -> ProxyError {
    let message = format!("The request's body is larger than the {most} bytes that are supported here.");
    ProxyError::new(ErrorName::UnsupportedOperation, message)
}

/// `None`: it breaks off.
async fn whole<B: Body<Data = Bytes>>(body: B, most: usize) -> Option<ReadBody> {
    let mut body = pin!(body);
    let expected = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut bytes = Zeroizing::new(Vec::with_capacity(expected.min(most)));
    let (mut length, mut hasher) = (0, Sha256::new());
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        length += data.len();
        hasher.update(&data);
        if length <= most {
            bytes.extend_from_slice(&data);
        } else if length > MOST_DISCARDED_BYTES {
            break;
        }
    }
    Some(ReadBody { bytes: (length <= most).then_some(bytes), length, hash: hasher.finalize().into() })
}
