//! Whoever reads etcd, by its own client or from a member's disk, finds in it no value, label, id or PIN.

use super::*;

const VALUE: [u8; 32] = *b"This value must never be seen...";
const NEEDLES: [&[u8]; 6] = [
    &VALUE,
    b"A label for nobody",
    b"An id for nobody",
    b"Private data for nobody",
    b"An application for nobody",
    USER_PIN,
];

fn private_objects(session: &Session) -> [CK_OBJECT_HANDLE; 2] {
    let private: [Pair; 5] = [
        (CKA_TOKEN, YES),
        (CKA_PRIVATE, YES),
        (CKA_SENSITIVE, YES),
        (CKA_LABEL, NEEDLES[1]),
        (CKA_ID, NEEDLES[2]),
    ];
    let data: [Pair; 5] = [
        (CKA_CLASS, &number(CKO_DATA)),
        (CKA_TOKEN, YES),
        (CKA_PRIVATE, YES),
        (CKA_VALUE, NEEDLES[3]),
        (CKA_APPLICATION, NEEDLES[4]),
    ];
    [session.known_key(CKK_AES, &VALUE, &private), session.create(&data).unwrap()]
}

fn shows(bytes: &[u8], what: &str) {
    for needle in NEEDLES.into_iter().chain([&b"Another label"[..]]) {
        let found = bytes.windows(needle.len()).any(|part| part == needle);
        assert!(!found, "{what} shows {:?}", String::from_utf8_lossy(needle));
    }
}

#[test]
fn a_dump_shows_no_secret() {
    let world = World::three();
    let session = world.token.user();
    for _ in 0..20 {
        for object in private_objects(&session) {
            expect("destroy", session.destroy(object), CKR_OK);
        }
    }
    let objects = private_objects(&session);
    expect("relabel", session.set(objects[0], &[(CKA_LABEL, b"Another label for nobody")]), CKR_OK);
    let output = world.etcd.etcdctl_command(&["get", "", "--prefix"]).output().expect("etcdctl runs");
    let dump = output.stdout;
    assert!(dump.windows(5).filter(|part| part == b"vhsm/").count() > 10, "the store lies in etcd: {dump:?}");
    shows(&dump, "the dump");
    let mut keys = 0;
    for member in 0..world.etcd.members() {
        for path in disk::tree(&world.etcd.data_folder(member)).into_iter().filter(|path| path.is_file()) {
            let mut bytes = std::fs::read(&path).expect("a file");
            // Files are made longer than what is in them.
            bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
            shows(&bytes, &path.display().to_string());
            keys += bytes.windows(5).filter(|part| part == b"vhsm/").count();
        }
    }
    assert!(
        keys > 300,
        "each member has all of them in its log and in its database, and reads as it is: {keys}"
    );
    for path in disk::tree(world.token.module.home()).into_iter().filter(|path| path.is_file()) {
        shows(&std::fs::read(&path).expect("a file"), &path.display().to_string());
    }
}
