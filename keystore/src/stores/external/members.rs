//! Members of requests that are of external key stores alone (reference/kms-custom-key-stores.md sec. 10).

use crate::error::KmsError;
use crate::records::store::{Connectivity, ExternalStore};
use crate::stores::api::{
    CreateCustomKeyStoreRequest, UpdateCustomKeyStoreRequest, XksProxyAuthenticationCredential,
};
use crate::validate::{Check, Text, invalid};
use std::net::Ipv4Addr;

/// XksProxyConnectivityType
const CONNECTIVITIES: [&str; 2] = [PUBLIC, VPC];
const PUBLIC: &str = "PUBLIC_ENDPOINT";
const VPC: &str = "VPC_ENDPOINT_SERVICE";
/// With what each path ends: the version of the API that is spoken here.
const API: &str = "/kms/xks/v1";
const SCHEME: &str = "https://";

/// XksProxyUriEndpointType
const ENDPOINT: Text = Text::new(10, 128).pattern("^https://[a-zA-Z0-9.-]+$", |text| {
    text.strip_prefix(SCHEME).is_some_and(|host| has_only(host, b".-"))
});
/// Where private endpoints are allowed.
const ENDPOINT_WITH_PORT: Text = Text::new(10, 128).pattern(r"^https://[a-zA-Z0-9.-]+(:\d{1,5})?$", |text| {
    text.strip_prefix(SCHEME).is_some_and(|authority| match authority.split_once(':') {
        None => has_only(authority, b".-"),
        Some((host, port)) => has_only(host, b".-") && is_number(port) && port.len() <= 5,
    })
});
/// XksProxyUriPathType
const PATH: Text =
    Text::new(10, 128).pattern(r"^(/[a-zA-Z0-9\/_-]+/kms/xks/v\d{1,2})$|^(/kms/xks/v\d{1,2})$", is_path);
/// XksProxyAuthenticationAccessKeyIdType
const ACCESS_KEY_ID: Text = Text::new(20, 30)
    .pattern("^[A-Z2-7]+$", |text| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b))
    })
    .secret();
/// XksProxyAuthenticationRawSecretAccessKeyType
const SECRET: Text = Text::new(43, 64).pattern(r"^[a-zA-Z0-9\/+=]+$", |text| has_only(text, b"/+=")).secret();
/// XksProxyVpcEndpointServiceNameType
const SERVICE_NAME: Text = Text::new(20, 64)
    .pattern(r"^(com|eu)\.amazonaws\.vpce\.([a-z]+-){2,3}\d+\.vpce-svc-[0-9a-z]+$", |text| {
        service_region(text).is_some()
    });
/// AccountIdType
const SERVICE_OWNER: Text =
    Text::new(12, 12).pattern(r"^\d{12}$", |text| text.len() == 12 && is_number(text));

/// The members as a request has them.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::stores) struct Given<'a> {
    pub endpoint: Option<&'a str>,
    pub path: Option<&'a str>,
    pub credential: Option<&'a XksProxyAuthenticationCredential>,
    pub connectivity: Option<&'a str>,
    pub service: Option<&'a str>,
    pub owner: Option<&'a str>,
}

impl<'a> From<&'a CreateCustomKeyStoreRequest> for Given<'a> {
    fn from(request: &'a CreateCustomKeyStoreRequest) -> Self {
        Self {
            endpoint: request.xks_proxy_uri_endpoint.as_deref(),
            path: request.xks_proxy_uri_path.as_deref(),
            credential: request.xks_proxy_authentication_credential.as_ref(),
            connectivity: request.xks_proxy_connectivity.as_deref(),
            service: request.xks_proxy_vpc_endpoint_service_name.as_deref(),
            owner: request.xks_proxy_vpc_endpoint_service_owner.as_deref(),
        }
    }
}

