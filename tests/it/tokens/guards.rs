//! The guards in a Rocket of one's own: the crate as a library.

use std::sync::Arc;

use portcullis::auth::{AuthError, SessionStore, UnixTime};
use portcullis::{
    AccessToken, CsrfToken, FreshToken, OptionalToken, Portcullis, RefreshToken, Role, RoleToken, Sessions,
    SignedIn,
};
use rocket::error::ErrorKind;
use rocket::form::Form;
use rocket::http::{Method, Status};
use rocket::local::blocking::Client;
use rocket::{Build, Rocket, Route, catch, catchers, delete, get, post, put, routes};

use crate::support::{App, FOUR, Setup, claims, names};

struct Admin;

impl Role for Admin {
    const NAME: &'static str = "admin";
}

#[post("/sign-in/<name>/<role>")]
async fn sign_in(sessions: Sessions<'_>, name: &str, role: &str) -> Result<(), Status> {
    sessions.sign_in(name, &[role.to_owned()], false).await.map(drop).map_err(AuthError::status)
}

#[get("/access")]
fn read(token: AccessToken<'_>) -> String {
    token.subject().to_owned()
}

#[post("/access")]
fn create(token: AccessToken<'_>) -> String {
    token.subject().to_owned()
}

#[put("/access")]
fn change(token: AccessToken<'_>) -> String {
    token.subject().to_owned()
}

#[delete("/access")]
fn remove(token: AccessToken<'_>) -> String {
    token.subject().to_owned()
}

#[get("/fresh")]
fn fresh(token: FreshToken<'_>) -> String {
    token.subject().to_owned()
}

#[post("/fresh")]
fn fresh_change(token: FreshToken<'_>) -> String {
    token.subject().to_owned()
}

#[post("/refresh-only")]
fn refresh_only(token: RefreshToken<'_>) -> String {
    token.subject().to_owned()
}

#[get("/anybody")]
fn anybody(visitor: OptionalToken<'_>) -> String {
    visitor.token().map_or("nobody", |token| token.subject()).to_owned()
}

#[expect(clippy::needless_pass_by_value, reason = "a guard is taken by value")]
#[get("/vault")]
fn vault(token: RoleToken<'_, Admin>) -> String {
    token.subject().to_owned()
}

#[expect(clippy::needless_pass_by_value, reason = "a guard is taken by value")]
#[post("/vault")]
fn vault_change(token: RoleToken<'_, Admin>) -> String {
    token.subject().to_owned()
}

#[get("/page")]
fn page(visitor: SignedIn<'_>, csrf: CsrfToken<'_>) -> String {
    format!("{} {}", visitor.subject(), csrf.as_str())
}

#[expect(clippy::needless_pass_by_value, reason = "a guard is taken by value")]
#[post("/page", data = "<note>")]
fn note(visitor: SignedIn<'_>, note: Form<Note>) -> String {
    format!("{}: {}", visitor.subject(), note.text)
}

#[derive(rocket::FromForm)]
struct Note {
    #[field(name = "csrf_token")]
    _csrf_token: Option<String>,
    text: String,
}

#[expect(clippy::needless_pass_by_value, reason = "a guard is taken by value")]
#[get("/many")]
fn many(
    one: AccessToken<'_>,
    two: FreshToken<'_>,
    three: SignedIn<'_>,
    four: OptionalToken<'_>,
    five: RoleToken<'_, Admin>,
) -> String {
    let all = [one.subject(), two.subject(), three.subject(), five.subject()];
    format!("{} {}", all.join(" "), four.token().is_some())
}

#[get("/broken/<status>")]
fn broken(_visitor: SignedIn<'_>, status: u16) -> Status {
    Status::new(status)
}

