//! `vhsm user ...`

use crate::cli::{ChangePasswordArgs, CreateUserArgs, DeleteUserArgs, ListUsersArgs, UserCommand};
use crate::cluster::named_or_only;
use crate::failure::Failure;
use crate::output::{self, UserList, UserView};
use crate::password;
use serde::Serialize;
use vhsm_pkcs11::cluster::{APPLIANCE_USER, Cluster, Clusters, Lost, PasswordRules, User};
use vhsm_pkcs11::error::{ClusterError, Error};

/// Whose login administration needs.
const AN_ADMIN: &str = "an admin";

pub fn run(clusters: &Clusters, command: UserCommand) -> Result<(), Failure> {
    match command {
        UserCommand::Create(arguments) => create(clusters, &arguments),
        UserCommand::List(arguments) => list(clusters, &arguments),
        UserCommand::ChangePassword(arguments) => change_password(clusters, &arguments),
        UserCommand::Delete(arguments) => delete(clusters, &arguments),
    }
}

fn create(clusters: &Clusters, arguments: &CreateUserArgs) -> Result<(), Failure> {
    let cluster = named_or_only(clusters, arguments.cluster.cluster.as_deref())?;
    let password = arguments.password.source().read()?;
    let admin = password::login(clusters, &cluster, arguments.login.pin.as_ref(), AN_ADMIN)?;
    let (name, role, rules) = (&arguments.username, arguments.role.into(), PasswordRules::Cluster);
    let user = clusters.create_user(&cluster, &admin, name, role, &password, rules)?;
    output::json(&UserView::short(&user.name, user.role))
}

fn list(clusters: &Clusters, arguments: &ListUsersArgs) -> Result<(), Failure> {
    let cluster = named_or_only(clusters, arguments.cluster.cluster.as_deref())?;
    let users = clusters.users(&cluster)?;
    let plan = clusters.fault_plan(&cluster)?;
    let views = users.iter().map(|user| UserView::full(user, !plan.has_drifted(&user.name)));
    output::json(&UserList { users: views.chain([UserView::appliance()]).collect() })
}

fn change_password(clusters: &Clusters, arguments: &ChangePasswordArgs) -> Result<(), Failure> {
    let cluster = named_or_only(clusters, arguments.cluster.cluster.as_deref())?;
    let password = arguments.password.source().read()?;
    let user = named(clusters, &cluster, &arguments.username)?;
    let who = format!("user {:?} or an admin", user.name);
    let by = password::login(clusters, &cluster, arguments.login.pin.as_ref(), &who)?;
    clusters.change_password(&cluster, &by, &user.name, &password, PasswordRules::Cluster)?;
    output::json(&UserView::short(&user.name, user.role))
}

fn delete(clusters: &Clusters, arguments: &DeleteUserArgs) -> Result<(), Failure> {
    let cluster = named_or_only(clusters, arguments.cluster.cluster.as_deref())?;
    let user = named(clusters, &cluster, &arguments.username)?;
    let admin = password::login(clusters, &cluster, arguments.login.pin.as_ref(), AN_ADMIN)?;
    let lost = clusters.delete_user(&cluster, &admin, &user.name, arguments.force)?;
    while clusters.sweep()? {}
    if lost.cluster_key_stays {
        eprintln!(
            "vhsm: warning: the cluster has too many users to renew its key, which {:?} may have kept; see README, Users \
             and keys",
            user.name
        );
    }
    output::json(&DeletedUser { user: UserView::short(&user.name, user.role), lost: (&lost).into() })
}

/// A deleted user, and what was lost with it.
#[derive(Serialize)]
struct DeletedUser<'a> {
    #[serde(flatten)]
    user: UserView<'a>,
    lost: LostView<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct LostView<'a> {
    token_objects: usize,
    /// Who used some of them too.
    shared_users: Vec<LostShare<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct LostShare<'a> {
    username: &'a str,
    token_objects: usize,
}

impl<'a> From<&'a Lost> for LostView<'a> {
    fn from(lost: &'a Lost) -> Self {
        let users = lost.shared_with.iter();
        let shared_users =
            users.map(|(username, count)| LostShare { username, token_objects: *count }).collect();
        Self { token_objects: lost.token_objects, shared_users }
    }
}

fn named(clusters: &Clusters, cluster: &Cluster, name: &str) -> Result<User, Failure> {
    let user = clusters.users(cluster)?.into_iter().find(|user| user.name.eq_ignore_ascii_case(name));
    match user {
        Some(user) => Ok(user),
        None if name.eq_ignore_ascii_case(APPLIANCE_USER) => Err(password::appliance_user()),
        None => Err(Error::from(ClusterError::UserNotFound(name.into())).into()),
    }
}