impl<'a> From<&'a UpdateCustomKeyStoreRequest> for Given<'a> {
    /// An empty name of a service is none, where the proxy becomes public (UpdateCustomKeyStore, XksProxyConnectivity).
    fn from(request: &'a UpdateCustomKeyStoreRequest) -> Self {
        let connectivity = request.xks_proxy_connectivity.as_deref();
        let service = request.xks_proxy_vpc_endpoint_service_name.as_deref();
        Self {
            endpoint: request.xks_proxy_uri_endpoint.as_deref(),
            path: request.xks_proxy_uri_path.as_deref(),
            credential: request.xks_proxy_authentication_credential.as_ref(),
            connectivity,
            service: service.filter(|name| connectivity != Some(PUBLIC) || !name.is_empty()),
            owner: request.xks_proxy_vpc_endpoint_service_owner.as_deref(),
        }
    }
}

impl<'a> Given<'a> {
    /// Each member's name, and whether it is there.
    pub fn names(&self) -> [(&'static str, bool); 6] {
        [
            ("XksProxyUriEndpoint", self.endpoint.is_some()),
            ("XksProxyUriPath", self.path.is_some()),
            ("XksProxyVpcEndpointServiceName", self.service.is_some()),
            ("XksProxyVpcEndpointServiceOwner", self.owner.is_some()),
            ("XksProxyAuthenticationCredential", self.credential.is_some()),
            ("XksProxyConnectivity", self.connectivity.is_some()),
        ]
    }

    pub fn is_empty(&self) -> bool {
        self.names().iter().all(|(_, is_there)| !is_there)
    }

    /// Whether a connected key store may be given all of them: path and credential alone.
    pub fn may_change_connected(&self) -> bool {
        self.endpoint.is_none()
            && self.connectivity.is_none()
            && self.service.is_none()
            && self.owner.is_none()
    }

    /// What every external key store is made of.
    pub fn require(&self, check: &mut Check) {
        check.present("xksProxyUriEndpoint", self.endpoint.is_some());
        check.present("xksProxyUriPath", self.path.is_some());
        check.present("xksProxyAuthenticationCredential", self.credential.is_some());
        check.present("xksProxyConnectivity", self.connectivity.is_some());
        if self.connectivity == Some(VPC) {
            check.present("xksProxyVpcEndpointServiceName", self.service.is_some());
        }
    }

    /// `allow_private`: see [`Settings`](crate::xks::Settings).
    pub fn check_form(&self, check: &mut Check, allow_private: bool) {
        let endpoint = if allow_private { &ENDPOINT_WITH_PORT } else { &ENDPOINT };
        check.text("xksProxyUriEndpoint", self.endpoint, endpoint);
        check.text("xksProxyUriPath", self.path, &PATH);
        check.text("xksProxyVpcEndpointServiceName", self.service, &SERVICE_NAME);
        check.text("xksProxyVpcEndpointServiceOwner", self.owner, &SERVICE_OWNER);
        check.one_of("xksProxyConnectivity", self.connectivity, &CONNECTIVITIES);
        if let Some(credential) = self.credential {
            let member = |name| format!("xksProxyAuthenticationCredential.{name}");
            check.required(member("accessKeyId"), credential.access_key_id.as_deref(), &ACCESS_KEY_ID);
            check.required(member("rawSecretAccessKey"), secret_of(credential), &SECRET);
        }
    }

    /// What the model's patterns do not say. Errors: `Validation`.
    pub fn check_meaning(&self, allow_private: bool) -> Result<(), KmsError> {
        if let Some(path) = self.path.filter(|path| !path.ends_with(API)) {
            return Err(invalid(format!("XksProxyUriPath {path} must end with {API}.")));
        }
        match self.endpoint {
            Some(endpoint) if !is_of_a_host(endpoint, allow_private) => {
                Err(invalid(format!("XksProxyUriEndpoint {endpoint} must name a host, by a name of DNS.")))
            }
            _ => Ok(()),
        }
    }

    /// Access key ID, and secret access key.
    pub fn credential(&self) -> Option<(&'a str, &'a str)> {
        let credential = self.credential?;
        Some((credential.access_key_id.as_deref()?, secret_of(credential)?))
    }

    /// Of a key store that has `old`, if it is there already. Errors: `Validation`: members that do not go together.
    pub fn connectivity(&self, old: Option<&ExternalStore>) -> Result<Connectivity, KmsError> {
        let had = old.map(|old| old.connectivity.name());
        let has = self.connectivity.or(had).unwrap_or(PUBLIC);
        if had.is_some_and(|had| had != has) && !self.is_another_endpoint(old) {
            let message = "To change XksProxyConnectivity, XksProxyUriEndpoint must be changed, too.";
            return Err(invalid(message));
        }
        if has == PUBLIC {
            return match (self.service, self.owner) {
                (None, None) => Ok(Connectivity::Public),
                _ => Err(invalid(format!(
                    "XksProxyVpcEndpointServiceName and XksProxyVpcEndpointServiceOwner can be given for the \
                     XksProxyConnectivity {VPC} only."
                ))),
            };
        }
        let (old_name, old_owner) = match old.map(|old| &old.connectivity) {
            Some(Connectivity::VpcEndpointService { name, owner }) => (Some(&**name), owner.as_deref()),
            _ => (None, None),
        };
        let Some(name) = self.service.or(old_name) else {
            let message = format!("The XksProxyConnectivity {VPC} needs an XksProxyVpcEndpointServiceName.");
            return Err(invalid(message));
        };
        let owner = self.owner.or(old_owner).map(str::to_owned);
        Ok(Connectivity::VpcEndpointService { name: name.into(), owner })
    }

    fn is_another_endpoint(&self, old: Option<&ExternalStore>) -> bool {
        let old = old.map(|old| &*old.endpoint);
        self.endpoint.is_some_and(|new| old.is_none_or(|old| !is_same_endpoint(old, new)))
    }
}

fn secret_of(credential: &XksProxyAuthenticationCredential) -> Option<&str> {
    credential.raw_secret_access_key.as_ref().map(|secret| secret.0.as_str())
}

/// Whether both are one host, and one port: names of DNS do not differ by case, nor by a point at their end.
pub(super) fn is_same_endpoint(one: &str, other: &str) -> bool {
    let parts = |endpoint: &str| {
        let authority = endpoint.strip_prefix(SCHEME).unwrap_or(endpoint);
        let (host, port) = authority.split_once(':').unwrap_or((authority, "443"));
        (host.trim_end_matches('.').to_ascii_lowercase(), port.trim_start_matches('0').to_owned())
    };
    parts(one) == parts(other)
}

/// The host of an endpoint in due form.
pub(super) fn host_of(endpoint: &str) -> &str {
    let authority = endpoint.strip_prefix(SCHEME).unwrap_or(endpoint);
    authority.split_once(':').map_or(authority, |(host, _)| host)
}

/// The Region in the name of a VPC endpoint service; `None`: it is no such name.
pub(super) fn service_region(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("com").or_else(|| name.strip_prefix("eu"))?;
    let (region, id) = rest.strip_prefix(".amazonaws.vpce.")?.split_once(".vpce-svc-")?;
    let (words, number) = region.rsplit_once('-')?;
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    let is_region = (2..=3).contains(&words.split('-').count()) && words.split('-').all(is_word);
    let is_id = !id.is_empty() && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    (is_region && is_number(number) && is_id).then_some(region)
}

/// A name of DNS (RFC 1123 sec. 2.1), and, but for `allow_private`, no IP address (XKS Proxy API: a fully qualified name).
fn is_of_a_host(endpoint: &str, allow_private: bool) -> bool {
    let host = host_of(endpoint);
    let is_label =
        |label: &str| (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-');
    let name = host.strip_suffix('.').unwrap_or(host);
    // The last label of a name is no number: so all that resolvers take for an IPv4 address is none.
    let is_address = name.rsplit('.').next().is_some_and(is_number);
    name.split('.').all(is_label) && (!is_address || allow_private && name.parse::<Ipv4Addr>().is_ok())
}

fn is_path(text: &str) -> bool {
    let Some((before, version)) = text.rsplit_once("/kms/xks/v") else { return false };
    let is_prefix =
        before.is_empty() || before.len() > 1 && before.starts_with('/') && has_only(before, b"/_-");
    is_prefix && is_number(version) && version.len() <= 2
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Letters, digits and `others`; at least one.
fn has_only(text: &str, others: &[u8]) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || others.contains(&b))
}
