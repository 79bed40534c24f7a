//! What a person does with the keyboard alone, and in another language.

use thirtyfour::Key;

use crate::binary::server::Installation;
use crate::browser::chromium::{Browser, Scripts};

/// Refused sign-ins are mentioned in the browser's console.
const REFUSED: &str = "401 (Unauthorized)";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn the_keyboard_alone_signs_in_looks_around_and_signs_out() {
    for scripts in [Scripts::On, Scripts::Off] {
        let installation = Installation::new();
        let server = installation.start();
        let browser = Browser::open(&server, scripts).await;
        browser.visit("/login").await;
        browser.assert_becomes("document.activeElement.id === 'username'").await;
        browser.press("testuser").await;
        browser.tab_to("#password").await;
        browser.press("testpass").await;
        if scripts == Scripts::On {
            browser.tab_to("#password-reveal").await;
            browser.press(" ").await;
            assert_eq!(browser.attribute("#password", "type").await, "text");
        }
        browser.tab_to("input[name=remember]").await;
        browser.press(" ").await;
        assert!(browser.element("input[name=remember]").await.is_selected().await.unwrap());
        browser.tab_to("main form button.wide").await;
        browser.press(Key::Enter).await;
        browser.assert_at("/dashboard").await;

        browser.tab_to("a.skip").await;
        assert!(browser.shows("a.skip").await);
        browser.assert_becomes("document.querySelector('a.skip').getBoundingClientRect().top >= 0").await;
        browser.press(Key::Enter).await;
        browser.assert_becomes("document.activeElement.id === 'main'").await;
        browser.press(Key::Tab).await;
        browser.assert_becomes("document.querySelector('main').contains(document.activeElement)").await;

        browser.visit("/dashboard").await;
        browser.tab_to("nav a[href='/sessions']").await;
        browser.press(Key::Enter).await;
        browser.assert_at("/sessions").await;
        browser.tab_to("form.sign-out button").await;
        browser.press(Key::Enter).await;
        browser.assert_at("/login?notice=signed_out").await;
        browser.close(&[]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn enter_in_a_field_sends_its_form_and_an_error_is_reached_at_once() {
    let installation = Installation::new();
    let server = installation.start();
    let browser = Browser::open(&server, Scripts::On).await;
    browser.visit("/login").await;
    browser.assert_becomes("document.activeElement.id === 'username'").await;
    browser.press("testuser").await;
    browser.tab_to("#password").await;
    browser.press("wrong" + Key::Enter).await;
    browser.assert_becomes("document.title === 'Error: Sign in · Portcullis'").await;
    browser.assert_becomes("document.activeElement.id === 'password'").await;
    browser.press("testpass" + Key::Enter).await;
    browser.assert_at("/dashboard").await;
    browser.close(&[REFUSED]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn a_person_who_reads_german_gets_german_pages() {
    for scripts in [Scripts::On, Scripts::Off] {
        let installation = Installation::new();
        let server = installation.start();
        let browser = Browser::open_in("de", &server.site(), scripts).await;
        browser.visit("/login").await;
        assert_eq!(browser.language().await, "de");
        assert_eq!(browser.title().await, "Anmelden · Portcullis");
        browser.sign_in("testuser", "falsch").await;
        browser.assert_becomes("document.title === 'Fehler: Anmelden · Portcullis'").await;
        browser.sign_in("testuser", "testpass").await;
        browser.assert_at("/dashboard").await;
        assert_eq!(browser.language().await, "de");
        let text = browser.text().await;
        assert!(text.contains("Angemeldet als testuser"), "{text}");
        if scripts == Scripts::On {
            let left = browser.reads("[data-countdown]").await;
            assert!(left.contains("Min") && left.contains("Sek"), "{left:?}");
        }
        browser.visit("/nowhere").await;
        assert_eq!(browser.language().await, "de");
        browser.close(&[REFUSED, "404 (Not Found)"]).await;
    }
}
