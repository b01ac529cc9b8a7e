//! Rules of request members (the constraints of the model `kms/2014-11-01`), told in the words of AWS's services.
//!
//! An operation makes a [`Check`], shows it each member, and lets it [`finish`](Check::finish): all violations are told at
//! once, in one ValidationException. What a member means is no matter of this module.

use crate::error::{Exception, KmsError};
use std::fmt::Display;
use std::ops::RangeInclusive;

/// As much of a wrong value is repeated.
const ECHO_CHARS: usize = 1024;

/// What stands for a value that is not repeated.
const HIDDEN: &str = "'***'";

/// The rule of a text member. Lengths are in characters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text {
    min: usize,
    max: usize,
    pattern: Option<Pattern>,
    is_secret: bool,
}

/// A regular expression: as the model shows it, and as a function.
#[derive(Debug, Clone, Copy)]
struct Pattern {
    shown: &'static str,
    matches: fn(&str) -> bool,
}

impl Text {
    pub const fn new(min: usize, max: usize) -> Self {
        Self { min, max, pattern: None, is_secret: false }
    }

    /// `shown` is the model's regular expression, `matches` says the same.
    pub const fn pattern(self, shown: &'static str, matches: fn(&str) -> bool) -> Self {
        Self { pattern: Some(Pattern { shown, matches }), ..self }
    }

    /// Its values are never repeated.
    pub const fn secret(self) -> Self {
        Self { is_secret: true, ..self }
    }

    /// What `value` breaks.
    fn broken_by(&self, value: &str) -> Vec<String> {
        let mut broken = broken_length(value.chars().count(), &(self.min..=self.max));
        if let Some(pattern) = self.pattern.filter(|pattern| !(pattern.matches)(value)) {
            broken.push(format!("Member must satisfy regular expression pattern: {}", pattern.shown));
        }
        broken
    }
}

/// KeyIdType
pub(crate) const KEY_ID: Text = Text::new(1, 2048);
/// GrantTokenType
pub(crate) const GRANT_TOKEN: Text = Text::new(1, 8192);
/// CustomKeyStoreIdType
pub(crate) const CUSTOM_KEY_STORE_ID: Text = Text::new(1, 64);
/// MarkerType
pub(crate) const MARKER: Text = Text::new(1, 1024)
    .pattern(r"[\u0020-\u00FF]*", |text| text.chars().all(|c| (' '..='\u{ff}').contains(&c)));
/// AliasNameType. Its prefix is told by [`AliasName`](crate::AliasName).
pub(crate) const ALIAS_NAME: Text = Text::new(1, 256).pattern("^[a-zA-Z0-9:/_-]+$", is_name);
/// LimitType
pub(crate) const LIMIT: RangeInclusive<i64> = 1..=1000;

/// `^[a-zA-Z0-9:/_-]+$`
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b":/_-".contains(&b))
}

/// Violations that were found so far.
#[derive(Debug, Default)]
pub(crate) struct Check(Vec<String>);

impl Check {
    /// An optional text.
    pub fn text(&mut self, member: impl Display, value: Option<&str>, rule: &Text) {
        let Some(value) = value else { return };
        for broken in rule.broken_by(value) {
            let shown = if rule.is_secret { HIDDEN.into() } else { quoted(value) };
            self.violation(&shown, &member, &broken);
        }
    }

