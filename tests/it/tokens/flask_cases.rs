//! What flask-jwt-extended answered, case by case (`cases/flask-jwt-extended.json`), against what we answer.
//!
//! Everything is equal but for the departures that stand here, each with its reason: the rules in [`Expected::ours`],
//! and the table [`DEPARTURES`] for single cases.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use portcullis::AccessToken;
use portcullis::auth::UnixTime;
use portcullis::users::{Account, Hasher, Password};
use rocket::http::Method;
use rocket::{post, routes};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::support::{
    Answer, App, Jar, NOW, SetCookie, Setup, Visitor, decode, encode, header, mac, now_or_never,
};

/// A single case that we answer in another way: the step, the status, the message or the whole answer, and why.
const DEPARTURES: [(&str, usize, u16, &str, &str); 11] = [
    ("T03", 0, 401, "Invalid token", "what exactly is malformed helps only whoever forges"),
    ("T11", 0, 401, "Invalid token", "what exactly is malformed helps only whoever forges"),
    ("T13", 0, 401, "Invalid token", "no extension is known here (RFC 7515 §4.1.11), so none is named"),
    ("T21", 0, 401, "Invalid token", "a claim of a wrong type is a malformed token"),
    ("T31", 0, 401, "Invalid token", "a claim of a wrong type is a malformed token"),
    ("T17", 0, 401, "Missing claim: exp", "a token without it never expires"),
    ("T23", 0, 401, "Missing claim: jti", "a token without it cannot be revoked"),
    ("T25", 0, 401, "Invalid token", "a closed set of types leaves nothing to guess (RFC 8725 §3.12)"),
    ("R21", 0, 403, "CSRF double submit tokens do not match", "a wrong value is no internal error"),
    ("R23", 0, 405, "This is not served with this method", "a program gets JSON for every refusal"),
    ("O04", 2, 401, "Token has been revoked", "a copy of a cookie must not outlive the sign-out"),
];

