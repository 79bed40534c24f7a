//! What an application adds: claims, a last question, and its own idea of a person.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use portcullis::testing::{Answer, Kit, Sample, Site, Visitor};
use portcullis::{
    AccessToken, BearerToken, CurrentUser, CustomClaims, Fence, OptionalToken, Portcullis, RefreshToken,
    Refusal, Sessions, SignedIn, catchers,
};
use rocket::error::ErrorKind;
use rocket::local::blocking::Client;
use rocket::{get, post, routes};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::support::claims;

#[derive(Debug, Serialize, Deserialize)]
struct Tenant {
    tenant: String,
    visit: usize,
}

impl CustomClaims for Tenant {}

#[derive(Deserialize)]
struct Elsewhere {
    #[serde(rename = "nobody_writes_this")]
    _missing: String,
}

impl CustomClaims for Elsewhere {}

struct Employee {
    desk: u32,
}

#[post("/sign-in/<name>")]
async fn sign_in(sessions: Sessions<'_>, name: &str) -> Result<(), Refusal> {
    sessions.sign_in(name, &[], false).await?;
    Ok(())
}

#[post("/refresh")]
async fn refresh(token: RefreshToken<'_>, sessions: Sessions<'_>) -> Result<(), Refusal> {
    sessions.refresh(&token).await?;
    Ok(())
}

#[get("/tenant")]
fn tenant(token: AccessToken<'_, Tenant>) -> String {
    let Tenant { tenant, visit } = token.custom();
    format!("{} of {tenant}, {visit}", token.subject())
}

#[post("/tenant")]
fn change_tenant(token: AccessToken<'_, Tenant>) -> String {
    token.custom().tenant.clone()
}

#[get("/elsewhere")]
fn elsewhere(_token: AccessToken<'_, Elsewhere>) {}

#[get("/page")]
fn page(visitor: SignedIn<'_>) -> String {
    visitor.custom::<Tenant>().map_or_else(|| "no tenant".to_owned(), |claims| claims.visit.to_string())
}

#[get("/any")]
fn any(token: AccessToken<'_>) -> String {
    token.subject().to_owned()
}

#[get("/optional")]
fn optional(token: OptionalToken<'_>) -> String {
    token.token().map_or_else(|| "nobody".to_owned(), |token| token.subject().to_owned())
}

#[get("/bearer")]
fn bearer(token: BearerToken<'_>) -> String {
    token.subject().to_owned()
}

#[get("/desk")]
fn desk(person: CurrentUser<'_, Employee>, again: CurrentUser<'_, Employee>) -> String {
    assert_eq!(person.desk, again.desk);
    person.desk.to_string()
}

fn launch(kit: &Kit, portcullis: Portcullis) -> Site {
    let routes = routes![sign_in, refresh, tenant, change_tenant, elsewhere, page, any, optional, bearer];
    let rocket = rocket::custom(kit.figment()).attach(portcullis).mount("/", routes);
    kit.launch(rocket.register("/", catchers()))
}

fn code(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["code"].as_str().unwrap().to_owned())
}

fn signed_in<'s>(site: &'s Site, name: &str) -> Visitor<'s> {
    let visitor = site.anonymous();
    assert_eq!(visitor.post_form(&format!("/sign-in/{name}"), &[]).status, 200);
    visitor
}

/// A hook that counts how often it was asked.
fn counting(kit: &Kit) -> (Arc<AtomicUsize>, Portcullis) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let portcullis = kit.portcullis().claims(move |session| {
        let visit = count.fetch_add(1, Ordering::SeqCst) + 1;
        async move { Ok(Tenant { tenant: format!("{}'s house", session.user), visit }) }
    });
    (asked, portcullis)
}

