//! A request, from its first byte to its answer.
//!
//! In this order: which operation it names, whether the head of its signature is in order, its body, its signature; then the
//! call, on a thread that may block. What is refused before the call is counted, but not in the audit log: nobody is known to
//! have asked. A call that has begun is carried out and recorded even when its client is gone.

use super::listen::{Arrival, Handler, Terms};
use super::route::{Name, Route};
use super::service::{Answer, Call, Protocol, Refusal, Service};
use super::sigv4::Verifier;
use super::status::{self, Health};
use crate::audit::{Audit, Circumstances, Event, Identity};
use crate::credential::{Credential, Keyring, Principal};
use crate::metrics::Metrics;
use crate::serve::Endpoint;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue, USER_AGENT};
use hyper::http::request::Parts;
use hyper::{Request, Response};
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use vhsm_keystore::Caller;
use zeroize::Zeroizing;

/// KMS's largest request (PutKeyPolicy) has 131,072 characters, and escapes at most six times as much.
const MOST_BODY_BYTES: usize = 1 << 20;
/// Of a body that is too large.
const MOST_DISCARDED_BYTES: usize = 16 << 20;
/// How long a call waits for one of `limits.calls`.
const WAIT: Duration = Duration::from_secs(5);
/// Calls that may run on threads of connections, each of which another thread stands in for; and those threads.
pub const INLINE_CALLS: usize = 6;
const THREADS: usize = INLINE_CALLS + 2;
/// Beside calls: for /health and /metrics.
const SPARE_THREADS: usize = 8;

/// A body: it may have plaintext. (HTTP's own buffers are not wiped.)
type Secret = Zeroizing<Vec<u8>>;

/// What answers requests; one for all connections.
pub struct Edge {
    pub services: Services,
    pub authentication: Authentication,
    pub region: String,
    pub limits: Limits,
    pub audit: Arc<Audit>,
    pub metrics: Arc<Metrics>,
    pub health: Arc<dyn Health>,
    pub calls: Arc<Semaphore>,
    /// Fewer places than the runtime has threads: quick calls run on those, which saves two changes of thread, and where they
    /// hang after all, others go on.
    pub inline: Arc<Semaphore>,
}

pub struct Services {
    pub kms: Arc<dyn Service>,
    pub cloudhsm: Arc<dyn Service>,
}

/// How a request's caller becomes known.
pub enum Authentication {
    SigV4(Arc<Keyring>),
    /// Everybody is this one.
    Off(Caller),
}

pub struct Limits {
    pub body_timeout: Duration,
}

/// Who asks, as far as it is known.
struct Asker {
    caller: Caller,
    identity: Identity,
}

impl Handler for Edge {
    async fn answer(self: Arc<Self>, arrival: Arrival, request: Request<Incoming>) -> Response<Full<Bytes>> {
        self.respond_to(arrival.from.ip(), request).await
    }

    fn connections(&self) -> &AtomicU64 {
        &self.metrics.connections
    }
}

impl Edge {
    /// What its port bears.
    pub fn terms(endpoint: &Endpoint) -> Terms {
        let patience = endpoint.header_timeout;
        Terms {
            name: "http",
            threads: THREADS,
            blocking_threads: endpoint.calls + INLINE_CALLS + SPARE_THREADS,
            connections: endpoint.connections,
            handshake: patience,
            head: patience,
            idle: patience,
            stop: endpoint.stop_timeout,
        }
    }

