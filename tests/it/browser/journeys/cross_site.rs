//! What another site's page can make a signed-in person's browser do: show us in a frame, send us forms, read us.
//!
//! The other site is a server of its own, once under another name (another site) and once on another port of the same
//! host (the same site, so that `SameSite` cookies travel, but another origin).

use serde_json::json;

use crate::binary::server::{Installation, Server};
use crate::browser::chromium::{Browser, Scripts};
use crate::browser::stage::{Shown, Stage};

const ATTACKED: [&str; 7] = [
    "/logout",
    "/sessions/end-others",
    "/login",
    "/refresh",
    "/reauthenticate",
    "/account/password",
    "/account/code",
];

/// What an attacker knows that each form wants, and the one value that he can only guess.
fn fields(to: &str) -> Vec<(&'static str, &'static str)> {
    let known: &[_] = match to {
        "/login" => &[("username", "admin"), ("password", "adminpass")],
        "/reauthenticate" => &[("password", "testpass")],
        "/account/code" => &[
            ("username", "testuser"),
            ("code", "0000-0000-0000-0000"),
            ("new_password", "the words of an attacker"),
            ("new_password_again", "the words of an attacker"),
        ],
        "/account/password" => &[
            ("current_password", "testpass"),
            ("new_password", "the words of an attacker"),
            ("new_password_again", "the words of an attacker"),
        ],
        _ => &[],
    };
    [&[("csrf_token", "guessed")], known].concat()
}

/// A site whose pages attack the application at this address.
fn attacker(target: String) -> Stage {
    Stage::open(move |path| {
        let page = match path {
            "/own" => "<h1>Our own page</h1>".to_owned(),
            "/frames" => format!(
                "<iframe src='/own'></iframe><iframe src='{target}/login'></iframe>\
                 <iframe src='{target}/dashboard'></iframe><iframe src='{target}/protected'></iframe>"
            ),
            "/link" => format!("<a href='{target}/dashboard'>a link</a>"),
            "/blank" => "<title>blank</title>".to_owned(),
            _ => {
                let to = path.strip_prefix("/post")?;
                let fields: String = fields(to)
                    .iter()
                    .map(|(name, value)| format!("<input name='{name}' value='{value}'>"))
                    .collect();
                format!(
                    "<form method='post' action='{target}{to}'>{fields}</form>
                     <script>document.forms[0].submit()</script>"
                )
            }
        };
        Some(Shown("text/html", format!("<!doctype html><meta charset='utf-8'>{page}")))
    })
}

async fn signed_in(server: &Server) -> Browser {
    let browser = Browser::open(server, Scripts::On).await;
    browser.visit("/login").await;
    browser.sign_in("testuser", "testpass").await;
    browser.assert_at("/dashboard").await;
    browser
}

/// What the browser shows after a page that sends a form to us by itself.
async fn after_form(browser: &Browser, server: &Server, address: &str) -> String {
    browser.go_to(address).await;
    browser
        .assert_becomes(&format!(
            "location.href.startsWith('{}/') && document.readyState === 'complete'",
            server.site()
        ))
        .await;
    browser.text().await
}

