//! What only a database file can do: outlive the program, be shared, be missing, be somebody else's.

use std::path::Path;
use std::time::Duration;

use portcullis::auth::{Cursor, Leniency, Verdict, Which};
use portcullis::store::{StoreUrl, Stores, open};
use portcullis::users::{Account, Effective, NewHash, Warrant};

use crate::contract::{after, create, ending, session};

fn at(path: &Path) -> Stores {
    open(&StoreUrl::SqliteFile(path.to_owned()))
}

/// What the operator reads: the error and all that is behind it.
async fn refusal(path: &Path) -> String {
    let error = at(path).sessions.ready().await.unwrap_err();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

#[tokio::test]
async fn a_second_store_on_the_same_file_sees_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let leniency = Leniency { grace: Duration::from_secs(30), lost_response: Duration::from_secs(60) };
    let (server, command_line) = (at(&path), at(&path));

    create(&server, &session(1, "alice")).await;
    create(&server, &session(2, "alice")).await;
    let id = session(1, "alice").id;
    server.sessions.present(id, 1, after(1), leniency, after(300)).await.unwrap();
    assert_eq!(command_line.sessions.find(id).await.unwrap().unwrap().state.generation, 2);

    command_line.sessions.end(&ending(Which::One(id))).await.unwrap();
    command_line.sessions.raise_not_before(after(5)).await.unwrap();
    let seen = server.sessions.revocations(&Cursor::default(), after(1)).await.unwrap();
    assert_eq!((seen.entries.len(), seen.not_before), (1, after(5)));

    drop((server, command_line));
    let restarted = at(&path);
    let (kept, verdict) =
        restarted.sessions.present(id, 2, after(2), leniency, after(300)).await.unwrap().unwrap();
    assert_eq!((kept.state.generation, verdict), (2, Verdict::AlreadyEnded));
    assert_eq!(restarted.sessions.live("alice", after(2)).await.unwrap(), [session(2, "alice")]);
    assert_eq!(restarted.sessions.revocations(&Cursor::default(), after(1)).await.unwrap(), seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_programs_that_write_at_the_same_time_wait_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let leniency = Leniency { grace: Duration::from_secs(30), lost_response: Duration::from_secs(60) };
    let (server, command_line) = (at(&path), at(&path));
    let id = session(1, "alice").id;
    create(&server, &session(1, "alice")).await;
    let mut rotated = 0;
    for generation in 1..=100 {
        let present = |store: &Stores| {
            let sessions = store.sessions.clone();
            tokio::spawn(
                async move { sessions.present(id, generation, after(1), leniency, after(300)).await },
            )
        };
        for answer in [present(&server), present(&command_line)] {
            match answer.await.unwrap().unwrap().unwrap().1 {
                Verdict::Rotated => rotated += 1,
                other => assert_eq!(other, Verdict::Replayed),
            }
        }
    }
    assert_eq!(rotated, 100);
}

#[tokio::test]
async fn what_was_answered_survives_a_program_that_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let running = at(&path);
    create(&running, &session(1, "alice")).await;
    running.sessions.end(&ending(Which::Everybody)).await.unwrap();

    // A copy of the files, taken while they are in use, is what a killed program leaves behind.
    let copy = folder.path().join("copy.db");
    std::fs::copy(&path, &copy).unwrap();
    std::fs::copy(folder.path().join("a.db-wal"), folder.path().join("copy.db-wal")).unwrap();
    let found = at(&copy).sessions.find(session(1, "alice").id).await.unwrap().unwrap();
    assert!(found.state.ended.is_some());
}

