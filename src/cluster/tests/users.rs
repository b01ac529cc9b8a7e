//! Users: who makes and deletes them, how PINs are read, and how passwords change.

use super::*;

const RULES: PasswordRules = PasswordRules::Cluster;

fn world_with_other() -> (World, Login) {
    let world = World::new();
    let admin = world.admin(&world.cluster());
    world.create_user(&world.cluster(), &admin, "Other_1", Role::CryptoUser);
    (world, admin)
}

#[test]
pub fn users_are_listed_as_they_were_made() {
    let (world, admin) = world_with_other();
    let users = world.clusters.users(&world.cluster()).unwrap();
    let shown: Vec<_> = users.iter().map(|u| (u.name.as_str(), u.role, u.locked)).collect();
    let crypto = Role::CryptoUser;
    assert_eq!(
        shown,
        [("admin", Role::Admin, false), ("kmsuser", crypto, false), ("other_1", crypto, false)]
    );
    assert_eq!(admin.user.name, "admin");
    assert!(!format!("{admin:?}").contains("secrets"));
}

#[test]
pub fn a_pin_names_a_user_only_if_it_exists() {
    let (world, admin) = world_with_other();
    let cluster = world.cluster();
    let login = |role, pin: &[u8]| world.clusters.login(&cluster, role, pin);
    assert_eq!(login(Role::CryptoUser, b"KMSuser:user-password").unwrap().user.name, "kmsuser");
    assert_eq!(login(Role::CryptoUser, b"other_1:user-password").unwrap().user.name, "other_1");
    assert_eq!(login(Role::Admin, b"admin:admin-password").unwrap().user.name, "admin");
    assert_eq!(login(Role::Admin, ADMIN_PASSWORD).unwrap().user.name, "admin");
    // Two crypto users and no default one: a bare PIN means nobody.
    for pin in [&b"user-password"[..], b"nobody:user-password", b"admin:admin-password", b"", b":"] {
        assert!(matches!(cluster_error(login(Role::CryptoUser, pin)), ClusterError::PinIncorrect));
    }
    assert!(matches!(
        cluster_error(login(Role::Admin, b"kmsuser:user-password")),
        ClusterError::PinIncorrect
    ));
    world.clusters.delete_user(&cluster, &admin, "other_1", false).unwrap();
    assert_eq!(login(Role::CryptoUser, USER_PASSWORD).unwrap().user.name, "kmsuser");
    world.clusters.delete_user(&cluster, &admin, "kmsuser", false).unwrap();
    assert!(matches!(cluster_error(login(Role::CryptoUser, USER_PASSWORD)), ClusterError::NoUser));
}

#[test]
pub fn a_login_by_name_keeps_to_its_role() {
    let world = World::new();
    let cluster = world.cluster();
    let login = |role, name| world.clusters.login_as(&cluster, role, name, USER_PASSWORD);
    assert_eq!(login(Some(Role::CryptoUser), "KMSUSER").unwrap().user.role, Role::CryptoUser);
    assert!(matches!(cluster_error(login(Some(Role::Admin), "kmsuser")), ClusterError::PinIncorrect));
    assert!(
        matches!(cluster_error(login(None, "nobody")), ClusterError::UserNotFound(name) if name == "nobody")
    );
}

#[test]
pub fn only_admins_administer() {
    let world = World::new();
    let cluster = world.cluster();
    let user = world.user(&cluster);
    let clusters = &world.clusters;
    let needed = |error| assert!(matches!(error, ClusterError::LoginNeeded("admin")));
    needed(cluster_error(clusters.create_user(&cluster, &user, "x", Role::Admin, USER_PASSWORD, RULES)));
    needed(cluster_error(clusters.delete_user(&cluster, &user, "admin", true)));
    needed(cluster_error(clusters.change_password(&cluster, &user, "admin", USER_PASSWORD, RULES)));
    needed(cluster_error(clusters.init_pin(&cluster, &user, b"1234")));
}

