//! Which keys of its HSMs a key store has (`keys.allowed`, `keys.disabled`).

use super::settings::KeySetSettings;
use parking_lot::RwLock;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

pub struct KeySet {
    /// `None`: all AES-256 keys.
    allowed: Option<Patterns>,
    disabled: Patterns,
    /// Keys that were seen to be AES-256 keys, and when.
    seen: RwLock<HashMap<Box<str>, Instant>>,
}

/// How long a key is believed to be what it was.
const BELIEVED: Duration = Duration::from_secs(10);
/// More are not kept.
const MOST_SEEN: usize = 100_000;

/// Of external key ids.
#[derive(Default)]
struct Patterns {
    exact: HashSet<String>,
    /// With `*`, which stands for any characters.
    others: Vec<String>,
}

/// Whether an external key id is one of the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// The settings name it, whatever key it is.
    Named,
    /// If it is an AES-256 key.
    IfAes256,
    No,
}

impl KeySet {
    pub fn new(settings: &KeySetSettings) -> Self {
        let allowed = (!settings.allowed.is_empty()).then(|| Patterns::new(&settings.allowed));
        Self { allowed, disabled: Patterns::new(&settings.disabled), seen: RwLock::default() }
    }

    pub fn has(&self, key_id: &str) -> Membership {
        match &self.allowed {
            None => Membership::IfAes256,
            Some(patterns) if patterns.fit(key_id) => Membership::Named,
            Some(_) => Membership::No,
        }
    }

    pub fn is_disabled(&self, key_id: &str) -> bool {
        self.disabled.fit(key_id)
    }

    /// Whether it was an AES-256 key a short time ago.
    pub fn was_aes_256(&self, key_id: &str, now: Instant) -> bool {
        self.seen.read().get(key_id).is_some_and(|seen| now < *seen + BELIEVED)
    }

    /// It is an AES-256 key.
    pub fn is_aes_256(&self, key_id: &str, now: Instant) {
        let mut seen = self.seen.write();
        if seen.len() >= MOST_SEEN {
            seen.clear();
        }
        seen.insert(key_id.into(), now);
    }
}

impl Patterns {
    fn new(all: &[String]) -> Self {
        let (others, exact): (Vec<_>, Vec<_>) = all.iter().cloned().partition(|one| one.contains('*'));
        Self { exact: exact.into_iter().collect(), others }
    }

    fn fit(&self, id: &str) -> bool {
        self.exact.contains(id) || self.others.iter().any(|pattern| fits(pattern, id))
    }
}

/// The first part stands at the beginning, the last one at the end, and those between wherever they are found first.
fn fits(pattern: &str, id: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == id };
    let (between, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(mut left) = id.strip_prefix(first).and_then(|left| left.strip_suffix(last)) else {
        return false;
    };
    for part in between.split('*') {
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, fitting, others) in [
            ("prod-*", &["prod-", "prod-a"][..], &["prod", "a-prod-b"][..]),
            ("*-2024", &["-2024", "a-2024"], &["a-2024b"]),
            ("a*b*c", &["abc", "aXbYc", "abbc", "abcbc"], &["ab", "acb", "abcd", "xabc"]),
            ("ab*ba", &["abba", "abXba"], &["aba", "abb"]),
            ("*", &["", "x"], &[]),
            ("**", &["", "x"], &[]),
            ("a**b", &["ab", "axb"], &["a", "b"]),
            ("*mid*", &["mid", "amidb"], &["mi", "d"]),
        ] {
            for id in fitting {
                assert!(fits(pattern, id), "{pattern} {id}");
            }
            for id in others {
                assert!(!fits(pattern, id), "{pattern} {id}");
            }
        }
    }

    /// Against the definition, tried out: every way to cut.
    #[test]
    fn it_agrees_with_the_definition() {
        fn defined(pattern: &[u8], id: &[u8]) -> bool {
            match pattern.split_first() {
                None => id.is_empty(),
                Some((b'*', rest)) => (0..=id.len()).any(|at| defined(rest, &id[at..])),
                Some((one, rest)) => {
                    id.split_first().is_some_and(|(own, left)| own == one && defined(rest, left))
                }
            }
        }
        let letter = |n: u8| [b'a', b'b', b'*'][usize::from(n % 3)] as char;
        bolero::check!().with_type::<(Vec<u8>, Vec<bool>)>().for_each(|(pattern, id)| {
            let pattern: String = pattern.iter().take(8).map(|n| letter(*n)).collect();
            let id: String = id.iter().take(10).map(|b| if *b { 'a' } else { 'b' }).collect();
            assert_eq!(fits(&pattern, &id), defined(pattern.as_bytes(), id.as_bytes()), "{pattern} {id}");
        });
    }

    #[test]
    fn what_was_seen_is_believed_for_a_while() {
        let set = KeySet::new(&KeySetSettings::default());
        let now = Instant::now();
        assert!(!set.was_aes_256("one", now));
        set.is_aes_256("one", now);
        assert!(set.was_aes_256("one", now + BELIEVED / 2) && !set.was_aes_256("two", now));
        assert!(!set.was_aes_256("one", now + BELIEVED));
    }

    #[test]
    fn an_empty_set_is_all_aes_256_keys() {
        let set = |allowed: &[&str], disabled: &[&str]| {
            let own = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
            KeySet::new(&KeySetSettings { allowed: own(allowed), disabled: own(disabled) })
        };
        let all = set(&[], &["old-*"]);
        assert_eq!(all.has("any"), Membership::IfAes256);
        assert!(all.is_disabled("old-1") && !all.is_disabled("any"));
        let some = set(&["one", "pay.*"], &[]);
        let has = ["one", "pay.1", "two", "payX1"].map(|id| some.has(id));
        assert_eq!(has, [Membership::Named, Membership::Named, Membership::No, Membership::No]);
        assert!(!some.is_disabled("one"));
    }
}
