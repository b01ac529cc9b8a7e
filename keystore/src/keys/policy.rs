//! Key policies: the form of the document, and whether its giver could change it again. Policies are not evaluated otherwise.

use super::principal::{is_principal_arn, is_service, means};
use crate::error::{Exception, KmsError};
use crate::kms::{Caller, Settings};
use crate::validate::Text;
use serde_json::{Map, Value};

/// PolicyType
pub(super) const POLICY: Text = Text::new(1, 131_072)
    .pattern(r"[\u0009\u000A\u000D\u0020-\u00FF]+", |text| {
        !text.is_empty() && text.chars().all(|c| "\t\n\r".contains(c) || (' '..='\u{ff}').contains(&c))
    });

const VERSIONS: &[&str] = &["2012-10-17", "2008-10-17"];
const ELEMENTS: &[&str] = &["Version", "Id", "Statement"];
const STATEMENT_ELEMENTS: &[&str] = &[
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];
const PRINCIPAL_KINDS: &[&str] = &["AWS", "Service", "Federated", "CanonicalUser"];
/// What one must be allowed who shall not lock himself out.
const CHANGE_POLICY: &str = "kms:PutKeyPolicy";

/// A policy document of the right form.
#[derive(Debug)]
pub(super) struct Policy {
    statements: Vec<Statement>,
}

#[derive(Debug)]
struct Statement {
    is_allow: bool,
    principals: Matcher,
    actions: Matcher,
    resources: Matcher,
    has_condition: bool,
}

/// Names, or all but them.
#[derive(Debug, Default)]
struct Matcher {
    names: Vec<String>,
    is_inverted: bool,
}

/// The policy of a key that is made without one.
pub(super) fn default_policy(settings: &Settings) -> String {
    let Settings { partition, account, .. } = settings;
    format!(
        r#"{{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {{
    "Sid" : "Enable IAM policies",
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "arn:{partition}:iam::{account}:root"
    }},
    "Action" : "kms:*",
    "Resource" : "*"
  }} ]
}}"#
    )
}

impl Policy {
    /// Errors: `LimitExceeded`: over `max_bytes`; `MalformedPolicyDocument`.
    pub fn parse(text: &str, max_bytes: usize) -> Result<Self, KmsError> {
        if text.len() > max_bytes {
            let message =
                format!("The key policy has {} bytes; at most {max_bytes} are allowed.", text.len());
            return Err(KmsError::new(Exception::LimitExceeded, message));
        }
        let document: Value =
            serde_json::from_str(text).map_err(|_| malformed("The policy is not a JSON document."))?;
        let document = document.as_object().ok_or_else(|| malformed("The policy is not a JSON object."))?;
        check_elements(document, ELEMENTS, "policy")?;
        match document.get("Version") {
            None => {}
            Some(Value::String(version)) if VERSIONS.contains(&version.as_str()) => {}
            Some(_) => return Err(malformed("The policy's Version must be 2012-10-17 or 2008-10-17.")),
        }
        if document.get("Id").is_some_and(|id| !id.is_string()) {
            return Err(malformed("The policy's Id must be a string."));
        }
        let statements = match document.get("Statement") {
            Some(Value::Array(statements)) if !statements.is_empty() => statements.as_slice(),
            Some(statement @ Value::Object(_)) => std::slice::from_ref(statement),
            _ => return Err(malformed("The policy must have at least one Statement.")),
        };
        let statements = statements.iter().map(Statement::parse).collect::<Result<_, _>>()?;
        Ok(Self { statements })
    }

    /// Errors: `MalformedPolicyDocument`: the caller could not change this policy again.
    pub fn check_lockout(&self, caller: &Caller, key_arn: &str) -> Result<(), KmsError> {
        let applies = |statement: &&Statement| statement.applies(caller, key_arn);
        let is_allowed = self.statements.iter().filter(applies).any(|statement| statement.is_allow);
        // A denial under a condition leaves a way.
        let is_denied = self
            .statements
            .iter()
            .filter(applies)
            .any(|statement| !statement.is_allow && !statement.has_condition);
        match is_allowed && !is_denied {
            true => Ok(()),
            false => Err(malformed(
                "The new key policy will not allow you to update the key policy in the future.",
            )),
        }
    }
}

impl Statement {
    fn parse(value: &Value) -> Result<Self, KmsError> {
        let statement = value.as_object().ok_or_else(|| malformed("A statement is not a JSON object."))?;
        check_elements(statement, STATEMENT_ELEMENTS, "statement")?;
        if statement.get("Sid").is_some_and(|sid| !sid.is_string()) {
            return Err(malformed("A statement's Sid must be a string."));
        }
        let is_allow = match statement.get("Effect").and_then(Value::as_str) {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => return Err(malformed("A statement's Effect must be Allow or Deny.")),
        };
        let condition = statement.get("Condition");
        condition.map_or(Ok(()), check_condition)?;
        Ok(Self {
            is_allow,
            principals: principals(statement)?,
            actions: matcher(statement, "Action", is_action)?,
            resources: matcher(statement, "Resource", |name| name == "*" || name.starts_with("arn:"))?,
            has_condition: condition.is_some(),
        })
    }

