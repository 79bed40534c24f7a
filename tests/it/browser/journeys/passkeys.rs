//! Passkeys as somebody with a browser meets them: Chromium's own WebAuthn, with an authenticator that it pretends to have.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use serde_json::{Value, json};

use crate::binary::server::{Installation, Server};
use crate::browser::chromium::{Browser, Scripts};
use crate::support::claims;

/// The program under a name that browsers know passkeys for.
fn site() -> (Installation, Server, String) {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let site = format!("http://localhost:{port}");
    let installation =
        Installation::new().with("ROCKET_PORT", &port.to_string()).with("PORTCULLIS_APP__BASE_URL", &site);
    let server = installation.start();
    (installation, server, site)
}

/// An authenticator of the browser's.
struct Device<'a> {
    browser: &'a Browser,
    id: String,
}

impl<'a> Device<'a> {
    async fn of(browser: &'a Browser) -> Self {
        let options = json!({
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true,
            "isUserVerified": true, "automaticPresenceSimulation": false,
        });
        let made = browser.cdp("WebAuthn.addVirtualAuthenticator", json!({ "options": options })).await;
        Self { browser, id: made["authenticatorId"].as_str().unwrap().to_owned() }
    }

    async fn set(&self, what: &str, key: &str, value: bool) {
        self.browser.cdp(what, json!({ "authenticatorId": self.id, key: value })).await;
    }

    /// Whether somebody touches it when it asks.
    async fn touched(&self, is: bool) {
        self.set("WebAuthn.setAutomaticPresenceSimulation", "enabled", is).await;
    }

    /// Whether it recognises who touches it.
    async fn recognised(&self, is: bool) {
        self.set("WebAuthn.setUserVerified", "isUserVerified", is).await;
    }

    async fn passkeys(&self) -> Vec<Value> {
        let held = self.browser.cdp("WebAuthn.getCredentials", json!({ "authenticatorId": self.id })).await;
        held["credentials"].as_array().unwrap().clone()
    }

    async fn thrown_away(self) {
        self.browser.cdp("WebAuthn.removeVirtualAuthenticator", json!({ "authenticatorId": self.id })).await;
    }
}

const PASSKEY: &str = "form[data-passkey]:not([hidden]) button";

async fn level(browser: &Browser) -> Value {
    claims(&browser.cookie("access_token_cookie").await)["amr"].clone()
}

/// Makes a passkey on the page "Security", where the browser is.
async fn enrol(browser: &Browser, device: &Device<'_>, label: &str) {
    browser.fill("#passkey-label", label).await;
    device.touched(true).await;
    browser.leave_by(PASSKEY).await;
    device.touched(false).await;
}

/// Presses the button of a passkey, where it is still there: what the field offers by itself may be first, and the browser on
/// another page by then.
async fn ask(browser: &Browser) {
    browser.assert_becomes("(document.querySelector('form[data-passkey] button')?.click(), true)").await;
}