    async fn respond_to<B>(self: Arc<Self>, from: IpAddr, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let begun = Instant::now();
        let (parts, body) = request.into_parts();
        if let Some(response) = status::answer(&self, &parts).await {
            return response;
        }
        let request_id = uuid::Uuid::new_v4().to_string();
        let route = match Route::of(&parts) {
            Ok(route) => route,
            Err(refusal) => {
                self.discard(body).await;
                // Whoever names no service gets KMS's form.
                self.metrics.observe("-", "-", begun.elapsed(), Some(refusal.exception));
                let answer = self.services.kms.refuse(Protocol::Json11, &refusal);
                return respond(answer.status, Protocol::Json11, &request_id, answer.body);
            }
        };
        let (service, protocol) = (route.service, route.protocol);
        let answer = match self.admit(&parts, body, service).await {
            Ok((asker, body)) => self.call(route, asker, body, &parts, from, &request_id, begun).await,
            Err(refusal) => Err(refusal),
        };
        let answer = answer.unwrap_or_else(|refusal| {
            self.metrics.observe(service.label(), "-", begun.elapsed(), Some(refusal.exception));
            self.service(service).refuse(protocol, &refusal)
        });
        respond(answer.status, protocol, &request_id, answer.body)
    }

    fn service(&self, name: Name) -> &Arc<dyn Service> {
        match name {
            Name::Kms => &self.services.kms,
            Name::CloudHsm => &self.services.cloudhsm,
        }
    }

    /// Reads the body of a request that may be answered.
    async fn admit<B>(&self, parts: &Parts, body: B, service: Name) -> Result<(Asker, Secret), Refusal>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        match &self.authentication {
            Authentication::Off(caller) => {
                let body = self.read(body).await?;
                Ok((Asker::anybody(caller), body))
            }
            Authentication::SigV4(keyring) => {
                let verifier = Verifier { region: Some(&self.region), service: service.signing_name() };
                let pending = match verifier.head(parts, SystemTime::now(), |id| keyring.find(id)) {
                    Ok(pending) => pending,
                    Err(refusal) => {
                        self.discard(body).await;
                        return Err(refusal);
                    }
                };
                let body = self.read(body).await?;
                pending.check(&Sha256::digest(&body[..]))?;
                Ok((Asker::of(&pending.key), body))
            }
        }
    }

    /// Of a request that is refused: what is left unread ends the connection, perhaps while its client sends the next request.
    async fn discard<B: Body<Data = Bytes> + Send>(&self, body: B) {
        let discarded = async {
            let mut body = pin!(body);
            let mut length = 0;
            while let Some(Ok(frame)) = body.frame().await {
                length += frame.data_ref().map_or(0, Bytes::len);
                if length > MOST_BODY_BYTES {
                    break;
                }
            }
        };
        // Late or not: it is refused.
        let _ = tokio::time::timeout(self.limits.body_timeout, discarded).await;
    }

    async fn read<B>(&self, body: B) -> Result<Secret, Refusal>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let refuse =
            |status, exception, message: &str| Refusal { status, exception, message: message.into() };
        match tokio::time::timeout(self.limits.body_timeout, whole(body)).await {
            Ok(Ok(Some(body))) => Ok(body),
            Ok(Ok(None)) => {
                let message = format!("The request body has more than {MOST_BODY_BYTES} bytes.");
                Err(refuse(413, "RequestEntityTooLargeException", &message))
            }
            Ok(Err(_)) => {
                Err(refuse(400, "SerializationException", "The request body ended before its end."))
            }
            Err(_) => Err(refuse(408, "RequestTimeoutException", "The request body did not come in time.")),
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "what is known of a request, and nothing is made of it but this call"
    )]
    async fn call(
        self: &Arc<Self>,
        route: Route,
        asker: Asker,
        body: Secret,
        parts: &Parts,
        from: IpAddr,
        request_id: &str,
        begun: Instant,
    ) -> Result<Answer, Refusal> {
        let service = Arc::clone(self.service(route.service));
        let permit = self.turn().await?;
        let user_agent = parts.headers.get(USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()));
        let circumstances = Circumstances {
            event_source: route.service.event_source(),
            region: self.region.clone(),
            source_address: from.to_string(),
            user_agent: user_agent.unwrap_or_default().into_owned(),
            request_id: request_id.into(),
            identity: asker.identity,
        };
        let mut caller = asker.caller;
        caller.request_id = Some(request_id.into());
        let edge = Arc::clone(self);
        let quick =
            service.is_quick(&route.operation).then(|| Arc::clone(&self.inline).try_acquire_owned().ok());
        let called = move || {
            let _permit = permit;
            edge.metrics.calls_running.fetch_add(1, Relaxed);
            let Route { service: name, protocol, operation } = route;
            let call = Call { operation: &operation, protocol, body: &body, caller: &caller };
            let answer = service.call(&call);
            edge.metrics.calls_running.fetch_sub(1, Relaxed);
            edge.record(name, answer, circumstances, begun)
        };
        let answer = match quick.flatten() {
            Some(_place) => catch_unwind(AssertUnwindSafe(|| tokio::task::block_in_place(called))).ok(),
            None => tokio::task::spawn_blocking(called).await.ok(),
        };
        // A call that panicked has said so.
        answer.ok_or_else(|| Refusal {
            status: 500,
            exception: "InternalFailure",
            message: "The request failed because of an internal error.".into(),
        })
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let waiting = tokio::time::timeout(WAIT, Arc::clone(&self.calls).acquire_owned());
        match waiting.await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Refusal {
                status: 400,
                exception: "ThrottlingException",
                message: "Too many requests are being processed: try again later.".into(),
            }),
        }
    }

    fn record(&self, service: Name, mut answer: Answer, of: Circumstances, begun: Instant) -> Answer {
        let record = std::mem::take(&mut answer.record);
        let operation = record.operation.unwrap_or("-");
        let exception = record.error.as_ref().map(|(exception, _)| exception.as_str());
        self.metrics.observe(service.label(), operation, begun.elapsed(), exception);
        if let (Some(detail), Some(exception)) = (&record.detail, exception) {
            let (service, id) = (service.label(), &of.request_id);
            crate::serve::log(&format!("{service} {operation}: {exception}: {detail} (request {id})"));
        }
        if self.audit.is_on()
            && let Some(event) = Event::new(of, record)
        {
            self.audit.push(event);
        }
        answer
    }
}

