//! The kit for applications' tests does what it says, and the pieces that applications build their answers from.

use std::time::Duration;

use portcullis::testing::{Kit, Sample, Site};
use portcullis::{
    AccessToken, AuthError, CsrfToken, FreshToken, PageContext, RefreshToken, Refusal, Sessions,
    SignInAttempt, SignedIn, catchers,
};
use rocket::http::{Header, Method, Status};
use rocket::response::{Flash, Redirect};
use rocket::{Request, catch, get, post, routes};
use rocket_dyn_templates::Template;
use serde::Serialize;

#[get("/who")]
fn who(token: AccessToken<'_>) -> String {
    format!("{} {:?}", token.subject(), token.roles().collect::<Vec<_>>())
}

#[post("/who")]
fn change(token: AccessToken<'_>) -> String {
    token.subject().to_owned()
}

#[get("/fresh")]
fn fresh(token: FreshToken<'_>) -> String {
    token.subject().to_owned()
}

#[get("/page")]
fn page(visitor: SignedIn<'_>) -> String {
    visitor.subject().to_owned()
}

#[post("/sign-in")]
async fn sign_in(_attempt: SignInAttempt, sessions: Sessions<'_>) -> Result<Flash<Redirect>, Refusal> {
    sessions.sign_in("ada", &["staff".to_owned()], false).await?;
    Ok(Flash::success(Redirect::to("/home"), "Welcome <back>"))
}

#[post("/refresh")]
async fn refresh(token: RefreshToken<'_>, sessions: Sessions<'_>) -> Result<(), Refusal> {
    sessions.refresh(&token).await?;
    Ok(())
}

#[post("/sign-out")]
async fn sign_out(sessions: Sessions<'_>) -> Result<(), Refusal> {
    Ok(sessions.sign_out().await?)
}

#[derive(Serialize)]
struct Own<'r> {
    #[serde(flatten)]
    page: PageContext<'r>,
    title: &'static str,
}

#[get("/home")]
fn home(page: PageContext<'_>) -> Template {
    Template::render("home.html", Own { page, title: "Home" })
}

#[get("/form")]
fn form(page: PageContext<'_>, csrf: CsrfToken<'_>) -> Template {
    Template::render("home.html", Own { page: page.csrf(csrf), title: "Form" })
}

#[get("/context")]
fn context(page: PageContext<'_>) -> String {
    serde_json::to_value(page).unwrap().to_string()
}

#[get("/status/<code>")]
fn status(code: u16) -> Status {
    Status::new(code)
}

#[catch(401)]
fn unauthorized(status: Status, request: &Request<'_>) -> Refusal {
    match AuthError::of(request) {
        Some(AuthError::NotFresh) => Refusal::new(Status::Unauthorized, "Your password, please", "password"),
        _ => Refusal::of(status, request),
    }
}

const HOME: &str = "{{ title }}: {% if current_user %}{{ current_user.name }} {{ current_user.roles | join(sep=\"+\") }}\
                    {% else %}nobody{% endif %} [{{ csrf_field }}={{ csrf_token }}]\
                    {% if flash %} {{ flash.kind }}: {{ flash.message }}{% endif %}";

fn launch(kit: &Kit) -> Site {
    let templates = Template::custom(|engines| engines.tera.add_raw_template("home.html", HOME).unwrap());
    let rocket = rocket::custom(kit.figment().merge(("template_dir", "templates/text")))
        .attach(kit.portcullis())
        .attach(templates)
        .mount("/", routes![who, change, fresh, page, sign_in, refresh, sign_out])
        .mount("/", routes![home, form, context, status])
        .register("/", catchers());
    kit.launch(rocket)
}

fn code(answer: &portcullis::testing::Answer) -> (u16, String) {
    (answer.status, answer.json()["code"].as_str().unwrap().to_owned())
}

