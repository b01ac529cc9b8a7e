//! Published vectors, and everything that can be wrong with a signature.

use super::*;
use crate::credential::{CredentialFile, Keyring};
use hyper::Request;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const EMPTY: &str = "";

struct World {
    keyring: Keyring,
    _folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials");
        let text = format!(
            "[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = {SECRET}\n\
             [token]\naws_access_key_id = ASIDEXAMPLE\naws_secret_access_key = {SECRET}\naws_session_token = the-token\n\
             vhsm_principal = user/alice\n"
        );
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let keyring = Keyring::open(CredentialFile::new(&path), "111122223333");
        Self { keyring: keyring.unwrap_or_else(|failure| panic!("{failure}")), _folder: folder }
    }

    /// The caller's ARN, or the exception and its message.
    fn verify(&self, request: &Signed, seconds: i64) -> Result<String, (&'static str, String)> {
        let mut builder = Request::builder().method(request.method).uri(request.uri);
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        let (parts, ()) = builder.body(()).unwrap().into_parts();
        let signed_at = humantime::parse_rfc3339("2015-08-30T12:36:00Z").unwrap();
        let now = match u64::try_from(seconds) {
            Ok(seconds) => signed_at + Duration::from_secs(seconds),
            Err(_) => signed_at - Duration::from_secs(seconds.unsigned_abs()),
        };
        let refused = |refusal: Refusal| (refusal.exception, refusal.message);
        let verifier = Verifier { region: Some("us-east-1"), service: "service" };
        let pending = verifier.head(&parts, now, |id| self.keyring.find(id)).map_err(refused)?;
        pending.check(&Sha256::digest(request.body)).map_err(refused)?;
        Ok(pending.key.caller.principal.clone())
    }

    fn refused(&self, change: impl FnOnce(&mut Signed), exception: &str, says: &str) {
        let mut request = Signed::vanilla();
        change(&mut request);
        let (found, message) = self.verify(&request, 0).unwrap_err();
        assert_eq!(found, exception, "{message}");
        assert!(message.contains(says), "{message:?} lacks {says:?}");
    }
}

