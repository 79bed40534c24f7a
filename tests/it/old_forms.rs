//! A sign-in form that lay open: in a second tab, through a night, while cookies were cleared.

use crate::support::app;

const FORM: [(&str, &str); 2] = [("username", "testuser"), ("password", "testpass")];

#[test]
fn a_browser_that_names_our_own_page_needs_no_other_proof_to_sign_in() {
    let app = app();
    let old = [("csrf_token", "from another time"), FORM[0], FORM[1]];
    for fields in [&old[..], &FORM[..]] {
        let browser = app.browser();
        let answer = browser.post("/login").header("Sec-Fetch-Site", "same-origin").form(fields).send();
        assert_eq!(answer.status, 303, "{fields:?}");
        assert_eq!(browser.get("/dashboard").send().status, 200);
        // The second tab, after the first has signed in.
        let again = browser.post("/login").header("Sec-Fetch-Site", "same-origin").form(fields).send();
        assert_eq!(again.status, 303);
        assert_eq!(browser.get("/dashboard").send().status, 200);
    }
}

#[test]
fn nobody_else_signs_in_with_an_old_form() {
    let app = app();
    for site in ["same-site", "cross-site", "none", "SAME-ORIGIN", "same-origin, same-origin", ""] {
        let answer = app.browser().post("/login").header("Sec-Fetch-Site", site).form(&FORM).send();
        assert_eq!(answer.status, 403, "{site:?}");
    }
    let browser = app.browser();
    let twice = browser.post("/login").header("Sec-Fetch-Site", "same-origin");
    assert_eq!(twice.add_header("Sec-Fetch-Site", "same-origin").form(&FORM).send().status, 403);
    let origin_alone = app.browser().post("/login").header("Origin", "http://localhost").form(&FORM).send();
    assert_eq!(origin_alone.status, 403);
}