async fn sign_out(browser: &Browser) {
    browser.visit("/sessions").await;
    browser.leave_by("form.sign-out button").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn somebody_makes_passkeys_signs_in_by_them_loses_one_and_removes_it() {
    let (_installation, _server, site) = site();
    let browser = Browser::open_in("en", &site, Scripts::On).await;
    browser.cdp("WebAuthn.enable", json!({})).await;
    let phone = Device::of(&browser).await;
    browser.visit("/login").await;
    browser.assert_becomes("document.querySelector('form[data-passkey]').hidden === false").await;
    browser.sign_in("testuser", "testpass").await;
    browser.assert_at("/dashboard").await;
    assert_eq!(level(&browser).await, Value::Null);

    browser.visit("/account/factors").await;
    enrol(&browser, &phone, "phone").await;
    assert!(browser.text().await.contains("Your recovery codes"), "{}", browser.text().await);
    assert_eq!(level(&browser).await, json!(["pwd", "pop", "mfa"]));
    assert_eq!(phone.passkeys().await.len(), 1);
    assert_eq!(phone.passkeys().await[0]["isResidentCredential"], true, "it is found without a name");
    browser.visit("/account/factors").await;
    assert!(browser.text().await.contains("phone"));

    // With one click.
    sign_out(&browser).await;
    browser.visit("/login?next=/sessions").await;
    browser.assert_becomes("document.querySelector('form[data-passkey]').hidden === false").await;
    phone.touched(true).await;
    ask(&browser).await;
    browser.assert_at("/sessions").await;
    assert_eq!(level(&browser).await, json!(["pop", "user", "mfa"]));

    // By autofill: the page asks, and somebody touches the phone.
    browser.visit("/sessions").await;
    browser.click("form.sign-out button").await;
    browser.assert_at("/dashboard").await;
    phone.touched(false).await;

    // As a second step.
    sign_out(&browser).await;
    browser.visit("/login?next=/sessions").await;
    browser.sign_in("testuser", "testpass").await;
    browser.assert_at("/login/factor?next=%2Fsessions").await;
    browser.assert_becomes("document.querySelector('form[data-passkey]').hidden === false").await;
    phone.touched(true).await;
    browser.leave_by(PASSKEY).await;
    browser.assert_at("/sessions").await;
    assert_eq!(level(&browser).await, json!(["pwd", "pop", "mfa"]));

    // To show again who it is.
    browser.visit("/reauthenticate?next=/sessions").await;
    browser.assert_becomes("document.querySelector('form[data-passkey]').hidden === false").await;
    browser.leave_by(PASSKEY).await;
    browser.assert_at("/sessions?notice=password_confirmed").await;
    phone.touched(false).await;

    // Somebody else's finger.
    sign_out(&browser).await;
    browser.visit("/login").await;
    browser.assert_becomes("document.querySelector('form[data-passkey]').hidden === false").await;
    phone.recognised(false).await;
    phone.touched(true).await;
    browser.click(PASSKEY).await;
    browser.assert_becomes("document.querySelector('[data-cancelled]').hidden === false").await;
    browser.assert_at("/login").await;
    assert!(browser.text().await.contains("did not get a passkey"));
    phone.touched(false).await;
    phone.recognised(true).await;

    // A second device, which does not get a second passkey of the first.
    browser.visit("/login").await;
    browser.assert_becomes("document.querySelector('form[data-passkey]').hidden === false").await;
    phone.touched(true).await;
    ask(&browser).await;
    browser.assert_at("/dashboard").await;
    browser.visit("/account/factors").await;
    browser.assert_becomes("document.querySelector('form[data-passkey]').hidden === false").await;
    browser.click(PASSKEY).await;
    browser.assert_becomes("document.querySelector('[data-cancelled]').hidden === false").await;
    phone.thrown_away().await;
    let laptop = Device::of(&browser).await;
    browser.visit("/account/factors").await;
    browser.assert_becomes("document.querySelector('form[data-passkey]').hidden === false").await;
    enrol(&browser, &laptop, "laptop").await;
    browser.assert_at("/account/factors?notice=passkey_added").await;
    let text = browser.text().await;
    assert!(text.contains("phone") && text.contains("laptop"), "{text}");

    // The lost one is removed, and the new one signs in.
    browser.leave_by("#remove-1-passkey").await;
    browser.assert_at("/account/factors?notice=factor_removed").await;
    assert!(!browser.text().await.contains("phone"));
    sign_out(&browser).await;
    laptop.touched(true).await;
    browser.visit("/login").await;
    browser.assert_at("/dashboard").await;

    // The last one is removed: its keeper is told, and a password is enough again.
    browser.visit("/account/factors").await;
    browser.leave_by("#remove-1-passkey").await;
    laptop.touched(false).await;
    sign_out(&browser).await;
    browser.visit("/login").await;
    browser.assert_becomes("document.querySelector('form[data-passkey]').hidden === false").await;
    laptop.touched(true).await;
    ask(&browser).await;
    browser.assert_becomes("document.querySelector('#error')").await;
    assert!(browser.text().await.contains("was not accepted"), "{}", browser.text().await);
    browser.assert_becomes("document.querySelector('[data-unknown]')").await;
    // Which it is told, and forgets it.
    for _ in 0..100 {
        if laptop.passkeys().await.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(laptop.passkeys().await.is_empty(), "a passkey that was removed is still offered");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn without_a_script_there_is_a_password_and_a_recovery_code_and_no_dead_button() {
    let (_installation, _server, site) = site();
    let browser = Browser::open_in("en", &site, Scripts::Off).await;
    browser.visit("/login").await;
    assert!(!browser.text().await.contains("passkey"));
    browser.sign_in("testuser", "testpass").await;
    browser.assert_at("/dashboard").await;
    browser.visit("/account/factors").await;
    assert!(browser.text().await.contains("needs JavaScript"), "{}", browser.text().await);
    assert!(!browser.text().await.contains("Add a passkey"));
}