#[post("/broken", data = "<_note>")]
fn broken_form(_visitor: SignedIn<'_>, _note: Form<Note>) {}

#[get("/panic")]
fn panicking(visitor: SignedIn<'_>) -> String {
    visitor.roles().nth(7).unwrap().to_owned()
}

#[catch(default)]
fn caught(status: Status, request: &rocket::Request<'_>) -> String {
    AuthError::of(request).map_or_else(|| status.to_string(), |error| error.code().to_owned())
}

pub(super) fn all_routes() -> Vec<Route> {
    routes![
        sign_in,
        read,
        create,
        change,
        remove,
        fresh,
        fresh_change,
        refresh_only,
        anybody,
        vault,
        vault_change,
        page,
        note,
        many,
        broken,
        broken_form,
        panicking
    ]
}

pub(super) fn own_rocket(setup: &Setup, store: Arc<dyn SessionStore>) -> Rocket<Build> {
    rocket::custom(setup.figment())
        .attach(Portcullis::new(store).clock(setup.clock.clone()))
        .mount("/", all_routes())
        .register("/", catchers![caught])
}

fn library() -> App {
    library_with(Setup::new())
}

pub(super) fn library_with(setup: Setup) -> App {
    let rocket = own_rocket(&setup, setup.stores.sessions.clone());
    setup.launch_as(rocket)
}

/// Somebody signed in by the library alone.
pub(super) fn person<'a>(app: &'a App, name: &str, role: &str) -> crate::support::Visitor<'a> {
    let visitor = app.program();
    assert_eq!(visitor.post(&format!("/sign-in/{name}/{role}")).send().status, 200);
    visitor
}

const SAFE: [&str; 6] = ["/access", "/fresh", "/vault", "/page", "/anybody", "/many"];

#[test]
fn a_launch_without_the_fairing_is_refused_for_every_guard() {
    for route in all_routes() {
        let name = route.name.clone().unwrap();
        let rocket = rocket::custom(Setup::new().figment()).mount("/", vec![route]);
        let error = Client::untracked(rocket).map(|_| ()).expect_err("launched without the fairing");
        assert!(matches!(error.kind(), ErrorKind::SentinelAborts(_)), "{name}: {error}");
    }
}

#[test]
fn a_launch_with_nonsense_in_the_settings_is_refused_by_the_fairing() {
    let setup = Setup::new().set("auth.access_ttl", -1);
    let rocket = own_rocket(&setup, setup.stores.sessions.clone());
    let error = Client::untracked(rocket).map(|_| ()).expect_err("launched with nonsense");
    assert!(matches!(error.kind(), ErrorKind::FailedFairings(_)), "{error}");
}

#[test]
fn a_token_opens_what_it_should() {
    let app = library();
    let admin = person(&app, "ada", "admin");
    for path in SAFE {
        assert_eq!(admin.get(path).send().status, 200, "{path}");
    }
    assert_eq!(admin.get("/many").send().body, "ada ada ada ada true");
    let refreshed = admin.post("/refresh-only").csrf(&admin.cookie("csrf_refresh_token")).send();
    assert_eq!(refreshed.body, "ada");
    assert_eq!(admin.get("/page").send().body, format!("ada {}", admin.csrf()));
}

#[test]
fn unsafe_methods_ask_every_guard_for_the_proof() {
    let app = library();
    let admin = person(&app, "ada", "admin");
    let routes = [
        (Method::Post, "/access"),
        (Method::Put, "/access"),
        (Method::Delete, "/access"),
        (Method::Post, "/fresh"),
        (Method::Post, "/vault"),
    ];
    for (method, path) in routes {
        let missing = admin.ask(method, path).send();
        assert_eq!((missing.status, missing.body.as_str()), (403, "csrf_missing"), "{method} {path}");
        let wrong = admin.ask(method, path).csrf(&admin.cookie("csrf_refresh_token")).send();
        assert_eq!((wrong.status, wrong.body.as_str()), (403, "csrf_mismatch"), "{method} {path}");
        assert_eq!(admin.ask(method, path).csrf(&admin.csrf()).send().body, "ada", "{method} {path}");
    }
}

