//! The pages in every state they know, in every language.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use portcullis::app::add_templates;
use portcullis::routes::words::Catalogues;
use rocket_dyn_templates::tera::{Context, Tera};
use serde_json::{Value, json};

use crate::headers::assert_no_inline_code;

const HOSTILE: &str = "<script>alert(\"x\")</script>'&";

fn tera() -> Tera {
    let mut tera = Tera::default();
    add_templates(&mut tera).unwrap();
    tera
}

/// Every template's name in the folder, without the last extension.
fn in_folder() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let files = files.filter(|entry| entry.file_type().unwrap().is_file());
    files
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            // Anything else would be plain text, and not escaped.
            name.strip_suffix(".html.tera").unwrap_or_else(|| unescaped(&name)).to_owned() + ".html"
        })
        .collect()
}

#[expect(clippy::panic, reason = "such a file should fail loudly")]
fn unescaped(name: &str) -> ! {
    panic!("{name} does not end in .html.tera")
}

/// A page's states: what may be there and what may be missing.
fn states(template: &str) -> Vec<Value> {
    let moment = json!({ "iso": "2026-01-02T03:04:05Z", "text": HOSTILE });
    let item = json!({
        "id": "00112233445566778899aabbccddeeff", "browser": HOSTILE, "system": HOSTILE, "address": HOSTILE,
        "last_seen": moment, "began": moment, "current": false
    });
    let bare = json!({ "id": "x", "current": true });
    let user = json!({ "name": HOSTILE, "roles": [HOSTILE, "user"] });
    let session = json!({
        "began": moment, "password_entered": moment, "access_expires": moment, "expires": moment,
        "access_life": 300
    });
    match template {
        "login.html" => vec![
            json!({}),
            json!({ "next": HOSTILE, "username": HOSTILE, "error": "bad_credentials", "demo": true }),
            json!({ "error": "throttled", "retry_after": 30 }),
            json!({ "error": HOSTILE }),
            json!({ "notice": "session_reused" }),
            json!({ "notice": HOSTILE }),
        ],
        "dashboard.html" => vec![
            json!({ "user": user, "session": session }),
            json!({ "user": { "name": "n", "roles": [] }, "session": {} }),
            json!({ "user": user, "session": session, "sessions": [item, bare], "notice": HOSTILE,
                    "failures": 1, "events": [{ "key": HOSTILE, "when": moment, "detail": HOSTILE }] }),
            json!({ "user": user, "session": session, "failures": 7, "notice": "password_changed" }),
        ],
        "sessions.html" => vec![
            json!({ "user": user, "sessions": [bare] }),
            json!({ "user": user, "sessions": [bare, item], "notice": "session_ended" }),
        ],
        "password.html" => {
            let errors = ["wrong_password", "too_short", "mismatch", "throttled", HOSTILE];
            let with = |error| json!({ "user": user, "min_length": 8, "error": error, "retry_after": 600 });
            let mut states: Vec<_> = errors.into_iter().map(with).collect();
            states.push(json!({ "user": user, "min_length": 8 }));
            states
        }
        "reauthenticate.html" => {
            vec![json!({ "user": user }), json!({ "user": user, "next": HOSTILE, "error": "wrong_password" })]
        }
        "error.html" => vec![
            json!({ "key": "not_found", "status": 404, "back": "/" }),
            json!({ "key": "unavailable", "status": 503, "retry_after": 2, "back": "/dashboard" }),
            json!({ "key": HOSTILE, "status": 500 }),
            json!({ "key": "session_reused", "user": user }),
        ],
        "wait.html" => [1, 30, 600].map(|seconds| json!({ "retry_after": seconds })).to_vec(),
        "session_item.html" => vec![json!({ "item": item }), json!({ "item": bare })],
        "base.html" => vec![json!({}), json!({ "user": user, "session": session })],
        other => unescaped(other),
    }
}

#[test]
fn every_template_in_the_folder_is_part_of_the_program_and_escaped() {
    let tera = tera();
    let known: BTreeSet<_> = tera.get_template_names().map(str::to_owned).collect();
    assert_eq!(known, in_folder());
    assert!(known.iter().all(|name| name.ends_with(".html")));
}

