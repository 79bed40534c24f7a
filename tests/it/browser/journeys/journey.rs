//! One person's way through the pages, twice: with scripts and without.

use crate::binary::server::Installation;
use crate::browser::chromium::{Browser, Scripts};

/// A page that answers 401 is one that the browser mentions in its console.
const REFUSED: &str = "401 (Unauthorized)";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn a_person_signs_in_looks_around_and_signs_out() {
    journey(Scripts::On).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn a_person_without_javascript_signs_in_looks_around_and_signs_out() {
    journey(Scripts::Off).await;
}

async fn journey(scripts: Scripts) {
    let installation = Installation::new();
    let server = installation.start();
    let browser = Browser::open(&server, scripts).await;

    browser.visit("/").await;
    browser.assert_at("/login").await;
    let has_scripts = scripts == Scripts::On;
    assert_eq!(browser.shows("#password-reveal").await, has_scripts, "the button that only scripts can use");
    browser.picture("login").await;

    browser.sign_in("testuser", "not my password").await;
    browser.assert_at("/login").await;
    let message = browser.element("#error").await.text().await.unwrap();
    assert_eq!(browser.value("#username").await, "testuser", "the name is kept");
    assert_eq!(browser.value("#password").await, "", "the password is not");
    browser.picture("login-refused").await;
    browser.sign_in("nobody", "not my password").await;
    browser.assert_at("/login").await;
    let other = browser.element("#error").await.text().await.unwrap();
    assert_eq!(message, other, "the message does not tell which of the two was wrong");

    browser.sign_in("admin", "adminpass").await;
    browser.assert_at("/dashboard").await;
    let text = browser.text().await;
    for expected in ["admin", "user", "Signed in", "Access expires"] {
        assert!(text.contains(expected), "{expected:?} is missing: {text}");
    }
    let moments = browser.source().await.matches("<time ").count();
    assert!(moments >= 3, "the session's times are shown");
    browser.picture("dashboard").await;

    browser.visit("/login").await;
    browser.assert_at("/dashboard").await;

    browser.click("form.sign-out button").await;
    browser.assert_at("/login?notice=signed_out").await;
    assert!(!browser.text().await.contains("admin,"), "the page is nobody's");
    let held = browser.cookies().await;
    assert!(!held.iter().any(|name| name.contains("_token")), "{held:?}");
    browser.picture("signed-out").await;

    browser.back().await;
    let text = browser.text().await;
    assert!(!text.contains("Access expires"), "the back button shows nothing private: {text}");
    browser.visit("/dashboard").await;
    assert!(browser.place().await.starts_with("/login"));

    browser.close(&[REFUSED]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn signing_in_leads_back_to_where_the_person_wanted_to_go() {
    let installation = Installation::new();
    let server = installation.start();
    let browser = Browser::open(&server, Scripts::On).await;
    browser.visit("/login?next=/protected").await;
    browser.sign_in("testuser", "wrong").await;
    browser.assert_at("/login").await;
    browser.sign_in("testuser", "testpass").await;
    browser.assert_at("/protected").await;
    assert!(browser.text().await.contains(r#"{"logged_in_as":"testuser"}"#));
    browser.close(&[REFUSED]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn a_link_to_another_site_never_leads_there() {
    let installation = Installation::new();
    let server = installation.start();
    let browser = Browser::open(&server, Scripts::On).await;
    browser.visit("/login?next=https://evil.example/").await;
    browser.sign_in("testuser", "testpass").await;
    browser.assert_at("/dashboard").await;
    browser.close(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn a_page_renews_an_expired_access_token_without_scripts() {
    let installation = Installation::new().with("PORTCULLIS_AUTH__ACCESS_TTL", "1");
    let server = installation.start();
    let browser = Browser::open(&server, Scripts::Off).await;
    browser.visit("/login").await;
    browser.sign_in("testuser", "testpass").await;
    browser.assert_at("/dashboard").await;
    for _ in 0..2 {
        tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
        browser.visit("/dashboard").await;
        browser.assert_at("/dashboard").await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    browser.click("form.sign-out button").await;
    browser.assert_at("/login?notice=signed_out").await;
    browser.close(&[]).await;
}