#[test]
pub fn names_and_passwords_of_new_users_are_checked() {
    let world = World::new();
    let cluster = world.cluster();
    let admin = world.admin(&cluster);
    let create = |name: &str, password: &[u8]| {
        cluster_error(world.clusters.create_user(&cluster, &admin, name, Role::CryptoUser, password, RULES))
    };
    assert!(matches!(create("KmsUser", USER_PASSWORD), ClusterError::UserExists(name) if name == "kmsuser"));
    assert!(matches!(create("a b", USER_PASSWORD), ClusterError::BadInput { field: "user name", .. }));
    assert!(matches!(create("app_user", USER_PASSWORD), ClusterError::BadInput { .. }));
    assert!(matches!(create("x", b"short"), ClusterError::PinLength { min: 7, max: 32 }));
    assert!(matches!(create("x", b"with:colon"), ClusterError::PinCharacter(_)));
    assert_eq!(world.clusters.users(&cluster).unwrap().len(), 2);
}

#[test]
pub fn the_last_admin_stays_and_numbers_are_never_given_again() {
    let world = World::new();
    let cluster = world.cluster();
    let admin = world.admin(&cluster);
    let delete = |name| world.clusters.delete_user(&cluster, &admin, name, false);
    assert!(matches!(cluster_error(delete("admin")), ClusterError::Refused(_)));
    let second = world.create_user(&cluster, &admin, "second", Role::Admin);
    let third = world.create_user(&cluster, &admin, "third", Role::CryptoUser);
    delete("third").unwrap();
    assert!(matches!(cluster_error(delete("third")), ClusterError::UserNotFound(_)));
    let fourth = world.create_user(&cluster, &admin, "third", Role::CryptoUser);
    assert!(second.id < third.id && third.id < fourth.id);
    delete("admin").unwrap();
    assert!(!world.clusters.login_stands(&admin).unwrap());
    assert_not_logged_in(world.clusters.delete_user(&cluster, &admin, "third", false));
    let second = world.clusters.login(&world.cluster(), Role::Admin, USER_PASSWORD).unwrap();
    assert!(matches!(
        cluster_error(world.clusters.delete_user(&cluster, &second, "second", false)),
        ClusterError::Refused(_)
    ));
}

#[test]
pub fn two_admins_that_delete_themselves_at_once_do_not_leave_none() {
    let world = World::new();
    let cluster = world.cluster();
    let admin = world.admin(&cluster);
    for i in 0..3 {
        world.create_user(&cluster, &admin, &format!("a{i}"), Role::Admin);
    }
    let logins: Vec<Login> = ["admin", "a0", "a1", "a2"]
        .iter()
        .map(|name| {
            let password = if *name == "admin" { ADMIN_PASSWORD } else { USER_PASSWORD };
            world.clusters.login_as(&cluster, None, name, password).unwrap()
        })
        .collect();
    std::thread::scope(|scope| {
        for login in &logins {
            scope.spawn(|| world.clusters.delete_user(&cluster, login, &login.user.name, false).ok());
        }
    });
    let admins = world.clusters.users(&cluster).unwrap().into_iter().filter(|u| u.role == Role::Admin);
    assert_eq!(admins.count(), 1);
}

#[test]
pub fn a_user_with_objects_goes_only_by_force_and_they_with_it() {
    let world = World::new();
    let cluster = world.cluster();
    let (admin, user) = (world.admin(&cluster), world.user(&cluster));
    for i in 0..60u8 {
        let object = aes_key(&[i + 1], &[i + 1], &[i; 32], true);
        world.clusters.create_object(&cluster, Some(&user), &object).unwrap();
    }
    let public = aes_key(b"p", b"p", &[1; 32], false);
    let public = world.clusters.create_object(&cluster, Some(&user), &public).unwrap();
    let refused = cluster_error(world.clusters.delete_user(&cluster, &admin, "kmsuser", false));
    assert!(
        matches!(refused, ClusterError::Refused(text) if text.contains("60") && text.contains("--force"))
    );
    world.clusters.delete_user(&cluster, &admin, "kmsuser", true).unwrap();
    assert!(!world.clusters.login_stands(&user).unwrap());
    let object = aes_key(b"late", b"", &[1; 32], true);
    assert_not_logged_in(world.clusters.create_object(&cluster, Some(&user), &object));
    let mut rounds = 1;
    while world.clusters.sweep().unwrap() {
        rounds += 1;
    }
    assert!((3..10).contains(&rounds), "{rounds}");
    let left = world.contents().into_keys().filter(|key| (5..=9).contains(&key[0])).count();
    assert_eq!(left, 4, "the public object and its entries");
    assert!(world.clusters.object(&cluster, None, public).unwrap().is_some());
    assert!(!world.clusters.sweep().unwrap());
}

