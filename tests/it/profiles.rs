//! Profile objects (PKCS#11 3.2 sec. 4.13).

use crate::support::*;
use cryptoki_sys::*;

const PROFILES: [CK_PROFILE_ID; 3] = [CKP_BASELINE_PROVIDER, CKP_EXTENDED_PROVIDER, CKP_AUTHENTICATION_TOKEN];

fn profiles(session: &Session, more: &[Pair]) -> Vec<CK_OBJECT_HANDLE> {
    let class = number(CKO_PROFILE);
    session.find(&[&[(CKA_CLASS, &class[..])], more].concat()).unwrap()
}

#[test]
fn a_token_tells_its_profiles_to_everybody() {
    let token = Token::new();
    let session = token.open(READ_ONLY);
    let found = profiles(&session, &[]);
    let ids: Vec<_> = found.iter().map(|one| session.get(*one, CKA_PROFILE_ID).unwrap()).collect();
    assert_eq!(ids, PROFILES.map(|id| number(id).to_vec()));
    for profile in &found {
        assert_eq!(session.get(*profile, CKA_CLASS).unwrap(), number(CKO_PROFILE));
        let flags = [CKA_TOKEN, CKA_PRIVATE, CKA_MODIFIABLE, CKA_COPYABLE, CKA_DESTROYABLE];
        let flags = flags.map(|kind| session.flag(*profile, kind));
        assert_eq!(flags, [true, false, false, false, false]);
        assert!(!session.get(*profile, CKA_LABEL).unwrap().is_empty());
        expect("value", session.get(*profile, CKA_VALUE).unwrap_err(), CKR_ATTRIBUTE_TYPE_INVALID);
        assert!(session.size(*profile).unwrap() > 0);
    }
    // The same in every session, for every user, and the next time.
    assert_eq!(profiles(&token.user(), &[]), found);
    expect("finalize", token.module.finalize(), CKR_OK);
    expect("initialize", token.module.initialize(), CKR_OK);
    assert_eq!(profiles(&token.open(READ_ONLY), &[]), found);
}

#[test]
fn profiles_are_searched_by_what_they_are() {
    let token = Token::new();
    let session = token.user();
    let all = profiles(&session, &[]);
    for (profile, id) in all.iter().zip(PROFILES) {
        let id = number(id);
        assert_eq!(session.find(&[(CKA_PROFILE_ID, &id)]).unwrap(), [*profile]);
        assert_eq!(profiles(&session, &[(CKA_PROFILE_ID, &id), (CKA_TOKEN, YES)]), [*profile]);
        let unique = session.get(*profile, CKA_UNIQUE_ID).unwrap();
        assert_eq!(profiles(&session, &[(CKA_UNIQUE_ID, &unique)]), [*profile]);
    }
    for other in [(CKA_PROFILE_ID, &number(CKP_COMPLETE_PROVIDER)[..]), (CKA_TOKEN, NO), (CKA_LABEL, b"x")] {
        assert_eq!(profiles(&session, &[other]), [], "{:#x}", other.0);
    }
    let class = number(CKO_DATA);
    let of_data = [(CKA_PROFILE_ID, &number(CKP_BASELINE_PROVIDER)[..]), (CKA_CLASS, &class)];
    assert_eq!(session.find(&of_data).unwrap(), []);
}

/// Programs that list, or clean up, what a token has meet only what somebody made.
#[test]
fn a_search_for_anything_else_does_not_meet_them() {
    let token = Token::new();
    let session = token.user();
    assert_eq!(session.find(&[]).unwrap(), []);
    assert_eq!(session.find(&[(CKA_TOKEN, YES)]).unwrap(), []);
    let key = session.aes_key(&[]);
    assert_eq!(session.find(&[]).unwrap(), [key]);
}

#[test]
fn profiles_stay_as_they_are() {
    let token = Token::new();
    let session = token.user();
    let profile = profiles(&session, &[])[0];
    expect("destroy", session.destroy(profile), CKR_ACTION_PROHIBITED);
    expect("set", session.set(profile, &[(CKA_LABEL, b"mine")]), CKR_ACTION_PROHIBITED);
    expect("copy", session.copy(profile, &[]).unwrap_err(), CKR_ACTION_PROHIBITED);
    let (class, id) = (number(CKO_PROFILE), number(CKP_BASELINE_PROVIDER));
    let rv = session.create(&[(CKA_CLASS, &class), (CKA_PROFILE_ID, &id)]).unwrap_err();
    expect("create", rv, CKR_TEMPLATE_INCONSISTENT);
    let rv = session.sign_init(Mechanism::plain(CKM_AES_CMAC), profile);
    expect("it is no key", rv, CKR_KEY_HANDLE_INVALID);
    expect("digest", session.digest_init(Mechanism::plain(CKM_SHA256)), CKR_OK);
    expect("it is no key", session.digest_key(profile), CKR_KEY_HANDLE_INVALID);
    assert_eq!(profiles(&session, &[]).len(), 3);
}
