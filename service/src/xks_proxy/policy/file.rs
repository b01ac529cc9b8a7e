//! A file of policies, held against the schema.

use super::SCHEMA;
use cedar_policy::{Effect, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use miette::Diagnostic;
use std::collections::HashMap;
use std::fmt;

pub const MEND: &str = "what there is stands in policy.cedarschema, beside the example policy";

/// Errors as `Policy::parse` has them.
pub fn parse(text: &str) -> Result<PolicySet, String> {
    let policies: PolicySet = text.parse().map_err(|errors: cedar_policy::ParseErrors| {
        let first = errors.iter().next().map(|error| Said::new(text, error, "mend its Cedar syntax"));
        first.map_or_else(|| format!(": {errors}"), |first| first.to_string())
    })?;
    if policies.num_of_templates() > 0 {
        return Err(": it has a template (?principal or ?resource); name a principal and a resource".into());
    }
    if !policies.policies().any(|policy| policy.effect() == Effect::Permit) {
        return Err(
            ": it permits nothing, so every request would be denied; write a `permit`, or leave `policy_file` out"
                .into(),
        );
    }
    validate(text, &policies)?;
    Ok(policies)
}

/// Warnings are errors: of a policy that can never apply, and of letters that look like others.
fn validate(text: &str, policies: &PolicySet) -> Result<(), String> {
    let (schema, _) =
        Schema::from_cedarschema_str(SCHEMA).map_err(|error| format!(": the schema: {error}"))?;
    let result = Validator::new(schema).validate(policies, ValidationMode::Strict);
    let wrong = result.validation_errors().map(|error| Said::new(text, error, MEND));
    let doubtful = result.validation_warnings().map(|warning| Said::new(text, warning, MEND));
    wrong.chain(doubtful).min().map_or(Ok(()), |first| Err(first.to_string()))
}

/// What each is called: its @id, which has to be there once, or Cedar's own name for it.
pub fn names(text: &str, policies: &PolicySet) -> Result<HashMap<PolicyId, String>, String> {
    let mut names = HashMap::new();
    for policy in policies.policies() {
        let name = policy.annotation("id").unwrap_or_else(|| policy.id().as_ref());
        if names.values().any(|known| known == name) {
            let line = line_of_id(text, name);
            return Err(format!("{line}two policies have the id {name:?}; give one of them another @id"));
        }
        names.insert(policy.id().clone(), name.to_owned());
    }
    Ok(names)
}

/// `:LINE: `, of the last place where it stands.
fn line_of_id(text: &str, name: &str) -> String {
    let place = text.rfind(&format!("@id({name:?})"));
    place.map_or_else(|| ": ".into(), |at| format!(":{}: ", line(text, at)))
}

/// What is wrong, where, and how to mend it. The first of several is the first in the file, and of one line that with a hint.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Said {
    line: Option<usize>,
    is_without_hint: bool,
    what: String,
}

impl Said {
    fn new(text: &str, error: &dyn Diagnostic, mend: &str) -> Self {
        let label = error.labels().and_then(|mut labels| labels.next());
        let more = label.as_ref().and_then(|label| label.label());
        let more = more.map_or_else(String::new, |label| format!(": {label}"));
        let help = error.help().map(|help| help.to_string());
        let hint = help.as_ref().map_or_else(String::new, |help| format!("{help}; "));
        Self {
            line: label.as_ref().map(|label| line(text, label.offset())),
            is_without_hint: help.is_none(),
            what: format!("{error}{more}; {hint}{mend}"),
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, ":{line}: {}", self.what),
            None => write!(f, ": {}", self.what),
        }
    }
}

/// From 1. `at`: in bytes.
fn line(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}
