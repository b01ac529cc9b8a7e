//! The model's constraints on members, told as AWS tells them: CloudHsmInvalidRequestException with all violations.
//!
//! What the control plane checks itself (names of clusters and HSMs, certificates, tags) is left to it.

use super::refused::Refused;
use std::ops::RangeInclusive;

/// NextToken
const MAX_TOKEN_CHARS: usize = 256;
/// Filters
const MAX_FILTERS: usize = 30;
/// As much of a wrong value is repeated.
const ECHO_CHARS: usize = 200;

/// Violations that were found so far.
#[derive(Default)]
pub(super) struct Check(Vec<String>);

impl Check {
    /// A required member. Where it is missing the answer is empty, and `finish` fails.
    pub fn required<'a>(&mut self, member: &str, value: Option<&'a str>) -> &'a str {
        self.present(member, value.is_some());
        value.unwrap_or_default()
    }

    pub fn present(&mut self, member: &str, is_there: bool) {
        if !is_there {
            self.violation("null", member, "Member must not be null");
        }
    }

    /// An identifier: `kind-` and 11 to 16 letters or digits from 2 to 7.
    pub fn id(&mut self, member: &str, value: Option<&str>, kinds: &[&str]) {
        let Some(value) = value else { return };
        if !kinds.iter().any(|kind| is_id(kind, value)) {
            let kinds = match kinds {
                [kind] => (*kind).to_owned(),
                kinds => format!("(?:{})", kinds.join("|")),
            };
            let rule =
                format!("Member must satisfy regular expression pattern: {kinds}-[2-7a-zA-Z]{{11,16}}");
            self.violation(&quoted(value), member, &rule);
        }
    }

    /// A text whose form is looked at elsewhere.
    pub fn matches(&mut self, member: &str, value: &str, pattern: &str, does: bool) {
        if !does {
            let rule = format!("Member must satisfy regular expression pattern: {pattern}");
            self.violation(&quoted(value), member, &rule);
        }
    }

    /// The number of characters or elements.
    pub fn length(&mut self, member: &str, length: usize, range: RangeInclusive<usize>) {
        let shown = format!("'[{length} of them]'");
        if length > *range.end() {
            let rule = format!("Member must have length less than or equal to {}", range.end());
            self.violation(&shown, member, &rule);
        }
        if length < *range.start() {
            let rule = format!("Member must have length greater than or equal to {}", range.start());
            self.violation(&shown, member, &rule);
        }
    }

    /// MaxResults: a page's size.
    pub fn page(&mut self, asked: Option<i64>, most: usize) -> Option<usize> {
        let asked = asked?;
        match usize::try_from(asked) {
            Ok(asked) if (1..=most).contains(&asked) => return Some(asked),
            Ok(1..) => {
                let rule = format!("Member must have value less than or equal to {most}");
                self.violation(&format!("'{asked}'"), "maxResults", &rule);
            }
            _ => {
                let rule = "Member must have value greater than or equal to 1";
                self.violation(&format!("'{asked}'"), "maxResults", rule);
            }
        }
        None
    }

    pub fn token(&mut self, token: Option<&str>) {
        if let Some(token) = token {
            self.length("nextToken", token.chars().count(), 0..=MAX_TOKEN_CHARS);
        }
    }

    /// The names of filters.
    pub fn filters<'a>(&mut self, names: impl Iterator<Item = &'a String>, known: &[&str]) {
        let mut count = 0;
        for name in names {
            count += 1;
            if !known.contains(&name.as_str()) {
                let rule = format!("Member must have keys of the set: [{}]", known.join(", "));
                self.violation(&quoted(name), "filters", &rule);
            }
        }
        self.length("filters", count, 0..=MAX_FILTERS);
    }

    fn violation(&mut self, shown: &str, member: &str, rule: &str) {
        self.0.push(format!("Value {shown} at '{member}' failed to satisfy constraint: {rule}"));
    }

    /// Errors: CloudHsmInvalidRequestException where something was violated.
    pub fn finish(self) -> Result<(), Refused> {
        let plural = match self.0.len() {
            0 => return Ok(()),
            1 => "error",
            _ => "errors",
        };
        Err(Refused::invalid(format!("{} validation {plural} detected: {}", self.0.len(), self.0.join("; "))))
    }
}

fn is_id(kind: &str, text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphabetic() || (b'2'..=b'7').contains(&byte);
    let rest = text.strip_prefix(kind).and_then(|rest| rest.strip_prefix('-'));
    rest.is_some_and(|rest| (11..=16).contains(&rest.len()) && rest.bytes().all(known))
}

fn quoted(value: &str) -> String {
    format!("'{}'", value.chars().take(ECHO_CHARS).collect::<String>())
}
