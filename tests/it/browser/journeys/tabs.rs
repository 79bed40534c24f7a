//! Two tabs of one browser, and the clock of the page: who renews, who notices, and what a person sees of it.
//!
//! The function that applications call is in `fetch.rs`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::binary::server::{Installation, Server};
use crate::browser::chromium::{Browser, Scripts};
use crate::support::claims;

/// How often this browser's session was renewed.
pub(in crate::browser) async fn generation(browser: &Browser) -> u64 {
    claims(&browser.cookie("refresh_token_cookie").await)["gen"].as_u64().unwrap()
}

/// Whether the access token in the browser is over.
pub(super) async fn is_expired(browser: &Browser) -> bool {
    let ends = claims(&browser.cookie("access_token_cookie").await)["exp"].as_f64().unwrap();
    browser.run("return Date.now() / 1000").await.as_f64().unwrap() > ends
}

pub(super) async fn on_dashboard(server: &Server) -> Browser {
    let browser = Browser::open(server, Scripts::On).await;
    browser.visit("/login").await;
    browser.sign_in("testuser", "testpass").await;
    browser.assert_at("/dashboard").await;
    browser
}

/// What a person's hand does to a page.
const TOUCH: &str = "dispatchEvent(new Event('wheel'))";

/// Waits until the page, untouched, has let its access token expire.
pub(super) async fn until_idle(browser: &Browser) {
    for _ in 0..100 {
        let before = generation(browser).await;
        // Longer than a renewal that is on its way takes.
        tokio::time::sleep(Duration::from_millis(1200)).await;
        if is_expired(browser).await && generation(browser).await == before {
            return;
        }
    }
    assert!(is_expired(browser).await, "the page goes on renewing, although nobody uses it");
}