#[test]
pub fn a_password_is_changed_by_its_user_or_by_an_admin_while_it_is_not_logged_in() {
    let world = World::new();
    let cluster = world.cluster();
    let admin = world.admin(&cluster);
    let user = world.user(&cluster);
    let object = aes_key(b"a", b"1", &[7; 32], true);
    let id = world.clusters.create_object(&cluster, Some(&user), &object).unwrap();
    let change = |by: &Login, password: &[u8]| {
        world.clusters.change_password(&cluster, by, "kmsuser", password, RULES)
    };
    let login = |password: &[u8]| world.clusters.login_as(&cluster, None, "kmsuser", password);

    assert!(world.clusters.is_logged_in(&cluster, "kmsuser").unwrap());
    assert!(matches!(cluster_error(change(&admin, b"by-the-admin")), ClusterError::UserLoggedIn(_)));
    change(&user, b"by-itself").unwrap();
    assert!(world.clusters.login_stands(&user).unwrap());
    assert!(matches!(cluster_error(login(USER_PASSWORD)), ClusterError::PinIncorrect));
    drop(user);
    assert!(!world.clusters.is_logged_in(&cluster, "kmsuser").unwrap());
    change(&admin, b"by-the-admin").unwrap();
    assert!(matches!(cluster_error(login(b"by-itself")), ClusterError::PinIncorrect));
    let user = login(b"by-the-admin").unwrap();
    let opened = world.clusters.object(&cluster, Some(&user), id).unwrap().unwrap();
    assert_eq!(opened.secret().unwrap().expose(), [7; 32]);
    assert!(matches!(cluster_error(change(&user, b"short")), ClusterError::PinLength { .. }));

    // An admin's own, and one admin's by another.
    world.clusters.change_password(&cluster, &admin, "admin", b"admin-second", RULES).unwrap();
    world.create_user(&cluster, &admin, "second", Role::Admin);
    drop(admin);
    let second = world.clusters.login_as(&cluster, None, "second", USER_PASSWORD).unwrap();
    world.clusters.change_password(&cluster, &second, "admin", b"admin-third", RULES).unwrap();
    let admin = world.clusters.login(&cluster, Role::Admin, b"admin-third").unwrap();
    world.create_user(&cluster, &admin, "still_works", Role::CryptoUser);
}

#[test]
pub fn set_pin_asks_for_the_old_one_and_counts_it() {
    let world = World::new();
    let cluster = world.cluster();
    let set =
        |login: Option<&Login>, old: &[u8], new: &[u8]| world.clusters.set_pin(&cluster, login, old, new);
    set(None, USER_PASSWORD, b"1234").unwrap();
    set(None, b"kmsuser:1234", b"2345").unwrap();
    assert!(matches!(cluster_error(set(None, b"1234", b"9999")), ClusterError::PinIncorrect));
    assert!(world.clusters.pin_status(&cluster, Role::CryptoUser).unwrap().count_low);
    assert!(matches!(cluster_error(set(None, b"2345", b"1")), ClusterError::PinLength { min: 4, max: 255 }));
    assert!(matches!(cluster_error(set(None, b"2345", b"kmsuser:x")), ClusterError::PinCharacter(_)));
    let user = world.clusters.login(&cluster, Role::CryptoUser, b"2345").unwrap();
    set(Some(&user), b"2345", b"a:34").unwrap();
    set(Some(&user), b"kmsuser:a:34", b"3456").unwrap();
    assert!(matches!(cluster_error(set(Some(&user), b"admin:3456", b"4567")), ClusterError::PinIncorrect));
    // Not the SO's without its login.
    assert!(matches!(cluster_error(set(None, b"admin:admin-password", b"4567")), ClusterError::PinIncorrect));
    let admin = world.admin(&cluster);
    set(Some(&admin), ADMIN_PASSWORD, b"so-pin").unwrap();
    world.clusters.login(&cluster, Role::Admin, b"so-pin").unwrap();
}

#[test]
pub fn an_admin_with_another_name_logs_in_bare_when_it_is_the_only_one() {
    let world = World::new();
    let cluster = world.cluster();
    let admin = world.admin(&cluster);
    world.create_user(&cluster, &admin, "boss", Role::Admin);
    world.clusters.delete_user(&cluster, &admin, "admin", false).unwrap();
    assert_eq!(world.clusters.login(&cluster, Role::Admin, USER_PASSWORD).unwrap().user.name, "boss");
    assert!(world.clusters.pin_status(&cluster, Role::Admin).unwrap().exists);
}
