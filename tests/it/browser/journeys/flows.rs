//! Every way through the pages but the first, each with scripts and without.
//!
//! Signing in and out is in `journey.rs`, what the keyboard alone can do in `keyboard.rs`.

use crate::binary::client::Ask;
use crate::binary::server::{Installation, Server};
use crate::browser::chromium::{Browser, Scripts};

pub(super) const BOTH: [Scripts; 2] = [Scripts::On, Scripts::Off];
/// Pages that refuse something are answered with these, and the browser mentions it in its console.
pub(super) const REFUSED: [&str; 6] =
    ["(Unauthorized)", "(Forbidden)", "(Not Found)", "(Conflict)", "(Unprocessable", "(Too Many Requests)"];
const NEW: &str = "four unrelated words here";

/// A browser in which `testuser` is signed in.
async fn signed_in(server: &Server, scripts: Scripts) -> Browser {
    let browser = Browser::open(server, scripts).await;
    browser.visit("/login").await;
    browser.sign_in("testuser", "testpass").await;
    browser.assert_at("/dashboard").await;
    browser
}

/// An error is in the title, announced, tied to its field, and the field has the focus.
pub(super) async fn assert_error_at(browser: &Browser, field: &str, text: &str) {
    browser.assert_becomes("document.title.startsWith('Error:')").await;
    let alert = browser.reads("[role=alert]:not([hidden])").await;
    assert!(alert.contains(text), "{alert}");
    let selector = format!("#{field}");
    assert_eq!(browser.attribute(&selector, "aria-invalid").await, "true");
    let described = browser.attribute(&selector, "aria-describedby").await;
    assert!(described.split(' ').any(|id| id == "error"), "{field} is described by {described:?}");
    assert!(browser.reads("#error").await.contains(text));
    browser.assert_becomes(&format!("document.activeElement.id === '{field}'")).await;
}

