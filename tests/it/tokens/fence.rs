//! The fence: everything under a path is refused without a token, whatever the handlers forgot.

use std::time::Duration;

use portcullis::testing::{Answer, Kit, Sample, Site};
use portcullis::{Fence, catchers};
use rocket::data::ToByteUnit;
use rocket::error::ErrorKind;
use rocket::http::Method;
use rocket::local::blocking::Client;
use rocket::{Data, Route, delete, get, options, post, put, routes};

#[get("/")]
fn front() -> &'static str {
    "front"
}

#[get("/report")]
fn report() -> &'static str {
    "figures"
}

#[get("/health")]
fn health() -> &'static str {
    "well"
}

#[get("/health/details")]
fn details() -> &'static str {
    "details"
}

#[post("/upload", data = "<data>")]
async fn upload(data: Data<'_>) -> String {
    let bytes = data.open(1.mebibytes()).into_bytes().await.unwrap();
    format!("{} bytes of {:?}", bytes.len(), bytes.first())
}

#[put("/report")]
fn replace() {}

#[delete("/report")]
fn remove() {}

#[options("/report")]
fn choices() -> &'static str {
    "choices"
}

/// Its rank lets it answer before anything else of the same shape.
#[get("/first")]
fn first() -> &'static str {
    "first"
}

fn all_routes() -> Vec<Route> {
    let mut routes = routes![front, report, health, details, upload, replace, remove, choices];
    let mut early = routes![first];
    early[0].rank = -1_000_000;
    routes.append(&mut early);
    routes
}

fn fenced(fence: Fence) -> Site {
    let kit = Kit::new();
    let rocket = rocket::custom(kit.figment())
        .attach(kit.portcullis())
        .mount("/", routes![report])
        .mount("/internal", all_routes())
        .mount("/internal", fence)
        .register("/", catchers());
    kit.launch(rocket)
}

fn code(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["code"].as_str().unwrap().to_owned())
}

const METHODS: [Method; 5] = [Method::Get, Method::Put, Method::Delete, Method::Patch, Method::Options];

#[test]
fn nothing_inside_answers_without_a_token_not_even_that_nothing_is_there() {
    let site = fenced(Fence::closed());
    let nobody = site.anonymous();
    for path in ["", "/", "/report", "/health", "/first", "/nowhere", "/a/b/c"] {
        for method in METHODS {
            let answer = nobody.send(nobody.request(method, &format!("/internal{path}")));
            assert_eq!(code(&answer), (401, "missing_token".into()), "{method} {path}");
        }
    }
    assert_eq!(nobody.get("/report").body, "figures", "outside nothing changes");
    assert_eq!(nobody.get("/nowhere").status, 404);
    for sample in [Sample::Expired, Sample::Revoked, Sample::Forged, Sample::Refresh] {
        let token = site.token(sample, "ada", &[]);
        assert_eq!(site.anonymous().carrying(&token).get("/internal/report").status, 401, "{sample:?}");
    }
}

#[test]
fn a_token_opens_it_and_the_handlers_are_as_before() {
    let site = fenced(Fence::closed());
    let ada = site.signed_in("ada", &[]);
    for (path, body) in [("", "front"), ("/report", "figures"), ("/health", "well"), ("/first", "first")] {
        assert_eq!(ada.get(&format!("/internal{path}")).body, body, "{path}");
    }
    assert_eq!(code(&ada.get("/internal/nowhere")), (404, "not_found".into()));
}

#[test]
fn exactly_the_open_paths_are_open() {
    let site = fenced(Fence::closed().open("/health").open("/"));
    let nobody = site.anonymous();
    assert_eq!(nobody.get("/internal/health").body, "well");
    assert_eq!(nobody.get("/internal/health?verbose").body, "well");
    assert_eq!(nobody.get("/internal").body, "front");
    assert_eq!(nobody.get("/internal/").body, "front");
    for closed in [
        "/report",
        "/health/details",
        "/health/",
        "/Health",
        "/health%2F",
        "/h%65alth",
        "/healthy",
        "/x/../health",
    ] {
        assert_eq!(nobody.get(&format!("/internal{closed}")).status, 401, "{closed}");
    }
}