#[test]
fn a_bearer_needs_no_proof() {
    let app = library_with(Setup::new().set("auth.token_locations", ["cookies", "headers"]));
    let ada = person(&app, "ada", "user");
    let program = app.program();
    for method in [Method::Get, Method::Post, Method::Put, Method::Delete] {
        assert_eq!(program.ask(method, "/access").bearer(&ada.access_token()).send().body, "ada");
    }
    let both = ada.post("/access").bearer(&ada.access_token()).send();
    assert_eq!(both.body, "csrf_missing", "the cookie came along by itself");
}

#[test]
fn a_role_is_required_and_its_lack_is_forbidden() {
    let app = library();
    let user = person(&app, "uma", "user");
    let answer = user.get("/vault").send();
    assert_eq!((answer.status, answer.body.as_str()), (403, "forbidden"));
    assert_eq!(app.program().get("/vault").send().body, "missing_token");
    for near in ["Admin", "admin ", "administrator", "adm%69n2"] {
        assert_eq!(person(&app, "uma", &near.replace(' ', "%20")).get("/vault").send().status, 403, "{near}");
    }
}

#[test]
fn a_fresh_token_goes_stale_and_refreshing_does_not_help() {
    let app = library();
    let ada = person(&app, "ada", "admin");
    app.pass(200);
    assert_eq!(ada.get("/fresh").send().status, 200);
    app.pass(701);
    // A program renews as it likes; here the page does it.
    let browser = ada.accepting("text/html");
    let answer = browser.get("/fresh").send();
    assert_eq!((answer.status, answer.body.as_str()), (401, "fresh_required"));
    assert_eq!(claims(&browser.access_token())["gen"], 2);
    assert_eq!(browser.get("/access").send().status, 200);
}

#[test]
fn optional_takes_none_and_refuses_a_bad_one() {
    let app = library();
    assert_eq!(app.program().get("/anybody").send().body, "nobody");
    assert_eq!(app.browser().get("/anybody").send().body, "nobody");
    let ada = person(&app, "ada", "user");
    assert_eq!(ada.get("/anybody").send().body, "ada");
    for bad in ["x", "a.b.c", &ada.refresh_token()] {
        let thief = app.program();
        thief.put("access_token_cookie", bad);
        assert_eq!(thief.get("/anybody").send().status, 401, "{bad}");
    }
    app.pass(301);
    assert_eq!(ada.get("/anybody").send().body, "token_expired");
    assert_eq!(ada.accepting("text/html").get("/anybody").send().body, "ada");
}

#[test]
fn a_form_is_not_lost_when_the_access_token_expired_meanwhile() {
    let app = library();
    let browser = person(&app, "ada", "user").accepting("text/html");
    let open_form = browser.get("/page").send().body.split_once(' ').unwrap().1.to_owned();
    app.pass(301);
    let answer = browser.post("/page").form(&[("csrf_token", &open_form), ("text", "hello")]).send();
    assert_eq!((answer.status, answer.body.as_str()), (200, "ada: hello"));
    assert_eq!(answer.cookie_names(), names(&FOUR));
    // The browser dropped the expired cookie by itself: the same.
    app.pass(301);
    browser.drop_cookie("access_token_cookie");
    browser.drop_cookie("csrf_access_token");
    let answer = browser.post("/page").form(&[("csrf_token", &open_form), ("text", "again")]).send();
    assert_eq!((answer.status, answer.body.as_str()), (200, "ada: again"));
}

#[test]
fn csrf_is_judged_before_anything_is_renewed() {
    let app = library();
    let browser = person(&app, "ada", "user").accepting("text/html");
    app.pass(301);
    for (fields, code) in [
        (vec![("text", "hello")], "csrf_missing"),
        (vec![("csrf_token", "wrong"), ("text", "hello")], "csrf_mismatch"),
    ] {
        let answer = browser.post("/page").form(&fields).send();
        assert_eq!((answer.status, answer.body.as_str()), (403, code));
        assert_eq!(answer.all("Set-Cookie").len(), 0);
    }
    assert_eq!(claims(&browser.refresh_token())["gen"], 1);
    assert_eq!(browser.get("/page").send().status, 200);
}