async fn try_password(browser: &Browser, current: &str, new: &str, again: &str) {
    browser.fill("#current_password", current).await;
    browser.fill("#new_password", new).await;
    browser.fill("#new_password_again", again).await;
    browser.leave_by("main form button.wide").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn a_password_is_changed_and_every_mistake_is_told_at_its_field() {
    for scripts in BOTH {
        let installation = Installation::new();
        let server = installation.start();
        let mut elsewhere = server.client();
        elsewhere.sign_in("testuser", "testpass");
        let browser = signed_in(&server, scripts).await;
        browser.click("nav a[href='/account']").await;
        browser.assert_at("/account").await;
        browser.click("main a[href='/account/password']").await;
        browser.assert_at("/account/password").await;
        assert_eq!(browser.title().await, "Change password · Portcullis");

        // The browser itself holds back what is too short, and leads to it.
        browser.fill("#current_password", "testpass").await;
        browser.fill("#new_password", "too short").await;
        browser.fill("#new_password_again", "too short").await;
        browser.click("main form button.wide").await;
        browser.assert_becomes("document.activeElement.id === 'new_password'").await;
        assert_eq!(browser.title().await, "Change password · Portcullis", "nothing was sent");

        try_password(&browser, "not my password", NEW, NEW).await;
        assert_error_at(&browser, "current_password", "Wrong password").await;
        assert_eq!(browser.attribute("[role=alert]:not([hidden]) a", "href").await, "#current_password");
        try_password(&browser, "testpass", NEW, "four other words instead").await;
        assert_error_at(&browser, "new_password_again", "differ").await;
        try_password(&browser, "testpass", "my name is testuser", "my name is testuser").await;
        assert_error_at(&browser, "new_password", "contains your username").await;
        for field in ["#current_password", "#new_password", "#new_password_again"] {
            assert_eq!(browser.value(field).await, "", "no password is sent back");
        }

        assert_eq!(elsewhere.protected().status, 200);
        try_password(&browser, "testpass", NEW, NEW).await;
        browser.assert_at("/dashboard?notice=password_changed").await;
        assert!(browser.reads("[role=status]").await.contains("Password changed"));
        assert_eq!(elsewhere.protected().code(), "token_revoked");

        browser.click("form.sign-out button").await;
        browser.assert_at("/login?notice=signed_out").await;
        browser.sign_in("testuser", "testpass").await;
        assert_error_at(&browser, "password", "Wrong username or password").await;
        browser.sign_in("testuser", NEW).await;
        browser.assert_at("/dashboard").await;
        browser.close(&REFUSED).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn whoever_is_signed_out_from_elsewhere_is_out_at_the_next_click() {
    for scripts in BOTH {
        let installation = Installation::new();
        let server = installation.start();
        let (here, there) = (signed_in(&server, scripts).await, signed_in(&server, scripts).await);

        here.click("nav a[href='/sessions']").await;
        here.assert_at("/sessions").await;
        assert!(here.reads(".row:first-child").await.contains("This session"));
        here.click(".row:nth-child(2) form button").await;
        here.assert_at("/sessions?notice=session_ended").await;
        assert!(here.reads("[role=status]").await.contains("Session ended"));
        assert!(!here.has(".row:nth-child(2)").await, "one session is left");

        there.click("nav a[href='/sessions']").await;
        there.assert_becomes("location.pathname === '/login'").await;
        assert!(there.reads("[role=status]").await.contains("Your session was ended"));
        there.sign_in("testuser", "testpass").await;
        there.assert_at("/sessions").await;

        here.visit("/dashboard").await;
        here.click("form[action='/sessions/end-others'] button").await;
        here.assert_at("/sessions?notice=others_ended").await;
        there.click("nav a[href='/account']").await;
        there.assert_becomes("location.pathname === '/login'").await;
        here.click("nav a[href='/dashboard']").await;
        here.assert_at("/dashboard").await;
        here.close(&REFUSED).await;
        there.close(&REFUSED).await;
    }
}

/// Goes there until the last password is too long ago.
async fn until_asked_again(browser: &Browser, path: &str) {
    for _ in 0..200 {
        browser.visit(path).await;
        if browser.place().await.starts_with("/reauthenticate?") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(browser.place().await, "/reauthenticate");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn a_step_that_needs_the_password_again_asks_for_it_and_leads_back() {
    for scripts in BOTH {
        let installation = Installation::new().with("PORTCULLIS_AUTH__FRESH_TTL", "4");
        let server = installation.start();
        server.client().sign_in("testuser", "testpass");
        let browser = signed_in(&server, scripts).await;

        until_asked_again(&browser, "/account/password").await;
        assert_eq!(browser.title().await, "Enter your password · Portcullis");
        browser.assert_becomes("document.activeElement.id === 'password'").await;
        browser.fill("#password", "not my password").await;
        browser.leave_by("main form button.wide").await;
        assert_error_at(&browser, "password", "Wrong password").await;
        browser.fill("#password", "testpass").await;
        browser.click("main form button.wide").await;
        browser.assert_at("/account/password?notice=password_confirmed").await;
        assert!(browser.reads("[role=status]").await.contains("Password confirmed"));

        // A form that is sent too late leads to the same question, and ends nothing by itself.
        until_asked_again(&browser, "/account/password").await;
        browser.click("main .foot a").await;
        browser.assert_at("/dashboard").await;
        browser.click("form[action='/sessions/end-others'] button").await;
        browser.assert_at("/reauthenticate?next=%2Fsessions").await;
        browser.fill("#password", "testpass").await;
        browser.click("main form button.wide").await;
        browser.assert_at("/sessions?notice=password_confirmed").await;
        assert!(browser.reads("[role=status]").await.contains("Nothing has been ended yet"));
        assert!(browser.has(".row:nth-child(2)").await);
        browser.close(&REFUSED).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn only_who_asked_to_stay_signed_in_is_so_after_the_browser_was_closed() {
    for scripts in BOTH {
        let installation = Installation::new();
        let server = installation.start();
        let browser = signed_in(&server, scripts).await.reopen().await;
        browser.visit("/dashboard").await;
        browser.assert_at("/login").await;
        browser.click("input[name=remember]").await;
        browser.sign_in("testuser", "testpass").await;
        browser.assert_at("/dashboard").await;
        let browser = browser.reopen().await;
        browser.visit("/dashboard").await;
        browser.assert_at("/dashboard").await;
        browser.close(&REFUSED).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn an_error_has_its_page_and_a_way_on() {
    for scripts in BOTH {
        let installation = Installation::new();
        let server = installation.start();
        server.client().sign_in("testuser", "testpass");
        let browser = signed_in(&server, scripts).await;
        browser.visit("/nowhere").await;
        assert!(browser.reads("main").await.contains("404"));
        browser.click("main a.button").await;
        browser.assert_at("/dashboard").await;

        let spoil =
            "document.querySelector('form[action=\"/sessions/end-others\"] [name=csrf_token]').value = 'x'";
        browser.run(spoil).await;
        browser.click("form[action='/sessions/end-others'] button").await;
        browser.assert_at("/sessions/end-others").await;
        assert!(browser.reads("main").await.contains("403"));
        browser.click("main a.button").await;
        browser.assert_at("/dashboard").await;
        assert!(browser.has("form[action='/sessions/end-others']").await, "nothing was ended");

        // A sign-in form that lost its cookie signs in: the browser says that it is our own page.
        browser.click("form.sign-out button").await;
        browser.assert_at("/login?notice=signed_out").await;
        browser.driver.delete_all_cookies().await.unwrap();
        browser.sign_in("testuser", "testpass").await;
        browser.assert_at("/dashboard").await;
        browser.close(&REFUSED).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn after_too_many_attempts_the_page_says_when_to_try_again() {
    for scripts in BOTH {
        let installation = Installation::new();
        let server = installation.start();
        let mut guesser = server.client();
        let is_throttled = (0..20).any(|_| guesser.sign_in("testuser", "a guess").status == 429);
        assert!(is_throttled);
        let browser = Browser::open(&server, scripts).await;
        browser.visit("/login").await;
        // The wait begins at a second and doubles, so that a guess may still be evaluated.
        let mut text = String::new();
        for _ in 0..10 {
            browser.sign_in("testuser", "another guess").await;
            text = browser.reads("#error").await;
            if text.contains("Too many attempts") {
                break;
            }
        }
        assert!(text.contains("Too many attempts. Try again in"), "{text}");
        assert!(browser.title().await.starts_with("Error:"));
        assert_ne!(browser.attribute("#password", "aria-invalid").await, "true", "nothing was compared");
        // The wait may have passed while the page was looked at; the next one is longer.
        let mut guess =
            || guesser.send(Ask::json("/login", r#"{"username":"testuser","password":"x"}"#)).status;
        assert!((0..10).any(|_| guess() == 429));
        browser.close(&REFUSED).await;
    }
}
