//! `portcullis backup FILE`, beside a server that runs, and what comes back from a copy.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use rocket::http::Cookie;

use super::command_line::{FIRST, House, is_in, sign_in};

impl House {
    /// A file of this folder.
    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a copy in the place of the store, as an operator does while nothing runs.
    fn restore(&self, name: &str) {
        for gone in ["a.db", "a.db-wal", "a.db-shm"] {
            let _ = fs::remove_file(self.file(gone));
        }
        fs::copy(self.file(name), self.file("a.db")).unwrap();
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[rocket::async_test]
async fn a_server_goes_on_while_it_is_copied_and_the_copy_goes_on_where_it_stood() {
    let house = House::new();
    house.done(&["user", "add", "grace"], FIRST);
    let (stays, left) = {
        let server = house.server().await;
        let stays = sign_in(&server, "grace", FIRST).await.unwrap();
        let left = sign_in(&server, "grace", FIRST).await.unwrap();
        let cookie = Cookie::new("access_token_cookie", left.clone());
        assert_eq!(server.post("/logout").cookie(cookie).dispatch().await.status().code, 200);
        assert_eq!(house.done(&["backup", "copy.db"], ""), "Copied the store to copy.db.\n");
        // What happens afterwards is not in it.
        assert!(sign_in(&server, "grace", FIRST).await.is_ok());
        (stays, left)
    };
    let mode = fs::metadata(house.file("copy.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "nobody else may read it");
    assert!(!house.names().iter().any(|name| name.contains(".part")), "{:?}", house.names());

    house.restore("copy.db");
    let server = house.server().await;
    assert!(is_in(&server, &stays).await, "who was signed in then is signed in");
    assert!(!is_in(&server, &left).await, "who had signed out stays signed out");
    assert!(sign_in(&server, "grace", FIRST).await.is_ok());
}

#[rocket::async_test]
async fn an_older_copy_revives_nobody_once_everybody_was_signed_out() {
    let house = House::new();
    house.done(&["user", "add", "grace"], FIRST);
    let token = {
        let server = house.server().await;
        let token = sign_in(&server, "grace", FIRST).await.unwrap();
        house.done(&["backup", "copy.db"], "");
        let cookie = Cookie::new("access_token_cookie", token.clone());
        assert_eq!(server.post("/logout").cookie(cookie).dispatch().await.status().code, 200);
        token
    };
    house.restore("copy.db");
    assert!(is_in(&house.server().await, &token).await, "the copy does not know that the session was ended");
    house.done(&["session", "end-all"], "");
    let server = house.server().await;
    assert!(!is_in(&server, &token).await);
    let again = sign_in(&server, "grace", FIRST).await.unwrap();
    assert!(is_in(&server, &again).await, "who signs in again is in");
}

#[test]
fn what_cannot_be_copied_is_told_in_one_line_and_nothing_is_written_over() {
    let house = House::new();
    let missing = house.refused(&["backup", "copy.db"], "");
    assert!(missing.starts_with("copy.db: ") && missing.contains("there is no store here"), "{missing}");
    assert_eq!(house.names(), Vec::<String>::new());

    house.done(&["user", "add", "grace"], FIRST);
    fs::write(house.file("taken"), "a letter").unwrap();
    assert_eq!(
        house.refused(&["backup", "taken"], ""),
        "taken: there is something already; name a file that is not there"
    );
    assert_eq!(fs::read_to_string(house.file("taken")).unwrap(), "a letter");

    let nowhere = house.refused(&["backup", "no/such/folder"], "");
    assert!(nowhere.starts_with("no/such/folder: the copy cannot be written: "), "{nowhere}");

    fs::write(house.file("copy.db.part"), "half").unwrap();
    let interrupted = house.refused(&["backup", "copy.db"], "");
    assert!(interrupted.contains("copy.db.part is there: another copy is being made"), "{interrupted}");
    assert_eq!(fs::read_to_string(house.file("copy.db.part")).unwrap(), "half");
    assert!(!house.file("copy.db").exists());
}

#[test]
fn a_disk_without_room_for_the_copy_is_told_of_and_keeps_nothing_of_it() {
    let house = House::new();
    house.done(&["user", "add", "grace"], FIRST);
    let before = house.names();
    // The limit on a file's size stands for the disk: more than the store's index needs, and less than the copy.
    let limited =
        format!("trap '' XFSZ; ulimit -f 80; exec {} backup copy.db", env!("CARGO_BIN_EXE_portcullis"));
    let output = Command::new("sh")
        .args(["-c", &limited])
        .current_dir(house.folder.path())
        .env("PORTCULLIS_APP__STORE", house.store())
        .env("ROCKET_PROFILE", "debug")
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.starts_with("copy.db: the store cannot be copied: ") && told.lines().count() == 1, "{told}");
    let kept = |names: Vec<String>| names.into_iter().filter(|name| !name.starts_with("a.db")).count();
    assert_eq!((kept(before), kept(house.names())), (0, 0));
    assert_eq!(house.done(&["backup", "copy.db"], ""), "Copied the store to copy.db.\n");
}

#[test]
fn a_store_that_ends_with_its_program_is_not_copied() {
    let house = House::new();
    let refused = house.refused_on("sqlite::memory:", &["backup", "copy.db"]);
    assert_eq!(
        refused,
        "copy.db: app.store: sqlite::memory: is gone when its program ends; there is nothing to copy"
    );
    assert_eq!(house.names(), Vec::<String>::new());
}
