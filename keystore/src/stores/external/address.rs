//! That no two external key stores have one proxy, and what can be told of a VPC endpoint service without asking AWS
//! (reference/kms-custom-key-stores.md sec. 10, "Uniqueness", "VPC service").

use super::members::{host_of, is_same_endpoint, service_region};
use crate::error::{Exception, KmsError};
use crate::ids::StoreId;
use crate::kms::Kms;
use crate::records::store::{
    Behind, ConnectionErrorCode, Connectivity, ExternalStore, ProxyAddress, StoreRegister,
};

/// `own`: the key store that has, or gets, the address. Errors: `XksProxyUriInUse`, `XksProxyUriEndpointInUse`,
/// `XksProxyVpcEndpointServiceInUse`.
pub(super) fn check_free(
    register: &StoreRegister,
    own: &StoreId,
    address: &ProxyAddress,
) -> Result<(), KmsError> {
    let others = register.stores.iter().filter(|store| store.id != *own);
    others.map(|store| &store.behind).try_for_each(|behind| match behind {
        Behind::Cluster(_) => Ok(()),
        Behind::Proxy(other) => check_beside(other, address),
    })
}

fn check_beside(other: &ProxyAddress, address: &ProxyAddress) -> Result<(), KmsError> {
    let ProxyAddress { endpoint, path, vpc_endpoint_service: service } = address;
    let has_endpoint = is_same_endpoint(&other.endpoint, endpoint);
    let is_public = service.is_none() && other.vpc_endpoint_service.is_none();
    let in_use = |exception, what: String| {
        Err(KmsError::new(exception, format!("{what} is in use by another custom key store.")))
    };
    if has_endpoint && other.path == *path {
        return in_use(Exception::XksProxyUriInUse, format!("The XksProxyUriPath {path} of {endpoint}"));
    }
    if has_endpoint && !is_public {
        let what = format!("The XksProxyUriEndpoint {endpoint}, which may be shared by public ones only,");
        return in_use(Exception::XksProxyUriEndpointInUse, what);
    }
    match service {
        Some(name) if other.vpc_endpoint_service.as_ref() == Some(name) => {
            let what = format!("The VPC endpoint service {name}");
            in_use(Exception::XksProxyVpcEndpointServiceInUse, what)
        }
        _ => Ok(()),
    }
}

/// What is wrong with a VPC endpoint service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ServiceFault {
    NotFound(String),
    InvalidConfiguration(String),
}

impl ServiceFault {
    pub fn code(&self) -> ConnectionErrorCode {
        match self {
            ServiceFault::NotFound(_) => ConnectionErrorCode::XksVpcEndpointServiceNotFound,
            ServiceFault::InvalidConfiguration(_) => {
                ConnectionErrorCode::XksVpcEndpointServiceInvalidConfiguration
            }
        }
    }

    pub fn message(&self) -> &str {
        let (ServiceFault::NotFound(message) | ServiceFault::InvalidConfiguration(message)) = self;
        message
    }
}

impl From<ServiceFault> for KmsError {
    fn from(fault: ServiceFault) -> Self {
        match fault {
            ServiceFault::NotFound(message) => {
                KmsError::new(Exception::XksProxyVpcEndpointServiceNotFound, message)
            }
            ServiceFault::InvalidConfiguration(message) => {
                KmsError::new(Exception::XksProxyVpcEndpointServiceInvalidConfiguration, message)
            }
        }
    }
}

impl Kms {
    /// A service can only be found in KMS's own Region, and its private DNS name, which the endpoint is, lies in a domain that its
    /// owner has proven to be his: it has at least two labels. Whether the service is there, to whom it is open, and which
    /// name it has, only AWS could tell.
    pub(super) fn check_service(&self, store: &ExternalStore) -> Result<(), ServiceFault> {
        let Connectivity::VpcEndpointService { name, .. } = &store.connectivity else { return Ok(()) };
        let region = &self.settings.region;
        if service_region(name) != Some(region) {
            let message = format!("There is no VPC endpoint service {name} in the Region {region}.");
            return Err(ServiceFault::NotFound(message));
        }
        let host = host_of(&store.endpoint).trim_end_matches('.');
        match host.contains('.') || self.xks.settings().allow_private {
            true => Ok(()),
            false => Err(ServiceFault::InvalidConfiguration(format!(
                "{host} cannot be the private DNS name of the VPC endpoint service {name}: it lies in no domain that could \
                 be verified."
            ))),
        }
    }
}