/// The browser's complaints about what it was told to refuse.
const EXPECTED: [&str; 8] = [
    "frame-ancestors",
    "X-Frame-Options",
    "(Forbidden)",
    "CORS policy",
    "net::ERR_FAILED",
    "net::ERR_BLOCKED_BY_RESPONSE",
    "Unsafe attempt to load URL",
    "favicon.ico",
];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn framed_by_another_origin_every_page_stays_blank() {
    let installation = Installation::new();
    let server = installation.start();
    let stage = attacker(server.site());
    let browser = signed_in(&server).await;
    for origin in [stage.another_site(), stage.another_port()] {
        browser.go_to(&format!("{origin}/frames")).await;
        for (frame, shown) in ["Our own page", "", "", ""].iter().enumerate() {
            browser.driver.enter_frame(u16::try_from(frame).unwrap()).await.unwrap();
            let address = browser.run("return location.href").await;
            let text = browser.run("return document.body?.innerText ?? ''").await;
            if shown.is_empty() {
                // The browser puts a page of its own there.
                assert_eq!(address, "chrome-error://chromewebdata/", "frame {frame} of {origin}: {text}");
                for ours in ["Sign in", "Signed in", "logged_in_as", "testuser", "Portcullis"] {
                    assert!(!text.as_str().unwrap().contains(ours), "frame {frame} of {origin}: {text}");
                }
            } else {
                assert_eq!(text, *shown, "a frame that is allowed is seen by this test");
            }
            browser.driver.enter_parent_frame().await.unwrap();
        }
    }
    browser.close(&EXPECTED).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn a_form_that_another_site_sends_is_refused_and_changes_nothing() {
    let installation = Installation::new();
    let server = installation.start();
    let stage = attacker(server.site());
    let mut elsewhere = server.client();
    elsewhere.sign_in("testuser", "testpass");
    let browser = signed_in(&server).await;
    for origin in [stage.another_site(), stage.another_port()] {
        let before = browser.cookie("refresh_token_cookie").await;
        for path in ATTACKED {
            let text = after_form(&browser, &server, &format!("{origin}/post{path}")).await;
            // A form from another site carries no cookies, so that most of these lead to the sign-in page, and from
            // there, by a request that does carry them, to where a signed-in person belongs.
            let is_led_home = browser.place().await == "/dashboard" && path != "/login" && path != "/logout";
            assert!(text.contains("403") || is_led_home, "{path} from {origin}: {text}");
        }
        browser.visit("/dashboard").await;
        browser.assert_at("/dashboard").await;
        assert!(browser.text().await.contains("Signed in as testuser"), "nobody else was signed in");
        assert_eq!(browser.cookie("refresh_token_cookie").await, before, "nothing was renewed");
        assert_eq!(elsewhere.protected().status, 200, "nothing was ended, and the password is the old one");
    }
    browser.close(&EXPECTED).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn another_site_cannot_sign_a_person_in() {
    let installation = Installation::new();
    let server = installation.start();
    let stage = attacker(server.site());
    let browser = Browser::open(&server, Scripts::On).await;
    // The browser has our form's cookie, as anybody's has who ever looked at the page.
    browser.visit("/login").await;
    for origin in [stage.another_site(), stage.another_port()] {
        let text = after_form(&browser, &server, &format!("{origin}/post/login")).await;
        assert!(text.contains("403"), "{text}");
        let held = browser.cookies().await;
        assert!(!held.iter().any(|name| name.contains("_token")), "{held:?}");
        browser.visit("/dashboard").await;
        browser.assert_at("/login").await;
    }
    browser.close(&EXPECTED).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn scripts_of_another_origin_can_neither_read_nor_act() {
    let installation = Installation::new();
    let server = installation.start();
    let stage = attacker(server.site());
    let browser = signed_in(&server).await;
    for origin in [stage.another_site(), stage.another_port()] {
        browser.go_to(&format!("{origin}/blank")).await;
        for (method, mode) in [("GET", "cors"), ("GET", "no-cors"), ("POST", "cors"), ("POST", "no-cors")] {
            for path in ["/protected", "/dashboard", "/sessions", "/logout", "/sessions/end-others"] {
                let read = browser
                    .run_async(&format!(
                        "try {{ const answer = await fetch('{}{path}',
                           {{ method: '{method}', mode: '{mode}', credentials: 'include' }});
                         return answer.status + await answer.text() }} catch {{ return null }}",
                        server.site()
                    ))
                    .await;
                // An opaque answer has status 0 and no text.
                assert!(read.is_null() || read == json!("0"), "{method} {path} from {origin}: {read}");
            }
        }
        let opened = browser
            .run_async(&format!(
                "const other = open('{}/dashboard');
                 for (let round = 0; round < 100 && !other.closed; round += 1)
                     await new Promise((done) => setTimeout(done, 100));
                 return other.closed",
                server.site()
            ))
            .await;
        // Cross-Origin-Opener-Policy takes the window out of the opener's reach.
        assert_eq!(opened, json!(true), "{origin} keeps a hand on a window that it opened");
    }
    browser.visit("/dashboard").await;
    browser.assert_at("/dashboard").await;
    browser.close(&EXPECTED).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn a_link_from_another_site_finds_the_person_signed_in() {
    let installation = Installation::new();
    let server = installation.start();
    let stage = attacker(server.site());
    let browser = signed_in(&server).await;
    browser.go_to(&format!("{}/link", stage.another_site())).await;
    browser.leave_by("a").await;
    browser.assert_at("/dashboard").await;
    assert!(browser.text().await.contains("Signed in as testuser"));
    browser.close(&EXPECTED).await;
}
