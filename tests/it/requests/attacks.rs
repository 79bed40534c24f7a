//! Hostile tokens: the cases of `cases/jwt-attacks.json`, presented in every place where a token may stand.

use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::support::{
    App, KEY, NOW, Setup, Visitor, app, claims, decode, encode, header, mac, mint, with_claims,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "format")]
    _format: Vec<String>,
    #[serde(rename = "skipped")]
    _skipped: Value,
    cases: Vec<Case>,
}

/// One case; the file explains the members.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    id: String,
    about: String,
    base: Option<String>,
    #[serde(default)]
    swap: bool,
    #[serde(default)]
    header: Map<String, Value>,
    #[serde(default)]
    header_without: Vec<String>,
    header_text: Option<String>,
    header_hex: Option<String>,
    #[serde(default)]
    claims: Map<String, Value>,
    #[serde(default)]
    claims_without: Vec<String>,
    claims_insert: Option<String>,
    claims_text: Option<String>,
    claims_hex: Option<String>,
    key: Option<String>,
    mac: Option<String>,
    signature: Option<String>,
    signature_over: Option<String>,
    signature_edit: Option<String>,
    token: Option<Value>,
    #[serde(default)]
    standard_alphabet: bool,
    #[serde(default)]
    expect: Expect,
    code: Option<String>,
    #[serde(default)]
    readable: bool,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Expect {
    #[default]
    Reject,
    Accept,
    Either,
}

/// What a case is built from.
struct Material {
    base: String,
    other: String,
    csrf: String,
    longest_life: i64,
}

const ACCESS_LIFE: i64 = 300;
const REFRESH_LIFE: i64 = 2_592_000;

fn setup() -> Setup {
    Setup::new().set("auth.claims.issuer", "https://login.example").set("auth.claims.audience", "portcullis")
}

#[test]
fn every_hostile_token_is_refused_in_a_cookie_and_hurts_nobody() {
    let app = setup().launch();
    run(&app, |program, token, csrf, kind| {
        let name = format!("{kind}_token_cookie={token}");
        match kind {
            "access" => program.get("/protected").cookie_line(&name).send(),
            _ => program.post("/refresh").cookie_line(&name).csrf(csrf).send(),
        }
    });
}

#[test]
fn every_hostile_token_is_refused_as_a_bearer_and_hurts_nobody() {
    let app = setup().set("auth.token_locations", ["cookies", "headers"]).launch();
    run(&app, |program, token, _, kind| match kind {
        "access" => program.get("/protected").bearer(token).send(),
        _ => program.post("/refresh").bearer(token).send(),
    });
}

#[test]
fn no_hostile_token_signs_anybody_out() {
    let app = setup().launch();
    let visitor = app.signed_in();
    let other = app.program();
    other.sign_in("admin", "adminpass");
    for case in file().cases {
        if case.readable || case.expect != Expect::Reject {
            continue;
        }
        let token = case.build(&material(&visitor, &other, "access"), &material(&visitor, &other, "refresh"));
        let line = format!("access_token_cookie={token}; refresh_token_cookie={token}");
        let answer = app.program().post("/logout").cookie_line(&line).send();
        assert_eq!(answer.status, 200, "{}", case.id);
        assert_eq!(visitor.get("/protected").send().status, 200, "{}: {}", case.id, case.about);
    }
}

