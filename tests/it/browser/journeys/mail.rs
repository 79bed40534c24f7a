//! From nobody to an account and back, by what comes in the mail: each step as somebody with a browser meets it, with scripts
//! and without, after a machine has looked at every link.

#![expect(
    clippy::disallowed_methods,
    reason = "a message of another process is waited for by the machine's clock"
)]

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::binary::server::{Installation, Server};
use crate::browser::chromium::{Browser, Scripts};
use crate::browser::journeys::flows::{BOTH, REFUSED, assert_error_at};
use crate::mail::arrived;

const FIRST: &str = "four unrelated words here";
const SECOND: &str = "another four unrelated words";

/// The program, whose messages are laid into a folder, and where it is.
fn site() -> (Installation, Server, String) {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let site = format!("http://127.0.0.1:{port}");
    let installation = Installation::new()
        .with("ROCKET_PORT", &port.to_string())
        .with("PORTCULLIS_APP__BASE_URL", &site)
        .with("PORTCULLIS_APP__MAIL", "file:mail")
        .with("PORTCULLIS_APP__MAIL_FROM", "login@portcullis.example")
        .with("PORTCULLIS_APP__REGISTRATION", "open");
    let server = installation.start();
    (installation, server, site)
}

/// The path of the link in the only message of this subject; the message is taken out.
async fn link(folder: &Path, subject: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let found = arrived(folder).into_iter().find(|message| message.subject() == subject);
        if let Some(message) = found {
            let id = message.header("Message-ID").trim_start_matches('<').split('@').next().unwrap();
            std::fs::remove_file(folder.join(format!("{id}.eml"))).unwrap();
            let line = message.body.lines().find(|line| line.contains("/link/")).unwrap();
            return format!("/link/{}", line.split("/link/").nth(1).unwrap());
        }
        assert!(Instant::now() < deadline, "no message comes about {subject:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What machines do that look at mail: they open the link, some of them in a browser with scripts, more than once.
async fn scanned(server: &Server, machine: &Browser, path: &str) {
    let mut client = server.client();
    for _ in 0..3 {
        let seen = client.send(crate::binary::client::Ask::get(path).header("Accept", "text/html"));
        assert_eq!(seen.status, 200, "{}", seen.body);
    }
    machine.visit(path).await;
    // Whatever the page would do by itself, it has done by now.
    tokio::time::sleep(Duration::from_millis(500)).await;
    machine.assert_at(path).await;
    assert!(machine.has("main form button.wide").await);
}

async fn choose(browser: &Browser, password: &str) {
    browser.fill("#new_password", password).await;
    browser.fill("#new_password_again", password).await;
}

async fn sign_out(browser: &Browser) {
    browser.visit("/sessions").await;
    browser.leave_by("form.sign-out button").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn somebody_registers_forgets_recovers_moves_and_leaves_without_anybodys_help() {
    for scripts in BOTH {
        let (installation, server, site) = site();
        let folder = installation.path("mail");
        let machine = Browser::open_in("en", &site, Scripts::On).await;
        let browser = Browser::open_in("en", &site, scripts).await;

        browser.visit("/login").await;
        browser.leave_by("a[href='/register']").await;
        browser.fill("#username", "testuser").await;
        browser.fill("#email", "ada@example.org").await;
        choose(&browser, FIRST).await;
        browser.leave_by("main form button.wide").await;
        browser.assert_at("/login?notice=join_sent").await;
        browser.picture("registered").await;
        let path = link(&folder, "Your account at Portcullis").await;
        scanned(&server, &machine, &path).await;
        // Somebody has the name, which is told to whoever reads the address.
        browser.visit(&path).await;
        browser.fill("#username", "admin").await;
        browser.leave_by("main form button.wide").await;
        assert_error_at(&browser, "username", "There is an account of this name already").await;
        browser.fill("#username", "ada").await;
        browser.leave_by("main form button.wide").await;
        assert!(browser.text().await.contains("Your account is made"), "{}", browser.text().await);
        browser.visit("/login").await;
        browser.sign_in("ada@example.org", FIRST).await;
        browser.assert_at("/dashboard").await;

        // Called as they like, in German, and all of it on one page.
        browser.visit("/account").await;
        browser.fill("#display_name", "Ada Lovelace").await;
        browser.click("input[name=language][value=de]").await;
        browser.leave_by("main form button").await;
        browser.assert_at("/account?notice=profile_saved").await;
        let text = browser.text().await;
        assert!(text.contains("Gespeichert") && text.contains("ada@example.org"), "{text}");
        browser.picture("account-german").await;
        browser.click("input[name=language][value=en]").await;
        browser.leave_by("main form button").await;
        browser.leave_by("a[href='/account/activity']").await;
        assert!(browser.text().await.contains("Account made by a link"));

        // Forgotten.
        sign_out(&browser).await;
        browser.visit("/login").await;
        browser.leave_by("a[href='/account/forgotten']").await;
        browser.fill("#account", "ADA@example.org").await;
        browser.leave_by("main form button.wide").await;
        browser.assert_at("/login?notice=reset_sent").await;
        let path = link(&folder, "Choose a new password").await;
        scanned(&server, &machine, &path).await;
        browser.visit(&path).await;
        choose(&browser, SECOND).await;
        browser.leave_by("main form button.wide").await;
        browser.assert_at("/login?notice=password_chosen").await;
        browser.sign_in("ada", SECOND).await;
        browser.assert_at("/dashboard").await;

        // Another address, and back again.
        browser.visit("/account/email").await;
        browser.fill("#email", "countess@example.org").await;
        browser.leave_by("main form button.wide").await;
        browser.assert_at("/account/email?notice=link_sent").await;
        let path = link(&folder, "Is this your address?").await;
        scanned(&server, &machine, &path).await;
        browser.visit(&path).await;
        browser.leave_by("main form button.wide").await;
        assert!(browser.text().await.contains("go to this address from now on"));
        browser.visit("/account").await;
        assert!(browser.text().await.contains("countess@example.org"));
        let path = link(&folder, "Your account has another address").await;
        scanned(&server, &machine, &path).await;

        // Leaving, coming back, and leaving for good.
        browser.visit("/account").await;
        browser.leave_by("a[href='/account/delete']").await;
        browser.leave_by("main form button.wide").await;
        browser.assert_at("/login?notice=account_deleted").await;
        browser.picture("left").await;
        browser.sign_in("ada", SECOND).await;
        assert!(browser.text().await.contains("Wrong username or password"));
        let path = link(&folder, "Your account is going to be deleted").await;
        scanned(&server, &machine, &path).await;
        browser.visit(&path).await;
        browser.leave_by("main form button.wide").await;
        assert!(browser.text().await.contains("The account stays"));
        browser.visit("/login").await;
        browser.sign_in("ada", SECOND).await;
        browser.assert_at("/dashboard").await;
        browser.visit("/account/delete").await;
        browser.leave_by("main form button.wide").await;
        browser.assert_at("/login?notice=account_deleted").await;
        browser.close(&REFUSED).await;
        machine.close(&REFUSED).await;
    }
}
