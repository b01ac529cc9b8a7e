//! CreateCustomKeyStore. What is wrong is told in this order: form, type, name, limit, then the cluster (there, free, active, its
//! certificate, its HSMs) or the proxy (free, its VPC endpoint service, how it answers).

use super::api::{CreateCustomKeyStoreRequest, CreateCustomKeyStoreResponse};
use super::external::create::NewExternal;
use super::external::members::Given;
use super::find::{check_zones, cluster_not_active, cluster_not_found, name_in_use};
use super::members::{self, CLUSTER_ID, NAME, PASSWORD, TRUST_ANCHOR};
use super::register::{named, put_register, register};
use super::{password, trust_anchor};
use crate::error::{Exception, KmsError};
use crate::ids::StoreId;
use crate::kms::{Caller, Kms};
use crate::records::store::{
    CloudHsmStore, ConnectionState, RegisteredStore, StoreKind, StoreName, StoreRecord, StoreRegister,
};
use crate::records::{Change, keys};
use crate::validate::Check;

const TYPES: [&str; 2] = ["AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"];
/// How often a cluster is looked at anew because others made or deleted key stores meanwhile.
const TRIES: usize = 100;

impl Kms {
    pub fn create_custom_key_store(
        &self,
        caller: &Caller,
        request: &CreateCustomKeyStoreRequest,
    ) -> Result<CreateCustomKeyStoreResponse, KmsError> {
        let wanted = Wanted::of(request, self.xks.settings().allow_private)?;
        let id = StoreId::random();
        let record = self.new_record(&id, &wanted)?;
        for _ in 0..TRIES {
            let register = match self.place_for(&wanted)? {
                Place::Existing(id) => return Ok(response(id)),
                Place::Free(register) => register,
            };
            match &record.kind {
                StoreKind::CloudHsm(new) => self.check_new_cluster(new, &register)?,
                StoreKind::External(new) => self.check_new_proxy(caller, &id, new, &register)?,
            }
            if self.add_store(&id, &record, &register)? {
                return Ok(response(id));
            }
        }
        Err(KmsError::internal("others kept making and deleting custom key stores"))
    }

    fn new_record(&self, id: &StoreId, wanted: &Wanted) -> Result<StoreRecord, KmsError> {
        let kind = match &wanted.kind {
            WantedKind::CloudHsm(wanted) => StoreKind::CloudHsm(CloudHsmStore {
                cluster_id: wanted.cluster_id.into(),
                trust_anchor: wanted.trust_anchor.into(),
                password: self.seal_password(id, wanted.password)?,
                pending_password: None,
            }),
            WantedKind::External(wanted) => StoreKind::External(self.new_external(id, wanted)?),
        };
        Ok(StoreRecord {
            name: wanted.name.into(),
            created_ms: self.now_ms(),
            state: ConnectionState::Disconnected,
            error_code: None,
            attempt: 0,
            kind,
        })
    }

    /// Errors: `CustomKeyStoreNameInUse`, `LimitExceeded`.
    fn place_for(&self, wanted: &Wanted) -> Result<Place, KmsError> {
        let (named, register) = self.view(|view| Ok((named(view, wanted.name)?, register(view)?)))?;
        if let Some((id, record)) = named {
            return match self.is_repeated(&id, &record, wanted)? {
                true => Ok(Place::Existing(id)),
                false => Err(name_in_use(wanted.name)),
            };
        }
        let limit = self.settings.limits.custom_key_stores;
        match register.stores.len() < limit {
            true => Ok(Place::Free(register)),
            false => Err(KmsError::new(
                Exception::LimitExceeded,
                format!("This account has as many custom key stores as it may have in this region: {limit}."),
            )),
        }
    }

    /// Whether a request says what made this key store: then it is taken for a repeated one, which failed on the way back.
    fn is_repeated(&self, id: &StoreId, record: &StoreRecord, wanted: &Wanted) -> Result<bool, KmsError> {
        if record.state != ConnectionState::Disconnected {
            return Ok(false);
        }
        match (&record.kind, &wanted.kind) {
            (StoreKind::CloudHsm(hsm), WantedKind::CloudHsm(wanted)) => {
                if (&*hsm.cluster_id, &*hsm.trust_anchor) != (wanted.cluster_id, wanted.trust_anchor) {
                    return Ok(false);
                }
                let known = self.open_password(id, &hsm.password)?;
                Ok(password::is_same(&known, wanted.password))
            }
            (StoreKind::External(known), WantedKind::External(wanted)) => {
                self.is_same_external(id, known, wanted)
            }
            _ => Ok(false),
        }
    }

