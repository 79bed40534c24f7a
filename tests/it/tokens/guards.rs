//! The guards in a Rocket of one's own: the crate as a library.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use portcullis::auth::{
    AuthError, Cursor, Ending, Leniency, Revocations, Session, SessionId, SessionStore, StoreError, TokenId,
    UnixTime, Verdict,
};
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

fn all_routes() -> Vec<Route> {
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

fn own_rocket(setup: &Setup, store: Arc<dyn SessionStore>) -> Rocket<Build> {
    rocket::custom(setup.figment())
        .attach(Portcullis::new(store).clock(setup.clock.clone()))
        .mount("/", all_routes())
        .register("/", catchers![caught])
}

fn library() -> App {
    library_with(Setup::new())
}

fn library_with(setup: Setup) -> App {
    let rocket = own_rocket(&setup, setup.stores.sessions.clone());
    setup.launch_as(rocket)
}

/// Somebody signed in by the library alone.
fn person<'a>(app: &'a App, name: &str, role: &str) -> crate::support::Visitor<'a> {
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

/// The memory store, counted, and out of reach at will.
struct Watched {
    inner: Arc<dyn SessionStore>,
    asked: AtomicUsize,
    is_out: AtomicBool,
    read: AtomicUsize,
    news: tokio::sync::Notify,
}

impl Watched {
    fn pass(&self) -> Result<&dyn SessionStore, StoreError> {
        if self.is_out.load(Ordering::SeqCst) {
            return Err(StoreError::Unreachable("unplugged".into()));
        }
        Ok(&*self.inner)
    }
}

#[async_trait]
impl SessionStore for Watched {
    async fn ready(&self) -> Result<(), StoreError> {
        self.pass()?.ready().await
    }

    async fn create(
        &self,
        it: &Session,
        limit: usize,
        until: UnixTime,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.pass()?.create(it, limit, until).await
    }

    async fn find(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.pass()?.find(id).await
    }

    async fn present(
        &self,
        id: SessionId,
        generation: u64,
        now: UnixTime,
        leniency: Leniency,
        until: UnixTime,
    ) -> Result<Option<(Session, Verdict)>, StoreError> {
        self.pass()?.present(id, generation, now, leniency, until).await
    }

    async fn confirm(&self, seen: &[(SessionId, u64)]) -> Result<(), StoreError> {
        self.pass()?.confirm(seen).await
    }

    async fn end(&self, ending: &Ending<'_>) -> Result<Vec<SessionId>, StoreError> {
        self.pass()?.end(ending).await
    }

    async fn reauthenticated(&self, id: SessionId, at: UnixTime) -> Result<bool, StoreError> {
        self.pass()?.reauthenticated(id, at).await
    }

    async fn count_live(&self, users: &[&str], now: UnixTime) -> Result<Vec<u32>, StoreError> {
        self.pass()?.count_live(users, now).await
    }

    async fn live(&self, user: &str, now: UnixTime) -> Result<Vec<Session>, StoreError> {
        self.pass()?.live(user, now).await
    }

    async fn revoke(&self, id: TokenId, until: UnixTime) -> Result<(), StoreError> {
        self.pass()?.revoke(id, until).await
    }

    async fn raise_not_before(&self, moment: UnixTime) -> Result<(), StoreError> {
        self.pass()?.raise_not_before(moment).await
    }

    async fn revocations(&self, cursor: &Cursor, now: UnixTime) -> Result<Revocations, StoreError> {
        self.read.fetch_add(1, Ordering::SeqCst);
        self.pass()?.revocations(cursor, now).await
    }

    async fn changed(&self) {
        self.news.notified().await;
    }

    async fn is_revoked(&self, ids: [[u8; 16]; 2], issued_at: UnixTime) -> Result<bool, StoreError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.pass()?.is_revoked(ids, issued_at).await
    }

    async fn purge(&self, now: UnixTime) -> Result<(), StoreError> {
        self.pass()?.purge(now).await
    }
}

fn watched(setup: &mut Setup) -> Arc<Watched> {
    let inner = setup.stores.sessions.clone();
    let (asked, read) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (is_out, news) = (AtomicBool::new(false), tokio::sync::Notify::new());
    let store = Arc::new(Watched { inner, asked, is_out, read, news });
    setup.stores.sessions = store.clone();
    store
}