    /// Whether it speaks of this caller's changing the policy of this key. Conditions count as fulfilled.
    fn applies(&self, caller: &Caller, key_arn: &str) -> bool {
        let change = CHANGE_POLICY.to_lowercase();
        self.principals.matches(|name| means(name, caller))
            && self.actions.matches(|name| is_like(&name.to_lowercase(), &change))
            && self.resources.matches(|name| is_like(name, key_arn))
    }
}

impl Matcher {
    /// A matcher without names matches nothing: the statement has no effect.
    fn matches(&self, is_meant: impl Fn(&str) -> bool) -> bool {
        !self.names.is_empty() && self.names.iter().any(|name| is_meant(name)) != self.is_inverted
    }
}

fn check_elements(object: &Map<String, Value>, known: &[&str], what: &str) -> Result<(), KmsError> {
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(malformed(&format!("The {what} has an unknown element: {name}."))),
        None => Ok(()),
    }
}

/// An element of names or its inversion (`NotAction`). A statement without it is of no effect, but no error.
fn matcher(
    statement: &Map<String, Value>,
    name: &str,
    is_right: fn(&str) -> bool,
) -> Result<Matcher, KmsError> {
    let (value, is_inverted) = either(statement, name)?;
    let names = value.map(|value| names(value, name)).transpose()?.unwrap_or_default();
    match names.iter().find(|name| !is_right(name)) {
        Some(wrong) => Err(malformed(&format!("A statement's {name} is not valid: {wrong}."))),
        None => Ok(Matcher { names, is_inverted }),
    }
}

/// The element `name` or `Not<name>`, never both.
fn either<'a>(statement: &'a Map<String, Value>, name: &str) -> Result<(Option<&'a Value>, bool), KmsError> {
    match (statement.get(name), statement.get(&format!("Not{name}"))) {
        (Some(_), Some(_)) => Err(malformed(&format!("A statement has both {name} and Not{name}."))),
        (Some(value), None) => Ok((Some(value), false)),
        (None, value) => Ok((value, value.is_some())),
    }
}

/// Each statement must have at least one principal, of a known kind and the right form.
fn principals(statement: &Map<String, Value>) -> Result<Matcher, KmsError> {
    let invalid = || malformed("Policy contains a statement with one or more invalid principals.");
    let (value, is_inverted) = either(statement, "Principal")?;
    let kinds = match value {
        Some(Value::String(everybody)) if everybody == "*" => {
            return Ok(Matcher { names: vec!["*".into()], is_inverted });
        }
        Some(Value::Object(kinds)) if !kinds.is_empty() => kinds,
        Some(_) => return Err(invalid()),
        None => return Err(malformed("Each statement must have at least one Principal.")),
    };
    let mut all = Vec::new();
    for (kind, value) in kinds {
        let names = names(value, "Principal").map_err(|_| invalid())?;
        let is_right = |name: &String| match kind.as_str() {
            "AWS" => name == "*" || is_account(name) || is_principal_arn(name),
            "Service" => is_service(name),
            _ => PRINCIPAL_KINDS.contains(&kind.as_str()) && !name.is_empty(),
        };
        if names.is_empty() || !names.iter().all(is_right) {
            return Err(invalid());
        }
        // No caller of this layer is a service or federated.
        let is_aws = kind == "AWS";
        all.extend(names.into_iter().map(|name| if is_aws { name } else { format!("{kind}:{name}") }));
    }
    Ok(Matcher { names: all, is_inverted })
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_action(text: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-*?".contains(&b))
    };
    text == "*" || text.split_once(':').is_some_and(|(service, name)| is_word(service) && is_word(name))
}

/// `{ operator: { key: value or values } }`
fn check_condition(condition: &Value) -> Result<(), KmsError> {
    let is_scalar = |value: &Value| value.is_string() || value.is_boolean() || value.is_number();
    let is_value = |value: &Value| {
        is_scalar(value) || value.as_array().is_some_and(|values| values.iter().all(is_scalar))
    };
    let is_operator =
        |keys: &Value| keys.as_object().is_some_and(|keys| !keys.is_empty() && keys.values().all(is_value));
    match condition.as_object().is_some_and(|operators| operators.values().all(is_operator)) {
        true => Ok(()),
        false => Err(malformed("A statement's Condition is not made of operators with keys and values.")),
    }
}

/// A string or a list of strings.
fn names(value: &Value, element: &str) -> Result<Vec<String>, KmsError> {
    let wrong = || malformed(&format!("A statement's {element} must be a string or a list of strings."));
    match value {
        Value::String(name) => Ok(vec![name.clone()]),
        Value::Array(names) => {
            names.iter().map(|name| name.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
        }
        _ => Err(wrong()),
    }
}

/// Whether `text` is like `pattern`, in which `*` stands for anything and `?` for one character.
fn is_like(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Behind the last star, and where what it stands for ended.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                p += 1;
                star = Some((p, t));
            }
            Some(&byte) if byte == b'?' || byte == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((behind, upto)) => {
                    star = Some((behind, upto + 1));
                    (p, t) = (behind, upto + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

fn malformed(message: &str) -> KmsError {
    KmsError::new(Exception::MalformedPolicyDocument, message)
}

#[cfg(test)]
mod tests;
