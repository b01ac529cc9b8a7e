//! What AWS clients reach: started after the store is open, stopped before it is closed.

use super::endpoint::{Auth, Endpoint};
use super::health::StoreHealth;
use super::keystores::Keeper;
use super::log;
use crate::App;
use crate::audit::{Audit, Writer};
use crate::cloudhsmv2::CloudHsmV2;
use crate::credential::{self, CredentialFile, Keyring, Principal};
use crate::demo;
use crate::failure::Failure;
use crate::http::service::Service;
use crate::http::{self, Authentication, Edge, Limits, Server, Services, Tls};
use crate::kms::KmsService;
use crate::metrics::Metrics;
use std::sync::Arc;
use tokio::sync::Semaphore;
use vhsm_keystore::Caller;
use vhsm_pkcs11::error::Error;

pub struct Endpoints {
    /// As clients name it.
    url: String,
    kms: Arc<KmsService>,
    server: Server,
    keeper: Keeper,
    audit: Arc<Audit>,
    writer: Writer,
    tls: Option<Arc<Tls>>,
    keyring: Option<Arc<Keyring>>,
}

impl Endpoints {
    /// `None`: nothing listens. Errors: what is wrong with settings, files or the port, with its mend.
    pub fn start(app: &App, endpoint: &Endpoint) -> Result<Option<Self>, Failure> {
        if endpoint.listen.is_none() {
            return Ok(None);
        }
        let listener = super::endpoint::bind(endpoint)?;
        let tls = endpoint.tls.as_ref().map(Tls::load).transpose()?.map(Arc::new);
        let keyring = keyring(endpoint)?;
        let (audit, writer) = Audit::start(endpoint.audit_file.as_deref(), log)?;
        let audit = Arc::new(audit);
        let kms = Arc::new(KmsService::default());
        let keeper = Keeper::start(app, endpoint, Arc::clone(&kms), keyring.clone())?;
        let edge = Edge {
            health: Arc::new(StoreHealth::new(Arc::clone(&kms), endpoint)),
            services: Services { kms: kms.clone(), cloudhsm: cloudhsm(app, endpoint)? },
            authentication: authentication(endpoint, keyring.clone()),
            region: endpoint.region.clone(),
            limits: Limits { body_timeout: endpoint.body_timeout },
            audit: Arc::clone(&audit),
            metrics: Arc::new(Metrics::default()),
            calls: Arc::new(Semaphore::new(endpoint.calls)),
            inline: Arc::new(Semaphore::new(http::INLINE_CALLS)),
        };
        let address = listener.local_addr().map(|address| address.to_string()).unwrap_or_default();
        let server = Server::start(listener, Arc::new(edge), tls.clone(), Edge::terms(endpoint))?;
        let url = format!("{}://{address}", if tls.is_some() { "https" } else { "http" });
        log(&format!("listens on {url}"));
        Ok(Some(Self { url, kms, server, keeper, audit, writer, tls, keyring }))
    }

    /// What `--demo` asks for. Errors: another process serves KMS for this store.
    pub fn demo(&self, app: &App, endpoint: &Endpoint) -> Result<(), Failure> {
        let Some(kms) = self.kms.current() else {
            return Err(Failure::new(
                "the demo needs KMS, which another process serves for this store: end that one",
            ));
        };
        demo::run(app, &kms, &root(endpoint), &self.url)
    }

    /// What SIGHUP asks for.
    pub fn reload(&self) {
        self.audit.reopen();
        match self.tls.as_ref().map(|tls| tls.reload()) {
            Some(Ok(())) => log("read certificate and key anew"),
            Some(Err(failure)) => log(&format!("certificate and key stay as they were: {failure}")),
            None => {}
        }
        if let Some(Err(failure)) = self.keyring.as_ref().map(|keyring| keyring.refresh()) {
            log(&format!("the access keys stay as they were: {failure}"));
        }
    }

    /// Requests in flight are answered, what was answered is recorded, and key stores let go.
    pub fn stop(self) {
        if !self.server.stop() {
            log("some requests took too long, and were cut off");
        }
        self.keeper.stop();
        self.writer.finish(&self.audit);
    }
}

/// By the root key's right; any number of processes may serve it.
fn cloudhsm(app: &App, endpoint: &Endpoint) -> Result<Arc<dyn Service>, Failure> {
    Ok(Arc::new(CloudHsmV2 {
        clusters: Arc::new(super::clusters(&app.config)?),
        settings: app.config.lifecycle(),
        root_key: Arc::new(app.config.root_key().map_err(Error::from)?),
        partition: "aws".into(),
        account: endpoint.account.clone(),
    }))
}

/// `None`: nobody signs.
fn keyring(endpoint: &Endpoint) -> Result<Option<Arc<Keyring>>, Failure> {
    if endpoint.auth == Auth::Off {
        return Ok(None);
    }
    let file = CredentialFile::new(&endpoint.credentials_file);
    if credential::make_first(&file)? {
        log(&format!("made the account's first access key: {}", file.path().display()));
    }
    Ok(Some(Arc::new(Keyring::open(file, &endpoint.account)?)))
}

fn authentication(endpoint: &Endpoint, keyring: Option<Arc<Keyring>>) -> Authentication {
    match keyring {
        Some(keyring) => Authentication::SigV4(keyring),
        None => Authentication::Off(root(endpoint)),
    }
}

fn root(endpoint: &Endpoint) -> Caller {
    Caller {
        account: endpoint.account.clone(),
        principal: Principal::Root.arn(&endpoint.account),
        request_id: None,
    }
}
