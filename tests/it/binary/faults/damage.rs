//! What is broken on disk stops the launch and is left as it is.

use crate::binary::server::Installation;

/// The one line with which a start ends that must not happen; nothing is served.
fn refusal(installation: &Installation) -> String {
    let output = installation.run(&[], b"");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "nothing was served");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let content = "dear diary, this is not a database".repeat(200);
    let installation = Installation::new().with_file("data/portcullis.db", &content);
    let said = refusal(&installation);
    assert!(said.contains("this is not a SQLite database; it was left as it is"), "{said}");
    assert!(said.contains("data/portcullis.db"), "{said}");
    assert_eq!(installation.read("data/portcullis.db"), content);
}

#[test]
fn a_damaged_database_is_left_alone() {
    let installation = Installation::new();
    let mut server = installation.start();
    server.client().sign_in("testuser", "testpass");
    server.terminate();
    // What the log still holds would heal the pages.
    for log in ["data/portcullis.db-wal", "data/portcullis.db-shm"] {
        let _ = std::fs::remove_file(installation.path(log));
    }
    let path = installation.path("data/portcullis.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let length = bytes.len();
    bytes[8192..length - 100].fill(0xa5);
    std::fs::write(&path, &bytes).unwrap();

    let said = refusal(&installation);
    assert!(said.contains("the database is damaged; restore it from a copy"), "{said}");
    assert!(std::fs::read(&path).unwrap() == bytes, "the file was changed");
}

#[test]
fn a_damaged_key_file_stops_the_launch_and_is_never_replaced() {
    for content in ["", "short", "\u{0}\u{1}\u{2}"] {
        let installation = Installation::new().with_file("data/portcullis.key", content);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let path = installation.path("data/portcullis.key");
            std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
        }
        let said = refusal(&installation);
        assert!(said.contains("key file data/portcullis.key: "), "{said}");
        assert_eq!(installation.read("data/portcullis.key"), content);
    }
}

#[test]
fn a_data_folder_that_cannot_be_made_stops_the_launch() {
    let installation = Installation::new().with_file("data", "a file where the folder should be");
    let said = refusal(&installation);
    assert!(said.contains("portcullis.") && said.contains("data"), "{said}");
    assert_eq!(installation.read("data"), "a file where the folder should be");
}

#[cfg(target_os = "linux")]
#[test]
fn a_data_folder_that_cannot_be_written_stops_the_launch() {
    // Nobody may write here, not even root, whom modes do not stop.
    let installation =
        Installation::release().with("PORTCULLIS_APP__STORE", "sqlite:/proc/self/portcullis.db");
    let said = refusal(&installation);
    assert!(said.contains("/proc/self/portcullis.db: there is no store here"), "{said}");
}
