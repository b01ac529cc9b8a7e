//! Tags.

use super::*;

fn tags_of(kms: &Kms, key: &str) -> Value {
    let tags = ask!(kms, list_resource_tags, { "KeyId": key }).unwrap().tags;
    tags.into_iter().map(|tag| (tag.tag_key.unwrap(), Value::from(tag.tag_value))).collect()
}

#[test]
fn tags_are_added_edited_and_taken_away() {
    let world = default_world(Settings::default());
    let kms = &world.kms;
    let tags = json!([{ "TagKey": "a", "TagValue": "1" }, { "TagKey": "b", "TagValue": "" }]);
    let key = create_key(kms, json!({ "Tags": tags })).unwrap().key_id;
    assert_eq!(tags_of(kms, &key), json!({ "a": "1", "b": "" }));
    let tag = |key_id: &str, tags: Value| ask!(kms, tag_resource, { "KeyId": key_id, "Tags": tags });
    tag(&key, json!([{ "TagKey": "a", "TagValue": "2" }, { "TagKey": "A", "TagValue": "3" }])).unwrap();
    assert_eq!(tags_of(kms, &key), json!({ "A": "3", "a": "2", "b": "" }));
    ask!(kms, untag_resource, { "KeyId": key, "TagKeys": ["a", "never"] }).unwrap();
    assert_eq!(tags_of(kms, &key), json!({ "A": "3", "b": "" }));
}

#[test]
fn a_key_has_fifty_tags_at_most() {
    let world = default_world(Settings::default());
    let kms = &world.kms;
    let tags = |range: std::ops::Range<usize>| -> Value {
        range.map(|number| json!({ "TagKey": format!("k{number}"), "TagValue": "v" })).collect()
    };
    assert_refused(create_key(kms, json!({ "Tags": tags(0..51) })), Exception::LimitExceeded, "50 tags");
    let key = create_key(kms, json!({ "Tags": tags(0..50) })).unwrap().key_id;
    let tag = |tags: Value| ask!(kms, tag_resource, { "KeyId": key, "Tags": tags });
    tag(tags(0..50)).unwrap();
    assert_refused(tag(tags(50..51)), Exception::LimitExceeded, "50 tags");
    ask!(kms, untag_resource, { "KeyId": key, "TagKeys": ["k0"] }).unwrap();
    tag(tags(50..51)).unwrap();
}

#[test]
fn wrong_tags_make_no_key() {
    let world = default_world(Settings::default());
    let before = content(&*world.store);
    for (tags, exception, says) in [
        (json!([{ "TagKey": "aws:x", "TagValue": "" }]), Exception::Tag, "reserved"),
        (
            json!([{ "TagKey": "a", "TagValue": "" }, { "TagKey": "a", "TagValue": "" }]),
            Exception::Tag,
            "Duplicate",
        ),
        (json!([{ "TagKey": "a" }]), Exception::Validation, "tags.1.member.tagValue"),
        (
            json!([{ "TagKey": "k".repeat(129), "TagValue": "" }]),
            Exception::Validation,
            "tags.1.member.tagKey",
        ),
    ] {
        assert_refused(create_key(&world.kms, json!({ "Tags": tags })), exception, says);
    }
    assert_eq!(content(&*world.store), before);
}
