//! Each address has one spelling and answers with its own methods.

use rocket::http::Method;
use serde_json::json;

use crate::support::{Answer, app};

fn address_and_status(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.location())
}

#[test]
fn other_spellings_of_a_page_lead_to_the_one() {
    let app = app();
    let visitor = app.signed_in();
    for (path, expected) in [
        ("//protected", "/protected"),
        ("/protected/", "/protected"),
        ("/%70rotected", "/protected"),
        ("/%50rotected", ""),
        ("/login/?next=/sessions", "/login?next=/sessions"),
        ("/./login", "/login"),
        ("//evil.example/", ""),
        ("/people/x/../../protected", "/protected"),
        ("/static//portcullis.css", "/static/portcullis.css"),
        ("//", "/"),
    ] {
        for method in [Method::Get, Method::Head] {
            let answer = visitor.ask(method, path).send();
            let status = if expected.is_empty() { 404 } else { 308 };
            assert_eq!(address_and_status(&answer), (status, expected), "{method} {path}");
        }
    }
    assert_eq!(visitor.get("/protected").send().status, 200);
}

#[test]
fn nothing_is_done_by_another_spelling() {
    let app = app();
    let body = json!({ "username": "testuser", "password": "testpass" });
    for path in ["/login/", "//login", "/%6cogin", "/x/../login", "/login//"] {
        let answer = app.program().post(path).json(&body).send();
        assert_eq!(answer.refusal(), (404, "not_found".into()), "{path}");
        assert_eq!(answer.all("Set-Cookie").len(), 0);
    }
    let person = app.signed_in();
    assert_eq!(person.post("/logout/").send().status, 404);
    assert_eq!(person.get("/protected").send().status, 200);
}

#[test]
fn another_method_is_405_and_says_which_there_are() {
    let app = app();
    for (method, path, allowed) in [
        (Method::Put, "/protected", "GET, HEAD"),
        (Method::Post, "/protected", "GET, HEAD"),
        (Method::Delete, "/login", "GET, HEAD, POST"),
        (Method::Options, "/login", "GET, HEAD, POST"),
        (Method::Get, "/logout", "POST"),
        (Method::Head, "/refresh", "POST"),
        (Method::Get, "/people/ada/code", "POST"),
        (Method::Patch, "/people/ada", "GET, HEAD"),
    ] {
        let answer = app.program().ask(method, path).send();
        assert_eq!((answer.status, answer.header("Allow")), (405, Some(allowed)), "{method} {path}");
        assert!(answer.header("Content-Security-Policy").is_some());
        if method != Method::Head {
            assert_eq!(answer.refusal(), (405, "method_not_allowed".into()));
        }
    }
    let page = app.browser().ask(Method::Delete, "/login").send();
    assert!(page.is_page() && page.status == 405 && page.body.contains("Not possible here"), "{}", page.body);
    for method in [Method::Put, Method::Get, Method::Options] {
        let answer = app.program().ask(method, "/nothing").send();
        assert_eq!((answer.refusal(), answer.header("Allow")), ((404, "not_found".into()), None), "{method}");
    }
}