#[tokio::test]
async fn a_password_change_that_fails_half_way_leaves_neither_the_hash_nor_the_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let stores = at(&path);
    let alice = Account {
        name: "alice".parse().unwrap(),
        password_hash: "$old".to_owned(),
        roles: vec![],
        disabled: false,
        created_at: after(0),
        epoch: 0,
    };
    stores.accounts.insert(&alice).await.unwrap();
    create(&stores, &session(1, "alice")).await;

    // The hash is written by then, and so is the log; the last statement of the transaction fails.
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let trigger =
        "CREATE TRIGGER fail BEFORE UPDATE OF ended_at ON sessions BEGIN SELECT raise(ABORT, 'no'); END";
    sqlx::query(trigger).execute(&pool).await.unwrap();
    let moment = Effective { at: after(1), remember_until: after(301) };
    let hash = NewHash { old: Some("$old"), new: "$new", keep: None };
    assert!(stores.accounts.change_password(&alice.name, hash, moment).await.is_err());
    assert!(stores.accounts.set_disabled(&alice.name, true, moment, Warrant::OPERATOR).await.is_err());
    assert!(
        stores
            .accounts
            .set_roles(&alice.name, &["admin".to_owned()], moment, Warrant::OPERATOR)
            .await
            .is_err()
    );
    assert_eq!(stores.accounts.find(&alice.name).await.unwrap(), Some(alice.clone()));
    assert_eq!(stores.sessions.live("alice", after(2)).await.unwrap(), [session(1, "alice")]);
    let log = stores.sessions.revocations(&Cursor::default(), after(2)).await.unwrap();
    assert!(log.entries.is_empty());

    sqlx::query("DROP TRIGGER fail").execute(&pool).await.unwrap();
    pool.close().await;
    let ended = stores.accounts.change_password(&alice.name, hash, moment).await.unwrap();
    assert_eq!(ended, Some(vec![[1; 16]]));
    // A copy of the files, taken while they are in use, is what a killed program leaves behind.
    let copy = folder.path().join("copy.db");
    std::fs::copy(&path, &copy).unwrap();
    std::fs::copy(folder.path().join("a.db-wal"), folder.path().join("copy.db-wal")).unwrap();
    let copy = at(&copy);
    assert_eq!(copy.accounts.find(&alice.name).await.unwrap().unwrap().password_hash, "$new");
    assert!(copy.sessions.live("alice", after(2)).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_that_start_together_do_not_disturb_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new").join("a.db");
    let starts = (0..8).map(|_| {
        let store = at(&path);
        tokio::spawn(async move { store.sessions.ready().await })
    });
    for start in starts.collect::<Vec<_>>() {
        start.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn processes_that_start_together_do_not_disturb_each_other() {
    if let Some(path) = std::env::var_os(STARTED_WITH) {
        // This is one of the processes that the other half of this test starts.
        let store = at(Path::new(&path));
        store.sessions.raise_not_before(after(5)).await.unwrap();
        return;
    }
    for round in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join("a.db");
        let start = || {
            std::process::Command::new(std::env::current_exe().unwrap())
                .args([
                    "--exact",
                    "operation::sqlite_file::processes_that_start_together_do_not_disturb_each_other",
                ])
                .env(STARTED_WITH, &path)
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap()
        };
        let processes = std::array::from_fn::<_, 6, _>(|_| start());
        for mut process in processes {
            assert!(process.wait().unwrap().success(), "round {round}");
        }
        let seen = at(&path).sessions.revocations(&Cursor::default(), after(0)).await.unwrap();
        assert_eq!(seen.not_before, after(5));
    }
}

const STARTED_WITH: &str = "PORTCULLIS_TEST_DATABASE";

#[test]
fn a_store_serves_another_runtime_than_the_one_that_first_used_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = at(&folder.path().join("a.db"));
    for number in 1..=3 {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(create(&store, &session(number, "alice")));
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    assert_eq!(runtime.block_on(store.sessions.live("alice", after(1))).unwrap().len(), 3);
}

#[cfg(unix)]
#[tokio::test]
async fn folder_and_file_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data").join("deep").join("a.db");
    let store = at(&path);
    create(&store, &session(1, "alice")).await;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&path.with_file_name("a.db-wal")), 0o600);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    let notes = "these are my notes\n".repeat(500);
    std::fs::write(&path, &notes).unwrap();
    let text = refusal(&path).await;
    assert!(text.contains("notes.txt") && text.contains("not a SQLite database"), "{text}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), notes);
}

#[tokio::test]
async fn another_programs_database_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("browser.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let theirs = sqlx::SqlitePool::connect_with(options).await.unwrap();
    sqlx::query("CREATE TABLE bookmarks (url TEXT)").execute(&theirs).await.unwrap();
    theirs.close().await;
    let before = std::fs::read(&path).unwrap();
    let text = refusal(&path).await;
    assert!(text.contains("another program's"), "{text}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    at(&path).sessions.ready().await.unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let newer = sqlx::SqlitePool::connect_with(options).await.unwrap();
    sqlx::query("INSERT INTO _sqlx_migrations VALUES (9999, 'later', 0, TRUE, x'00', 0)")
        .execute(&newer)
        .await
        .unwrap();
    newer.close().await;
    let text = refusal(&path).await;
    assert!(text.contains("newer version"), "{text}");
}

#[tokio::test]
async fn a_damaged_database_is_reported_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("a.db");
    {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&whole);
        let store = at(&whole);
        create(&store, &session(1, "alice")).await;
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&pool).await.unwrap();
        pool.close().await;
    }
    let bytes = std::fs::read(&whole).unwrap();
    let mut scribbled = bytes.clone();
    scribbled[4096..].fill(0x5a);
    let mut last_page = bytes.clone();
    let last = last_page.len() - 4096;
    last_page[last..].fill(0x5a);
    let cut = &bytes[..bytes.len() / 2];
    for (name, damaged) in [("cut.db", cut), ("scribbled.db", &scribbled), ("last_page.db", &last_page)] {
        let path = folder.path().join(name);
        std::fs::write(&path, damaged).unwrap();
        let text = refusal(&path).await;
        assert!(text.contains("damaged"), "{name}: {text}");
        assert_eq!(std::fs::read(&path).unwrap(), damaged, "{name}");
    }
}

#[tokio::test]
async fn a_missing_database_whose_log_is_left_is_not_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    std::fs::write(folder.path().join("a.db-wal"), "the last commits").unwrap();
    let text = refusal(&path).await;
    assert!(text.contains("a.db-wal") && !path.exists(), "{text}");
    assert_eq!(std::fs::read(folder.path().join("a.db-wal")).unwrap(), b"the last commits");
}

#[tokio::test]
async fn a_folder_in_the_place_of_the_file_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let text = refusal(folder.path()).await;
    assert!(text.contains("not a file"), "{text}");
    let below_a_file = folder.path().join("file");
    std::fs::write(&below_a_file, "").unwrap();
    let text = refusal(&below_a_file.join("a.db")).await;
    assert!(text.contains("a.db"), "{text}");
}

#[tokio::test]
async fn a_store_that_could_not_be_opened_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    std::fs::create_dir(&path).unwrap();
    let store = at(&path);
    assert!(store.sessions.ready().await.is_err());
    assert!(store.sessions.find(session(1, "alice").id).await.is_err());
    std::fs::remove_dir(&path).unwrap();
    store.sessions.ready().await.unwrap();
}