fn replays(server: &Server) -> usize {
    server.said().matches("session_renewed").count()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn two_tabs_renew_at_once_with_one_refresh() {
    let installation = Installation::new().with("PORTCULLIS_AUTH__ACCESS_TTL", "12");
    let server = installation.start();
    let browser = on_dashboard(&server).await;
    let one = browser.window().await;
    let two = browser.another_window().await;
    browser.look_at(&two).await;
    browser.visit("/dashboard").await;
    let tabs = [one, two];
    for tab in &tabs {
        browser.look_at(tab).await;
        assert_eq!(browser.run("return document.hidden").await, json!(false), "both may renew");
        count_refreshes(&browser).await;
    }

    // As scripts of two pages do that find at the same moment that access has expired.
    let before = generation(&browser).await;
    let at = browser.run("return Date.now() + 500").await;
    for tab in &tabs {
        browser.look_at(tab).await;
        browser
            .run(&format!(
                "setTimeout(async () => {{ window.good = await portcullis.renew() }}, {at} - Date.now())"
            ))
            .await;
    }
    for tab in &tabs {
        browser.look_at(tab).await;
        browser.assert_becomes("window.good === true").await;
    }
    assert_eq!(generation(&browser).await, before + 1);

    // And as the pages do by themselves, while they are used, before access expires.
    for round in 2..=3 {
        let shown = "return document.querySelector('[data-access-time]').dateTime";
        let mut seen = Vec::new();
        for tab in &tabs {
            browser.look_at(tab).await;
            seen.push(browser.run(shown).await);
        }
        let mut touches = 0;
        while generation(&browser).await < before + round {
            touches += 1;
            assert!(touches < 5000, "no page renewed by itself");
            for tab in &tabs {
                browser.look_at(tab).await;
                browser.run(TOUCH).await;
            }
        }
        for (tab, seen) in tabs.iter().zip(&seen) {
            browser.look_at(tab).await;
            browser
                .assert_becomes(&format!("document.querySelector('[data-access-time]').dateTime > {seen}"))
                .await;
        }
        assert_eq!(generation(&browser).await, before + round);
    }
    let mut calls = 0;
    for tab in &tabs {
        browser.look_at(tab).await;
        calls += refreshes(&browser).await;
        assert_eq!(browser.run_async("return (await fetch('/protected')).status").await, json!(200));
    }
    assert_eq!(calls, 3, "one tab asked for both, each time");
    assert_eq!(replays(&server), 0, "no replaced token came back");
    browser.close(&[]).await;
}

/// Counts from now on how many refreshes this page sends.
pub(super) async fn count_refreshes(browser: &Browser) {
    let wrap = "window.refreshes = 0;
        const sent = window.fetch;
        window.fetch = (input, ...rest) => {
            if (String(input?.url ?? input).endsWith('/refresh')) window.refreshes += 1;
            return sent(input, ...rest);
        };";
    browser.run(wrap).await;
}

pub(super) async fn refreshes(browser: &Browser) -> u64 {
    browser.run("return window.refreshes").await.as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn a_tab_that_slept_past_expiry_goes_on_when_it_is_used_again() {
    let installation = Installation::new().with("PORTCULLIS_AUTH__ACCESS_TTL", "2");
    let server = installation.start();
    let browser = on_dashboard(&server).await;
    let tab = browser.window().await;
    let other = browser.driver.new_tab().await.unwrap();
    browser.look_at(&other).await;
    browser.look_at(&tab).await;
    browser.cdp("Page.setWebLifecycleState", json!({ "state": "frozen" })).await;
    for _ in 0..600 {
        if is_expired(&browser).await {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    browser.cdp("Page.setWebLifecycleState", json!({ "state": "active" })).await;
    browser.look_at(&other).await;
    browser.look_at(&tab).await;
    browser.cdp("Page.bringToFront", json!({})).await;
    browser.assert_becomes("!document.hidden").await;
    until_idle(&browser).await;
    browser
        .assert_becomes(
            "document.querySelector('[data-countdown]').textContent === 'renewed when you continue'",
        )
        .await;
    let before = generation(&browser).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(generation(&browser).await, before, "untouched, the session goes idle");
    browser.run(TOUCH).await;
    browser.assert_becomes("/^\\d/.test(document.querySelector('[data-countdown]').textContent)").await;
    assert_eq!(generation(&browser).await, before + 1);
    until_idle(&browser).await;
    browser.click("nav a[href='/sessions']").await;
    browser.assert_at("/sessions").await;
    browser.close(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn signing_out_in_one_tab_takes_the_other_to_the_sign_in_page() {
    let installation = Installation::new();
    let server = installation.start();
    let browser = on_dashboard(&server).await;
    let one = browser.window().await;
    let two = browser.another_window().await;
    browser.look_at(&two).await;
    // A page that answered a form: loaded again it would send the passwords once more.
    browser.visit("/account/password").await;
    browser.fill("#current_password", "not my password").await;
    browser.fill("#new_password", "four unrelated words here").await;
    browser.fill("#new_password_again", "four unrelated words here").await;
    browser.leave_by("main form button.wide").await;
    let refusals = |server: &Server| server.said().matches("password_change_refused").count();
    assert_eq!(refusals(&server), 1);
    browser.look_at(&one).await;
    browser.click("form.sign-out button").await;
    browser.assert_at("/login?notice=signed_out").await;
    browser.look_at(&two).await;
    browser.assert_becomes("location.pathname === '/login'").await;
    assert!(!browser.text().await.contains("testuser,"));
    assert_eq!(refusals(&server), 1, "the form was sent again");
    browser.close(&["(Unprocessable"]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn the_time_that_is_left_is_counted_down() {
    let installation = Installation::new();
    let server = installation.start();
    let browser = on_dashboard(&server).await;
    let left = || async {
        let text = browser.reads("[data-countdown]").await;
        let numbers: Vec<u64> =
            text.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect();
        assert_eq!(numbers.len(), 2, "minutes and seconds: {text:?}");
        numbers[0] * 60 + numbers[1]
    };
    let first = left().await;
    assert!((200..=300).contains(&first), "{first}");
    let mut later = left().await;
    for _ in 0..600 {
        if later < first - 1 {
            break;
        }
        assert!(later <= first, "it only falls");
        tokio::time::sleep(Duration::from_millis(100)).await;
        later = left().await;
    }
    assert!(later < first - 1, "it does not fall");
    // A timer that is read out every second would be a nuisance.
    let live =
        browser.run("return document.querySelector('[data-countdown]').getAttribute('aria-live')").await;
    assert!(live == Value::Null || live == json!("off"), "{live}");
    browser.close(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn a_password_is_shown_on_request_and_sent_as_a_password() {
    let installation = Installation::new();
    let server = installation.start();
    let browser = Browser::open(&server, Scripts::On).await;
    browser.visit("/login").await;
    browser.fill("#username", "testuser").await;
    browser.fill("#password", "testpass").await;
    assert_eq!(browser.reads("#password-reveal").await, "Show");
    browser.click("#password-reveal").await;
    assert_eq!(browser.attribute("#password", "type").await, "text");
    assert_eq!(browser.reads("#password-reveal").await, "Hide");
    assert_eq!(browser.value("#password").await, "testpass");
    browser.click("#password-reveal").await;
    assert_eq!(browser.attribute("#password", "type").await, "password");

    let caps = "document.getElementById('password').dispatchEvent(
        new KeyboardEvent('keydown', { modifierCapsLock: true, bubbles: true }))";
    browser.run(caps).await;
    assert_eq!(browser.reads("#caps").await, "Caps Lock is on.");

    browser.click("#password-reveal").await;
    let watch = "document.forms[0].addEventListener('submit', (event) => {
        event.preventDefault(); window.sent = document.getElementById('password').type })";
    browser.run(watch).await;
    browser.click("main form button.wide").await;
    browser.assert_becomes("window.sent === 'password'").await;
    browser.close(&[]).await;
}
