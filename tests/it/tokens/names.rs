//! Every name on the wire can be another one.

use portcullis::testing::{Kit, Sample, Site};
use portcullis::{
    AccessToken, BodyRefreshToken, BodyToken, QueryToken, RefreshToken, Refusal, Sessions, SignInAttempt,
    catchers,
};
use rocket::http::{ContentType, Method};
use rocket::{get, post, routes};

use crate::support::{Setup, names};

const OTHERS: [(&str, &str); 13] = [
    ("access_cookie_name", "a"),
    ("refresh_cookie_name", "r"),
    ("access_csrf_cookie_name", "ac"),
    ("refresh_csrf_cookie_name", "rc"),
    ("csrf_header_name", "X-Proof"),
    ("csrf_field_name", "proof"),
    ("header_name", "X-Token"),
    ("header_type", "Ticket"),
    ("query_string_name", "ticket"),
    ("query_string_value_prefix", "v1 "),
    ("json_key", "at"),
    ("refresh_json_key", "rt"),
    ("error_message_key", "message"),
];

#[get("/any")]
fn any(token: AccessToken<'_>) -> String {
    token.subject().to_owned()
}

#[post("/any")]
fn change(token: AccessToken<'_>) -> String {
    token.subject().to_owned()
}

#[get("/query")]
fn query(token: QueryToken<'_>) -> String {
    token.subject().to_owned()
}

#[post("/body", data = "<token>")]
fn body(token: BodyToken<'_>) -> String {
    token.subject().to_owned()
}

#[post("/body-refresh", data = "<token>")]
fn body_refresh(token: BodyRefreshToken<'_>) -> String {
    token.subject().to_owned()
}

#[post("/sign-in")]
async fn sign_in(_attempt: SignInAttempt, sessions: Sessions<'_>) -> Result<(), Refusal> {
    sessions.sign_in("ada", &[], false).await?;
    Ok(())
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

fn renamed() -> Kit {
    let locations = ["cookies", "headers", "query_string"];
    let kit = Kit::new().set("auth.token_locations", locations);
    OTHERS.iter().fold(kit, |kit, (key, name)| kit.set(&format!("auth.names.{key}"), name))
}

fn launch(kit: &Kit) -> Site {
    let routes = routes![any, change, query, body, body_refresh, sign_in, refresh, sign_out];
    let rocket = rocket::custom(kit.figment()).attach(kit.portcullis());
    kit.launch(rocket.mount("/", routes).register("/", catchers()))
}

#[test]
fn cookies_headers_fields_and_members_take_the_names_of_the_settings() {
    let site = launch(&renamed());
    let visitor = site.anonymous();
    assert_eq!(visitor.post_form("/sign-in", &[]).status, 200);
    for name in ["a", "r", "ac", "rc"] {
        assert!(visitor.cookie(name).is_some(), "{name}");
    }
    let before = visitor.cookie("r");
    let form = |field: &str, value: &str| {
        let request = visitor.request(Method::Post, "/any").header(ContentType::Form);
        visitor.send(request.body(format!("{field}={value}"))).status
    };
    let proof = visitor.cookie("ac").unwrap();
    assert_eq!((form("proof", &proof), form("csrf_token", &proof)), (200, 403));
    let header = |name: &'static str| {
        let header = rocket::http::Header::new(name, proof.clone());
        visitor.send(visitor.request(Method::Post, "/any").header(header)).status
    };
    assert_eq!((header("X-Proof"), header("X-CSRF-TOKEN")), (200, 403));
    assert_eq!(visitor.refresh("/refresh").status, 200);
    assert_ne!(visitor.cookie("r"), before);
    assert_eq!(visitor.post_form("/sign-out", &[]).status, 200);
    assert_eq!((visitor.cookie("a"), visitor.cookie("r")), (None, None));

    let token = site.token(Sample::Access, "ada", &[]);
    assert_eq!(site.anonymous().bearing(&token).get("/any").body, "ada");
    assert_eq!(site.anonymous().get(&format!("/query?ticket=v1%20{token}")).body, "ada");
    assert_eq!(site.anonymous().get(&format!("/query?ticket={token}")).status, 401);
    assert_eq!(site.anonymous().post_json("/body", &serde_json::json!({ "at": token })).body, "ada");
    let refresh = site.token(Sample::Refresh, "ada", &[]);
    assert_eq!(
        site.anonymous().post_json("/body-refresh", &serde_json::json!({ "rt": refresh })).body,
        "ada"
    );
    let missing = site.anonymous().get("/any");
    assert_eq!(
        missing.json()["message"],
        "Missing JWT in cookies, headers or query_string (Missing cookie \"a\"; Missing X-Token Header; \
         Missing 'ticket' query parameter)"
    );
    assert_eq!(missing.header("WWW-Authenticate"), None, "a header of one's own knows no challenges");
}

#[test]
fn signing_out_with_a_token_under_another_name_ends_its_session() {
    for scheme in ["Ticket", ""] {
        let site = launch(&renamed().set("auth.names.header_type", scheme));
        let program = site.anonymous().bearing(&site.token(Sample::Access, "ada", &[]));
        assert_eq!(program.get("/any").status, 200);
        assert_eq!(program.send(program.request(Method::Post, "/sign-out")).status, 200);
        assert_eq!(program.get("/any").json()["code"], "token_revoked", "{scheme:?}");
    }
}

