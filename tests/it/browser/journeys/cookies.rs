//! Cookies as a browser really keeps, sends and forgets them, over HTTP and over HTTPS.

use serde_json::{Value, json};

use crate::binary::server::{Installation, SECRET};
use crate::browser::chromium::{Browser, Scripts};
use crate::support::claims;

/// The four cookies of a session, and whether scripts may read each.
const SESSION: [(&str, bool); 4] = [
    ("access_token_cookie", false),
    ("refresh_token_cookie", false),
    ("csrf_access_token", true),
    ("csrf_refresh_token", true),
];

fn named<'a>(held: &'a [Value], name: &str) -> &'a Value {
    held.iter().find(|cookie| cookie["name"] == name).unwrap_or(&Value::Null)
}

fn names(held: &[Value]) -> Vec<&str> {
    held.iter().filter_map(|cookie| cookie["name"].as_str()).collect()
}

/// Bound to this host and to first-party requests, and readable by scripts only where that is meant.
fn assert_scoped(held: &[Value], prefix: &str) {
    let is_https = !prefix.is_empty();
    for (name, is_readable) in SESSION {
        let cookie = named(held, &format!("{prefix}{name}"));
        assert_eq!(cookie["domain"], "127.0.0.1", "no leading dot: this host alone: {cookie}");
        assert_eq!(cookie["path"], "/", "{cookie}");
        assert_eq!(cookie["sameSite"], "Lax", "{cookie}");
        assert_eq!(cookie["secure"], is_https, "{cookie}");
        assert_eq!(cookie["httpOnly"], !is_readable, "{cookie}");
    }
    for cookie in held {
        let is_of_session = SESSION.iter().any(|(name, _)| cookie["name"] == format!("{prefix}{name}"));
        assert!(is_of_session || cookie["httpOnly"] == true, "one more that scripts can read: {cookie}");
        assert_eq!(cookie["secure"], is_https, "{cookie}");
        assert!(cookie["name"].as_str().unwrap().starts_with(prefix), "{cookie}");
    }
}

/// What scripts see, as names.
async fn seen_by_scripts(browser: &Browser) -> Vec<String> {
    let text = browser.run("return document.cookie").await.as_str().unwrap().to_owned();
    let mut names: Vec<String> =
        text.split("; ").filter_map(|pair| pair.split('=').next()).map(str::to_owned).collect();
    names.sort();
    names
}

async fn assert_gone(browser: &Browser, prefix: &str) {
    let held = browser.held().await;
    for (name, _) in SESSION {
        assert!(named(&held, &format!("{prefix}{name}")).is_null(), "{name} is left: {:?}", names(&held));
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn a_browser_keeps_the_cookies_as_their_attributes_say_and_forgets_them() {
    for scripts in [Scripts::On, Scripts::Off] {
        let installation = Installation::new();
        let server = installation.start();
        let browser = Browser::open(&server, scripts).await;
        browser.visit("/login").await;
        browser.sign_in("testuser", "testpass").await;
        browser.assert_at("/dashboard").await;
        let held = browser.held().await;
        assert_scoped(&held, "");
        for (name, _) in SESSION {
            assert_eq!(named(&held, name)["session"], true, "{name} ends with the browser");
        }
        assert_eq!(seen_by_scripts(&browser).await, ["csrf_access_token", "csrf_refresh_token"]);
        browser.click("form.sign-out button").await;
        browser.assert_at("/login?notice=signed_out").await;
        assert_gone(&browser, "").await;
        assert_eq!(seen_by_scripts(&browser).await, [""]);
        browser.close(&[]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn a_cookie_that_outlives_the_browser_never_outlives_its_token() {
    let installation = Installation::new().with("PORTCULLIS_AUTH__ACCESS_TTL", "3");
    let server = installation.start();
    let browser = Browser::open(&server, Scripts::Off).await;
    browser.visit("/login").await;
    browser.click("input[name=remember]").await;
    browser.sign_in("testuser", "testpass").await;
    browser.assert_at("/dashboard").await;
    let held = browser.held().await;
    assert_scoped(&held, "");
    let tokens =
        [("access_token_cookie", "csrf_access_token"), ("refresh_token_cookie", "csrf_refresh_token")];
    for (token, csrf) in tokens {
        let ends = claims(named(&held, token)["value"].as_str().unwrap())["exp"].as_f64().unwrap();
        for name in [token, csrf] {
            let cookie = named(&held, name);
            assert_eq!(cookie["session"], false, "{cookie}");
            // The browser counts from when the answer came, and the token in whole seconds.
            let expires = cookie["expires"].as_f64().unwrap();
            assert!(expires <= ends + 2.0, "{name} is kept until {expires}, its token is good until {ends}");
        }
    }
    // The browser itself drops the access token when it is over, and the next page gets another.
    let mut left = browser.held().await;
    for _ in 0..600 {
        if named(&left, "access_token_cookie").is_null() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        left = browser.held().await;
    }
    assert!(named(&left, "access_token_cookie").is_null(), "the browser keeps it");
    assert!(!named(&left, "refresh_token_cookie").is_null());
    browser.visit("/dashboard").await;
    browser.assert_at("/dashboard").await;
    assert!(!browser.cookie("access_token_cookie").await.is_empty());
    browser.close(&[]).await;
}

/// A program that speaks HTTPS by itself, with the certificate that is kept for tests.
fn over_https() -> Installation {
    // Made by: openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -subj /CN=localhost
    //   -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE
    //   -keyout tls.key.pem -out tls.cert.pem
    Installation::new()
        .with_file("tls.cert.pem", include_str!("../../cases/tls.cert.pem"))
        .with_file("tls.key.pem", include_str!("../../cases/tls.key.pem"))
        .with("ROCKET_TLS", r#"{certs="tls.cert.pem",key="tls.key.pem"}"#)
        .with("PORTCULLIS_AUTH__INSECURE_HTTP", "false")
        .with("PORTCULLIS_AUTH__SECRET_KEY", SECRET)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn over_https_the_cookies_are_bound_to_the_host_and_signing_out_deletes_them() {
    for scripts in [Scripts::On, Scripts::Off] {
        let installation = over_https();
        let server = installation.start();
        assert!(server.site().starts_with("https://"));
        let browser = Browser::open(&server, scripts).await;
        browser.visit("/login").await;
        browser.click("input[name=remember]").await;
        browser.sign_in("testuser", "testpass").await;
        browser.assert_at("/dashboard").await;
        assert_scoped(&browser.held().await, "__Host-");
        assert_eq!(
            seen_by_scripts(&browser).await,
            ["__Host-csrf_access_token", "__Host-csrf_refresh_token"]
        );
        if scripts == Scripts::On {
            let call = "return (await portcullis.fetch('/sessions/end-others', { method: 'POST' })).status";
            assert_eq!(browser.run_async(call).await, json!(200), "the script knows the names");
            assert_eq!(browser.run_async("return await portcullis.renew()").await, json!(true));
        }
        browser.click("form.sign-out button").await;
        browser.assert_at("/login?notice=signed_out").await;
        assert_gone(&browser, "__Host-").await;
        browser.visit("/dashboard").await;
        browser.assert_at("/login").await;
        browser.close(&[]).await;
    }
}
