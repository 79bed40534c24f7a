//! Access tokens that a sibling with the same key minted, and that belong to no session here.

use portcullis::{
    AccessToken, AuthError, FreshToken, OptionalToken, RefreshToken, Role, RoleToken, SignedIn,
};
use rocket::{get, post, routes};
use serde_json::{Value, json};

use crate::support::{App, KEY, NOW, Setup, Visitor, mint, now_or_never};

/// As flask-jwt-extended mints them.
fn claims(kind: &str) -> Value {
    json!({
        "fresh": true, "iat": NOW, "jti": "3f2c1a52-9d0c-4b9a-8a4e-1f3d5b7c9e01", "type": kind, "sub": "flora",
        "nbf": NOW, "csrf": "8d1f5f0a-5d0e-4c53-9a3c-0c2f9c7b1a11", "exp": NOW + 900
    })
}

fn minted(claims: &Value) -> String {
    mint(&json!({ "alg": "HS256", "typ": "JWT" }), claims, KEY)
}

fn with(kind: &str, edit: impl FnOnce(&mut Value)) -> String {
    let mut claims = claims(kind);
    edit(&mut claims);
    minted(&claims)
}

fn holder<'a>(app: &'a App, token: &str) -> Visitor<'a> {
    let holder = app.program();
    holder.put("access_token_cookie", token);
    holder
}

struct Admin;

impl Role for Admin {
    const NAME: &'static str = "admin";
}

#[get("/about")]
fn about(token: AccessToken<'_>) -> String {
    let roles: Vec<_> = token.roles().collect();
    format!("{} {} {}", token.subject(), token.session().is_none(), roles.len())
}

#[post("/change")]
fn change(token: AccessToken<'_>) -> String {
    token.subject().to_owned()
}

#[get("/anybody")]
fn anybody(token: OptionalToken<'_>) -> String {
    token.token().map(|token| token.subject().to_owned()).unwrap_or_default()
}

#[get("/member")]
fn member(person: SignedIn<'_>) -> String {
    person.session_id().to_string()
}

#[get("/fresh")]
fn fresh(person: FreshToken<'_>) -> String {
    person.session_id().to_string()
}

#[get("/admin")]
fn admin(_person: RoleToken<'_, Admin>) {}

#[post("/next")]
fn next(token: Result<RefreshToken<'_>, AuthError>) -> String {
    token.map_or_else(|error| error.code().to_owned(), |token| token.session_id().to_string())
}

/// An application that accepts what a sibling signed, for as long as flask-jwt-extended lets it live.
fn app() -> App {
    launch(Setup::new().set("auth.claims.foreign_ttl", 900))
}

fn launch(setup: Setup) -> App {
    let rocket = setup.rocket().mount("/", routes![about, change, anybody, member, fresh, admin, next]);
    setup.launch_as(rocket)
}

#[test]
fn by_default_a_siblings_token_is_refused() {
    let app = crate::support::app();
    let answer = holder(&app, &minted(&claims("access"))).get("/protected").send();
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json(), json!({ "msg": "Missing claim: sid", "code": "invalid_token" }));
}

#[test]
fn where_they_are_accepted_it_opens_what_asks_for_its_subject_alone() {
    let app = app();
    let holder = holder(&app, &minted(&claims("access")));
    assert_eq!(holder.get("/protected").send().json(), json!({ "logged_in_as": "flora" }));
    assert_eq!(holder.get("/about").send().body, "flora true 0");
    assert_eq!(holder.get("/anybody").send().body, "flora");
    let unsure = holder.post("/change").send();
    assert_eq!(unsure.refusal(), (403, "csrf_missing".into()));
    let wrong = holder.post("/change").csrf("8d1f5f0a-5d0e-4c53-9a3c-0c2f9c7b1a12").send();
    assert_eq!(wrong.refusal(), (403, "csrf_mismatch".into()));
    let sure = holder.post("/change").csrf("8d1f5f0a-5d0e-4c53-9a3c-0c2f9c7b1a11").send();
    assert_eq!(sure.body, "flora");
}

#[test]
fn what_needs_a_session_refuses_it() {
    let app = app();
    let holder = holder(&app, &minted(&claims("access")));
    for path in ["/member", "/fresh", "/sessions", "/account/password"] {
        let answer = holder.get(path).send();
        assert_eq!(answer.refusal(), (401, "session_required".into()), "{path}");
    }
    let browser = app.browser();
    browser.put("access_token_cookie", &minted(&claims("access")));
    assert_eq!(browser.get("/sessions").send().location(), "/login?next=%2Fsessions");
    assert_eq!(browser.get("/login").send().status, 200, "and the form is shown");
}

