//! The rows: each check with what it expects, where that is written, and how bad its lack is.

use super::groups;
use super::outcome::Outcome;
use super::proxy::Proxy;
use crate::failure::Failure;
use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// What lacks it fails.
    Must,
    /// What lacks it is warned of.
    Should,
}

/// One row. Its id is `group.name`.
pub struct Check {
    pub id: &'static str,
    pub severity: Severity,
    /// The section of the XKS Proxy API specification 1.0.3, or the RFC.
    pub clause: &'static str,
    /// What is expected, as it is told beside what was got.
    pub expected: &'static str,
    pub run: fn(&Proxy) -> Outcome,
}

impl Check {
    pub const fn must(
        id: &'static str,
        clause: &'static str,
        expected: &'static str,
        run: fn(&Proxy) -> Outcome,
    ) -> Self {
        Self { id, severity: Severity::Must, clause, expected, run }
    }

    pub const fn should(
        id: &'static str,
        clause: &'static str,
        expected: &'static str,
        run: fn(&Proxy) -> Outcome,
    ) -> Self {
        Self { id, severity: Severity::Should, clause, expected, run }
    }

    pub fn group(&self) -> &'static str {
        self.id.split('.').next().unwrap_or(self.id)
    }
}

/// All checks, in the order in which they run: `errors` and `timing` judge what the others saw.
pub fn all() -> impl Iterator<Item = &'static Check> {
    [
        groups::tls::CHECKS,
        groups::mtls::CHECKS,
        groups::transport::CHECKS,
        groups::sigv4::CHECKS,
        groups::metadata::CHECKS,
        groups::key_metadata::CHECKS,
        groups::encrypt::CHECKS,
        groups::decrypt::CHECKS,
        groups::usage::CHECKS,
        groups::health::CHECKS,
        groups::connections::CHECKS,
        groups::errors::CHECKS,
        groups::timing::CHECKS,
        groups::load::CHECKS,
    ]
    .into_iter()
    .flatten()
}

/// The checks of these groups, or of these ids; all, where none is named. Errors: a name that is none of them.
pub fn chosen(names: &[String]) -> Result<Vec<&'static Check>, Failure> {
    let is = |check: &Check, name: &String| check.group() == name || check.id == name;
    if let Some(unknown) = names.iter().find(|name| !all().any(|check| is(check, name))) {
        let mut groups: Vec<_> = all().map(Check::group).collect();
        groups.dedup();
        return Err(Failure::new(format!(
            "--only {unknown}: there are the groups {}; `vhsm xks-check --list` shows the checks in them",
            groups.join(", ")
        )));
    }
    Ok(all().filter(|check| names.is_empty() || names.iter().any(|name| is(check, name))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_the_rows_of_a_group_stand_together() {
        let mut ids: Vec<_> = all().map(|check| check.id).collect();
        let mut groups: Vec<_> = all().map(Check::group).collect();
        ids.sort_unstable();
        groups.dedup();
        let (all_ids, all_groups) = (ids.len(), groups.len());
        ids.dedup();
        groups.sort_unstable();
        groups.dedup();
        assert_eq!((ids.len(), groups.len()), (all_ids, all_groups));
    }

    #[test]
    fn groups_and_single_checks_can_be_chosen() {
        let of = |name: &str| chosen(&[name.to_owned()]).map(|checks| checks.len()).ok();
        assert_eq!(of("decrypt.tag"), Some(1));
        assert!(of("decrypt").unwrap() > 5);
        assert_eq!(of("nothing"), None);
        assert_eq!(chosen(&[]).ok().unwrap().len(), all().count());
    }
}