    fn check_new_cluster(&self, wanted: &CloudHsmStore, register: &StoreRegister) -> Result<(), KmsError> {
        let id = &*wanted.cluster_id;
        let cluster = self.directory.cluster(id)?.ok_or_else(|| cluster_not_found(id))?;
        for other in register.clusters() {
            if other == id || self.directory.same_backup_history(other, id)? {
                let message = format!(
                    "The CloudHSM cluster {id}, or one that shares its backup history, has a custom key store already."
                );
                return Err(KmsError::new(Exception::CloudHsmClusterInUse, message));
            }
        }
        if !cluster.is_active {
            return Err(cluster_not_active(id, &cluster.state));
        }
        let is_anchor = |known: &String| trust_anchor::is_same(known, &wanted.trust_anchor);
        if !cluster.trust_anchor.as_ref().is_some_and(is_anchor) {
            let message = format!(
                "The certificate is not the trust anchor (customerCA.crt) of the CloudHSM cluster {id}."
            );
            return Err(KmsError::new(Exception::IncorrectTrustAnchor, message));
        }
        check_zones(&cluster)
    }

    /// `false`: key stores were made or deleted since `seen`.
    fn add_store(&self, id: &StoreId, record: &StoreRecord, seen: &StoreRegister) -> Result<bool, KmsError> {
        self.transact(|view| {
            if register(view)? != *seen || named(view, &record.name)?.is_some() {
                return Ok((Change::default(), false));
            }
            let mut stores = seen.stores.clone();
            stores.push(RegisteredStore { id: id.clone(), behind: record.kind.behind() });
            let change = Change::default()
                .create(keys::store(id), record)?
                .create(keys::store_name(&record.name), &StoreName { id: id.clone() })?;
            Ok((put_register(change, view, &StoreRegister { stores })?, true))
        })
    }
}

/// What a request asks for, in due form.
struct Wanted<'a> {
    name: &'a str,
    kind: WantedKind<'a>,
}

enum WantedKind<'a> {
    CloudHsm(NewInCluster<'a>),
    External(NewExternal<'a>),
}

struct NewInCluster<'a> {
    cluster_id: &'a str,
    trust_anchor: &'a str,
    password: &'a [u8],
}

impl<'a> Wanted<'a> {
    /// `allow_private`: see [`Settings`](crate::xks::Settings).
    fn of(request: &'a CreateCustomKeyStoreRequest, allow_private: bool) -> Result<Self, KmsError> {
        let mut check = Check::default();
        let name = check.required("customKeyStoreName", request.custom_key_store_name.as_deref(), &NAME);
        check.one_of("customKeyStoreType", request.custom_key_store_type.as_deref(), &TYPES);
        let given = Given::from(request);
        let kind = if request.custom_key_store_type.as_deref() == Some(TYPES[1]) {
            let new = NewExternal::of(given, check, allow_private)?;
            members::forbid(&cluster_members(request), TYPES[1])?;
            WantedKind::External(new)
        } else {
            let new = NewInCluster::of(request, check)?;
            members::forbid(&given.names(), TYPES[0])?;
            WantedKind::CloudHsm(new)
        };
        Ok(Self { name, kind })
    }
}

/// The names of the members that are of key stores in clusters alone, and whether a request has them.
fn cluster_members(request: &CreateCustomKeyStoreRequest) -> [(&'static str, bool); 3] {
    [
        ("CloudHsmClusterId", request.cloud_hsm_cluster_id.is_some()),
        ("TrustAnchorCertificate", request.trust_anchor_certificate.is_some()),
        ("KeyStorePassword", request.key_store_password.is_some()),
    ]
}

impl<'a> NewInCluster<'a> {
    fn of(request: &'a CreateCustomKeyStoreRequest, mut check: Check) -> Result<Self, KmsError> {
        let cluster_id =
            check.required("cloudHsmClusterId", request.cloud_hsm_cluster_id.as_deref(), &CLUSTER_ID);
        let password = request.key_store_password.as_ref().map(|password| password.0.as_str());
        let password = check.required("keyStorePassword", password, &PASSWORD).as_bytes();
        let anchor = request.trust_anchor_certificate.as_deref();
        let trust_anchor = check.required("trustAnchorCertificate", anchor, &TRUST_ANCHOR);
        check.finish()?;
        Ok(Self { cluster_id, trust_anchor, password })
    }
}

/// Where a new key store comes to stand.
enum Place {
    /// It is there already.
    Existing(StoreId),
    /// Beside these.
    Free(StoreRegister),
}

fn response(id: StoreId) -> CreateCustomKeyStoreResponse {
    CreateCustomKeyStoreResponse { custom_key_store_id: id.0 }
}
