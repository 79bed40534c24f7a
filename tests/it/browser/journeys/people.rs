//! An administrator and a new colleague, each in a browser of their own, with scripts and without.

use crate::binary::server::{Installation, Server};
use crate::browser::chromium::{Browser, Scripts};
use crate::browser::journeys::flows::{BOTH, REFUSED, assert_error_at};

const CHOSEN: &str = "four unrelated words here";

async fn administrator(server: &Server, scripts: Scripts) -> Browser {
    let browser = Browser::open(server, scripts).await;
    browser.visit("/login").await;
    browser.sign_in("admin", "adminpass").await;
    browser.assert_at("/dashboard").await;
    browser.click("nav a[href='/people']").await;
    browser.assert_at("/people").await;
    browser
}

/// Sends what is typed as the code and the new password.
async fn exchange(browser: &Browser, code: &str, new: &str) {
    browser.fill("#code", code).await;
    browser.fill("#new_password", new).await;
    browser.fill("#new_password_again", new).await;
    browser.leave_by("main form button.wide").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn somebody_is_added_chooses_a_password_and_is_signed_out_by_an_administrator() {
    for scripts in BOTH {
        let installation = Installation::new();
        let server = installation.start();
        let admin = administrator(&server, scripts).await;

        admin.fill("#username", "testuser").await;
        admin.fill("#roles", "staff").await;
        admin.leave_by("section[aria-labelledby=add] button").await;
        assert_error_at(&admin, "username", "There is an account of this name already").await;
        admin.fill("#username", "grace").await;
        admin.leave_by("section[aria-labelledby=add] button").await;
        assert!(admin.reads("[role=status]").await.contains("The account grace was created"));
        let code = admin.reads("code.code").await;
        assert_eq!(code.len(), 29);

        let grace = Browser::open(&server, scripts).await;
        grace.visit("/login").await;
        grace.click("a[href='/account/code']").await;
        grace.assert_at("/account/code").await;
        grace.fill("#username", "grace").await;
        exchange(&grace, "0000-0000-0000-0000", CHOSEN).await;
        assert_error_at(&grace, "code", "Wrong username or one-time code").await;
        exchange(&grace, &code, "my name is grace!").await;
        assert_error_at(&grace, "new_password", "contains your username").await;
        exchange(&grace, &code.to_lowercase(), CHOSEN).await;
        grace.assert_at("/login?notice=password_chosen").await;
        assert!(grace.reads("[role=status]").await.contains("Your password is set"));
        grace.sign_in("grace", CHOSEN).await;
        grace.assert_at("/dashboard").await;
        assert!(!grace.has("nav a[href='/people']").await, "that is not for everybody");
        assert!(grace.text().await.contains("Password chosen with a one-time code"));

        admin.click("main a.button").await;
        admin.assert_at("/people/grace").await;
        assert!(admin.reads("section[aria-labelledby=sessions]").await.contains("Chrome"));
        admin.leave_by("section[aria-labelledby=sessions] .row form button").await;
        admin.assert_at("/people/grace?notice=session_ended").await;
        grace.click("nav a[href='/sessions']").await;
        grace.assert_becomes("location.pathname === '/login'").await;
        assert!(grace.reads("[role=status]").await.contains("Your session was ended"));

        admin.leave_by("section[aria-labelledby=state] button").await;
        admin.assert_at("/people/grace?notice=disabled").await;
        grace.sign_in("grace", CHOSEN).await;
        assert_error_at(&grace, "password", "Wrong username or password").await;
        admin.leave_by("section[aria-labelledby=state] button").await;
        admin.assert_at("/people/grace?notice=enabled").await;
        grace.sign_in("grace", CHOSEN).await;
        grace.assert_becomes("!location.pathname.startsWith('/login')").await;

        for browser in [admin, grace] {
            browser.close(&REFUSED).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn people_are_found_and_a_stale_password_is_asked_for_on_the_way() {
    for scripts in BOTH {
        let installation = Installation::new().with("PORTCULLIS_AUTH__FRESH_TTL", "4");
        let server = installation.start();
        let admin = administrator(&server, scripts).await;
        admin.fill("#q", "USER").await;
        admin.leave_by("form[role=search] button").await;
        admin.assert_becomes("location.search === '?q=USER'").await;
        assert_eq!(admin.run("return document.querySelectorAll('.rows > li').length").await, 1);
        tokio::time::sleep(std::time::Duration::from_secs(6)).await;
        admin.click(".rows > li a").await;
        admin.assert_at("/reauthenticate?next=%2Fpeople%2Ftestuser").await;
        admin.fill("#password", "adminpass").await;
        admin.leave_by("main form button.wide").await;
        admin.assert_at("/people/testuser?notice=password_confirmed").await;
        assert!(admin.reads("h1").await.contains("testuser"));
        admin.fill("#roles", "user;staff").await;
        admin.leave_by("section[aria-labelledby=roles-heading] button").await;
        assert_error_at(&admin, "roles", "A role has").await;
        admin.close(&REFUSED).await;
    }
}
