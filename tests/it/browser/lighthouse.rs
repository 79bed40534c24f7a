//! Lighthouse gives every page 100, as a phone sees it.
//!
//! `scripts/test` runs this by itself, after everything else: performance is measured, and a busy machine lowers it.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis::auth::{Clock, SystemClock};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::binary::client::{Ask, Client};
use crate::binary::server::{Installation, Server};
use crate::browser::axe::installed;
use crate::browser::stage::{Shown, Stage};
use crate::factors::second_factor::Phone;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    at: String,
    scores: BTreeMap<String, u8>,
    failing: Vec<String>,
    #[serde(default)]
    runtime_error: Value,
}

impl Report {
    fn is_perfect(&self) -> bool {
        self.runtime_error.is_null()
            && self.scores.len() == 3
            && self.scores.values().all(|score| *score == 100)
    }
}

/// Asks Lighthouse about one page, five times at most, until its report is `enough`.
///
/// A slow neighbour can only lower a score, so another look may be better; and a browser that went away before it had
/// looked has said nothing about the page.
fn judge(
    installation: &Installation,
    url: &str,
    cookies: &str,
    skipped: &str,
    enough: fn(&Report) -> bool,
) -> Report {
    let mut last = Err("not asked".to_owned());
    for _ in 0..5 {
        last = ask(installation, url, cookies, skipped).or_else(|complaint| last.map_err(|_| complaint));
        if last.as_ref().is_ok_and(enough) {
            break;
        }
    }
    last.map_err(|complaint| format!("{url}: {complaint}")).unwrap()
}

/// Asks Lighthouse once: its report, or why there is none.
fn ask(installation: &Installation, url: &str, cookies: &str, skipped: &str) -> Result<Report, String> {
    let mut node = installation.command("node");
    let output = node
        .args(["lighthouse.mjs", url, cookies, skipped])
        .env("HOME", installation.path("tmp"))
        .env("CHROME_PATH", chromium())
        .output()
        .unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(serde_json::from_slice(&output.stdout).unwrap())
}

/// The browser of all the other tests; Lighthouse would look for another first.
fn chromium() -> std::path::PathBuf {
    let folders = std::env::var_os("PATH").unwrap();
    let found =
        std::env::split_paths(&folders).map(|folder| folder.join("chromium")).find(|file| file.exists());
    found.expect("chromium is not there; run scripts/test")
}

/// The cookies of somebody who has signed in.
fn signed_in(server: &Server, name: &str, password: &str) -> String {
    let mut client = server.client();
    assert_eq!(client.sign_in(name, password).status, 200);
    assert_eq!(client.send(Ask::get("/dashboard")).status, 200);
    let cookie = |name| format!("{name}={}", client.jar.get(name).unwrap());
    ["access_token_cookie", "refresh_token_cookie"].map(cookie).join("; ")
}

/// The cookie of somebody who has given the password, and lacks a second step.
fn halfway(server: &Server, name: &str, password: &str) -> String {
    let mut client = server.client();
    assert_eq!(client.sign_in(name, password).status, 200);
    assert!(client.jar.get("access_token_cookie").is_none());
    format!("{PENDING}={}", client.jar.get(PENDING).unwrap())
}

/// What the program answers to somebody who is signed in and posts this.
fn posted(client: &mut Client, path: &str, body: &Value) -> Value {
    let proof = client.jar.get("csrf_access_token").unwrap().to_owned();
    let answer = client.send(Ask::json(path, &body.to_string()).header("X-CSRF-TOKEN", proof));
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

/// Gives this person an app; returns where the picture for a second one is shown.
fn enrolled(server: &Server, name: &str, password: &str) -> (String, String) {
    let mut client = server.client();
    assert_eq!(client.sign_in(name, password).status, 200);
    let drawn = posted(&mut client, "/account/factors/totp", &json!({}));
    let phone = Phone::typed(drawn["secret"].as_str().unwrap());
    let now = SystemClock::new().now();
    let before = phone.shows_at(now - Duration::from_secs(30));
    let confirm = json!({ "id": drawn["id"], "code": before });
    posted(&mut client, "/account/factors/totp/confirm", &confirm);
    posted(&mut client, "/reauthenticate", &json!({ "method": "totp", "code": phone.shows_at(now) }));
    let second = posted(&mut client, "/account/factors/totp", &json!({}));
    let cookie = format!("access_token_cookie={}", client.jar.get("access_token_cookie").unwrap());
    (format!("/account/factors/totp/{}", second["id"].as_str().unwrap()), cookie)
}

#[test]
#[ignore = "needs chromium and Node packages, and a machine that does nothing else"]
fn lighthouse_gives_every_page_full_marks() {
    let installation = Installation::new()
        .with_file("lighthouse.mjs", include_str!("lighthouse.mjs"))
        .with("PORTCULLIS_APP__REGISTRATION", "open")
        .with("PORTCULLIS_APP__STRONG_ROLES", "[\"keeper\"]");
    std::os::unix::fs::symlink(installed(), installation.path("node_modules")).unwrap();
    let server = installation.start();
    let cookies = signed_in(&server, "testuser", "testpass");
    let administrators = signed_in(&server, "admin", "adminpass");
    assert!(installation.run(&["user", "add", "grace"], PHRASE).status.success());
    assert!(installation.run(&["user", "add", "joan", "--role", "keeper"], PHRASE).status.success());
    let (picture, graces) = enrolled(&server, "grace", "four unrelated words");
    let second = halfway(&server, "grace", "four unrelated words");
    let first = halfway(&server, "joan", "four unrelated words");
    let pages = [
        ("/login/factor", second.as_str(), ""),
        ("/login/enrol", first.as_str(), ""),
        (picture.as_str(), graces.as_str(), ""),
        ("/login", "", ""),
        ("/dashboard", cookies.as_str(), ""),
        ("/sessions", &cookies, ""),
        ("/account/password", &cookies, ""),
        ("/account/factors", &cookies, ""),
        ("/account", &cookies, ""),
        ("/register", "", ""),
        ("/reauthenticate", &cookies, ""),
        ("/account/code", "", ""),
        ("/people", &administrators, ""),
        ("/people/testuser", &administrators, ""),
        // The browser mentions the answer's own status, 404, in its console, and there is nothing to mend.
        ("/nowhere", &cookies, "errors-in-console"),
    ];
    let mut disappointing = Vec::new();
    for (path, cookies, skipped) in pages {
        let url = format!("{}{path}", server.site());
        let report = judge(&installation, &url, cookies, skipped, Report::is_perfect);
        assert_eq!(report.at, url, "Lighthouse looked at another page");
        if !report.is_perfect() {
            let Report { scores, failing, runtime_error, .. } = report;
            disappointing.push(format!("{path}: {scores:?} {runtime_error}\n  {}", failing.join("\n  ")));
        }
    }
    assert!(disappointing.is_empty(), "{}", disappointing.join("\n"));

    // It would see a page that is nothing to be proud of.
    let stage =
        Stage::open(|_| Some(Shown("text/html", "<p style='color: #ccc'>hardly to be read".to_owned())));
    let poor = judge(&installation, &format!("{}/", stage.another_port()), "", "", |_| true);
    assert!(poor.scores["accessibility"] < 100 && poor.scores["best-practices"] < 100, "{poor:?}");
}

const PENDING: &str = "portcullis_pending";
const PHRASE: &[u8] = b"four unrelated words\n";
