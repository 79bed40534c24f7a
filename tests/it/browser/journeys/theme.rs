//! A theme as a person sees it, and what its scripts may ask of ours.

use crate::binary::server::Installation;
use crate::browser::chromium::{Browser, Scripts};

const FRAME: &str = r#"{% extends "portcullis/base.html" %}
{% block head %}<script type="module" src="/static/more.js"></script>{% endblock %}
{% block foot %}<p id="told">nothing yet</p>{% endblock %}"#;

/// Renews access, changes something, and writes down what came of it.
const SCRIPT: &str = r##"
if ("signedIn" in document.body.dataset) {
  const renewed = await portcullis.renew();
  const { status } = await portcullis.fetch("/sessions/end-others", { method: "POST" });
  document.querySelector("#told").textContent = `renewed: ${renewed}, answered: ${status}`;
}
"##;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn scripts_of_a_theme_renew_and_send_proofs_under_the_names_of_the_settings() {
    let installation = Installation::new()
        .with("PORTCULLIS_AUTH__CSRF_HEADER_NAME", "X-Proof")
        .with("PORTCULLIS_AUTH__ACCESS_CSRF_COOKIE_NAME", "proof_of_access")
        .with("PORTCULLIS_AUTH__REFRESH_CSRF_COOKIE_NAME", "proof_of_refresh")
        .with("PORTCULLIS_APP__THEME", "look")
        .with("PORTCULLIS_APP__COLORS__ACCENT", "#7a1f5c")
        .with("PORTCULLIS_APP__LOGO", "mark.svg")
        .with_file("mark.svg", r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 90 30"/>"#)
        .with_file("look/templates/base.html.tera", FRAME)
        .with_file("look/static/more.js", SCRIPT);
    let server = installation.start();
    let browser = Browser::open(&server, Scripts::On).await;
    browser.visit("/login").await;
    let button = browser.element("main form button.wide").await;
    assert_eq!(button.css_value("background-color").await.unwrap(), "rgba(122, 31, 92, 1)");
    let logo = browser.element(".mast img").await;
    let size = logo.rect().await.unwrap();
    assert_eq!((size.width.round(), size.height.round()), (120.0, 40.0), "a wide logo keeps its shape");
    browser.sign_in("testuser", "testpass").await;
    browser.assert_at("/dashboard").await;
    let expected = "renewed: true, answered: 200";
    for _ in 0..100 {
        if browser.text().await.contains(expected) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(browser.text().await.contains(expected), "{}", browser.text().await);
    browser.close(&[]).await;
}
