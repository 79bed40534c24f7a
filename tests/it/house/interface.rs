//! docs/interface.md and `/openapi.json` name every call and every member, and say the same as the application does.

use std::collections::BTreeSet;

use rocket::http::Method;
use serde_json::{Value, json};

use crate::support::{Setup, app};

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

/// What the application says of itself.
fn document() -> Value {
    let app = app();
    let answer = app.program().get("/openapi.json").send();
    assert_eq!((answer.status, answer.header("Content-Type")), (200, Some("application/json")));
    answer.json()
}

/// What stands behind a reference.
fn behind<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

/// The members of an object, or of each object that it may be.
fn members(document: &Value, schema: &Value) -> BTreeSet<String> {
    let schema = behind(document, schema);
    let mut found: BTreeSet<String> =
        schema["properties"].as_object().into_iter().flat_map(|all| all.keys().cloned()).collect();
    for one in schema["oneOf"].as_array().into_iter().flatten() {
        found.extend(members(document, one));
    }
    found
}

fn operation<'a>(document: &'a Value, method: &str, path: &str) -> &'a Value {
    &document["paths"][path.replace('<', "{").replace('>', "}")][method.to_lowercase()]
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], "1", "strangers do not learn which version serves them");
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            described.insert(format!(
                "{} {}",
                method.to_uppercase(),
                path.replace('{', "<").replace('}', ">")
            ));
        }
    }
    let routes = portcullis::routes::routes();
    let there = routes.iter().map(|route| format!("{} {}", route.method, route.uri.path()));
    let there: BTreeSet<_> =
        there.filter(|call| !call.contains("/static") && !call.contains("favicon")).collect();
    assert_eq!(described, there);
    let names: BTreeSet<_> = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|item| item.as_object().unwrap().values())
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), described.len(), "two calls have one name");
}

#[test]
fn every_member_that_a_call_takes_is_told_and_no_other() {
    let document = document();
    let values = ["false", "cookies", "body", "totp", "recovery", "passkey", "toJSON()"];
    let mut count = 0;
    for row in rows().into_iter().filter(|row| row.method == "POST") {
        let body = &operation(&document, "POST", &row.path)["requestBody"]["content"]["application/json"];
        let schema = behind(&document, &body["schema"]);
        let mut told = row.takes.clone();
        told.retain(|word| !values.contains(&word.as_str()));
        // "as above": the row of the password has it.
        let mut taken = members(&document, schema);
        if !row.takes.contains("delivery") && taken.contains("delivery") {
            assert!(row.path.starts_with("/login/"), "{}", row.path);
            taken.remove("delivery");
        }
        assert_eq!(told, taken, "{}", row.path);
        if !schema.is_null() {
            assert_eq!(schema["additionalProperties"], false, "{}", row.path);
            count += 1;
        }
    }
    assert!(count >= 18, "{count} calls take something");
}

#[test]
fn every_member_that_is_answered_is_told() {
    let document = document();
    let mut count = 0;
    for row in rows() {
        let answers = &operation(&document, &row.method, &row.path)["responses"];
        for status in ["200", "202"] {
            let schema = &answers[status]["content"]["application/json"]["schema"];
            let answered = members(&document, schema);
            // Rows that say "the same", or as which other call.
            if row.answers.is_empty() || row.answers.iter().any(|word| word.contains(" /")) {
                continue;
            }
            for member in answered.difference(&BTreeSet::from(["password_leaked".to_owned()])) {
                let is_of_enrolment = member == "recovery_codes" && row.path.starts_with("/login");
                assert!(row.answers.contains(member) || is_of_enrolment, "{} answers {member}", row.path);
                count += 1;
            }
        }
    }
    assert!(count > 60, "{count} members are answered");
}

#[test]
fn names_and_addresses_are_those_of_the_installation() {
    let app = Setup::new()
        .set("app.base_path", "/auth")
        .set("auth.token_locations", ["cookies", "headers", "query_string"])
        .set("auth.names.access_cookie_name", "way_in")
        .set("auth.names.csrf_header_name", "X-Proof")
        .set("auth.names.header_name", "X-Token")
        .set("auth.names.error_message_key", "why")
        .launch();
    let document = app.program().get("/auth/openapi.json").send().json();
    assert_eq!(document["servers"], json!([{ "url": "/auth" }]));
    let schemes = &document["components"]["securitySchemes"];
    assert_eq!(schemes["accessCookie"]["name"], "way_in");
    assert_eq!(schemes["csrf"]["name"], "X-Proof");
    assert_eq!(schemes["header"]["name"], "X-Token");
    assert_eq!(schemes["query"]["name"], "jwt");
    assert_eq!(document["components"]["schemas"]["Refused"]["required"], json!(["why", "code"]));
    let ways = &operation(&document, "POST", "/people")["security"];
    assert_eq!(*ways, json!([{ "accessCookie": [], "csrf": [] }, { "header": [] }, { "query": [] }]));
    // Looking asks for no proof, and whoever signs in has none of this yet.
    assert_eq!(operation(&document, "GET", "/people")["security"][0], json!({ "accessCookie": [] }));
    assert!(operation(&document, "POST", "/login")["security"].is_null());
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