#[test]
fn news_of_the_store_are_read_at_once() {
    let mut setup = Setup::new();
    let store = watched(&mut setup);
    let _app = library_with(setup);
    let mut naps = 0;
    for round in 1..=40 {
        let before = store.read.load(Ordering::SeqCst);
        store.news.notify_one();
        while store.read.load(Ordering::SeqCst) == before {
            std::thread::sleep(Duration::from_millis(1));
            naps += 1;
            // By its own clock a node reads four times a second.
            assert!(naps < 5_000, "{round} of 40 reads");
        }
    }
}

#[test]
fn several_guards_cost_one_verdict() {
    let mut setup = Setup::new().set("auth.max_staleness", 0);
    let store = watched(&mut setup);
    let app = library_with(setup);
    let ada = person(&app, "ada", "admin");
    store.asked.store(0, Ordering::SeqCst);
    assert_eq!(ada.get("/many").send().status, 200);
    assert_eq!(store.asked.load(Ordering::SeqCst), 1);
}

#[test]
fn the_store_is_not_asked_while_the_view_is_young() {
    let mut setup = Setup::new();
    let store = watched(&mut setup);
    let app = library_with(setup);
    let ada = person(&app, "ada", "admin");
    for _ in 0..10 {
        assert_eq!(ada.get("/many").send().status, 200);
    }
    assert_eq!(store.asked.load(Ordering::SeqCst), 0);
}

#[test]
fn a_store_out_of_reach_is_503_and_never_signed_out() {
    for staleness in [0, 5] {
        let mut setup = Setup::new().set("auth.max_staleness", staleness);
        let store = watched(&mut setup);
        let app = setup.launch();
        let program = app.signed_in();
        let browser = app.signed_in_browser();
        let leaving = app.signed_in();
        store.is_out.store(true, Ordering::SeqCst);
        app.pass(6);
        for path in ["/protected", "/dashboard"] {
            let answer = program.get(path).send();
            assert_eq!(answer.refusal(), (503, "unavailable".into()), "{path}");
            assert!(answer.header("Retry-After").is_some());
        }
        for path in ["/dashboard", "/", "/login"] {
            let page = browser.get(path).send();
            assert!(page.status == 503 && page.is_page(), "{path}: {}", page.status);
            assert!(page.header("Retry-After").is_some(), "{path}");
            assert!(page.cookie_names().is_disjoint(&names(&FOUR)), "{path}");
        }
        for answer in [program.refresh(), program.sign_in("admin", "adminpass")] {
            assert_eq!(answer.refusal(), (503, "unavailable".into()));
            assert_eq!(answer.all("Set-Cookie").len(), 0);
        }
        let stolen = leaving.copy();
        let left = leaving.log_out();
        assert_eq!(left.refusal(), (503, "unavailable".into()));
        assert_eq!(left.json()["msg"], "Signed out here, but that could not be written down yet");
        assert!(leaving.jar().is_empty(), "who asks to leave keeps no cookie");
        store.is_out.store(false, Ordering::SeqCst);
        assert_eq!(program.get("/protected").send().status, 200, "and all is well when it is back");
        assert_eq!(browser.get("/dashboard").send().status, 200);
        assert_eq!(program.refresh().status, 200);
        assert_eq!(program.log_out().status, 200);
        assert_eq!(stolen.get("/protected").send().refusal(), (401, "token_revoked".into()));
    }
}

#[test]
fn renewing_during_an_outage_is_503_and_keeps_the_cookies() {
    let mut setup = Setup::new();
    let store = watched(&mut setup);
    let app = library_with(setup);
    let browser = person(&app, "ada", "user").accepting("text/html");
    app.pass(301);
    store.is_out.store(true, Ordering::SeqCst);
    for path in ["/page", "/anybody", "/fresh"] {
        let answer = browser.get(path).send();
        assert_eq!((answer.status, answer.body.as_str()), (503, "unavailable"), "{path}");
        assert_eq!(answer.all("Set-Cookie").len(), 0);
    }
    store.is_out.store(false, Ordering::SeqCst);
    assert_eq!(browser.get("/anybody").send().body, "ada");
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
