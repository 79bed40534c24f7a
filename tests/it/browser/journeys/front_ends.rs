//! The front ends of docs/front-ends.md: the very lines that stand there, in a real browser.

use serde_json::{Value, json};

use crate::binary::server::{Installation, Server};
use crate::browser::chromium::{Browser, Scripts};
use crate::browser::stage::{Shown, Stage};

/// The block of this name, which talks to this server.
fn lines(name: &str, server: &Server) -> String {
    let guide = include_str!("../../../../docs/front-ends.md");
    let (_, rest) = guide.split_once(&format!("```js {name}\n")).unwrap();
    rest.split("```").next().unwrap().replace("https://api.example.org", &server.site())
}

fn front_end() -> Stage {
    Stage::open(|_| Some(Shown("text/html", "<!doctype html><title>a front end</title>".to_owned())))
}

/// Signs in, looks who that is, refreshes, looks again, signs out and looks once more.
async fn a_day(browser: &Browser, lines: &str) -> Value {
    let day = "await signIn('testuser', 'testpass');
         const before = await who();
         const refreshed = await refresh();
         const after = await who();
         const left = await signOut();
         return [before, refreshed.ok ?? 'access_token' in refreshed, after, left.status, await who().catch(String)]";
    browser.run_async(&format!("{lines}\ntry {{ {day} }} catch (error) {{ return String(error) }}")).await
}

fn good_day() -> Value {
    // Nobody is signed in at the end, and JSON leaves out what is undefined.
    json!(["testuser", true, "testuser", 200, null])
}

/// Also that Clear-Site-Data is not for who sends no cookies.
const EXPECTED: [&str; 3] = ["(Unauthorized)", "favicon.ico", "Clear-Site-Data"];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn a_front_end_on_the_same_origin_needs_no_setting() {
    let installation = Installation::new();
    let server = installation.start();
    let browser = Browser::open(&server, Scripts::On).await;
    browser.visit("/login").await;
    assert_eq!(a_day(&browser, &lines("same-origin", &server)).await, good_day());
    browser.close(&EXPECTED).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn a_front_end_on_another_port_is_trusted_by_a_setting() {
    let (trusted, other) = (front_end(), front_end());
    let origins = format!("[\"{}\"]", trusted.another_port());
    let installation = Installation::new().with("PORTCULLIS_AUTH__TRUSTED_ORIGINS", &origins);
    let server = installation.start();
    let browser = Browser::open(&server, Scripts::On).await;
    browser.go_to(&trusted.another_port()).await;
    assert_eq!(a_day(&browser, &lines("same-site", &server)).await, good_day());
    browser.go_to(&other.another_port()).await;
    let refused = a_day(&browser, &lines("same-site", &server)).await;
    assert_eq!(refused, json!("TypeError: Failed to fetch"), "a port that is not named");
    browser.close(&[&EXPECTED[..], &["CORS policy", "net::ERR_FAILED"]].concat()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn a_front_end_on_another_site_keeps_its_tokens_itself() {
    let trusted = front_end();
    let origins = format!("[\"{}\"]", trusted.another_site());
    for locations in [r#"["headers"]"#, r#"["cookies", "headers"]"#] {
        let installation = Installation::new()
            .with("PORTCULLIS_AUTH__TRUSTED_ORIGINS", &origins)
            .with("PORTCULLIS_AUTH__TOKEN_LOCATIONS", locations);
        let server = installation.start();
        let browser = Browser::open(&server, Scripts::On).await;
        browser.go_to(&trusted.another_site()).await;
        assert_eq!(a_day(&browser, &lines("other-site", &server)).await, good_day(), "{locations}");
        browser.close(&EXPECTED).await;
    }
}
