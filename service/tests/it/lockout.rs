//! Lockout over several processes, and over ones that are killed while they try.

use super::*;
use std::time::Duration;

fn try_password(home: &Home, pin: &str) -> Child {
    home.spawn(Some(pin), &["user", "change-password", "--username", "kmsuser", "--password", USER])
}

#[test]
fn five_wrong_passwords_of_any_processes_lock() {
    let home = Home::demo();
    let tries: Vec<Child> = (0..12).map(|_| try_password(&home, "kmsuser:Wrong-Pass-3")).collect();
    let messages: Vec<String> =
        tries.into_iter().map(|child| message(&checked(child.wait_with_output().unwrap()))).collect();
    let wrong = messages.iter().filter(|message| message.contains("wrong password,")).count();
    let locked = messages.iter().filter(|message| message.contains("locked")).count();
    assert_eq!((wrong, locked), (5, 7), "{messages:?}");
    assert!(home.locked("kmsuser") && !home.locked("admin"));
    home.fails(
        Some(USER_PIN),
        &["user", "change-password", "--username", "kmsuser", "--password", USER],
        &["\"kmsuser\" is locked", "admin unlocks it"],
    );
    home.good(Some(ADMIN_PIN), &["user", "change-password", "--username", "kmsuser", "--password", USER]);
    assert!(!home.locked("kmsuser"));
}

#[test]
fn right_passwords_at_the_same_moment_all_work() {
    let home = Home::demo();
    let tries: Vec<Child> = (0..12).map(|_| try_password(&home, USER_PIN)).collect();
    for child in tries {
        json(&checked(child.wait_with_output().unwrap()));
    }
    assert!(!home.locked("kmsuser"));
}

#[test]
fn tries_that_are_killed_are_counted() {
    // A password takes long enough here to be killed while it is tried.
    let home = Home::with_costs(64 * 1024, 30);
    home.make_demo();
    let mut kills = 0;
    while !home.locked("kmsuser") {
        assert!(kills < 20, "{kills} kills during tries did not lock the user");
        let mut child = try_password(&home, USER_PIN);
        std::thread::sleep(Duration::from_millis(300));
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    assert!(kills >= 5);
    home.fails(
        Some(USER_PIN),
        &["user", "change-password", "--username", "kmsuser", "--password", USER],
        &["\"kmsuser\" is locked"],
    );
}

#[test]
fn the_last_admin_waits() {
    let home = Home::demo();
    let wrong = ["cluster", "delete", "demo"];
    for _ in 0..5 {
        home.fails(Some("admin:Wrong-Pass-3"), &wrong, &["wrong password"]);
    }
    home.fails(Some("admin:Wrong-Pass-3"), &wrong, &["too many wrong passwords", "1 s"]);
    std::thread::sleep(Duration::from_millis(1100));
    home.good(Some(ADMIN_PIN), &wrong);
}

/// A command that has read passwords leaves no core file.
#[test]
fn the_command_leaves_no_core_file() {
    let home = Home::empty();
    let arguments = ["cluster", "create", "--label", "demo", "--admin-password-file", "-"];
    let mut command = home.command(None, &arguments);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let limits = format!("/proc/{}/limits", child.id());
    let is_off = || {
        let limits = std::fs::read_to_string(&limits).unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        line.split_whitespace().nth(4) == Some("0") && line.split_whitespace().nth(5) == Some("0")
    };
    // It waits for the password.
    let off = (0..1000).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(5));
        is_off()
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(off);
}