    /// A required text. Where it is missing the answer is empty, and `finish` fails.
    pub fn required<'a>(&mut self, member: impl Display, value: Option<&'a str>, rule: &Text) -> &'a str {
        self.present(&member, value.is_some());
        self.text(member, value, rule);
        value.unwrap_or_default()
    }

    /// A required member of any type.
    pub fn present(&mut self, member: impl Display, is_there: bool) {
        if !is_there {
            self.violation("null", &member, "Member must not be null");
        }
    }

    /// An optional enum.
    pub fn one_of(&mut self, member: impl Display, value: Option<&str>, names: &[&str]) {
        if let Some(value) = value.filter(|value| !names.contains(value)) {
            self.violation(&quoted(value), &member, &enum_rule(names));
        }
    }

    /// A required enum. Where it is missing the answer is empty, and `finish` fails.
    pub fn required_one_of<'a>(
        &mut self,
        member: impl Display,
        value: Option<&'a str>,
        names: &[&str],
    ) -> &'a str {
        self.present(&member, value.is_some());
        self.one_of(member, value, names);
        value.unwrap_or_default()
    }

    /// An optional number.
    pub fn number(&mut self, member: impl Display, value: Option<i64>, range: RangeInclusive<i64>) {
        let Some(value) = value else { return };
        let shown = quoted(&value.to_string());
        if value > *range.end() {
            let rule = format!("Member must have value less than or equal to {}", range.end());
            self.violation(&shown, &member, &rule);
        }
        if value < *range.start() {
            let rule = format!("Member must have value greater than or equal to {}", range.start());
            self.violation(&shown, &member, &rule);
        }
    }

    /// The number of elements of a list or map.
    pub fn count(&mut self, member: impl Display, count: usize, range: RangeInclusive<usize>) {
        for broken in broken_length(count, &range) {
            self.violation(&format!("'[{count} elements]'"), &member, &broken);
        }
    }

    /// The elements of a list of texts.
    pub fn each(&mut self, member: impl Display, values: &[String], rule: &Text) {
        if values.iter().any(|value| !rule.broken_by(value).is_empty()) {
            let mut rules = vec![
                format!("Member must have length less than or equal to {}", rule.max),
                format!("Member must have length greater than or equal to {}", rule.min),
            ];
            let pattern = rule.pattern.map(|pattern| pattern.shown);
            rules.extend(
                pattern.map(|shown| format!("Member must satisfy regular expression pattern: {shown}")),
            );
            let shown = if rule.is_secret { HIDDEN.into() } else { listed(values) };
            self.violation(
                &shown,
                &member,
                &format!("Member must satisfy constraint: [{}]", rules.join(", ")),
            );
        }
    }

    /// The elements of a list of enums.
    pub fn each_of(&mut self, member: impl Display, values: &[String], names: &[&str]) {
        if values.iter().any(|value| !names.contains(&value.as_str())) {
            let rule = format!("Member must satisfy constraint: [{}]", enum_rule(names));
            self.violation(&listed(values), &member, &rule);
        }
    }

    /// The length of an optional blob, which is never repeated.
    pub fn bytes(&mut self, member: impl Display, bytes: Option<usize>, range: RangeInclusive<usize>) {
        for broken in bytes.map(|bytes| broken_length(bytes, &range)).unwrap_or_default() {
            self.violation(HIDDEN, &member, &broken);
        }
    }

    /// The length of a required blob.
    pub fn required_bytes(
        &mut self,
        member: impl Display,
        bytes: Option<usize>,
        range: RangeInclusive<usize>,
    ) {
        self.present(&member, bytes.is_some());
        self.bytes(member, bytes, range);
    }

    /// GrantTokenList
    pub fn grant_tokens(&mut self, tokens: Option<&[String]>) {
        let tokens = tokens.unwrap_or_default();
        self.count("grantTokens", tokens.len(), 0..=10);
        self.each("grantTokens", tokens, &GRANT_TOKEN);
    }

    /// Limit and Marker of operations that list. `most`: the highest Limit.
    pub fn page(&mut self, limit: Option<i64>, marker: Option<&str>, most: i64) {
        self.number("limit", limit, 1..=most);
        self.text("marker", marker, &MARKER);
    }

    /// ValidationException, if there was a violation.
    pub fn finish(self) -> Result<(), KmsError> {
        let Self(violations) = self;
        match violations.len() {
            0 => Ok(()),
            1 => Err(invalid(format!("1 validation error detected: {}", violations[0]))),
            count => Err(invalid(format!("{count} validation errors detected: {}", violations.join("; ")))),
        }
    }

    fn violation(&mut self, shown: &str, member: &dyn Display, rule: &str) {
        self.0.push(format!("Value {shown} at '{member}' failed to satisfy constraint: {rule}"));
    }
}

/// ValidationException: members that each keep their rules, but do not go together.
pub(crate) fn invalid(message: impl Into<String>) -> KmsError {
    KmsError::new(Exception::Validation, message)
}

fn broken_length(length: usize, range: &RangeInclusive<usize>) -> Vec<String> {
    let (min, max) = (range.start(), range.end());
    match length {
        _ if length > *max => vec![format!("Member must have length less than or equal to {max}")],
        _ if length < *min => vec![format!("Member must have length greater than or equal to {min}")],
        _ => Vec::new(),
    }
}

fn enum_rule(names: &[&str]) -> String {
    format!("Member must satisfy enum value set: [{}]", names.join(", "))
}

fn listed(values: &[String]) -> String {
    quoted(&format!("[{}]", values.join(", ")))
}

