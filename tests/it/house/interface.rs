//! docs/interface.md names every call and every member that a call takes, held against the sources and the application.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rocket::http::Method;
use serde_json::{Value, json};

use crate::support::app;

struct Row {
    method: String,
    path: String,
    takes: BTreeSet<String>,
    answers: BTreeSet<String>,
}

/// The words in backticks.
fn words(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(|word| word.trim_matches('"').to_owned()).collect()
}

fn rows() -> Vec<Row> {
    let page = include_str!("../../../docs/interface.md");
    let lines = page.lines().filter(|line| line.starts_with("| `GET /") || line.starts_with("| `POST /"));
    let rows: Vec<_> = lines
        .map(|line| {
            let cells: Vec<_> = line.split(" | ").collect();
            let call = cells[0].trim_matches(['|', ' ', '`']);
            let (method, path) = call.split_once(' ').unwrap();
            let (takes, answers) = match cells.len() {
                3 => (words(cells[1]), words(cells[2])),
                _ => (BTreeSet::new(), words(cells[1])),
            };
            Row { method: method.to_owned(), path: path.to_owned(), takes, answers }
        })
        .collect();
    assert!(rows.len() > 20);
    rows
}

#[test]
fn every_route_is_a_row_and_every_row_a_route() {
    let told: BTreeSet<_> = rows().iter().map(|row| format!("{} {}", row.method, row.path)).collect();
    let pages = [
        "GET /",
        "GET /dashboard",
        "GET /account/password",
        "GET /account/code",
        "GET /account/forgotten",
        "GET /account/delete",
        "GET /register",
        "GET /reauthenticate",
    ];
    let routes = portcullis::routes::routes();
    let there = routes.iter().map(|route| format!("{} {}", route.method, route.uri.path()));
    let there: BTreeSet<_> = there
        .filter(|call| {
            !pages.contains(&call.as_str()) && !call.contains("/static") && !call.contains("favicon")
        })
        .collect();
    assert_eq!(told, there);
}

#[test]
fn every_member_that_the_sources_read_is_told_and_no_other() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/routes");
    let mut read: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let rooms =
        ["signing", "account", "mail", "people"].map(|room| std::fs::read_dir(folder.join(room)).unwrap());
    for entry in rooms.into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for part in text.split("#[serde(deny_unknown_fields)]").skip(1) {
            let fields = part.split_once('{').unwrap().1.split('}').next().unwrap();
            let mut is_skipped = false;
            for line in fields.lines().map(str::trim) {
                match line {
                    _ if line.starts_with("#[serde(skip)") => is_skipped = true,
                    _ if line.starts_with("#[") || line.starts_with("//") => {}
                    _ => {
                        let name =
                            line.split(':').next().unwrap().trim_start_matches("pub(crate) ").to_owned();
                        if !name.is_empty() && !std::mem::take(&mut is_skipped) {
                            let file = path.file_stem().unwrap().to_str().unwrap().to_owned();
                            read.entry(file).or_default().insert(name);
                        }
                    }
                }
            }
        }
    }
    let told = |paths: &str| {
        let row = |path| rows().into_iter().find(|row| row.method == "POST" && row.path == path).unwrap();
        paths
            .split(' ')
            .flat_map(|path| row(path).takes)
            .filter(|word| {
                !["false", "cookies", "body", "totp", "recovery", "passkey", "toJSON()"]
                    .contains(&word.as_str())
            })
            .collect()
    };
    let expected: BTreeMap<String, BTreeSet<String>> = [
        ("login", "/login"),
        ("factor", "/login/factor"),
        ("apps", "/account/factors/totp/confirm"),
        ("passkey", "/login/passkey"),
        ("enrol", "/login/enrol/totp/confirm /login/enrol/passkey"),
        ("passkeys", "/account/factors/passkey"),
        ("reauthenticate", "/reauthenticate"),
        ("password", "/account/password"),
        ("code", "/account/code"),
        ("address", "/account/email"),
        ("forgotten", "/account/forgotten"),
        ("link", "/link/<text>"),
        ("list", "/people /people/invite"),
        ("own", "/account"),
        ("register", "/register"),
        ("person", "/people/<name>/roles"),
    ]
    .map(|(file, path)| (file.to_owned(), told(path)))
    .into();
    assert_eq!(read, expected);
}

#[test]
fn what_is_answered_is_told_and_a_member_of_no_row_is_refused() {
    let app = app();
    let admin = app.program();
    assert_eq!(admin.sign_in("admin", "adminpass").status, 200);
    let of = |method: &str, path: &str| {
        rows().into_iter().find(|row| row.method == method && row.path == path).unwrap()
    };
    let assert_told = |row: &Row, answer: &Value| {
        for member in answer.as_object().unwrap().keys() {
            assert!(row.answers.contains(member), "{} {} answers {member}", row.method, row.path);
        }
    };
    for (path, asked) in [
        ("/protected", "/protected"),
        ("/sessions", "/sessions"),
        ("/people", "/people"),
        ("/people/<name>", "/people/admin"),
    ] {
        let answer = admin.get(asked).send().json();
        assert_told(&of("GET", path), &answer);
    }
    let session = admin.get("/sessions").send().json()["sessions"][0].clone();
    assert_told(&of("GET", "/sessions"), &session);
    assert_told(&of("GET", "/people"), &admin.get("/people").send().json()["people"][0]);
    assert_told(&of("GET", "/people/<name>"), &admin.get("/people/admin").send().json()["events"][0]);
    for (path, asked, body) in [
        ("/people", "/people", json!({ "username": "ada" })),
        ("/people/<name>/code", "/people/ada/code", Value::Null),
        ("/people/<name>/failures/forget", "/people/ada/failures/forget", Value::Null),
        ("/people/<name>/roles", "/people/ada/roles", json!({ "roles": ["staff"] })),
        ("/people/<name>/disable", "/people/ada/disable", Value::Null),
        ("/people/<name>/enable", "/people/ada/enable", Value::Null),
        ("/people/<name>/sessions/end", "/people/ada/sessions/end", Value::Null),
        ("/sessions/end-others", "/sessions/end-others", Value::Null),
        ("/reauthenticate", "/reauthenticate", json!({ "password": "adminpass" })),
    ] {
        let ask = admin.ask(Method::Post, asked).csrf(&admin.csrf());
        let answer = if body.is_null() { ask.send() } else { ask.json(&body).send() };
        assert_eq!(answer.status, 200, "{asked}: {}", answer.body);
        assert_told(&of("POST", path), &answer.json());
        if let Value::Object(mut members) = body {
            members.insert("surprise".to_owned(), json!(1));
            let refused = admin.ask(Method::Post, asked).csrf(&admin.csrf()).json(&members.into()).send();
            assert_eq!(refused.refusal(), (422, "unprocessable".into()), "{asked}");
        }
    }
}