#[test]
fn it_has_no_role_whatever_it_says() {
    let app = app();
    let raised = with("access", |claims| claims["roles"] = json!(["admin"]));
    let holder = holder(&app, &raised);
    assert_eq!(holder.get("/about").send().body, "flora true 0");
    assert_eq!(holder.get("/admin").send().refusal(), (403, "forbidden".into()));
}

#[test]
fn a_siblings_refresh_token_gets_nothing() {
    let app = app();
    let token = with("refresh", |claims| claims["exp"] = json!(NOW + 86_400));
    let holder = app.program();
    holder.put("refresh_token_cookie", &token);
    let refresh = |path| holder.post(path).csrf("8d1f5f0a-5d0e-4c53-9a3c-0c2f9c7b1a11").send();
    assert_eq!(refresh("/refresh").refusal(), (401, "session_required".into()));
    assert_eq!(refresh("/next").body, "session_required");
    let as_access = self::holder(&app, &token).get("/protected").send();
    assert_eq!(as_access.json()["msg"], "Only non-refresh tokens are allowed");
}

#[test]
fn half_a_membership_is_a_fault_and_the_other_claims_stay_required() {
    let app = app();
    type Edit = fn(&mut Value);
    let edits: [(Edit, &str); 9] = [
        (|claims| claims["sid"] = json!("00112233445566778899aabbccddeeff"), "Missing claim: gen"),
        (|claims| claims["gen"] = json!(1), "Missing claim: sid"),
        (|claims| drop(claims.as_object_mut().unwrap().remove("exp")), "Missing claim: exp"),
        (|claims| drop(claims.as_object_mut().unwrap().remove("iat")), "Missing claim: iat"),
        (|claims| drop(claims.as_object_mut().unwrap().remove("jti")), "Missing claim: jti"),
        (|claims| drop(claims.as_object_mut().unwrap().remove("type")), "Missing claim: type"),
        (|claims| claims["type"] = json!("reset"), "Invalid token"),
        (|claims| claims["exp"] = json!(NOW + 901), "Invalid token"),
        (|claims| claims["nbf"] = json!(NOW + 1), "The token is not yet valid (nbf)"),
    ];
    for (edit, message) in edits {
        let answer = holder(&app, &with("access", edit)).get("/protected").send();
        assert_eq!((answer.status, answer.json()["msg"].as_str().unwrap()), (401, message));
    }
    let plain = with("access", |claims| drop(claims.as_object_mut().unwrap().remove("nbf")));
    assert_eq!(holder(&app, &plain).get("/protected").send().status, 200, "JWT_ENCODE_NBF may be off there");
}

#[test]
fn our_own_tokens_live_no_longer_for_it() {
    let app = app();
    let visitor = app.signed_in();
    let long =
        crate::support::with_claims(&visitor.access_token(), |claims| claims["exp"] = json!(NOW + 900));
    assert_eq!(holder(&app, &long).get("/protected").send().refusal(), (401, "invalid_token".into()));
}

#[test]
fn it_expires_and_signing_out_with_it_revokes_it_for_good() {
    let app = app();
    let token = minted(&claims("access"));
    let (one, copy) = (holder(&app, &token), holder(&app, &token));
    assert_eq!(one.log_out().status, 200);
    assert_eq!(copy.get("/protected").send().refusal(), (401, "token_revoked".into()));
    let other = with("access", |claims| claims["jti"] = json!("3f2c1a52-9d0c-4b9a-8a4e-1f3d5b7c9e02"));
    let other = holder(&app, &other);
    assert_eq!(other.get("/protected").send().status, 200);
    app.pass(900);
    assert_eq!(other.get("/protected").send().refusal(), (401, "token_expired".into()));
}

#[test]
fn a_revoked_one_stays_revoked_on_another_node_and_everybodys_end_reaches_it() {
    let setup = || Setup::new().set("auth.claims.foreign_ttl", 900).set("auth.max_staleness", 0);
    let (first, stores) = (setup(), setup().stores);
    let one = launch(first.on(stores.clone()));
    let two = launch(setup().on(stores.clone()));
    let token = minted(&claims("access"));
    assert_eq!(holder(&two, &token).get("/protected").send().status, 200);
    holder(&one, &token).log_out();
    assert_eq!(holder(&two, &token).get("/protected").send().refusal(), (401, "token_revoked".into()));

    let other = with("access", |claims| claims["jti"] = json!("3f2c1a52-9d0c-4b9a-8a4e-1f3d5b7c9e02"));
    assert_eq!(holder(&two, &other).get("/protected").send().status, 200);
    let later = portcullis::auth::UnixTime::from_secs(NOW + 1);
    now_or_never(stores.sessions.raise_not_before(later)).unwrap();
    assert_eq!(holder(&two, &other).get("/protected").send().refusal(), (401, "token_revoked".into()));
}
