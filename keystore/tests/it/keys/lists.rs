//! Pages of all lists.

use super::*;

/// Collects a list page by page. `page` answers items and NextMarker of the page behind a marker.
fn collect<T>(mut page: impl FnMut(Option<String>) -> (Vec<T>, Option<String>)) -> Vec<Vec<T>> {
    let mut pages = Vec::new();
    let mut marker = None;
    loop {
        let (items, next) = page(marker);
        pages.push(items);
        match next {
            Some(next) => marker = Some(next),
            None => return pages,
        }
    }
}

fn sizes<T>(pages: &[Vec<T>]) -> Vec<usize> {
    pages.iter().map(Vec::len).collect()
}

#[test]
fn keys_come_in_pages_each_one_once() {
    let world = default_world(Settings::default());
    let kms = &world.kms;
    let mut made: Vec<_> = (0..230).map(|_| default_key(kms)).collect();
    made.sort_unstable();
    let pages = |limit: Value| {
        collect(|marker| {
            let answer = ask!(kms, list_keys, { "Limit": limit, "Marker": marker }).unwrap();
            assert_eq!(answer.truncated, answer.next_marker.is_some());
            let ids = answer.keys.into_iter().map(|key| {
                assert!(key.key_arn.ends_with(&format!(":key/{}", key.key_id)));
                key.key_id
            });
            (ids.collect::<Vec<_>>(), answer.next_marker)
        })
    };
    let by_default = pages(Value::Null);
    assert_eq!(sizes(&by_default), [100, 100, 30]);
    assert_eq!(by_default.concat(), made);
    assert_eq!(sizes(&pages(115.into())), [115, 115]);
    assert_eq!(pages(1000.into()).concat(), made);
    // A marker whose key has gone meanwhile leads on behind its place.
    let marker = ask!(kms, list_keys, { "Limit": 7 }).unwrap().next_marker;
    ask!(kms, schedule_key_deletion, { "KeyId": made[6], "PendingWindowInDays": 7 }).unwrap();
    world.clock.advance(std::time::Duration::from_secs(7 * 24 * 60 * 60));
    assert_eq!(kms.delete_due_keys().len(), 1);
    let next = ask!(kms, list_keys, { "Limit": 1, "Marker": marker }).unwrap().keys;
    assert_eq!(next[0].key_id, made[7]);
}

#[test]
fn keys_of_other_accounts_are_none() {
    let world = default_world(Settings::default());
    default_key(&world.kms);
    let owners = |owners: Value| ask!(world.kms, list_keys, { "ResourceOwners": owners });
    assert_eq!(owners(json!(["SELF"])).unwrap().keys.len(), 1);
    assert_eq!(owners(json!(["SELF", "OTHER_ACCOUNTS_VIA_RAM"])).unwrap().keys.len(), 1);
    assert_eq!(owners(json!(["OTHER_ACCOUNTS_VIA_RAM"])).unwrap().keys.len(), 0);
    assert_refused(owners(json!(["ALL"])), Exception::Validation, "SELF");
    assert_refused(owners(json!([])), Exception::Validation, "resourceOwners");
}

const ROLE: &str = "arn:aws:iam::000000000000:role/r";

/// A page of a list behind a marker: what its items are called, and NextMarker.
type List<'a> = Box<dyn Fn(Option<String>) -> (Vec<String>, Option<String>) + 'a>;

fn lists<'a>(kms: &'a Kms, key: &'a str) -> [(&'static str, List<'a>); 5] {
    let aliases = |kms: &Kms, members: Value| {
        let answer = ask!(kms, list_aliases, members).unwrap();
        (answer.aliases.into_iter().map(|one| one.alias_name).collect(), answer.next_marker)
    };
    let all_aliases = move |marker| aliases(kms, json!({ "Limit": 3, "Marker": marker }));
    let of_key = move |marker| aliases(kms, json!({ "KeyId": key, "Limit": 3, "Marker": marker }));
    let tags = move |marker| {
        let answer = ask!(kms, list_resource_tags, { "KeyId": key, "Limit": 3, "Marker": marker }).unwrap();
        (answer.tags.into_iter().filter_map(|one| one.tag_key).collect(), answer.next_marker)
    };
    let grants = move |marker| {
        let answer = ask!(kms, list_grants, { "KeyId": key, "Limit": 3, "Marker": marker }).unwrap();
        (answer.grants.into_iter().map(|one| one.grant_id).collect(), answer.next_marker)
    };
    let retirable = move |marker| {
        let members = json!({ "RetiringPrincipal": ROLE, "Limit": 3, "Marker": marker });
        let answer = ask!(kms, list_retirable_grants, members).unwrap();
        (answer.grants.into_iter().map(|one| one.grant_id).collect(), answer.next_marker)
    };
    [
        ("all aliases", Box::new(all_aliases)),
        ("aliases of a key", Box::new(of_key)),
        ("tags", Box::new(tags)),
        ("grants", Box::new(grants)),
        ("retirable grants", Box::new(retirable)),
    ]
}

#[test]
fn aliases_tags_and_grants_come_in_pages() {
    let world = default_world(Settings::default());
    let kms = &world.kms;
    let key = default_key(kms);
    for number in 0..7 {
        ask!(kms, create_alias, { "AliasName": format!("alias/{number}"), "TargetKeyId": key }).unwrap();
        let tag = json!({ "TagKey": format!("k{number}"), "TagValue": "v" });
        ask!(kms, tag_resource, { "KeyId": key, "Tags": [tag] }).unwrap();
        let members = json!({
            "KeyId": key, "GranteePrincipal": ROLE, "RetiringPrincipal": ROLE, "Operations": ["Encrypt"]
        });
        ask!(kms, create_grant, members).unwrap();
    }
    for (name, page) in lists(kms, &key) {
        let pages = collect(page);
        assert_eq!(sizes(&pages), [3, 3, 1], "{name}");
        let all = pages.concat();
        assert!(all.is_sorted_by(|a, b| a < b), "{name}: {all:?}");
    }
}

#[test]
fn markers_of_other_lists_are_refused() {
    let world = default_world(Settings::default());
    let kms = &world.kms;
    let keys = [default_key(kms), default_key(kms)];
    let marker = ask!(kms, list_keys, { "Limit": 1 }).unwrap().next_marker.unwrap();
    for marker in ["garbage", &marker[..6], ""] {
        let exception = if marker.is_empty() { Exception::Validation } else { Exception::InvalidMarker };
        assert_refused(ask!(kms, list_keys, { "Marker": marker }), exception, "");
    }
    let wrong = Exception::InvalidMarker;
    assert_refused(ask!(kms, list_aliases, { "Marker": marker }), wrong, "");
    assert_refused(ask!(kms, list_aliases, { "KeyId": keys[0], "Marker": marker }), wrong, "");
    assert_refused(ask!(kms, list_resource_tags, { "KeyId": keys[0], "Marker": marker }), wrong, "");
    assert_refused(ask!(kms, list_key_policies, { "KeyId": keys[0], "Marker": marker }), wrong, "");
    assert_refused(ask!(kms, list_grants, { "KeyId": keys[0], "Marker": marker }), wrong, "");
    let answer = ask!(kms, list_retirable_grants, { "RetiringPrincipal": ROLE, "Marker": marker });
    assert_refused(answer, wrong, "");
    assert_refused(ask!(kms, list_keys, { "Limit": 0 }), Exception::Validation, "greater than or equal to 1");
    assert_refused(
        ask!(kms, list_keys, { "Limit": 1001 }),
        Exception::Validation,
        "less than or equal to 1000",
    );
}