#[test]
fn programs_are_never_renewed_behind_their_back() {
    let app = library();
    let ada = person(&app, "ada", "admin");
    app.pass(301);
    for path in SAFE {
        let answer = ada.get(path).send();
        assert_eq!((answer.status, answer.body.as_str()), (401, "token_expired"), "{path}");
        assert_eq!(answer.all("Set-Cookie").len(), 0, "{path}");
    }
}

#[test]
fn a_rotation_survives_whatever_the_route_does_afterwards() {
    let app = library();
    let browser = person(&app, "ada", "user").accepting("text/html");
    for (round, status) in [404, 422, 500, 413, 503].into_iter().enumerate() {
        app.pass(301);
        let answer = browser.get(&format!("/broken/{status}")).send_whatever_comes();
        assert_eq!(answer.status, status);
        assert_eq!(answer.cookie_names(), names(&FOUR), "{status}");
        assert_eq!(claims(&browser.access_token())["gen"], round + 2);
    }
    app.pass(301);
    let proof = browser.csrf();
    let answer = browser.post("/broken").form(&[("csrf_token", &proof), ("wrong", "field")]).send();
    assert_eq!((answer.status, answer.cookie_names()), (422, names(&FOUR)));
    app.pass(301);
    let answer = browser.get("/panic").send_whatever_comes();
    assert_eq!((answer.status, answer.cookie_names()), (500, names(&FOUR)));
    assert_eq!(browser.get("/access").send().body, "ada");
}

#[test]
fn the_pair_is_renewed_once_even_for_several_guards() {
    let app = library();
    let browser = person(&app, "ada", "admin").accepting("text/html");
    app.pass(301);
    assert_eq!(browser.get("/page").send().status, 200);
    assert_eq!(claims(&browser.access_token())["gen"], 2);
}

#[test]
fn what_another_node_revoked_counts_here() {
    let setup = Setup::new().set("auth.max_staleness", 0);
    let stores = setup.stores.clone();
    let app = setup.launch();
    let other = Setup::new().on(stores).launch();
    let visitor = app.signed_in();
    let elsewhere = other.visitor("application/json", visitor.jar());
    assert_eq!(elsewhere.get("/protected").send().status, 200, "another node knows the token");
    assert_eq!(elsewhere.log_out().status, 200);
    assert_eq!(visitor.get("/protected").send().refusal(), (401, "token_revoked".into()));
}

#[test]
fn a_token_revoked_alone_and_a_raised_not_before_count_too() {
    let setup = Setup::new().set("auth.max_staleness", 0);
    let stores = setup.stores.clone();
    let app = setup.launch();
    let (one, other) = (app.signed_in(), app.signed_in());
    let id = claims(&one.access_token())["jti"].as_str().unwrap().parse().unwrap();
    let until = UnixTime::from_secs(crate::support::NOW + 300);
    crate::support::now_or_never(stores.sessions.revoke(id, until)).unwrap();
    assert_eq!(one.get("/protected").send().refusal(), (401, "token_revoked".into()));
    assert_eq!(one.refresh().status, 200, "only the one token");
    assert_eq!(other.get("/protected").send().status, 200);
    let moment = UnixTime::from_secs(crate::support::NOW + 1);
    crate::support::now_or_never(stores.sessions.raise_not_before(moment)).unwrap();
    assert_eq!(other.get("/protected").send().refusal(), (401, "token_revoked".into()));
    assert_eq!(other.refresh().status, 401);
    app.pass(1);
    assert_eq!(app.signed_in().get("/protected").send().status, 200);
}