fn run(app: &App, present: impl Fn(&Visitor<'_>, &str, &str, &str) -> crate::support::Answer) {
    let visitor = app.signed_in();
    let other = app.program();
    other.sign_in("admin", "adminpass");
    let mut failures = Vec::new();
    for case in file().cases {
        for (kind, opposite) in [("access", "refresh"), ("refresh", "access")] {
            let material = material(&visitor, &other, kind);
            let token = case.build(&material, &self::material(&visitor, &other, opposite));
            let proof = if case.swap { visitor.csrf() } else { material.csrf.clone() };
            let answer = present(&app.program(), &token, &proof, kind);
            let mut complain = |what: String| {
                let start: String = token.chars().take(300).collect();
                failures.push(format!("{} ({}), as {kind}: {what}: {start}", case.id, case.about));
            };
            let is_refused = answer.status == 401;
            let is_as_expected = match case.expect {
                Expect::Reject => is_refused,
                Expect::Accept => answer.status == 200,
                Expect::Either => is_refused || answer.status == 200,
            };
            if !is_as_expected {
                complain(format!("{} {}", answer.status, answer.body));
            }
            let code = case.code.as_deref().unwrap_or("invalid_token");
            if is_refused && case.expect == Expect::Reject && answer.json()["code"] != code {
                complain(answer.body.clone());
            }
            if is_refused && (answer.body.len() > 200 || !answer.all("Set-Cookie").is_empty()) {
                complain("a long answer, or one with cookies".to_owned());
            }
            let control = visitor.get("/protected").send();
            if control.status != 200 {
                complain("the good token is refused afterwards".to_owned());
            }
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

fn file() -> File {
    serde_json::from_str(include_str!("../cases/jwt-attacks.json")).unwrap()
}

fn material(visitor: &Visitor<'_>, other: &Visitor<'_>, kind: &str) -> Material {
    match kind {
        "access" => Material {
            base: visitor.access_token(),
            other: other.access_token(),
            csrf: visitor.csrf(),
            longest_life: ACCESS_LIFE,
        },
        _ => Material {
            base: visitor.refresh_token(),
            other: other.refresh_token(),
            csrf: visitor.cookie("csrf_refresh_token"),
            longest_life: REFRESH_LIFE,
        },
    }
}

impl Case {
    fn build(&self, right: &Material, wrong: &Material) -> String {
        let material = if self.swap { wrong } else { right };
        let base = if self.base.is_some() { &material.other } else { &material.base };
        let kid = header(base)["kid"].as_str().unwrap().to_owned();
        let fill = |text: &str| {
            let lookalike = format!("\u{ff11}{}", &kid[1..]);
            text.replace("{kid-lookalike}", &lookalike)
                .replace("{kid}", &kid)
                .replace("{KID}", &kid.to_uppercase())
                .replace("{K}", KEY)
        };

        let head = self.part(header(base), &self.header, &self.header_without, material, &fill);
        let body = self.part(claims(base), &self.claims, &self.claims_without, material, &fill);
        let (header_json, mut claims_json) = (head.to_string(), body.to_string());
        if let Some(text) = &self.claims_insert {
            claims_json.pop();
            claims_json = format!("{claims_json},{text}}}");
        }
        let whole = |text: &str| {
            fill(text).replace("{claims_json}", &claims_json).replace("{header_json}", &header_json)
        };
        let segment = |json: &str, text: &Option<String>, hex: &Option<String>| match (text, hex) {
            (Some(text), _) => encode(whole(text)),
            (_, Some(hex)) => encode(from_hex(hex)),
            _ => encode(json),
        };
        let other_alphabet = |text: String| {
            if self.standard_alphabet { text.replace('-', "+").replace('_', "/") } else { text }
        };
        let h = other_alphabet(segment(&header_json, &self.header_text, &self.header_hex));
        let p = other_alphabet(segment(&claims_json, &self.claims_text, &self.claims_hex));
        assert!(!self.standard_alphabet || p.contains(['+', '/']));

        let good: Vec<_> = material.base.split('.').collect();
        let others: Vec<_> = material.other.split('.').collect();
        let key = self.key.as_deref().map_or_else(|| KEY.to_owned(), &fill);
        let algorithm = match self.mac.as_deref() {
            None => Algorithm::HS256,
            Some("HS384") => Algorithm::HS384,
            Some("HS512") => Algorithm::HS512,
            Some(other) => panic_about(other),
        };
        let parts = |text: &str| whole(text).replace("{h}", &h).replace("{p}", &p);
        let signed = self.signature_over.as_deref().map_or_else(|| format!("{h}.{p}"), parts);
        let s = match &self.signature {
            Some(text) => parts(text).replace("{S}", good[2]).replace("{zeros64}", &encode([0; 64])),
            None => other_alphabet(edited(
                &mac(&signed, key.as_bytes(), algorithm),
                self.signature_edit.as_deref(),
            )),
        };
        let Some(token) = &self.token else { return format!("{h}.{p}.{s}") };
        let token = resolve(token, material.longest_life);
        let mut token = token.as_str().unwrap().to_owned();
        for (name, value) in
            [("h", h.as_str()), ("p", &p), ("s", &s), ("H", good[0]), ("P", good[1]), ("S", good[2])]
        {
            token = with_segment(&token, name, value);
        }
        token = with_segment(&token, "V", &material.base);
        token
            .replace("{V1}", &material.base[1..])
            .replace("{OP}", others[1])
            .replace("{OS}", others[2])
            .replace("{csrf}", &material.csrf)
            .replace("{sid}", claims(&material.base)["sid"].as_str().unwrap())
            .replace("{kid}", &kid)
    }

    fn part(
        &self,
        base: Value,
        edits: &Map<String, Value>,
        without: &[String],
        material: &Material,
        fill: &dyn Fn(&str) -> String,
    ) -> Value {
        let Value::Object(mut members) = base else { return base };
        for name in without {
            members.remove(name).expect("nothing to drop");
        }
        for (name, value) in edits {
            let value = match resolve(value, material.longest_life) {
                Value::String(text) => Value::String(fill(&text)),
                value => value,
            };
            members.insert(name.clone(), value);
        }
        Value::Object(members)
    }
}

/// Puts a segment, or a spoilt form of it, into a token's text.
fn with_segment(text: &str, name: &str, value: &str) -> String {
    let mut text = text.replace(&format!("{{{name}}}"), value);
    let split = format!("{{split:{name}:");
    if let Some((before, rest)) = text.clone().split_once(&split) {
        let (middle, after) = rest.split_once('}').unwrap();
        let (one, two) = value.split_at(value.len() / 2);
        text = format!("{before}{one}{middle}{two}{after}");
    }
    let mut flipped = decode_loosely(value);
    if let Some(first) = flipped.first_mut() {
        *first ^= 1;
    }
    let unused = if value.len().is_multiple_of(4) {
        format!("{value}A")
    } else {
        let last = value.chars().last().unwrap_or('A');
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let next = alphabet.find(last).and_then(|at| alphabet.chars().nth(at | 1)).unwrap_or('B');
        format!("{}{next}", &value[..value.len() - 1])
    };
    text.replace(&format!("{{flipped:{name}}}"), &encode(flipped))
        .replace(&format!("{{unused-bits:{name}}}"), &unused)
        .replace(&format!("{{base64:{name}}}"), &encode(value))
}

fn decode_loosely(segment: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(segment).unwrap_or_default()
}

fn edited(signature: &str, edit: Option<&str>) -> String {
    let Some(edit) = edit else { return signature.to_owned() };
    let mut bytes = decode(signature);
    let end = bytes.len() - 1;
    match edit {
        "flip_first_bit" => bytes[0] ^= 1,
        "flip_last_bit" => bytes[end] ^= 1,
        "doubled" => bytes.extend_from_within(..),
        "longer" => bytes.push(0),
        "zeros" => bytes.fill(0),
        "hex" => return bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        _ => bytes.truncate(edit.strip_prefix("first:").unwrap().parse().unwrap()),
    }
    encode(bytes)
}

/// Computes the values that are not written out.
fn resolve(value: &Value, longest_life: i64) -> Value {
    let Some(object) = value.as_object().filter(|object| object.len() == 1) else { return value.clone() };
    let (name, argument) = object.iter().next().unwrap();
    match name.as_str() {
        "$now" => json!(NOW + argument.as_i64().unwrap()),
        "$life" => json!(NOW + longest_life + argument.as_i64().unwrap()),
        "$repeat" => {
            let times = usize::try_from(argument[1].as_u64().unwrap()).unwrap();
            json!(argument[0].as_str().unwrap().repeat(times))
        }
        "$deep" => (0..argument.as_u64().unwrap()).fold(json!(1), |inner, _| json!([inner])),
        _ => value.clone(),
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[expect(clippy::panic, reason = "a case that cannot be read should fail loudly")]
fn panic_about(what: &str) -> ! {
    panic!("the cases do not know {what}")
}

#[test]
fn a_flood_of_unknown_key_names_changes_nothing() {
    let app = app();
    let visitor = app.signed_in();
    let token = visitor.access_token();
    for number in 0..500 {
        let header = json!({ "alg": "HS256", "typ": "JWT", "kid": format!("{number:016x}") });
        let line = format!("access_token_cookie={}", mint(&header, &claims(&token), KEY));
        let answer = app.program().get("/protected").cookie_line(&line).send();
        assert_eq!(answer.refusal(), (401, "invalid_token".into()));
    }
    assert_eq!(visitor.get("/protected").send().status, 200);
}

#[test]
fn other_spellings_of_a_revoked_token_are_revoked_too() {
    let app = app();
    let visitor = app.signed_in();
    let token = visitor.access_token();
    visitor.log_out();
    let bare = mint(&json!({ "alg": "HS256", "typ": "JWT" }), &claims(&token), KEY);
    let renamed = with_claims(&token, |claims| claims["jti"] = "3f2504e0-4f89-41d3-9a0c-0305e82c3301".into());
    let longer = with_claims(&token, |claims| claims["exp"] = json!(NOW + 300));
    for spelling in [token.clone(), format!("{token} "), bare, renamed, longer] {
        let line = format!("access_token_cookie={spelling}");
        let answer = app.program().get("/protected").cookie_line(&line).send();
        assert_eq!(answer.refusal(), (401, "token_revoked".into()), "{spelling}");
    }
}

#[test]
fn a_copied_token_name_does_not_escape_revocation() {
    let app = app();
    let (one, other) = (app.signed_in(), app.signed_in());
    let copied = claims(&other.access_token())["jti"].clone();
    let forged = with_claims(&one.access_token(), |claims| claims["jti"] = copied);
    one.log_out();
    let line = format!("access_token_cookie={forged}");
    let answer = app.program().get("/protected").cookie_line(&line).send();
    assert_eq!(answer.refusal(), (401, "token_revoked".into()));
    assert_eq!(other.get("/protected").send().status, 200);
}

#[test]
fn the_forms_proof_and_the_forms_cookie_are_no_tokens() {
    let app = app();
    let browser = app.browser();
    let proof = browser.get("/login").send().hidden("csrf_token");
    for text in [proof, browser.cookie("portcullis_login")] {
        for token in [text.clone(), format!("{text}.{text}.{text}")] {
            let line = format!("access_token_cookie={token}");
            let answer = app.program().get("/protected").cookie_line(&line).send();
            assert_eq!(answer.refusal(), (401, "invalid_token".into()));
        }
    }
}

#[test]
fn a_token_of_a_life_that_was_configured_longer_once_is_refused() {
    let long = Setup::new().set("auth.access_ttl", 3600).launch();
    let token = long.signed_in().access_token();
    let line = format!("access_token_cookie={token}");
    let answer = app().program().get("/protected").cookie_line(&line).send();
    assert_eq!(answer.refusal(), (401, "invalid_token".into()));
}

#[test]
fn a_token_in_the_body_is_no_token() {
    let app = Setup::new().set("auth.token_locations", ["cookies", "headers"]).launch();
    let visitor = app.signed_in();
    let (access, refresh) = (visitor.access_token(), visitor.refresh_token());
    let program = app.program();
    let fields = [("access_token", access.as_str()), ("refresh_token", &refresh)];
    assert_eq!(program.post("/refresh").form(&fields).send().refusal().0, 401);
    let body = json!({ "access_token": access, "refresh_token": refresh });
    assert_eq!(program.post("/refresh").json(&body).send().refusal().0, 401);
}
