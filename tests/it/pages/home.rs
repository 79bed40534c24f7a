//! `/`: nothing to see but the way in.

use crate::support::app;

#[test]
fn it_leads_to_the_form_or_to_the_dashboard() {
    let app = app();
    for visitor in [app.browser(), app.program()] {
        let answer = visitor.get("/").send();
        assert_eq!((answer.status, answer.location()), (303, "/login"));
    }
    let browser = app.signed_in_browser();
    let answer = browser.get("/").send();
    assert_eq!((answer.status, answer.location()), (303, "/dashboard"));
    app.pass(301);
    let answer = browser.get("/").send();
    assert_eq!((answer.status, answer.location()), (303, "/dashboard"), "an expired token is renewed");
}

#[test]
fn what_is_not_there_is_not_found_in_both_forms() {
    let app = app();
    for path in ["/nothing", "/protected/x", "/me.css", "/dashboard.css", "/.git/config"] {
        let page = app.browser().get(path).send();
        assert!(page.status == 404 && page.is_page() && page.body.contains("Page not found"), "{path}");
        assert_eq!(app.program().get(path).send().refusal(), (404, "not_found".into()), "{path}");
    }
}
