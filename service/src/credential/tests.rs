//! The file, and what a running server sees of it.

use super::file::{CredentialFile, Entry};
use super::*;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

struct World {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { path: folder.path().join("credentials"), _folder: folder }
    }

    fn file(&self) -> CredentialFile {
        CredentialFile::new(&self.path)
    }

    fn write(&self, text: &str) {
        std::fs::write(&self.path, text).unwrap();
        std::fs::set_permissions(&self.path, PermissionsExt::from_mode(0o600)).unwrap();
    }

    fn told(&self) -> String {
        self.file().read().err().expect("a failure").to_string()
    }

    fn keyring(&self) -> Keyring {
        good(Keyring::open(self.file(), "111122223333"))
    }
}

fn good<T>(done: Result<T, Failure>) -> T {
    done.unwrap_or_else(|failure| panic!("{failure}"))
}

fn entry(profile: &str, principal: Principal) -> Entry {
    good(Entry::random(profile, principal, profile == "token"))
}

#[test]
fn what_is_written_is_read() {
    let world = World::new();
    let user = Principal::User("a.b@c".into());
    let entries = [entry("default", Principal::Root), entry("token", user.clone())];
    good(world.file().change(|known| {
        known.extend(entries.iter().cloned());
        Ok(())
    }));
    let mode = std::fs::metadata(&world.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let read = good(world.file().read()).unwrap();
    for (one, other) in read.iter().zip(&entries) {
        assert_eq!((&one.profile, &one.access_key), (&other.profile, &other.access_key));
        assert!(one.secret == other.secret && one.session_token == other.session_token);
    }
    assert_eq!((read.len(), &read[1].principal), (2, &user));
    assert!(read[0].access_key.starts_with("AKIA") && read[0].access_key.len() == 20);
    assert!(read[1].access_key.starts_with("ASIA") && read[0].secret.len() == 40);
}

#[test]
fn files_of_other_programs_are_read_too() {
    let world = World::new();
    world.write(
        "# mine\n[default]\naws_access_key_id=test\naws_secret_access_key = s=cret\nregion = eu-west-1\n\n; more\n",
    );
    let read = good(world.file().read()).unwrap();
    assert_eq!((read[0].access_key.as_str(), read[0].secret.as_str()), ("test", "s=cret"));
    assert_eq!(read[0].principal, Principal::Root);
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_without_secrets() {
    let world = World::new();
    for (text, says) in [
        ("aws_access_key_id = a", "line 1"),
        ("[a]\nsecret", "line 2"),
        ("[a]\naws_access_key_id = a", "[a] lacks"),
        ("[a]\naws_secret_access_key = secret\n[b]", "[a] lacks"),
        ("[a]\naws_access_key_id = a/b", "line 2"),
        ("[a]\naws_access_key_id = a\naws_secret_access_key =", "empty"),
        ("[a]\nvhsm_principal = user/", "user/NAME"),
        ("[a]\nvhsm_principal = secret", "user/NAME"),
    ] {
        world.write(text);
        let told = world.told();
        assert!(
            told.contains(says) && !told.contains("secret\n") && !told.contains("= secret"),
            "{text}: {told}"
        );
    }
    world.write("");
    std::fs::set_permissions(&world.path, PermissionsExt::from_mode(0o640)).unwrap();
    assert!(world.told().contains("chmod 600"));
}

#[test]
fn the_first_key_is_made_once() {
    let world = World::new();
    assert!(good(make_first(&world.file())));
    let first = good(world.file().read()).unwrap();
    assert!(!good(make_first(&world.file())));
    assert_eq!(good(world.file().read()).unwrap()[0].access_key, first[0].access_key);
    // Where all were deleted, nobody may come in by a new one.
    good(world.file().change(|entries| {
        entries.clear();
        Ok(())
    }));
    assert!(!good(make_first(&world.file())));
}

#[test]
fn a_keyring_follows_the_file() {
    let world = World::new();
    let (first, second) = (entry("default", Principal::Root), entry("b", Principal::User("b".into())));
    let push = |entry: &Entry| {
        good(world.file().change(|known| {
            known.push(entry.clone());
            Ok(())
        }));
    };
    push(&first);
    let keyring = world.keyring();
    assert!(keyring.find(&first.access_key).is_some() && keyring.find(&second.access_key).is_none());
    push(&second);
    let found = keyring.find(&second.access_key).unwrap();
    assert_eq!(found.caller.principal, "arn:aws:iam::111122223333:user/b");
    good(world.file().change(|known| {
        known.retain(|known| known.access_key == second.access_key);
        Ok(())
    }));
    assert!(good(keyring.refresh()) && !good(keyring.refresh()));
    assert!(keyring.find(&first.access_key).is_none());
    // A file that was spoiled takes no key away, and is told of once.
    world.write("[a]\nspoiled");
    assert!(keyring.refresh().is_err() && keyring.refresh().is_ok());
    assert!(keyring.find(&second.access_key).is_some());
}

/// Several commands at once: each one's key is there in the end.
#[test]
fn changes_at_once_are_all_kept() {
    let world = World::new();
    let path = Arc::new(world.path.clone());
    let threads: Vec<_> = (0..8)
        .map(|number| {
            let path = Arc::clone(&path);
            std::thread::spawn(move || {
                let new = entry(&format!("p{number}"), Principal::Root);
                good(CredentialFile::new(&path).change(|known| {
                    known.push(new);
                    Ok(())
                }));
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(good(world.file().read()).unwrap().len(), 8);
}