#[test]
fn a_fence_can_ask_for_a_role() {
    let site = fenced(Fence::closed().role("staff").open("/health"));
    assert_eq!(site.signed_in("ada", &["staff"]).get("/internal/report").body, "figures");
    let eve = site.signed_in("eve", &["user", "staff "]);
    assert_eq!(code(&eve.get("/internal/report")), (403, "forbidden".into()));
    assert_eq!(code(&eve.get("/internal/nowhere")), (403, "forbidden".into()));
    assert_eq!(eve.get("/internal/health").body, "well");
    assert_eq!(site.anonymous().get("/internal/report").status, 401);
}

#[test]
fn a_fence_for_a_role_stands_inside_one_for_everybody() {
    let kit = Kit::new();
    let rocket = rocket::custom(kit.figment())
        .attach(kit.portcullis())
        .mount("/internal", Fence::closed())
        .mount("/internal", routes![report])
        .mount("/internal/vault", Fence::closed().role("admin"))
        .mount("/internal/vault", routes![report]);
    let site = kit.launch(rocket);
    let (user, admin) = (site.signed_in("uma", &["user"]), site.signed_in("ada", &["admin"]));
    let statuses = |path: &str| [&site.anonymous(), &user, &admin].map(|visitor| visitor.get(path).status);
    assert_eq!(statuses("/internal/report"), [401, 200, 200]);
    assert_eq!(statuses("/internal/vault/report"), [401, 403, 200]);
}

#[test]
fn a_body_reaches_the_handler_whole() {
    let site = fenced(Fence::closed());
    let ada = site.signed_in("ada", &[]);
    let big = vec![b'x'; 300_000];
    let token = site.token(Sample::Access, "ada", &[]);
    let proof = ada.cookie("csrf_access_token").unwrap();
    let request = ada.request(Method::Post, "/internal/upload");
    let answer = ada.send(request.header(rocket::http::Header::new("X-CSRF-TOKEN", proof)).body(&big));
    assert_eq!(answer.body, "300000 bytes of Some(120)");
    let form = ada.post_form("/internal/upload", &[("text", &"y".repeat(2000))]);
    assert_eq!(form.status, 200);
    assert!(form.body.ends_with("Some(99)"), "the first field is the proof: {}", form.body);
    let bare = site.anonymous().carrying(&token);
    let refused = bare.send(bare.request(Method::Post, "/internal/upload").body(&big));
    assert_eq!(code(&refused), (403, "csrf_missing".into()));
}

#[test]
fn head_and_options_are_fenced_like_the_rest() {
    let site = fenced(Fence::closed());
    let (nobody, ada) = (site.anonymous(), site.signed_in("ada", &[]));
    assert_eq!(nobody.send(nobody.request(Method::Head, "/internal/report")).status, 401);
    assert_eq!(nobody.send(nobody.request(Method::Options, "/internal/report")).status, 401);
    let head = ada.send(ada.request(Method::Head, "/internal/report"));
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(ada.send(ada.request(Method::Options, "/internal/report")).body, "choices");
}

#[test]
fn pages_are_renewed_at_the_fence() {
    let site = fenced(Fence::closed());
    let browser = site.signed_in("ada", &[]).browsing();
    let before = browser.cookie("access_token_cookie");
    site.pass(Duration::from_secs(301));
    assert_eq!(browser.get("/internal/report").body, "figures");
    assert_ne!(browser.cookie("access_token_cookie"), before);
    let program = site.signed_in("ada", &[]);
    site.pass(Duration::from_secs(301));
    assert_eq!(code(&program.get("/internal/report")), (401, "token_expired".into()));
}

#[test]
fn a_fence_without_the_fairing_stops_the_launch() {
    let rocket = rocket::custom(Kit::new().figment())
        .mount("/internal", all_routes())
        .mount("/internal", Fence::closed());
    let error = Client::untracked(rocket).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::SentinelAborts(_)), "{error}");
}

#[test]
fn two_fences_at_one_place_are_refused_at_launch() {
    let kit = Kit::new();
    let rocket = rocket::custom(kit.figment())
        .attach(kit.portcullis())
        .mount("/internal", Fence::closed())
        .mount("/internal", Fence::closed().open("/health"));
    let error = Client::untracked(rocket).map(drop).expect_err("launched with two fences");
    assert!(matches!(error.kind(), ErrorKind::Collisions(_)), "{error}");
}