#[derive(Deserialize)]
struct File {
    app: Value,
    common_steps: BTreeMap<String, Step>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    title: String,
    steps: Vec<Step>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct Step {
    #[serde(rename = "use")]
    common: Option<String>,
    request: Option<Request>,
    expect: Option<Expected>,
    #[serde(default)]
    save: BTreeMap<String, String>,
    #[serde(default)]
    differs_from_saved: BTreeMap<String, String>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct Request {
    method: String,
    path: String,
    json: Option<Value>,
    cookies: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    headers: BTreeMap<String, Value>,
}

#[derive(Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
struct Expected {
    status: u16,
    content_type: String,
    json: Option<Value>,
    body: Option<String>,
    set_cookie: Vec<Cookie>,
    #[serde(default)]
    tokens: BTreeMap<String, Facts>,
    #[serde(default)]
    differs_from_saved: BTreeMap<String, bool>,
}

#[derive(Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
struct Cookie {
    name: String,
    value: String,
    path: String,
    http_only: bool,
    secure: bool,
    same_site: Option<String>,
    domain: Option<String>,
    max_age: Option<i64>,
    expires: String,
}

#[derive(Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
struct Facts {
    header: Value,
    claim_order: Vec<String>,
    #[serde(rename = "type")]
    kind: String,
    fresh: bool,
    sub: String,
    lifetime_s: i64,
    nbf_equals_iat: bool,
    csrf_claim_equals_csrf_cookie: bool,
    jti_is_uuid4: bool,
}

/// A token to mint; the file explains the members.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Spec {
    kind: Option<String>,
    #[serde(default)]
    set: Map<String, Value>,
    #[serde(default)]
    drop: Vec<String>,
    header: Option<Value>,
    key: Option<String>,
    signature: Option<String>,
}

impl Expected {
    /// What we answer where flask-jwt-extended answers this: the departures that are rules.
    fn ours(&self, request: &Request, login: &Self) -> Self {
        let mut ours = self.clone();
        // An invalid token is a matter of who the caller is: 401.
        if ours.status == 422 {
            ours.status = 401;
        }
        // Without a proof the caller is known but not believed: 403.
        let message = ours.json.as_ref().and_then(|json| json["msg"].as_str()).unwrap_or_default();
        if message.contains("CSRF") {
            ours.status = 403;
        }
        // A refresh replaces the refresh token, too, and the CSRF values stay, so that forms in other tabs keep working.
        if ours.status == 200 && request.path == "/refresh" {
            ours.set_cookie.clone_from(&login.set_cookie);
            ours.differs_from_saved.entry("csrf_access_token".into()).and_modify(|differs| *differs = false);
        }
        for cookie in &mut ours.set_cookie {
            // SameSite is never left to the browser.
            cookie.same_site = Some("Lax".into());
            // A deletion also says so in seconds, which wins where a clock is wrong.
            if cookie.value == "empty" {
                cookie.max_age = Some(0);
            }
        }
        for facts in ours.tokens.values_mut() {
            facts.header["kid"] = json!("…");
            facts.claim_order.extend(["sid", "gen", "auth_time", "roles"].map(str::to_owned));
            // Whoever has just entered the password is fresh.
            facts.fresh = request.path == "/login" && facts.kind == "access";
        }
        ours
    }
}

#[post("/protected")]
fn extra(token: AccessToken<'_>) -> String {
    token.subject().to_owned()
}

/// The application of the cases: their secret, their spans, their account, and their tokens accepted.
fn launch(key: &str) -> App {
    let setup = Setup::without_accounts().set("auth.secret_key", key).set("auth.access_ttl", 900);
    let setup = setup.set("auth.refresh_ttl", 2_592_000).set("auth.refresh_idle_ttl", 2_592_000);
    let setup = setup.set("auth.claims.foreign_ttl", 900);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let password = Password::new("test".to_owned()).unwrap();
    let account = Account {
        name: "test".parse().unwrap(),
        password_hash: runtime.block_on(async { Hasher::default().hash(&password).await.unwrap() }),
        roles: Vec::new(),
        disabled: false,
        created_at: UnixTime::from_secs(NOW),
        epoch: 0,
    };
    assert!(now_or_never(setup.stores.accounts.insert(&account)).unwrap());
    let rocket = setup.rocket().mount("/", routes![extra]);
    setup.launch_as(rocket)
}

fn minted(spec: Spec, key: &str) -> String {
    let kind = spec.kind.as_deref().unwrap_or("access");
    let life = if kind == "access" { 900 } else { 2_592_000 };
    let mut claims = json!({
        "fresh": false, "iat": NOW, "jti": "0b8e5c6e-3b0f-4c39-9d0b-5b7a4c1d2e3f", "type": kind, "sub": "test",
        "nbf": NOW, "csrf": "case-csrf", "exp": NOW + life
    });
    for (name, value) in spec.set {
        claims[name] =
            value.get("now").map_or_else(|| value.clone(), |off| json!(NOW + off.as_i64().unwrap()));
    }
    for name in spec.drop {
        claims.as_object_mut().unwrap().remove(&name).unwrap();
    }
    let header = spec.header.unwrap_or_else(|| json!({ "alg": "HS256", "typ": "JWT" }));
    let message = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    let key = spec.key.as_deref().unwrap_or(key);
    if let Some(signature) = spec.signature {
        assert_eq!(signature, "empty");
        return format!("{message}.");
    }
    format!("{message}.{}", mac(&message, key.as_bytes(), jsonwebtoken::Algorithm::HS256))
}

/// The value of a cookie or a header: a literal, one out of the jar or of what was saved, or a minted token.
fn value(name: &str, told: &Value, visitor: &Visitor<'_>, saved: &Jar, key: &str) -> String {
    if let Some(text) = told.as_str() {
        return if text == "$jar" { visitor.cookie(name) } else { text.to_owned() };
    }
    if let Some(other) = told["saved"].as_str() {
        return saved[other].clone();
    }
    if let Some(cookie) = told["jar"].as_str() {
        return visitor.cookie(cookie);
    }
    let spec: Spec = serde_json::from_value(told["token"].clone()).unwrap();
    format!("{}{}", told["prefix"].as_str().unwrap_or_default(), minted(spec, key))
}

fn send(request: &Request, visitor: &Visitor<'_>, saved: &Jar, key: &str) -> Answer {
    let mut ask = visitor.ask(request.method.parse::<Method>().unwrap(), &request.path);
    for (name, told) in &request.headers {
        ask = ask.header(name, &value(name, told, visitor, saved, key));
    }
    if let Some(json) = &request.json {
        ask = ask.json(json);
    }
    if let Some(cookies) = &request.cookies {
        let pair =
            |(name, told): (&String, &Value)| format!("{name}={}", value(name, told, visitor, saved, key));
        ask = ask.cookie_line(&cookies.iter().map(pair).collect::<Vec<_>>().join("; "));
    }
    ask.send()
}

/// The answer in the cases' own terms.
fn observed(answer: &Answer, expected: &Expected, saved: &Jar, step: &Step) -> Expected {
    let mut cookies = answer.cookies();
    // Ours alone: it tells a known device, and opens nothing.
    cookies.retain(|cookie| cookie.name != "portcullis_device");
    let value_of =
        |name: &str| cookies.iter().find(|cookie| cookie.name == name).map(|cookie| cookie.value.as_str());
    let mut json: Option<Value> = serde_json::from_str(&answer.body).ok();
    if let Some(members) = json.as_mut().and_then(Value::as_object_mut) {
        let code = members.remove("code");
        assert_eq!(code.is_some(), answer.status >= 400, "a refusal has a word for programs");
    }
    let facts =
        |name: &String| (name.clone(), facts(value_of(name).unwrap(), value_of(&twin(name)).unwrap()));
    let differs =
        |(name, saved_as): (&String, &String)| (name.clone(), value_of(name) != Some(&saved[saved_as]));
    Expected {
        status: answer.status,
        content_type: answer.header("Content-Type").unwrap_or_default().to_owned(),
        json,
        body: answer.body.is_empty().then(|| "empty".to_owned()),
        set_cookie: cookies.iter().map(described).collect(),
        tokens: expected.tokens.keys().map(facts).collect(),
        differs_from_saved: step.differs_from_saved.iter().map(differs).collect(),
    }
}

/// The CSRF cookie beside a token cookie.
fn twin(token_cookie: &str) -> String {
    format!("csrf_{}", token_cookie.trim_end_matches("_cookie"))
}

fn described(cookie: &SetCookie) -> Cookie {
    let attribute = |name: &str| {
        let start = format!("{name}=");
        cookie.attributes.iter().find_map(|attribute| attribute.strip_prefix(&start)).map(str::to_owned)
    };
    let value = match cookie.value.as_str() {
        "" => "empty",
        value if value.split('.').count() == 3 => "jwt",
        value if is_uuid4(value) => "uuid4",
        other => other,
    };
    Cookie {
        name: cookie.name.clone(),
        value: value.to_owned(),
        path: attribute("Path").unwrap(),
        http_only: cookie.has("HttpOnly"),
        secure: cookie.has("Secure"),
        same_site: attribute("SameSite"),
        domain: attribute("Domain"),
        max_age: attribute("Max-Age").map(|seconds| seconds.parse().unwrap()),
        expires: match attribute("Expires").as_deref() {
            None => "session".to_owned(),
            Some("Thu, 01 Jan 1970 00:00:00 GMT") => "epoch".to_owned(),
            Some(other) => other.to_owned(),
        },
    }
}

fn facts(token: &str, csrf: &str) -> Facts {
    let text = String::from_utf8(decode(token.split('.').nth(1).unwrap())).unwrap();
    let claims: Map<String, Value> = serde_json::from_str(&text).unwrap();
    let mut claim_order: Vec<_> = claims.keys().cloned().collect();
    claim_order.sort_by_key(|name| text.find(&format!("\"{name}\":")).unwrap());
    let mut header = header(token);
    header["kid"] = json!("…");
    Facts {
        header,
        claim_order,
        kind: claims["type"].as_str().unwrap().to_owned(),
        fresh: claims["fresh"].as_bool().unwrap(),
        sub: claims["sub"].as_str().unwrap().to_owned(),
        lifetime_s: claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
        nbf_equals_iat: claims["nbf"] == claims["iat"],
        csrf_claim_equals_csrf_cookie: claims["csrf"] == csrf,
        jti_is_uuid4: is_uuid4(claims["jti"].as_str().unwrap()),
    }
}

fn is_uuid4(text: &str) -> bool {
    let lengths: Vec<_> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.as_bytes()[14] == b'4' && text == text.to_lowercase()
}

#[test]
fn every_case_is_answered_alike_but_for_the_departures() {
    let file: File = serde_json::from_str(include_str!("../cases/flask-jwt-extended.json")).unwrap();
    let key = file.app["config"]["JWT_SECRET_KEY"].as_str().unwrap();
    let login = file.common_steps["login"].expect.clone().unwrap();
    let departed = RefCell::new(BTreeSet::new());
    for case in &file.cases {
        let app = launch(key);
        let visitor = app.program();
        let mut saved = Jar::new();
        for (index, step) in case.steps.iter().enumerate() {
            let step = step.common.as_ref().map_or(step, |name| &file.common_steps[name]);
            let (request, theirs) = (step.request.as_ref().unwrap(), step.expect.as_ref().unwrap());
            let mut ours = theirs.ours(request, &login);
            for (_, _, status, message, _) in
                DEPARTURES.iter().filter(|row| (row.0, row.1) == (case.id.as_str(), index))
            {
                ours.status = *status;
                ours.content_type = "application/json".into();
                ours.json = Some(json!({ "msg": message }));
                ours.body = None;
                assert_ne!(&ours, theirs, "{} is no departure", case.id);
                departed.borrow_mut().insert(case.id.clone());
            }
            let answer = send(request, &visitor, &saved, key);
            let seen = observed(&answer, theirs, &saved, step);
            assert_eq!(seen, ours, "{} step {index}: {}", case.id, case.title);
            for (cookie, name) in &step.save {
                saved.insert(name.clone(), visitor.cookie(cookie));
            }
        }
    }
    assert_eq!(departed.into_inner().len(), DEPARTURES.len(), "each departure belongs to a case");
    assert!(file.cases.len() >= 40);
}