#[test]
fn a_visitor_is_signed_in_without_a_sign_in_route() {
    let site = launch(&Kit::new());
    let ada = site.signed_in("ada", &["staff", "admin"]);
    assert_eq!(ada.get("/who").body, r#"ada ["staff", "admin"]"#);
    assert_eq!(ada.get("/fresh").body, "ada");
    assert_eq!(code(&site.anonymous().get("/who")), (401, "missing_token".into()));
}

#[test]
fn posts_carry_the_proof_and_a_bare_request_does_not() {
    let site = launch(&Kit::new());
    let ada = site.signed_in("ada", &[]);
    assert_eq!(ada.post_form("/who", &[("text", "a&b=c")]).body, "ada");
    assert_eq!(ada.post_json("/who", &["anything"]).body, "ada");
    let bare = ada.send(ada.request(Method::Post, "/who"));
    assert_eq!(code(&bare), (403, "csrf_missing".into()));
}

#[test]
fn cookies_are_kept_from_answer_to_request() {
    let site = launch(&Kit::new());
    let visitor = site.anonymous().browsing();
    assert_eq!(visitor.post_form("/sign-in", &[]).header("Location"), Some("/home"));
    assert_eq!(visitor.get("/page").body, "ada");
    site.pass(Duration::from_secs(301));
    assert_eq!(visitor.get("/page").body, "ada", "renewed by the refresh cookie");
    let before = visitor.cookie("refresh_token_cookie").unwrap();
    site.pass(Duration::from_secs(1));
    assert_eq!(visitor.refresh("/refresh").status, 200);
    assert_ne!(visitor.cookie("refresh_token_cookie").unwrap(), before);
    assert_eq!(visitor.post_form("/sign-out", &[]).status, 200);
    assert_eq!(visitor.cookie("access_token_cookie"), None);
    assert_eq!(visitor.get("/page").status, 401);
}

#[test]
fn every_sample_is_what_it_is_called() {
    let site = launch(&Kit::new());
    let refused = |sample, path: &str| {
        let token = site.token(sample, "ada", &["staff"]);
        code(&site.anonymous().carrying(&token).get(path))
    };
    let good = site.token(Sample::Access, "ada", &["staff"]);
    assert_eq!(site.anonymous().carrying(&good).get("/fresh").body, "ada");
    assert_eq!(refused(Sample::Refresh, "/who"), (401, "wrong_type".into()));
    assert_eq!(refused(Sample::Expired, "/who"), (401, "token_expired".into()));
    assert_eq!(refused(Sample::Revoked, "/who"), (401, "token_revoked".into()));
    assert_eq!(refused(Sample::Forged, "/who"), (401, "invalid_token".into()));
    assert_eq!(refused(Sample::NotFresh, "/fresh"), (401, "fresh_required".into()));
    let stale = site.token(Sample::NotFresh, "ada", &[]);
    assert_eq!(site.anonymous().carrying(&stale).get("/who").status, 200);
    let answer = site.anonymous().carrying(&site.token(Sample::Forged, "ada", &[])).get("/who");
    assert_eq!(answer.json()["msg"], "Signature verification failed");
}

#[test]
fn the_kit_follows_the_settings() {
    let kit = Kit::new()
        .set("auth.token_locations", ["headers"])
        .set("auth.names.header_name", "X-Token")
        .set("auth.names.header_type", "")
        .set("auth.claims.leeway", 7)
        .set("auth.access_ttl", 60);
    let site = launch(&kit);
    let good = site.token(Sample::Access, "ada", &[]);
    let program = site.anonymous().bearing(&good);
    assert_eq!(program.get("/who").status, 200);
    assert_eq!(program.post_json("/who", &()).status, 200);
    site.pass(Duration::from_secs(67));
    assert_eq!(code(&program.get("/who")), (401, "token_expired".into()));
    let expired = site.token(Sample::Expired, "ada", &[]);
    assert_eq!(code(&site.anonymous().bearing(&expired).get("/who")), (401, "token_expired".into()));
}

#[test]
#[should_panic(expected = "the fairing is not attached")]
fn an_application_without_the_fairing_cannot_be_launched_by_the_kit() {
    let kit = Kit::new();
    drop(kit.launch(rocket::custom(kit.figment())));
}

#[test]
fn the_page_context_of_an_anonymous_page_is_empty_and_sets_no_cookie() {
    let site = launch(&Kit::new());
    let visitor = site.anonymous().browsing();
    assert_eq!(visitor.get("/home").body, "Home: nobody [csrf_token=]");
    assert_eq!(visitor.get("/context").body, r#"{"csrf_field":"csrf_token","csrf_token":""}"#);
    assert_eq!(visitor.get("/home").header("Set-Cookie"), None);
    let form = visitor.get("/form");
    assert!(form.header("Set-Cookie").is_some() && !form.body.contains("csrf_token=]"), "{}", form.body);
}

#[test]
fn a_dead_token_does_not_break_a_page_for_everybody() {
    let site = launch(&Kit::new());
    for sample in [Sample::Expired, Sample::Revoked, Sample::Forged, Sample::Refresh] {
        let visitor = site.anonymous().browsing().carrying(&site.token(sample, "ada", &[]));
        assert_eq!(visitor.get("/home").body, "Home: nobody [csrf_token=]", "{sample:?}");
    }
}

#[test]
fn the_page_context_of_somebody_signed_in_tells_who_and_what_forms_send() {
    let site = launch(&Kit::new().set("auth.names.csrf_field_name", "proof"));
    let ada = site.signed_in("ada", &["staff", "admin"]).browsing();
    let proof = ada.cookie("csrf_access_token").unwrap();
    assert_eq!(ada.get("/home").body, format!("Home: ada staff+admin [proof={proof}]"));
    assert_eq!(ada.get("/form").body, format!("Form: ada staff+admin [proof={proof}]"));
    site.pass(Duration::from_secs(301));
    assert_eq!(ada.get("/home").body, format!("Home: ada staff+admin [proof={proof}]"), "renewed");
}

#[test]
fn a_flash_is_shown_once_and_escaped() {
    let site = launch(&Kit::new());
    let visitor = site.anonymous().browsing();
    visitor.post_form("/sign-in", &[]);
    assert!(visitor.get("/home").body.ends_with(" success: Welcome &lt;back&gt;"));
    assert!(!visitor.get("/home").body.contains("Welcome"));
}

#[test]
fn the_default_catcher_answers_every_error_in_json() {
    let site = launch(&Kit::new());
    for (status, code_of_it) in [(404, "not_found"), (422, "unprocessable"), (500, "internal")] {
        let answer = site.anonymous().get(&format!("/status/{status}"));
        assert_eq!(code(&answer), (status, code_of_it.into()));
        assert_eq!(answer.header("Content-Type"), Some("application/json"));
        assert_eq!(answer.header("Retry-After"), None);
    }
    let unavailable = site.anonymous().get("/status/503");
    assert_eq!((unavailable.status, unavailable.header("Retry-After")), (503, Some("2")));
    let browser = site.anonymous().browsing().get("/who");
    assert_eq!(browser.json()["msg"], r#"Missing cookie "access_token_cookie""#, "there are no pages");
}

#[test]
fn the_message_is_called_as_the_settings_say() {
    let site = launch(&Kit::new().set("auth.names.error_message_key", "message"));
    let json = site.anonymous().get("/who").json();
    assert_eq!(json["message"], r#"Missing cookie "access_token_cookie""#);
    assert_eq!(json.as_object().unwrap().len(), 2);
}

/// What went wrong, in the application's own words.
#[catch(default)]
fn own_words(status: Status, request: &Request<'_>) -> (Status, &'static str) {
    let words = match AuthError::of(request) {
        Some(AuthError::Missing(_)) => "who?",
        Some(AuthError::Expired) => "late",
        Some(AuthError::Revoked) => "ended",
        Some(AuthError::WrongType(_)) => "another kind",
        Some(AuthError::Invalid(_)) => "nonsense",
        Some(AuthError::CsrfMissing) => "no proof",
        Some(AuthError::CsrfMismatch) => "wrong proof",
        Some(AuthError::ClaimsRefused) => "not you",
        _ => "something else",
    };
    (status, words)
}

#[test]
fn an_application_answers_each_failure_in_its_own_words() {
    let launch = |kit: &Kit, portcullis| {
        let rocket = rocket::custom(kit.figment()).attach(portcullis);
        kit.launch(rocket.mount("/", routes![who, change]).register("/", rocket::catchers![own_words]))
    };
    let kit = Kit::new();
    let site = launch(&kit, kit.portcullis());
    let samples = [
        (Sample::Expired, "late"),
        (Sample::Revoked, "ended"),
        (Sample::Refresh, "another kind"),
        (Sample::Forged, "nonsense"),
    ];
    for (sample, words) in samples {
        let answer = site.anonymous().carrying(&site.token(sample, "ada", &[])).get("/who");
        assert_eq!((answer.status, answer.body.as_str()), (401, words));
    }
    assert_eq!(site.anonymous().get("/who").body, "who?");
    let ada = site.signed_in("ada", &[]);
    let bare = ada.request(Method::Post, "/who");
    assert_eq!(ada.send(bare).body, "no proof");
    let wrong = ada.request(Method::Post, "/who").header(Header::new("X-CSRF-TOKEN", "x"));
    assert_eq!(ada.send(wrong).body, "wrong proof");
    let kit = Kit::new();
    let strict = launch(&kit, kit.portcullis().verify(|_| false));
    assert_eq!(strict.signed_in("ada", &[]).get("/who").body, "not you");
}

#[test]
fn an_application_answers_one_failure_in_its_own_way() {
    let kit = Kit::new();
    let rocket = rocket::custom(kit.figment())
        .attach(kit.portcullis())
        .mount("/", routes![who, fresh])
        .register("/", catchers())
        .register("/", rocket::catchers![unauthorized]);
    let site = kit.launch(rocket);
    let stale = site.token(Sample::NotFresh, "ada", &[]);
    assert_eq!(code(&site.anonymous().carrying(&stale).get("/fresh")), (401, "password".into()));
    assert_eq!(code(&site.anonymous().get("/fresh")), (401, "missing_token".into()));
    assert_eq!(code(&site.anonymous().get("/nowhere")), (404, "not_found".into()));
}