#[test]
fn claims_are_asked_for_at_sign_in_and_again_at_every_refresh() {
    let kit = Kit::new();
    let (asked, portcullis) = counting(&kit);
    let site = launch(&kit, portcullis);
    let ada = signed_in(&site, "ada");
    assert_eq!(ada.get("/tenant").body, "ada of ada's house, 1");
    assert_eq!(ada.get("/tenant").body, "ada of ada's house, 1");
    assert_eq!(ada.refresh("/refresh").status, 200);
    assert_eq!(ada.get("/tenant").body, "ada of ada's house, 2");
    let browser = ada.browsing();
    site.pass(Duration::from_secs(301));
    assert_eq!(browser.get("/page").body, "3", "silent renewal is a refresh");
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[test]
fn claims_are_in_access_tokens_alone_and_beside_ours() {
    let kit = Kit::new();
    let (_, portcullis) = counting(&kit);
    let site = launch(&kit, portcullis);
    let ada = signed_in(&site, "ada");
    let access = claims(&ada.cookie("access_token_cookie").unwrap());
    assert_eq!((&access["tenant"], &access["sub"]), (&json!("ada's house"), &json!("ada")));
    let refresh = claims(&ada.cookie("refresh_token_cookie").unwrap());
    assert_eq!((refresh.get("tenant"), &refresh["type"]), (None, &json!("refresh")));
}

#[test]
fn typed_claims_keep_every_rule_of_the_guard_and_refuse_what_they_cannot_read() {
    let kit = Kit::new();
    let (_, portcullis) = counting(&kit);
    let site = launch(&kit, portcullis);
    let ada = signed_in(&site, "ada");
    assert_eq!(ada.post_json("/tenant", &()).body, "ada's house");
    let bare = ada.send(ada.request(rocket::http::Method::Post, "/tenant"));
    assert_eq!(code(&bare), (403, "csrf_missing".into()));
    assert_eq!(code(&ada.get("/elsewhere")), (401, "invalid_token".into()));
    assert_eq!(code(&site.anonymous().get("/tenant")), (401, "missing_token".into()));
    for sample in [Sample::Expired, Sample::Revoked, Sample::Forged] {
        let token = site.token(sample, "ada", &[]);
        assert_eq!(site.anonymous().carrying(&token).get("/tenant").status, 401, "{sample:?}");
    }
}

#[test]
fn a_hook_that_names_one_of_our_claims_signs_nothing() {
    let reserved = [
        "fresh",
        "iat",
        "jti",
        "type",
        "sub",
        "nbf",
        "csrf",
        "aud",
        "iss",
        "exp",
        "sid",
        "gen",
        "auth_time",
        "roles",
    ];
    for name in reserved {
        let kit = Kit::new();
        let site = launch(&kit, kit.portcullis().claims(move |_| async move { Ok(json!({ name: "x" })) }));
        let visitor = site.anonymous();
        let answer = visitor.post_form("/sign-in/ada", &[]);
        assert_eq!(code(&answer), (503, "unavailable".into()), "{name}");
        assert_eq!(answer.header("Set-Cookie"), None);
    }
}

#[test]
fn a_hook_that_fails_or_returns_no_object_signs_nothing() {
    let kit = Kit::new();
    let failing = kit.portcullis().claims(|_| async { Err::<Value, _>("the directory is down".into()) });
    let list = kit.portcullis().claims(|_| async { Ok(["a", "list"]) });
    let huge = kit.portcullis().claims(|_| async { Ok(json!({ "x": "y".repeat(5000) })) });
    for portcullis in [failing, list, huge] {
        let site = launch(&kit, portcullis);
        let answer = site.anonymous().post_form("/sign-in/ada", &[]);
        assert_eq!((code(&answer), answer.header("Set-Cookie")), ((503, "unavailable".into()), None));
    }
}

#[test]
fn the_last_question_is_asked_last_and_its_no_is_403() {
    let kit = Kit::new();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let portcullis = kit.portcullis().verify(move |claims| {
        count.fetch_add(1, Ordering::SeqCst);
        claims.subject() != "eve"
    });
    let site = launch(&kit, portcullis);
    assert_eq!(signed_in(&site, "ada").get("/any").body, "ada");
    let eve = signed_in(&site, "eve");
    for path in ["/any", "/page", "/optional"] {
        let answer = eve.get(path);
        assert_eq!(code(&answer), (403, "claims_refused".into()), "{path}");
        assert_eq!(answer.json()["msg"], "User claims verification failed");
    }
    let token = site.token(Sample::Access, "eve", &[]);
    assert_eq!(code(&site.anonymous().bearing(&token).get("/bearer")), (403, "claims_refused".into()));
    asked.store(0, Ordering::SeqCst);
    for sample in [Sample::Expired, Sample::Revoked, Sample::Forged, Sample::Refresh] {
        let token = site.token(sample, "eve", &[]);
        assert_eq!(site.anonymous().carrying(&token).get("/any").status, 401, "{sample:?}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0, "a bad token is no question");
}

#[test]
fn the_last_question_is_asked_of_a_silently_renewed_page_too() {
    let kit = Kit::new();
    let site = launch(&kit, kit.portcullis().verify(|claims| claims.subject() != "eve"));
    let eve = signed_in(&site, "eve").browsing();
    site.pass(Duration::from_secs(301));
    assert_eq!(code(&eve.get("/page")), (403, "claims_refused".into()));
}

fn office(kit: &Kit, portcullis: Portcullis) -> Site {
    let rocket = rocket::custom(kit.figment())
        .attach(portcullis)
        .mount("/", routes![desk])
        .mount("/fenced", Fence::closed())
        .mount("/fenced", routes![desk]);
    kit.launch(rocket.register("/", catchers()))
}

#[test]
fn a_person_is_looked_up_once_a_request_and_only_behind_a_good_token() {
    let kit = Kit::new();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let site = office(
        &kit,
        kit.portcullis().user(move |name: String| {
            count.fetch_add(1, Ordering::SeqCst);
            async move {
                match name.as_str() {
                    "ada" => Ok(Some(Employee { desk: 7 })),
                    "down" => Err("the directory is down".into()),
                    _ => Ok(None),
                }
            }
        }),
    );
    let ada = site.signed_in("ada", &[]);
    assert_eq!(ada.get("/desk").body, "7");
    assert_eq!(asked.load(Ordering::SeqCst), 1, "two guards, one look-up");
    assert_eq!(ada.get("/fenced/desk").body, "7");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    let unknown = site.signed_in("eve", &[]).get("/desk");
    assert_eq!(code(&unknown), (401, "user_not_found".into()));
    assert_eq!(unknown.json()["msg"], "Error loading the user");
    let down = site.signed_in("down", &[]).get("/desk");
    assert_eq!((code(&down), down.header("Retry-After")), ((503, "unavailable".into()), Some("2")));
    assert!(!down.body.contains("directory"));
    asked.store(0, Ordering::SeqCst);
    assert_eq!(site.anonymous().get("/desk").status, 401);
    for sample in [Sample::Expired, Sample::Revoked, Sample::Forged, Sample::Refresh] {
        let token = site.token(sample, "ada", &[]);
        assert_eq!(site.anonymous().carrying(&token).get("/desk").status, 401, "{sample:?}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[test]
fn a_route_that_wants_a_person_without_a_look_up_stops_the_launch() {
    let kit = Kit::new();
    let other = kit.portcullis().user(|_| async { Ok(Some("not an employee")) });
    for portcullis in [kit.portcullis(), other] {
        let rocket = rocket::custom(kit.figment()).attach(portcullis).mount("/", routes![desk]);
        let error = Client::untracked(rocket).map(drop).expect_err("launched without a look-up");
        assert!(matches!(error.kind(), ErrorKind::SentinelAborts(_)), "{error}");
    }
}
