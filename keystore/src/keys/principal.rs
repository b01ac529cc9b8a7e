//! Principals: in key policies and grants, and whether a caller is meant.

use crate::kms::Caller;

/// Whether this is the ARN of an account, IAM user or role, assumed role or federated user.
pub(super) fn is_principal_arn(text: &str) -> bool {
    let Some((service, account, resource)) = parts(text) else { return false };
    let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    let named = |kinds: &[&str]| {
        kinds.iter().any(|kind| resource.strip_prefix(kind).is_some_and(|name| !name.is_empty()))
    };
    is_account
        && match service {
            "iam" => resource == "root" || named(&["user/", "role/"]),
            "sts" => named(&["assumed-role/", "federated-user/"]),
            _ => false,
        }
}

/// `<service>.amazonaws.com` or the like (ServicePrincipalType): at least three names.
pub(super) fn is_service(text: &str) -> bool {
    let names: Vec<_> = text.split('.').collect();
    let is_name =
        |name: &&str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    names.len() >= 3 && names.iter().all(is_name)
}

/// Whether a policy's AWS principal means this caller: everybody, the caller's account, or the caller; a role means
/// those who have assumed it.
pub(super) fn means(principal: &str, caller: &Caller) -> bool {
    if principal == "*" || principal == caller.account || principal == caller.principal {
        return true;
    }
    match (parts(principal), parts(&caller.principal)) {
        (Some(("iam", account, "root")), _) => account == caller.account,
        (Some(("iam", account, role)), Some(("sts", callers, session))) => {
            let assumed = session.strip_prefix("assumed-role/").and_then(|rest| rest.split('/').next());
            let role = role.strip_prefix("role/").and_then(|path| path.rsplit('/').next());
            account == callers && role.is_some() && role == assumed
        }
        _ => false,
    }
}

/// Service, account and resource of an ARN without a Region.
fn parts(arn: &str) -> Option<(&str, &str, &str)> {
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    match parts[..] {
        ["arn", partition, service, "", account, resource] if partition.starts_with("aws") => {
            Some((service, account, resource))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_have_forms() {
        for right in [
            "arn:aws:iam::111122223333:root",
            "arn:aws:iam::111122223333:user/path/name",
            "arn:aws-cn:iam::111122223333:role/r",
            "arn:aws:sts::111122223333:assumed-role/r/s",
            "arn:aws:sts::111122223333:federated-user/f",
        ] {
            assert!(is_principal_arn(right), "{right}");
        }
        for wrong in [
            "111122223333",
            "name",
            "arn:aws:iam::1:root",
            "arn:aws:iam::111122223333:group/g",
            "arn:aws:iam::111122223333:user/",
            "arn:aws:iam:us-east-1:111122223333:root",
            "arn:aws:kms::111122223333:root",
        ] {
            assert!(!is_principal_arn(wrong), "{wrong}");
        }
        assert!(is_service("dynamodb.us-west-2.amazonaws.com") && is_service("ec2.amazonaws.com"));
        assert!(!is_service("amazonaws.com") && !is_service("a..com") && !is_service("a.b.c_d"));
    }

    #[test]
    fn callers_are_meant_by_themselves_their_account_and_their_role() {
        let account = "111122223333".to_owned();
        let user = Caller {
            principal: format!("arn:aws:iam::{account}:user/u"),
            account: account.clone(),
            request_id: None,
        };
        let session = format!("arn:aws:sts::{account}:assumed-role/r/s");
        let session = Caller { principal: session, account: account.clone(), request_id: None };
        let root = format!("arn:aws:iam::{account}:root");
        for caller in [&user, &session] {
            for principal in ["*", &account, &root, &caller.principal] {
                assert!(means(principal, caller), "{principal}");
            }
            for principal in
                ["444455556666", "arn:aws:iam::444455556666:root", "arn:aws:iam::111122223333:user/v"]
            {
                assert!(!means(principal, caller), "{principal}");
            }
        }
        assert!(means("arn:aws:iam::111122223333:role/path/r", &session));
        assert!(!means("arn:aws:iam::111122223333:role/path/r", &user));
        assert!(!means("arn:aws:iam::444455556666:role/r", &session));
    }
}
