//! HTTP/1.1 by hand, for what a well-behaved client does not do: requests in pieces, and several before an answer.

use super::http::Reply;
use super::wire::{Broken, Stream};
use hyper::Version;
use hyper::body::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const MOST_HEADERS: usize = 64;
/// More than any answer of the API has.
const MOST_BYTES: usize = 4 << 20;

pub struct Raw {
    stream: Stream,
    /// Read, and not yet part of an answer.
    pending: Vec<u8>,
}

impl Raw {
    pub fn new(stream: Stream) -> Self {
        Self { stream, pending: Vec::new() }
    }

    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        let closed = |error: std::io::Error| Broken::Closed(error.to_string());
        self.stream.io.write_all(bytes).await.map_err(closed)?;
        self.stream.io.flush().await.map_err(closed)
    }

    /// The next answer. `took` counts from this call.
    pub async fn read(&mut self, patience: Duration) -> Result<Reply, Broken> {
        let answered = tokio::time::timeout(patience, self.reply()).await;
        answered.map_err(|_| Broken::Silent(patience))?
    }

    async fn reply(&mut self) -> Result<Reply, Broken> {
        let started = Instant::now();
        let (status, headers) = loop {
            match head(&self.pending)? {
                Some((length, status, headers)) => {
                    self.pending.drain(..length);
                    break (status, headers);
                }
                None => self.more().await?,
            }
        };
        let body = self.body(&headers).await?;
        let version = Version::HTTP_11;
        Ok(Reply { status, version, headers, body: Bytes::from(body), took: started.elapsed() })
    }

    async fn body(&mut self, headers: &HeaderMap) -> Result<Vec<u8>, Broken> {
        let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        if value("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            return self.chunks().await;
        }
        let length = value("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        self.take(length).await
    }

    /// RFC 9112 sec. 7.1
    async fn chunks(&mut self) -> Result<Vec<u8>, Broken> {
        let mut body = Vec::new();
        loop {
            let (start, length) = loop {
                match httparse::parse_chunk_size(&self.pending) {
                    Ok(httparse::Status::Complete(chunk)) => break chunk,
                    Ok(httparse::Status::Partial) => self.more().await?,
                    Err(_) => return Err(Broken::Closed("a chunk without a length".to_owned())),
                }
            };
            self.pending.drain(..start);
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            body.extend(self.take(length).await?);
            // Each chunk, and the list of trailers that the API does not use, ends with an empty line.
            self.take(2).await?;
            if length == 0 {
                return Ok(body);
            }
        }
    }

    async fn take(&mut self, length: usize) -> Result<Vec<u8>, Broken> {
        if length > MOST_BYTES {
            return Err(Broken::Closed(format!("an answer of {length} bytes")));
        }
        while self.pending.len() < length {
            self.more().await?;
        }
        Ok(self.pending.drain(..length).collect())
    }

    async fn more(&mut self) -> Result<(), Broken> {
        let mut buffer = [0; 4096];
        match self.stream.io.read(&mut buffer).await {
            Ok(0) => Err(Broken::Closed("end of the stream".to_owned())),
            Ok(read) if self.pending.len() + read <= MOST_BYTES => {
                self.pending.extend_from_slice(&buffer[..read]);
                Ok(())
            }
            Ok(_) => Err(Broken::Closed("an answer without an end".to_owned())),
            Err(error) => Err(Broken::Closed(error.to_string())),
        }
    }
}

/// Its length, status and headers. `None`: there is more of it to come.
fn head(bytes: &[u8]) -> Result<Option<(usize, u16, HeaderMap)>, Broken> {
    let mut lines = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut lines);
    let wrong = |what: &str| Broken::Closed(format!("no HTTP: {what}"));
    match response.parse(bytes).map_err(|error| wrong(&error.to_string()))? {
        httparse::Status::Partial => Ok(None),
        httparse::Status::Complete(length) => {
            let mut headers = HeaderMap::new();
            for line in response.headers.iter() {
                let name = HeaderName::from_bytes(line.name.as_bytes()).map_err(|_| wrong(line.name))?;
                headers.append(name, HeaderValue::from_bytes(line.value).map_err(|_| wrong(line.name))?);
            }
            Ok(Some((length, response.code.unwrap_or_default(), headers)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &'static [u8]) -> Result<(u16, Vec<u8>), Broken> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut raw =
                Raw::new(Stream { io: Box::new(tokio::io::join(bytes, tokio::io::sink())), secured: None });
            let reply = raw.read(Duration::from_secs(5)).await?;
            Ok((reply.status, reply.body.to_vec()))
        })
    }

    #[test]
    fn answers_end_where_their_headers_say() {
        let length = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1";
        assert_eq!(read(length).unwrap(), (200, b"{}".to_vec()));
        let chunked = b"HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n";
        assert_eq!(read(chunked).unwrap(), (400, b"{}".to_vec()));
        assert!(read(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}").is_err());
        assert!(read(b"SSH-2.0-x\r\n\r\n").is_err());
    }
}
