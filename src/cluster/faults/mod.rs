//! Fault plans: what shall go wrong in a cluster, on purpose.
//!
//! A plan lies in the store as the text that it was written in, under a MAC of the cluster, and so every process of the
//! cluster follows it at its next call. What a plan does to calls is the library's.

mod plan;

pub use plan::{Drift, Effect, Fault, FaultPlan, Latency, Missing, Over, Written, WrittenPlan};

use crate::cluster::keys;
use crate::cluster::login::Login;
use crate::cluster::records::{Kind, Maced};
use crate::cluster::{Authority, Cluster, ClusterId, Clusters, read};
use crate::crypto::random;
use crate::crypto::seal::MacKey;
use crate::error::Error;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use vhsm_store::Batch;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct PlanRecord {
    /// Another one each time that a plan is set, the same one too.
    id: u64,
    text: String,
}

impl Kind for PlanRecord {
    const NAME: &'static str = "fault plan";
}

/// A plan as read from the store: its MAC was not looked at.
pub struct StoredPlan {
    pub cluster: ClusterId,
    record: Maced<PlanRecord>,
}

impl StoredPlan {
    /// Which setting of a plan it is.
    pub fn id(&self) -> u64 {
        self.record.unverified().id
    }

    /// The plan, whoever wrote it. Errors: `BadInput`.
    pub fn unverified(&self) -> Result<FaultPlan, Error> {
        Ok(FaultPlan::parse(&self.record.unverified().text)?)
    }

    /// Whether it was written by whom the cluster allows it. Errors: `Corrupt`.
    pub fn verify(&self, login: &Login) -> Result<(), Error> {
        self.record.verified(&login.mac).map(drop)
    }
}

impl Clusters {
    /// The plan of a cluster; one without faults where it has none.
    pub fn fault_plan(&self, cluster: &Cluster) -> Result<FaultPlan, Error> {
        let key = keys::faults(cluster.id);
        let stored = self.view(|snapshot| {
            snapshot.get(&key)?.map(|raw| Maced::<PlanRecord>::decode(&key, raw)).transpose()
        })?;
        match stored {
            Some(record) => Ok(FaultPlan::parse(&record.unverified().text)?),
            None => Ok(FaultPlan::default()),
        }
    }

    /// All clusters' plans.
    pub fn fault_plans(&self) -> Result<Vec<StoredPlan>, Error> {
        self.view(|snapshot| {
            let mut plans = Vec::new();
            read::scan(snapshot, &keys::all_faults(), &mut |key, raw| {
                if let Some(cluster) = keys::cluster_of(key) {
                    plans.push(StoredPlan { cluster, record: Maced::decode(key, raw)? });
                }
                Ok(ControlFlow::Continue(()))
            })?;
            Ok(plans)
        })
    }

    /// Puts this plan in the place of the cluster's, to be counted from its beginning; one without faults takes it away. Errors: those of `Authority`.
    pub fn set_fault_plan(&self, cluster: &Cluster, by: Authority, plan: &FaultPlan) -> Result<(), Error> {
        self.retry(|| {
            let record = self.view(|snapshot| read::cluster(snapshot, cluster.id))?;
            let mac = MacKey::new(&*by.mac_key(cluster.id, &record)?);
            let batch = Batch::new().expect(record.key.as_slice(), Some(&record.raw));
            let key = keys::faults(cluster.id);
            let record =
                PlanRecord { id: u64::from_ne_bytes(random::array()?), text: plan.text().to_owned() };
            self.store.commit(match plan.faults().is_empty() {
                true => batch.delete(key.as_slice()),
                false => batch.put(key.as_slice(), Maced::encode(&key, &record, &mac)?),
            })?;
            Ok(())
        })
    }
}
