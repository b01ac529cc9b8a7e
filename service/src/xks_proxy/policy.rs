//! Who may do what with which external key: policies in the Cedar language (XKS Proxy API 1.0.3, "Authorization").
//!
//! A file of policies is parsed once, and held against the schema, so that a misspelt name is an error at start and not a denial
//! at night. A request is allowed where a policy permits it and none forbids it; a policy that cannot be evaluated denies.
//! GetHealthStatus is never asked about.

mod file;
#[cfg(test)]
mod tests;

use super::api::{Api, Record};
use crate::failure::Failure;
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, ParseErrors,
    PolicyId, PolicySet, Request, Response, RestrictedExpression,
};
use parking_lot::RwLock;
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// What policies can speak of; shipped as a file for those who write them.
pub const SCHEMA: &str = include_str!("../../examples/xks-proxy/policy.cedarschema");

/// Verdicts that are kept, and the longest question of one that is.
const MOST_DECIDED: usize = 4096;
const MOST_QUESTION_BYTES: usize = 2048;

/// In place of the policy that decided.
const NO_POLICY: &str = "no policy permits this";

/// The policies of a key store.
pub struct Policy {
    policies: PolicySet,
    /// How each is called in the access log.
    names: HashMap<PolicyId, String>,
    authorizer: Authorizer,
    types: Types,
    /// What was decided: it costs some 25 us to decide, and the same is asked again and again.
    decided: RwLock<HashMap<Vec<u8>, Verdict>>,
}

/// Parsed once.
struct Types {
    account: EntityTypeName,
    principal: EntityTypeName,
    key_store: EntityTypeName,
    key: EntityTypeName,
    action: EntityTypeName,
}

/// What is to be decided on. Its metadata is in `record`.
pub struct Question<'a> {
    pub api: Api,
    pub key_id: &'a str,
    /// Its name in the settings.
    pub key_store: &'a str,
    pub uri_path_prefix: &'a str,
    pub record: &'a Record,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub is_allowed: bool,
    /// The policies that decided, by their @id, or `policyN` for the Nth of the file, counted from 0.
    pub rule: String,
    /// What could not be evaluated, for the access log.
    pub trouble: Option<String>,
}

impl Policy {
    /// Errors name file and line, what is wrong, and how to mend it.
    pub fn load(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::new(format!("{}: {error}; let this user read it", path.display())))?;
        Self::parse(&text).map_err(|wrong| Failure::new(format!("{}{wrong}", path.display())))
    }

    /// Errors begin with `:LINE: `, or with `: ` where no line is at fault.
    fn parse(text: &str) -> Result<Self, String> {
        let policies = file::parse(text)?;
        let names = file::names(text, &policies)?;
        let types = Types::new().map_err(|error| format!(": {error}"))?;
        let (authorizer, decided) = (Authorizer::new(), RwLock::default());
        Ok(Self { policies, names, authorizer, types, decided })
    }

    pub fn judge(&self, question: &Question<'_>) -> Verdict {
        let asked = question.bytes();
        if let Some(verdict) = self.decided.read().get(&asked) {
            return verdict.clone();
        }
        let verdict = self.decide(question);
        if asked.len() <= MOST_QUESTION_BYTES {
            let mut decided = self.decided.write();
            if decided.len() >= MOST_DECIDED {
                decided.clear();
            }
            decided.insert(asked, verdict.clone());
        }
        verdict
    }

    fn decide(&self, question: &Question<'_>) -> Verdict {
        match self.ask(question) {
            Ok(response) => self.verdict(&response),
            Err(trouble) => Verdict { is_allowed: false, rule: NO_POLICY.into(), trouble: Some(trouble) },
        }
    }

    /// Errors: what Cedar does not take.
    fn ask(&self, question: &Question<'_>) -> Result<Response, String> {
        let types = &self.types;
        let uid =
            |of: &EntityTypeName, id: &str| EntityUid::from_type_name_and_id(of.clone(), EntityId::new(id));
        let arn = question.principal();
        let principal = uid(&types.principal, arn);
        let key = uid(&types.key, question.key_id);
        let key_store = uid(&types.key_store, question.key_store);
        let text = |text: &str| RestrictedExpression::new_string(text.into());
        let account = account(arn).map(|account| uid(&types.account, account));
        let of_principal = HashMap::from([
            ("arn".to_owned(), text(arn)),
            ("isAwsService".to_owned(), RestrictedExpression::new_bool(is_aws_service(arn))),
        ]);
        let of_key = HashMap::from([("id".to_owned(), text(question.key_id))]);
        let made = [
            Entity::new(principal.clone(), of_principal, account.into_iter().collect()),
            Entity::new(key.clone(), of_key, HashSet::from([key_store])),
        ];
        let made = made.into_iter().collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
        let entities = Entities::from_entities(made, None).map_err(|error| error.to_string())?;
        let action = uid(&types.action, question.api.name());
        let request = Request::new(principal, action, key, context(question)?, None)
            .map_err(|error| error.to_string())?;
        Ok(self.authorizer.is_authorized(&request, &self.policies, &entities))
    }

    fn verdict(&self, response: &Response) -> Verdict {
        let diagnostics = response.diagnostics();
        let mut rules: Vec<&str> = diagnostics.reason().filter_map(|id| self.name(id)).collect();
        rules.sort_unstable();
        let mut troubles: Vec<String> = diagnostics.errors().map(ToString::to_string).collect();
        troubles.sort_unstable();
        let trouble = (!troubles.is_empty()).then(|| troubles.join("; "));
        Verdict {
            // Cedar passes over a policy that fails, and it might have been the one that forbids.
            is_allowed: response.decision() == Decision::Allow && trouble.is_none(),
            rule: if rules.is_empty() { NO_POLICY.into() } else { rules.join(", ") },
            trouble,
        }
    }

    fn name(&self, id: &PolicyId) -> Option<&str> {
        self.names.get(id).map(String::as_str)
    }
}