struct Signed {
    method: &'static str,
    uri: &'static str,
    headers: Vec<(&'static str, String)>,
    body: &'static str,
}

impl Signed {
    fn new(
        method: &'static str,
        uri: &'static str,
        more: &[(&'static str, &str)],
        names: &str,
        signature: &str,
    ) -> Self {
        let mut headers = vec![("host", "example.amazonaws.com".to_owned())];
        headers.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        headers.push(("x-amz-date", "20150830T123600Z".into()));
        let scope = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={names}, Signature={signature}");
        headers.push(("authorization", authorization));
        Self { method, uri, headers, body: EMPTY }
    }

    /// `get-vanilla` of AWS's suite.
    fn vanilla() -> Self {
        let signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
        Self::new("GET", "/", &[], "host;x-amz-date", signature)
    }

    fn header(&mut self, name: &str) -> &mut String {
        let found = self.headers.iter_mut().find(|(known, _)| *known == name);
        &mut found.unwrap_or_else(|| panic!("no {name}")).1
    }

    fn without(&mut self, name: &str) {
        self.headers.retain(|(known, _)| *known != name);
    }

    fn replace(&mut self, from: &str, to: &str) {
        let authorization = self.header("authorization");
        assert!(authorization.contains(from), "{from}");
        *authorization = authorization.replace(from, to);
    }
}

/// AWS's Signature Version 4 test suite: names of cases, and their signatures.
#[test]
fn requests_of_the_published_suite_are_verified() {
    let world = World::new();
    let two = "host;x-amz-date";
    let my1 = "host;my-header1;x-amz-date";
    for (case, method, uri, more, names, signature) in [
        (
            "get-vanilla",
            "GET",
            "/",
            &[][..],
            two,
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            "post-vanilla",
            "POST",
            "/",
            &[],
            two,
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            "get-vanilla-query-order-key-case",
            "GET",
            "/?Param2=value2&Param1=value1",
            &[],
            two,
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "get-header-key-duplicate",
            "GET",
            "/",
            &[("my-header1", "value2"), ("my-header1", "value2"), ("my-header1", "value1")],
            my1,
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        ),
        (
            "get-header-value-trim",
            "GET",
            "/",
            &[("my-header1", " value1"), ("my-header2", " \"a   b   c\"")],
            "host;my-header1;my-header2;x-amz-date",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
        (
            "get-unreserved",
            "GET",
            "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            &[],
            two,
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        ),
        (
            "get-slash-dot-slash",
            "GET",
            "/./",
            &[],
            two,
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            "get-relative",
            "GET",
            "/example/..",
            &[],
            two,
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
    ] {
        let request = Signed::new(method, uri, more, names, signature);
        let found = world.verify(&request, 0);
        assert_eq!(found, Ok("arn:aws:iam::111122223333:root".into()), "{case}");
    }
    let signature = "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a";
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let mut form = Signed::new("POST", "/", &kind, "content-type;host;x-amz-date", signature);
    form.body = "Param1=value1";
    assert!(world.verify(&form, 0).is_ok());
    form.body = "Param1=value2";
    assert!(world.verify(&form, 0).is_err());
}

#[test]
fn what_is_not_what_was_signed_does_not_match() {
    let world = World::new();
    let says = "does not match the signature you provided";
    let exception = "InvalidSignatureException";
    world.refused(|r| r.method = "POST", exception, says);
    world.refused(|r| r.uri = "/?a=b", exception, says);
    world.refused(|r| r.body = " ", exception, says);
    world.refused(|r| *r.header("host") = "example.org".into(), exception, says);
    world.refused(|r| r.replace("Signature=5fa", "Signature=5fb"), exception, says);
    world.refused(|r| r.replace("Signature=5fa", "Signature="), exception, says);
    world.refused(|r| r.replace("Signature=5fa", "Signature=zzz"), exception, says);
    world.refused(|r| r.replace("host;x-amz-date", "host;other;x-amz-date"), exception, says);
    // The hash is the body's, whatever a header says.
    world.refused(
        |r| {
            r.headers.push(("x-amz-content-sha256", "UNSIGNED-PAYLOAD".into()));
            r.replace("host;x-amz-date", "host;x-amz-content-sha256;x-amz-date");
        },
        exception,
        says,
    );
}

#[test]
fn the_scope_must_be_this_service_in_this_region_today() {
    let world = World::new();
    let exception = "InvalidSignatureException";
    world.refused(
        |r| r.replace("us-east-1", "eu-west-1"),
        exception,
        "Credential should be scoped to a valid region, not 'eu-west-1'.",
    );
    world.refused(
        |r| r.replace("/service/", "/s3/"),
        exception,
        "Credential should be scoped to correct service: 'service'.",
    );
    world.refused(
        |r| r.replace("aws4_request", "aws5_request"),
        exception,
        "valid terminator: 'aws4_request'",
    );
    world.refused(|r| r.replace("20150830", "20150831"), exception, "'20150831' != '20150830'");
    let mut both = Signed::vanilla();
    both.replace("us-east-1/service", "x/y");
    let (_, message) = world.verify(&both, 0).unwrap_err();
    assert!(message.contains("valid region") && message.contains("correct service"), "{message}");
}

#[test]
fn five_minutes_before_and_after_are_borne() {
    let world = World::new();
    let vanilla = Signed::vanilla();
    assert!(world.verify(&vanilla, 300).is_ok() && world.verify(&vanilla, -300).is_ok());
    let late = world.verify(&vanilla, 301).unwrap_err();
    let text = "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T124101Z - 5 min.)";
    assert_eq!(late, ("InvalidSignatureException", text.into()));
    let early = world.verify(&vanilla, -301).unwrap_err();
    let text = "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z (20150830T123059Z + 5 min.)";
    assert_eq!(early, ("InvalidSignatureException", text.into()));
}

#[test]
fn what_lacks_a_signature_or_a_part_of_it_is_told_so() {
    let world = World::new();
    let missing = "MissingAuthenticationTokenException";
    world.refused(|r| r.without("authorization"), missing, "Missing Authentication Token");
    world.refused(
        |r| *r.header("authorization") = "Bearer x".into(),
        missing,
        "Missing Authentication Token",
    );
    let in_query = |r: &mut Signed| {
        r.without("authorization");
        r.uri = "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00";
    };
    world.refused(in_query, missing, "a signature in the query is not taken");
    let incomplete = "IncompleteSignatureException";
    let lacks = |name: &str| format!("Authorization header requires '{name}' parameter.");
    world.refused(|r| r.replace("Credential=", "Other="), incomplete, &lacks("Credential"));
    world.refused(|r| r.replace("Signature=", "Other="), incomplete, &lacks("Signature"));
    world.refused(|r| r.replace("SignedHeaders=", "Other="), incomplete, &lacks("SignedHeaders"));
    world.refused(|r| r.replace("Signature=", "Signature"), incomplete, "missing equal-sign");
    world.refused(|r| r.replace("/aws4_request", ""), incomplete, "exactly 5 slash-delimited elements");
    world.refused(|r| r.replace("SHA256", "MD5"), incomplete, "Unsupported AWS 'algorithm': 'AWS4-HMAC-MD5'");
    world.refused(|r| r.without("x-amz-date"), incomplete, "'X-Amz-Date' or a 'Date' header");
    let second = |r: &mut Signed| r.headers.push(("authorization", "AWS4-HMAC-SHA256 x=y".into()));
    world.refused(second, incomplete, "more than one");
    for date in ["2015-08-30T12:36:00Z", "20150830T126100Z", "yesterday", ""] {
        world.refused(|r| *r.header("x-amz-date") = date.into(), incomplete, "ISO-8601 'basic format'");
    }
}

#[test]
fn what_is_read_of_the_head_must_be_signed() {
    let world = World::new();
    let exception = "InvalidSignatureException";
    world.refused(
        |r| r.replace("host;x-amz-date", "x-amz-date"),
        exception,
        "'Host' or ':authority' must be",
    );
    world.refused(|r| r.replace("host;x-amz-date", "host"), exception, "'x-amz-date' must be");
    for name in ["x-amz-target", "x-amz-security-token"] {
        world.refused(|r| r.headers.push((name, "x".into())), exception, &format!("'{name}' must be"));
    }
}

#[test]
fn unknown_keys_and_wrong_tokens_are_not_recognized() {
    let world = World::new();
    let exception = "UnrecognizedClientException";
    let says = "The security token included in the request is invalid.";
    world.refused(|r| r.replace("AKIDEXAMPLE", "AKIDOTHER"), exception, says);
    world.refused(|r| r.replace("AKIDEXAMPLE", "ASIDEXAMPLE"), exception, says);
    for (key, token) in [("AKIDEXAMPLE", "the-token"), ("ASIDEXAMPLE", "the-tokem"), ("ASIDEXAMPLE", "")] {
        let with_token = |r: &mut Signed| {
            r.headers.push(("x-amz-security-token", token.into()));
            r.replace("host;x-amz-date", "host;x-amz-date;x-amz-security-token");
            r.replace("AKIDEXAMPLE", key);
        };
        world.refused(with_token, exception, says);
    }
    let right = |r: &mut Signed| {
        r.headers.push(("x-amz-security-token", "the-token".into()));
        r.replace("host;x-amz-date", "host;x-amz-date;x-amz-security-token");
        r.replace("AKIDEXAMPLE", "ASIDEXAMPLE");
    };
    // The token is right; the signature is another request's.
    world.refused(right, "InvalidSignatureException", "does not match");
}

/// In HTTP/2 the host stands in :authority.
#[test]
fn an_authority_is_a_host() {
    let world = World::new();
    let mut request = Signed::vanilla();
    request.without("host");
    request.uri = "http://example.amazonaws.com/";
    assert!(world.verify(&request, 0).is_ok());
}

/// What clients send is escaped once; it is signed escaped twice, as botocore's vectors have it.
#[test]
fn paths_and_queries_are_written_one_way() {
    let canonical = |uri: &str| {
        let (parts, ()) = Request::builder().uri(uri).body(()).unwrap().into_parts();
        let text = String::from_utf8(canonical::request(&parts, "host", &[0; 32])).unwrap();
        text.lines().skip(1).take(2).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(canonical("/%20/foo"), ["/%2520/foo", ""]);
    assert_eq!(canonical("/a//b/../c/?b&a=%2F+&a=%zz"), ["/a/c/", "a=%25zz&a=%2F%2B&b="]);
}
