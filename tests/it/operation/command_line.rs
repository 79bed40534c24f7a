//! `portcullis user …` and `portcullis session …`, beside a server that runs on the same file.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis::app::World;
use portcullis::auth::{OsRandom, SystemClock};
use portcullis::settings;
use rocket::figment::Profile;
use rocket::http::{Accept, ContentType, Cookie, Status};
use rocket::local::asynchronous::Client;

/// A folder with a database that a server in this process and the real program share.
pub(super) struct House {
    pub(super) folder: tempfile::TempDir,
}

impl House {
    pub(super) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(super) fn store(&self) -> String {
        format!("sqlite:{}", self.folder.path().join("a.db").display())
    }

    pub(super) fn run(&self, arguments: &[&str], typed: &str) -> (Option<i32>, String, String) {
        said(&run_in(self.folder.path(), &self.store(), arguments, typed))
    }

    /// What a run that succeeds says.
    pub(super) fn done(&self, arguments: &[&str], typed: &str) -> String {
        let (code, stdout, stderr) = self.run(arguments, typed);
        let events_only = stderr.lines().all(|line| line.starts_with(r#"{"datetime""#));
        assert!(code == Some(0) && events_only, "{arguments:?}: {code:?} {stderr}");
        stdout
    }

    /// The one line that a run that fails complains with.
    pub(super) fn refused(&self, arguments: &[&str], typed: &str) -> String {
        Self::complained(arguments, self.run(arguments, typed))
    }

    /// The same with another store.
    pub(super) fn refused_on(&self, store: &str, arguments: &[&str]) -> String {
        Self::complained(arguments, said(&run_in(self.folder.path(), store, arguments, "")))
    }

    fn complained(arguments: &[&str], (code, stdout, stderr): (Option<i32>, String, String)) -> String {
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{arguments:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        stderr.trim_end().to_owned()
    }

    pub(super) async fn server(&self) -> Client {
        let figment = settings::defaults()
            .merge(("auth.secret_key", "a secret that only these tests know: 0123456789"))
            .merge(("app.store", self.store()))
            .merge(("app.demo_users", false))
            .select(Profile::new("debug"));
        let world = World { clock: Arc::new(SystemClock::new()), random: Arc::new(OsRandom), stores: None };
        Client::untracked(portcullis::app::rocket(&figment, world).unwrap()).await.unwrap()
    }
}

fn run_in(folder: &Path, store: &str, arguments: &[&str], typed: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PORTCULLIS_APP__STORE", store)
        .env("ROCKET_PROFILE", "debug")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that complains at once does not wait for its input.
    let _ = child.stdin.take().unwrap().write_all(typed.as_bytes());
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Signs in and returns the access token, if the answer has one.
pub(super) async fn sign_in(client: &Client, name: &str, password: &str) -> Result<String, u16> {
    let body = serde_json::json!({ "username": name, "password": password }).to_string();
    let answer = client.post("/login").header(ContentType::JSON).header(Accept::JSON).body(body);
    let answer = answer.dispatch().await;
    let mut lines = answer.headers().get("Set-Cookie");
    let token = lines.find_map(|line| line.strip_prefix("access_token_cookie=")?.split(';').next());
    token.map(str::to_owned).filter(|_| answer.status() == Status::Ok).ok_or(answer.status().code)
}

pub(super) async fn is_in(client: &Client, token: &str) -> bool {
    let cookie = Cookie::new("access_token_cookie", token.to_owned());
    client.get("/protected").cookie(cookie).dispatch().await.status() == Status::Ok
}

/// Whether the token is refused within a second.
#[expect(clippy::disallowed_methods, reason = "a promise in real time is tested")]
async fn is_out_within_a_second(client: &Client, token: &str) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(1) {
        if !is_in(client, token).await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

pub(super) const FIRST: &str = "a heron on the weir";
const SECOND: &str = "an otter under the bridge";

#[test]
fn accounts_are_made_listed_and_changed() {
    let house = House::new();
    assert_eq!(house.done(&["user", "add", "Grace", "--role", "admin"], FIRST), "Made the account grace.\n");
    house.done(&["user", "add", "al"], FIRST);
    assert_eq!(house.refused(&["user", "add", "grace"], SECOND), "There is an account grace already.");
    assert_eq!(
        house.done(&["user", "roles", "al", "user", "clerk"], ""),
        "al now has user, clerk; 0 sessions ended.\n"
    );
    assert_eq!(house.done(&["user", "disable", "grace"], ""), "Disabled grace; 0 sessions ended.\n");
    let list = house.done(&["user", "list"], "");
    let lines: Vec<_> = list.lines().collect();
    assert_eq!(lines.len(), 3, "{list}");
    assert_eq!(lines[0], "NAME   STATE     MADE                  ROLES");
    assert!(lines[1].starts_with("al     enabled   20") && lines[1].ends_with("Z  user, clerk"), "{list}");
    assert!(lines[2].starts_with("grace  disabled  20") && lines[2].ends_with("Z  admin"), "{list}");
    assert_eq!(house.done(&["user", "enable", "grace"], ""), "Enabled grace.\n");
    assert_eq!(
        house.done(&["user", "roles", "grace", "--none"], ""),
        "grace now has no roles; 0 sessions ended.\n"
    );
}

#[test]
fn what_an_operator_does_to_an_account_is_told() {
    let house = House::new();
    for (arguments, typed, told) in [
        (&["user", "add", "grace"][..], FIRST, "account_created"),
        (&["user", "disable", "grace"], "", "account_disabled"),
        (&["user", "enable", "grace"], "", "account_enabled"),
        (&["user", "roles", "grace", "admin"], "", "roles_changed"),
        (&["user", "password", "grace"], SECOND, "password_set"),
        (&["user", "code", "grace"], "", "code_issued"),
    ] {
        let (code, _, stderr) = house.run(arguments, typed);
        let lines = stderr.lines().map(|line| serde_json::from_str(line).unwrap());
        let events: Vec<serde_json::Value> = lines.collect();
        let told_of: Vec<_> = events.iter().map(|event| (&event["what"], &event["user"])).collect();
        assert_eq!(code, Some(0), "{arguments:?}");
        assert_eq!(told_of, [(&told.into(), &"grace".into())], "{arguments:?}");
    }
}

#[test]
fn nobody_gets_a_password_that_the_policy_refuses() {
    let house = House::new();
    let add = |typed: &str| house.refused(&["user", "add", "grace"], typed);
    assert_eq!(add("fourteen chars"), "the password must have at least 15 characters");
    assert_eq!(add(""), "the password must have at least 15 characters");
    assert_eq!(add(&"é".repeat(129)), "the password must have at most 256 bytes");
    assert_eq!(add("passwordpassword"), "the password is one of the most common ones");
    assert_eq!(add("this is Grace speaking"), "the password must not contain the user name");
    assert_eq!(add("open the portcullis"), "the password must not contain the name of the service");
    house.done(&["user", "add", "grace"], &format!("{FIRST}\r\nand a line that does not count"));
    assert_eq!(
        house.refused(&["user", "password", "grace"], "too short"),
        "the password must have at least 15 characters"
    );
}

#[test]
fn what_is_not_there_is_said_in_one_line_and_with_exit_code_1() {
    let house = House::new();
    assert!(house.refused(&["user", "list"], "").ends_with("makes one with its first account"), "no store");
    house.done(&["user", "add", "linus"], FIRST);
    for arguments in [
        &["user", "password", "grace"][..],
        &["user", "roles", "grace", "admin"],
        &["user", "code", "grace"],
        &["user", "disable", "grace"],
        &["user", "enable", "grace"],
        &["session", "list", "--user", "grace"],
        &["session", "end-all", "--user", "grace"],
    ] {
        assert_eq!(house.refused(arguments, FIRST), "There is no account grace.");
    }
    let id = "00112233445566778899aabbccddeeff";
    assert_eq!(house.refused(&["session", "end", id], ""), format!("There is no session {id}."));
    assert_eq!(house.refused(&["session", "end", "x"], ""), "A session's id has 32 digits 0-9 a-f.");
    assert!(house.refused(&["user", "add", "two words"], FIRST).starts_with("a user name has"));
    assert!(house.refused(&["user", "roles", "grace", "a b"], "").starts_with("A role has"));
    let many: Vec<String> = (0..17).map(|number| format!("{number:064}")).collect();
    let mut all = vec!["user", "roles", "grace"];
    all.extend(many.iter().map(String::as_str));
    assert!(house.refused(&all, "").starts_with("All roles together"));
    let in_memory = said(&run_in(house.folder.path(), "sqlite::memory:", &["user", "list"], ""));
    assert!(in_memory.0 == Some(1) && in_memory.2.contains("name a file"), "{in_memory:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_from_the_command_line_is_exchanged_at_the_server() {
    let house = House::new();
    let client = house.server().await;
    house.done(&["user", "add", "grace"], FIRST);
    let told = house.done(&["user", "code", "grace"], "");
    let code = told.lines().next().unwrap();
    let body = serde_json::json!({ "username": "grace", "code": code, "new_password": SECOND }).to_string();
    let ask = client.post("/account/code").header(ContentType::JSON).header(Accept::JSON).body(body);
    assert_eq!(ask.dispatch().await.status(), Status::Ok);
    assert_eq!(sign_in(&client, "grace", FIRST).await, Err(401));
    assert!(sign_in(&client, "grace", SECOND).await.is_ok());
    house.done(&["user", "disable", "grace"], "");
    assert_eq!(house.refused(&["user", "code", "grace"], ""), "The account grace is disabled.");
}

#[test]
fn a_password_is_no_argument_and_roles_are_not_taken_away_by_accident() {
    let house = House::new();
    for arguments in [
        &["user", "add", "grace", "--password", FIRST][..],
        &["user", "add", "grace", FIRST],
        &["user", "password", "grace", FIRST],
        &["user", "roles", "grace"],
        &["user", "frobnicate"],
        &["session"],
    ] {
        assert_eq!(house.run(arguments, "").0, Some(2), "{arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_honours_what_was_done_within_a_second() {
    let house = House::new();
    let client = house.server().await;
    house.done(&["user", "add", "grace"], FIRST);
    house.done(&["user", "add", "linus"], FIRST);
    let linus = sign_in(&client, "linus", FIRST).await.unwrap();

    let token = sign_in(&client, "grace", FIRST).await.unwrap();
    assert_eq!(
        house.done(&["user", "password", "grace"], SECOND),
        "Set the password of grace; 1 session ended.\n"
    );
    assert!(is_out_within_a_second(&client, &token).await, "a new password");
    assert_eq!(sign_in(&client, "grace", FIRST).await, Err(401));

    let token = sign_in(&client, "grace", SECOND).await.unwrap();
    house.done(&["user", "roles", "grace", "admin"], "");
    assert!(is_out_within_a_second(&client, &token).await, "new roles");

    let token = sign_in(&client, "grace", SECOND).await.unwrap();
    house.done(&["user", "disable", "grace"], "");
    assert!(is_out_within_a_second(&client, &token).await, "disabled");
    assert_eq!(sign_in(&client, "grace", SECOND).await, Err(401));
    house.done(&["user", "enable", "grace"], "");

    let token = sign_in(&client, "grace", SECOND).await.unwrap();
    let list = house.done(&["session", "list", "--user", "grace"], "");
    let mut lines = list.lines();
    assert!(lines.next().unwrap().starts_with("ID                                USER   BEGAN"), "{list}");
    let id = lines.next().unwrap().split(' ').next().unwrap();
    assert_eq!((id.len(), lines.next()), (32, None), "{list}");
    assert_eq!(house.done(&["session", "end", id], ""), format!("Ended the session {id}.\n"));
    assert!(is_out_within_a_second(&client, &token).await, "one session");
    assert_eq!(house.refused(&["session", "end", id], ""), format!("The session {id} had ended before."));

    let token = sign_in(&client, "grace", SECOND).await.unwrap();
    assert_eq!(house.done(&["session", "list"], "").lines().count(), 3);
    assert_eq!(house.done(&["session", "end-all", "--user", "grace"], ""), "1 session ended.\n");
    assert!(is_out_within_a_second(&client, &token).await, "all of one person");
    assert!(is_in(&client, &linus).await, "nobody else was concerned");

    assert_eq!(house.done(&["session", "end-all"], ""), "1 session ended.\n");
    assert!(is_out_within_a_second(&client, &linus).await, "everybody");
    assert!(sign_in(&client, "linus", FIRST).await.is_ok(), "and may come back");
}