impl Types {
    fn new() -> Result<Self, String> {
        let named = |name: &str| name.parse().map_err(|errors: ParseErrors| format!("{name}: {errors}"));
        Ok(Self {
            account: named("XksProxy::Account")?,
            principal: named("XksProxy::Principal")?,
            key_store: named("XksProxy::KeyStore")?,
            key: named("XksProxy::Key")?,
            action: named("XksProxy::Action")?,
        })
    }
}

impl<'a> Question<'a> {
    /// Members of the context that are there.
    fn context(&self) -> impl Iterator<Item = (&'static str, &'a str)> {
        let record = self.record;
        let members = [
            ("kmsOperation", record.kms_operation.as_deref()),
            ("account", account(self.principal())),
            ("kmsViaService", record.kms_via_service.as_deref()),
            ("kmsKeyArn", record.kms_key_arn.as_deref()),
            ("sourceVpc", record.aws_source_vpc.as_deref()),
            ("sourceVpce", record.aws_source_vpce.as_deref()),
            ("uriPathPrefix", Some(self.uri_path_prefix)),
        ];
        members.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }

    fn principal(&self) -> &'a str {
        self.record.aws_principal_arn.as_deref().unwrap_or_default()
    }

    /// All that a verdict depends on, each part with its length: no two questions have the same.
    fn bytes(&self) -> Vec<u8> {
        let beside = [self.api.name(), self.key_id, self.key_store, self.principal()];
        let context = self.context().flat_map(|(name, value)| [name, value]);
        let mut bytes = Vec::with_capacity(512);
        for part in beside.into_iter().chain(context) {
            bytes.extend_from_slice(&part.len().to_le_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }
}

fn context(question: &Question<'_>) -> Result<Context, String> {
    let pairs = question.context();
    let pairs = pairs.map(|(name, value)| (name.to_owned(), RestrictedExpression::new_string(value.into())));
    Context::from_pairs(pairs).map_err(|error| error.to_string())
}

/// In `arn:partition:service:region:account:resource`. `None`: there is none in it, or it is no ARN.
fn account(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?.split(':').nth(3).filter(|account| !account.is_empty())
}

/// A service principal, or the text for calls that AWS makes for itself.
fn is_aws_service(principal: &str) -> bool {
    principal == "AWS Internal" || !principal.starts_with("arn:") && principal.ends_with(".amazonaws.com")
}
