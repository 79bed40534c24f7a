//! A sign-in form that lay open: in a second tab, through a night, while cookies were cleared.

use crate::support::{Answer, Visitor, app};

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

/// A sign-in form of this visitor, and the fields that it would send.
fn form(browser: &Visitor<'_>) -> Vec<(&'static str, String)> {
    let page = browser.get("/login?next=/sessions").send().body;
    let proof = page.split("name=\"csrf_token\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let fields = [("csrf_token", proof), ("next", "/sessions"), FORM[0], FORM[1]];
    fields.into_iter().map(|(name, value)| (name, value.to_owned())).collect()
}

fn send(browser: &Visitor<'_>, fields: &[(&str, String)]) -> Answer {
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    browser.post("/login").form(&fields).send()
}

#[test]
fn an_old_browser_that_is_signed_in_is_led_on_from_an_old_form() {
    let app = app();
    let browser = app.browser();
    let (first, second) = (form(&browser), form(&browser));
    assert_eq!(send(&browser, &first).status, 303);
    let answer = send(&browser, &second);
    assert_eq!((answer.status, answer.header("Location")), (303, Some("/sessions")), "the second tab");
    assert_eq!(browser.get("/dashboard").send().status, 200);
}

#[test]
fn a_form_without_its_cookie_is_told_so_and_keeps_what_was_typed() {
    let app = app();
    let fields = form(&app.browser());
    let browser = app.browser();
    let page = send(&browser, &fields);
    assert_eq!(page.status, 403);
    for part in
        ["came back without its cookie", "value=\"testuser\"", "value=\"&#x2F;sessions\"", "/cookies/clear"]
    {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    let answer = browser.post("/cookies/clear").header("Sec-Fetch-Site", "same-origin").form(&[]).send();
    assert_eq!((answer.status, answer.header("Location")), (303, Some("/login")));
    assert_eq!(answer.header("Clear-Site-Data"), Some("\"cookies\""));
    assert_eq!(send(&browser, &form(&browser)).status, 303);
    let foreign = browser.post("/cookies/clear").header("Sec-Fetch-Site", "cross-site").form(&[]).send();
    assert_eq!((foreign.status, foreign.header("Clear-Site-Data")), (403, None));
}

#[test]
fn a_form_that_another_site_sends_leaves_the_open_form_its_cookie() {
    let app = app();
    let browser = app.browser();
    let open = form(&browser);
    // SameSite keeps our cookies at home.
    let foreign = app.browser().post("/login").header("Sec-Fetch-Site", "cross-site").form(&FORM).send();
    assert_eq!(foreign.status, 403);
    assert_eq!(foreign.all("Set-Cookie").len(), 0);
    assert_eq!(send(&browser, &open).status, 303);
}

#[test]
fn whoever_comes_back_from_signing_in_without_a_cookie_is_told_so() {
    let app = app();
    let from_sign_in = ("Referer", "http://localhost/login?next=/sessions");
    let answer = app.browser().get("/sessions").header(from_sign_in.0, from_sign_in.1).send();
    let expected = "/login?next=%2Fsessions&notice=cookies_lost";
    assert_eq!((answer.status, answer.header("Location")), (303, Some(expected)));
    let page = app.browser().get(expected).send().body;
    assert!(page.contains("sent none of the cookies back") && page.contains("/cookies/clear"), "{page}");
    let elsewhere = app.browser().get("/sessions").header("Referer", "http://localhost/").send();
    assert_eq!(elsewhere.header("Location"), Some("/login?next=%2Fsessions"));
    let browser = app.browser();
    form(&browser);
    let page = browser.get(expected).send().body;
    assert!(!page.contains("/cookies/clear"), "a link that is not borne out says nothing: {page}");
}

#[test]
fn a_cookie_that_came_twice_is_told_and_never_loops_without_a_word() {
    let app = app();
    let signed_in = app.browser();
    signed_in.sign_in("testuser", "testpass");
    let token = signed_in.cookie("access_token_cookie");
    let twice = format!("access_token_cookie={token}; access_token_cookie=a neighbour's");
    let page = app.browser().get("/login").cookie_line(&twice).send();
    assert!(page.body.contains("cookie of this service twice") && page.body.contains("/cookies/clear"));
    let twice = "portcullis_login=00112233445566778899aabbccddeeff; portcullis_login=ffeeddccbbaa99887766554433221100";
    let page = app.browser().post("/login").cookie_line(twice).form(&FORM).send();
    assert!(
        page.body.contains("cookie of this service twice") && page.body.contains("/cookies/clear"),
        "{}",
        page.body
    );
}