impl Asker {
    fn of(credential: &Credential) -> Self {
        let Caller { account, principal, .. } = &credential.caller;
        let (kind, id, user_name) = match &credential.principal {
            Principal::Root => ("Root", account.clone(), None),
            Principal::User(name) => ("IAMUser", name.clone(), Some(name.clone())),
        };
        let identity = Identity {
            r#type: kind,
            principal_id: id,
            arn: principal.clone(),
            account_id: account.clone(),
            access_key_id: Some(credential.access_key.clone()),
            user_name,
        };
        Self { caller: credential.caller.clone(), identity }
    }

    fn anybody(caller: &Caller) -> Self {
        let identity = Identity {
            r#type: "Root",
            principal_id: caller.account.clone(),
            arn: caller.principal.clone(),
            account_id: caller.account.clone(),
            access_key_id: None,
            user_name: None,
        };
        Self { caller: caller.clone(), identity }
    }
}

/// `None`: it is too large. It is read nevertheless, for a client that still writes hears no answer; but not without end.
async fn whole<B: Body<Data = Bytes> + Send>(body: B) -> Result<Option<Secret>, B::Error> {
    let mut body = pin!(body);
    let expected = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut bytes = Zeroizing::new(Vec::with_capacity(expected.min(MOST_BODY_BYTES)));
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        length += data.len();
        if length <= MOST_BODY_BYTES {
            bytes.extend_from_slice(&data);
        } else if length > MOST_DISCARDED_BYTES {
            break;
        }
    }
    Ok((length <= MOST_BODY_BYTES).then_some(bytes))
}

fn respond(status: u16, protocol: Protocol, request_id: &str, body: Secret) -> Response<Full<Bytes>> {
    // The body is wiped when it is sent.
    let mut response = Response::new(Full::new(Bytes::from_owner(body)));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(protocol.content_type()));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    if protocol == Protocol::RpcV2Cbor {
        headers.insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
    }
    response
}
