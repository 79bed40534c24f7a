//! The application under a path of its origin: every link, redirect, form and asset has it, whether or not a proxy takes it off.

use std::collections::BTreeSet;

use crate::support::{App, Setup};

fn under(base: &str) -> App {
    Setup::new().set("app.base_path", base).launch()
}

/// The addresses of a page: where its links lead, its forms go, and its assets lie.
fn addresses(page: &str) -> BTreeSet<String> {
    let attributes = [" href=\"", " action=\"", " src=\"", " data-passkey=\""];
    let found = attributes.iter().flat_map(|attribute| page.split(attribute).skip(1));
    found.map(|rest| rest.split('"').next().unwrap().replace("&#x2F;", "/").replace("&amp;", "&")).collect()
}

#[test]
fn whoever_follows_every_link_stays_under_it() {
    let app = under("/auth");
    let browser = app.signed_in_browser();
    let mut waiting = vec!["/auth/dashboard".to_owned()];
    let mut seen = BTreeSet::new();
    while let Some(path) = waiting.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let answer = browser.get(&path).send();
        assert!([200, 303].contains(&answer.status), "{path}: {}", answer.status);
        if answer.status == 303 {
            assert!(answer.location().starts_with("/auth/"), "{path} leads to {}", answer.location());
        }
        if !answer.is_page() {
            continue;
        }
        for address in addresses(&answer.body) {
            let is_ours = address.starts_with("/auth/") || address.starts_with('#');
            assert!(is_ours, "{path} has {address}");
            let is_form = answer.body.contains(&format!("action=\"{address}\""));
            // What is only sent to is not looked at.
            if address.starts_with('/') && !is_form && !address.contains("/options") {
                waiting.push(address);
            }
        }
    }
    for page in ["/auth/sessions", "/auth/account", "/auth/account/factors", "/auth/account/password"] {
        assert!(seen.contains(page), "nobody comes to {page}: {seen:?}");
    }
    assert!(seen.iter().any(|path| path.ends_with(".css")) && seen.iter().any(|path| path.ends_with(".js")));
}

#[test]
fn a_proxy_may_take_it_off_or_leave_it_on() {
    let app = under("/a/b");
    for path in ["/login", "/a/b/login"] {
        let page = app.browser().get(path).send();
        assert_eq!(page.status, 200, "{path}");
        assert!(page.body.contains("action=\"/a/b/login\""), "{path}: {}", page.body);
        assert_eq!(app.program().get(path).send().status, 200);
    }
    for (path, expected) in [("/a/b", "/a/b/login"), ("/a/b/", "/a/b/login"), ("/", "/a/b/login")] {
        let answer = app.browser().get(path).send();
        assert_eq!((answer.status, answer.location()), (303, expected), "{path}");
    }
    for path in ["/a/bc/login", "/a/b/a/b/login", "/a/login"] {
        assert_eq!(app.browser().get(path).send().status, 404, "{path}");
    }
    let respelled = app.browser().get("/a/b/login/").send();
    assert_eq!((respelled.status, respelled.location()), (308, "/a/b/login"));
    assert_eq!(app.program().get("/a/b/protected").send().status, 401);
}

#[test]
fn whoever_signs_in_is_led_back_to_where_they_were_also_to_another_application() {
    let app = under("/auth");
    let asked = app.browser().get("/auth/sessions").send();
    assert_eq!((asked.status, asked.location()), (303, "/auth/login?next=%2Fauth%2Fsessions"));
    for (next, expected) in [
        ("%2Fauth%2Fsessions", "/auth/sessions"),
        ("%2Fapp%2Fpage%3Fa%3Db", "/app/page?a=b"),
        // In a circle, or nowhere on this origin.
        ("%2Fauth%2Flogin", "/auth/dashboard"),
        ("%2F%2Fevil.example", "/auth/dashboard"),
        ("", "/auth/dashboard"),
    ] {
        let signed_in = app.signed_in_browser();
        let answer = signed_in.get(&format!("/auth/login?next={next}")).send();
        assert_eq!((answer.status, answer.location()), (303, expected), "{next}");
    }
}

#[test]
fn nothing_else_is_a_base_path() {
    for text in ["auth", "/auth/", "//auth", "/a b", "/a/../b", "/ä"] {
        let setup = Setup::new().set("app.base_path", text);
        let problems = portcullis::app::check(&setup.figment()).unwrap_err();
        assert!(
            problems.iter().any(|line| line.starts_with("app.base_path: must be a path")),
            "{text}: {problems:?}"
        );
    }
}

#[test]
fn links_in_messages_have_it() {
    let figment =
        Setup::new().set("app.base_path", "/auth").set("app.base_url", "https://example.org").figment();
    let settings = portcullis::settings::load(&figment).unwrap();
    let mail = settings.mail.unwrap();
    assert_eq!((mail.links_at.as_str(), mail.host.as_str()), ("https://example.org/auth", "example.org"));
}