fn quoted(value: &str) -> String {
    match value.char_indices().nth(ECHO_CHARS) {
        Some((end, _)) => format!("'{}...'", &value[..end]),
        None => format!("'{value}'"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a check says that `show` has shown something wrong.
    fn said(show: impl FnOnce(&mut Check)) -> String {
        let mut check = Check::default();
        show(&mut check);
        let error = check.finish().unwrap_err();
        assert_eq!(error.exception, Exception::Validation);
        error.message
    }

    #[test]
    fn what_keeps_the_rules_passes() {
        let mut check = Check::default();
        assert_eq!(check.required("keyId", Some("alias/x"), &KEY_ID), "alias/x");
        check.text("marker", None, &MARKER);
        check.text("marker", Some("\u{ff}"), &MARKER);
        check.text("aliasName", Some("alias/a:b_c-9"), &ALIAS_NAME);
        check.one_of("keyUsage", Some("B"), &["A", "B"]);
        check.number("limit", Some(1000), LIMIT);
        check.required_bytes("plaintext", Some(4096), 1..=4096);
        check.grant_tokens(Some(&["t".into()]));
        check.each_of("operations", &["A".into()], &["A"]);
        assert_eq!(check.finish(), Ok(()));
    }

    #[test]
    fn a_missing_member_is_null() {
        let text = "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: \
                    Member must not be null";
        assert_eq!(said(|check| assert_eq!(check.required("keyId", None, &KEY_ID), "")), text);
    }

    #[test]
    fn lengths_and_patterns_are_told_together() {
        let text = "2 validation errors detected: Value '' at 'aliasName' failed to satisfy constraint: Member must \
                    have length greater than or equal to 1; Value '' at 'aliasName' failed to satisfy constraint: \
                    Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$";
        assert_eq!(said(|check| check.text("aliasName", Some(""), &ALIAS_NAME)), text);
    }

    #[test]
    fn lengths_are_characters() {
        let rule = Text::new(1, 2);
        let mut check = Check::default();
        check.text("x", Some("\u{e9}\u{20ac}"), &rule);
        assert_eq!(check.finish(), Ok(()));
        let message = said(|check| check.text("x", Some("abc"), &rule));
        assert!(message.ends_with("Member must have length less than or equal to 2"), "{message}");
    }

    #[test]
    fn enums_show_their_values() {
        let text = "1 validation error detected: Value 'C' at 'keyUsage' failed to satisfy constraint: Member must \
                    satisfy enum value set: [A, B]";
        assert_eq!(said(|check| check.one_of("keyUsage", Some("C"), &["A", "B"])), text);
        let text = "1 validation error detected: Value '[A, C]' at 'operations' failed to satisfy constraint: Member \
                    must satisfy constraint: [Member must satisfy enum value set: [A, B]]";
        let values = ["A".to_owned(), "C".to_owned()];
        assert_eq!(said(|check| check.each_of("operations", &values, &["A", "B"])), text);
    }

    #[test]
    fn numbers_have_bounds() {
        let text = "1 validation error detected: Value '1001' at 'limit' failed to satisfy constraint: Member must have \
                    value less than or equal to 1000";
        assert_eq!(said(|check| check.number("limit", Some(1001), LIMIT)), text);
        let message = said(|check| check.number("limit", Some(0), LIMIT));
        assert!(message.ends_with("Member must have value greater than or equal to 1"), "{message}");
    }

    #[test]
    fn secrets_are_not_repeated() {
        let message = said(|check| check.text("keyStorePassword", Some("abc"), &Text::new(7, 32).secret()));
        let text = "1 validation error detected: Value '***' at 'keyStorePassword' failed to satisfy constraint: \
                    Member must have length greater than or equal to 7";
        assert_eq!(message, text);
        let message = said(|check| check.required_bytes("plaintext", Some(0), 1..=4096));
        assert!(message.contains("Value '***' at 'plaintext'"), "{message}");
    }

    #[test]
    fn long_values_are_cut() {
        let message = said(|check| check.text("keyId", Some(&"k".repeat(3000)), &KEY_ID));
        assert!(message.contains("kkk...'") && message.len() < 1300, "{message}");
    }

    #[test]
    fn grant_tokens_are_at_most_ten() {
        let tokens = vec!["t".to_owned(); 11];
        let message = said(|check| check.grant_tokens(Some(&tokens)));
        assert!(message.ends_with(
            "at 'grantTokens' failed to satisfy constraint: Member must have length less than or equal to 10"
        ));
        let message = said(|check| check.grant_tokens(Some(&[String::new()])));
        assert!(message.contains("Member must satisfy constraint: [Member must have length"), "{message}");
    }
}