#[test]
fn every_page_renders_in_every_state_and_language_and_escapes() {
    let tera = tera();
    let catalogues = Catalogues::embedded().unwrap();
    for name in in_folder() {
        for state in states(&name) {
            for (language, words) in catalogues.iter() {
                let mut context = Context::from_value(state.clone()).unwrap();
                context.insert("lang", language);
                context.insert("t", words);
                context.insert("service", HOSTILE);
                context.insert("csrf_field", "csrf_token");
                context.insert("csrf_token", HOSTILE);
                context.insert("assets", &json!({
                    "css": "/static/a.css", "js": "/static/a.js", "icon": "/static/a.svg", "logo": "/static/b.svg"
                }));
                let page = tera.render(&name, &context);
                let page = page.unwrap_or_else(|error| unrendered(&name, language, &state, &error));
                assert!(!page.contains("<script>alert"), "{name} {language} {state}");
                assert!(
                    !page.contains("&amp;lt;") && !page.contains("&amp;quot;"),
                    "escaped twice: {name} {state}"
                );
                assert!(!page.contains("{{") && !page.contains("{%"), "{name}");
                for unfilled in
                    ["{name}", "{count}", "{browser}", "{system}", "{minimum}", "{seconds}", "{minutes}"]
                {
                    assert!(!page.contains(unfilled), "{unfilled} in {name} {language} {state}");
                }
                assert_no_inline_code(&page);
                if page.contains("<form") {
                    let forms = page.matches("<form").count();
                    let proofs = page.matches(r#"<input type="hidden" name="csrf_token""#).count();
                    assert_eq!(forms, proofs, "a form without its proof: {name}");
                }
            }
        }
    }
}

#[expect(clippy::panic, reason = "a page that does not render should fail loudly")]
fn unrendered(name: &str, language: &str, state: &Value, error: &rocket_dyn_templates::tera::Error) -> ! {
    panic!("{name} in {language} with {state}: {error:?}")
}

#[test]
fn the_proof_is_every_forms_first_field() {
    for name in in_folder() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates").join(format!("{name}.tera"));
        let text = fs::read_to_string(file).unwrap();
        for form in text.split("<form").skip(1) {
            let first = form.split("<input").nth(1).unwrap();
            assert!(first.starts_with(r#" type="hidden" name="{{ csrf_field }}""#), "{name}: {first}");
            assert!(form.contains(r#"method="post""#), "{name}");
        }
    }
}

#[test]
fn every_language_has_every_text_with_the_same_places_to_fill() {
    let catalogues = Catalogues::embedded().unwrap();
    let all: Vec<_> = catalogues.iter().map(|(language, words)| (language, texts(words, ""))).collect();
    let (_, first) = &all[0];
    for (language, others) in &all {
        let keys =
            |texts: &[(String, String)]| texts.iter().map(|(key, _)| key.clone()).collect::<BTreeSet<_>>();
        assert_eq!(keys(first), keys(others), "{language}");
        for ((key, one), (_, other)) in first.iter().zip(others) {
            assert!(!other.trim().is_empty() && !other.contains('<'), "{language} {key}");
            let places = |text: &str| {
                text.split('{')
                    .skip(1)
                    .map(|rest| rest.split('}').next().unwrap().to_owned())
                    .collect::<BTreeSet<_>>()
            };
            assert_eq!(places(one), places(other), "{language} {key}");
        }
    }
    assert_eq!(all.len(), 2);
}

/// All texts with their paths, in order of path.
fn texts(value: &Value, path: &str) -> Vec<(String, String)> {
    match value {
        Value::Object(members) => {
            let mut all: Vec<_> =
                members.iter().flat_map(|(key, value)| texts(value, &format!("{path}.{key}"))).collect();
            all.sort();
            all
        }
        Value::String(text) => vec![(path.to_owned(), text.clone())],
        _ => vec![(path.to_owned(), String::new())],
    }
}