#[test]
fn the_readable_cookies_can_be_left_out_and_same_site_can_be_strict() {
    let app = Setup::new()
        .set("auth.names.csrf_in_cookies", false)
        .set("auth.names.cookie_samesite", "strict")
        .launch();
    let browser = app.browser();
    let answer = browser.sign_in("testuser", "testpass");
    assert!(answer.cookie_names().is_disjoint(&names(&["csrf_access_token", "csrf_refresh_token"])));
    for name in ["access_token_cookie", "refresh_token_cookie"] {
        answer.cookie(name).assert_attributes("HttpOnly; SameSite=Strict; Path=/");
    }
    let proof = browser.get("/dashboard").send().hidden("csrf_token");
    assert_eq!(browser.post("/sessions/end-others").form(&[("csrf_token", &proof)]).send().status, 303);
}

#[test]
fn the_application_speaks_the_same_names() {
    let setup =
        OTHERS.iter().fold(Setup::new(), |setup, (key, name)| setup.set(&format!("auth.names.{key}"), name));
    let app = setup.launch();
    let browser = app.browser();
    let fields = [("username", "testuser"), ("password", "testpass")];
    let proof = browser.get("/login").send().hidden("proof");
    let all = [("proof", proof.as_str()), fields[0], fields[1]];
    let answer = browser.post("/login").form(&all).send();
    assert_eq!((answer.status, answer.location()), (303, "/dashboard"));
    assert!(answer.cookie_names().is_superset(&names(&["a", "ac", "r", "rc"])));
    let proof = browser.get("/dashboard").send().hidden("proof");
    assert_eq!(browser.post("/sessions/end-others").form(&[("proof", &proof)]).send().status, 303);
    let wrong = app.program().sign_in("testuser", "wrong");
    assert_eq!(wrong.json()["message"], "Bad username or password");
    let missing = app.program().get("/protected").send();
    assert_eq!(missing.json()["message"], "Missing cookie \"a\"");
    assert_eq!(app.program().get("/nowhere").send().json()["message"], "There is nothing here");
}

#[test]
fn a_pages_script_is_told_the_names_and_knows_none_itself() {
    let shown = |setup: Setup| {
        let page = setup.launch().browser().get("/login").send().body;
        let (_, body) = page.split_once("<body ").unwrap();
        body.split('>').next().unwrap().to_owned()
    };
    let told = |header, access, refresh| {
        format!(r#"data-csrf-header="{header}" data-csrf-access="{access}" data-csrf-refresh="{refresh}""#)
    };
    assert_eq!(shown(Setup::new()), told("X-CSRF-TOKEN", "csrf_access_token", "csrf_refresh_token"));
    let https = Setup::new().set("auth.insecure_http", false);
    let bound = told("X-CSRF-TOKEN", "__Host-csrf_access_token", "__Host-csrf_refresh_token");
    assert_eq!(shown(https), bound);
    let renamed =
        OTHERS.iter().fold(Setup::new(), |setup, (key, name)| setup.set(&format!("auth.names.{key}"), name));
    assert_eq!(shown(renamed), told("X-Proof", "ac", "rc"));
    let script = include_str!("../../../static/portcullis.js");
    for name in ["X-CSRF", "csrf_access", "csrf_refresh", "__Host-"] {
        assert!(!script.contains(name), "{name}");
    }
}

#[test]
fn names_that_cannot_be_are_refused_at_launch_in_one_line_each() {
    let problems = |settings: &[(&str, &str)]| {
        let figment = crate::support::figment();
        let figment = settings.iter().fold(figment, |figment, pair| figment.merge(*pair));
        portcullis::settings::load(&figment).map(drop).unwrap_err()
    };
    for (key, _) in
        OTHERS.iter().filter(|(key, _)| !["header_type", "query_string_value_prefix"].contains(key))
    {
        for name in ["", "two words", "semi;colon", "ümlaut", "a=b", &"x".repeat(80)] {
            let lines = problems(&[(&format!("auth.names.{key}"), name)]);
            assert!(
                lines.len() == 1 && lines[0].starts_with(&format!("auth.names.{key}: ")),
                "{key} {name}: {lines:?}"
            );
        }
    }
    for (settings, beginning) in [
        ([("auth.names.header_type", "Two Words"), ("auth.claims.leeway", "")], "auth.names.header_type: "),
        (
            [("auth.names.access_cookie_name", "same"), ("auth.names.refresh_cookie_name", "same")],
            "auth.names.*_cookie_name: ",
        ),
        (
            [("auth.names.access_cookie_name", "portcullis_login"), ("auth.claims.leeway", "")],
            "auth.names.*_cookie_name: ",
        ),
        (
            [("auth.names.header_name", "X-One"), ("auth.names.csrf_header_name", "x-one")],
            "auth.names.header_name and ",
        ),
        (
            [("auth.names.json_key", "token"), ("auth.names.refresh_json_key", "token")],
            "auth.names.json_key and ",
        ),
        (
            [("auth.names.error_message_key", "code"), ("auth.claims.leeway", "")],
            "auth.names.error_message_key: ",
        ),
    ] {
        let settings: Vec<_> = settings.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let lines = problems(&settings);
        assert!(lines.len() == 1 && lines[0].starts_with(beginning), "{settings:?}: {lines:?}");
    }
}
