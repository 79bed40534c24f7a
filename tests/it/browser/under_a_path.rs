//! An application under a path of its origin, behind a proxy that takes the path off and one that leaves it on.

use serde_json::json;

use crate::binary::server::{Installation, Server};
use crate::browser::chromium::{Browser, Scripts};
use crate::browser::journeys::tabs::generation;
use crate::edge::PathProxy;

async fn signs_in_renews_and_out(server: &Server, takes_off: bool) {
    let proxy = PathProxy::start(server.address(), takes_off);
    for scripts in [Scripts::On, Scripts::Off] {
        let browser = Browser::open_in("en", &proxy.site(), scripts).await;
        browser.visit("/auth/sessions").await;
        browser.assert_at("/auth/login?next=%2Fauth%2Fsessions").await;
        browser.sign_in("testuser", "testpass").await;
        browser.assert_at("/auth/sessions").await;
        browser.visit("/auth/dashboard").await;
        if scripts == Scripts::On {
            let before = generation(&browser).await;
            assert_eq!(browser.run_async("return await portcullis.renew()").await, json!(true));
            assert_eq!(generation(&browser).await, before + 1, "the script finds the way");
        }
        browser.leave_by("form[action='/auth/logout'] button").await;
        browser.assert_at("/auth/login?notice=signed_out").await;
        browser.close(&[]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium, chromedriver and nginx"]
async fn a_person_gets_in_and_out_under_a_path_whatever_the_proxy_does_with_it() {
    let installation = Installation::new().with("PORTCULLIS_APP__BASE_PATH", "/auth");
    let server = installation.start();
    signs_in_renews_and_out(&server, true).await;
    signs_in_renews_and_out(&server, false).await;
}
