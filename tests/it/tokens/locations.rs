//! Where tokens are looked for: by setting, by route, and nowhere else.

use portcullis::auth::Location;
use portcullis::testing::{Answer, Kit, Sample, Site, Visitor};
use portcullis::{
    AccessToken, BearerToken, BodyRefreshToken, BodyToken, CookieToken, QueryToken, RefreshToken, Refusal,
    Sessions, StatelessToken, catchers,
};
use rocket::error::ErrorKind;
use rocket::http::uri::Origin;
use rocket::http::{ContentType, Header, Method};
use rocket::local::blocking::Client;
use rocket::{Route, get, post, routes};

#[get("/any")]
fn any(token: AccessToken<'_>) -> String {
    format!("{} by {:?}", token.subject(), token.location())
}

#[post("/any")]
fn any_change(token: AccessToken<'_>) -> String {
    format!("{} by {:?}", token.subject(), token.location())
}

#[get("/bearer")]
fn bearer(token: BearerToken<'_>) -> String {
    token.subject().to_owned()
}

#[post("/bearer")]
fn bearer_change(token: BearerToken<'_>) -> String {
    token.subject().to_owned()
}

#[get("/cookie")]
fn cookie(token: CookieToken<'_>) -> String {
    token.subject().to_owned()
}

#[post("/cookie")]
fn cookie_change(token: CookieToken<'_>) -> String {
    token.subject().to_owned()
}

#[get("/query")]
fn query(token: QueryToken<'_>) -> String {
    token.subject().to_owned()
}

#[get("/stateless")]
fn stateless(token: StatelessToken<'_>) -> String {
    token.subject().to_owned()
}

#[post("/body", data = "<token>")]
fn body(token: BodyToken<'_>) -> String {
    assert_eq!(token.location(), Location::Json);
    token.subject().to_owned()
}

#[post("/body-refresh", data = "<token>")]
async fn body_refresh(token: BodyRefreshToken<'_>, sessions: Sessions<'_>) -> Result<String, Refusal> {
    let pair = sessions.refresh(&token).await?;
    Ok(pair.map_or_else(|| "cookies".to_owned(), |pair| pair.access_token))
}

#[post("/refresh")]
async fn refresh(token: RefreshToken<'_>, sessions: Sessions<'_>) -> Result<String, Refusal> {
    let pair = sessions.refresh(&token).await?;
    Ok(pair.map_or_else(|| "cookies".to_owned(), |pair| pair.access_token))
}

#[get("/address")]
fn address(_token: QueryToken<'_>, uri: &Origin<'_>) -> String {
    uri.to_string()
}

fn all_routes() -> Vec<Route> {
    routes![
        any,
        any_change,
        bearer,
        bearer_change,
        cookie,
        cookie_change,
        query,
        address,
        stateless,
        body,
        body_refresh,
        refresh
    ]
}

fn launch(kit: &Kit) -> Site {
    let rocket = rocket::custom(kit.figment()).attach(kit.portcullis());
    kit.launch(rocket.mount("/", all_routes()).register("/", catchers()))
}

fn looking_in(locations: &[&str]) -> Site {
    launch(&Kit::new().set("auth.token_locations", locations))
}

/// The stable word of a refusal.
fn code(answer: &Answer) -> String {
    answer.json()["code"].as_str().unwrap().to_owned()
}

fn json(visitor: &Visitor<'_>, path: &str, body: &str) -> Answer {
    visitor.send(visitor.request(Method::Post, path).header(ContentType::JSON).body(body))
}

#[test]
fn every_location_guard_looks_in_its_own_place_whatever_the_settings_say() {
    for locations in [["cookies"].as_slice(), &["headers"], &["headers", "cookies", "query_string"]] {
        let site = looking_in(locations);
        let token = site.token(Sample::Access, "ada", &[]);
        let by_cookie = site.anonymous().carrying(&token);
        let by_header = site.anonymous().bearing(&token);
        assert_eq!(by_header.get("/bearer").body, "ada", "{locations:?}");
        assert_eq!(code(&by_cookie.get("/bearer")), "missing_token");
        assert_eq!(by_cookie.get("/cookie").body, "ada");
        assert_eq!(code(&by_header.get("/cookie")), "missing_token");
        assert_eq!(site.anonymous().get(&format!("/query?jwt={token}")).body, "ada");
        assert_eq!(code(&by_cookie.get("/query")), "missing_token");
        assert_eq!(code(&by_header.get("/query")), "missing_token");
        let body = format!(r#"{{"access_token": "{token}"}}"#);
        assert_eq!(json(&site.anonymous(), "/body", &body).body, "ada");
        assert_eq!(code(&json(&by_cookie, "/body", "{}")), "missing_token");
        assert_eq!(code(&json(&by_header, "/body", "{}")), "missing_token");
    }
}

#[test]
fn only_cookies_are_looked_at_unless_the_settings_say_otherwise() {
    let site = launch(&Kit::new());
    let token = site.token(Sample::Access, "ada", &[]);
    assert_eq!(site.anonymous().carrying(&token).get("/any").body, "ada by Cookies");
    for answer in
        [site.anonymous().bearing(&token).get("/any"), site.anonymous().get(&format!("/any?jwt={token}"))]
    {
        assert_eq!(answer.json()["msg"], r#"Missing cookie "access_token_cookie""#);
        assert_eq!(answer.header("WWW-Authenticate"), None);
    }
}

#[test]
fn any_subset_in_any_order_is_looked_at() {
    let places = |site: &Site| {
        let token = site.token(Sample::Access, "ada", &[]);
        [
            site.anonymous().carrying(&token).get("/any").status,
            site.anonymous().bearing(&token).get("/any").status,
            site.anonymous().get(&format!("/any?jwt={token}")).status,
        ]
    };
    assert_eq!(places(&looking_in(&["headers"])), [401, 200, 401]);
    assert_eq!(places(&looking_in(&["query_string"])), [401, 401, 200]);
    assert_eq!(places(&looking_in(&["query_string", "cookies"])), [200, 401, 200]);
    assert_eq!(places(&looking_in(&["headers", "query_string", "cookies"])), [200, 200, 200]);
    let msg = looking_in(&["headers", "cookies"]).anonymous().get("/any").json()["msg"].clone();
    assert_eq!(
        msg,
        "Missing JWT in headers or cookies (Missing Authorization Header; Missing cookie \"access_token_cookie\")"
    );
}

#[test]
fn two_different_credentials_are_refused_and_never_guessed() {
    let site = looking_in(&["cookies", "headers", "query_string"]);
    let (ada, eve) = (site.token(Sample::Access, "ada", &[]), site.token(Sample::Access, "eve", &[]));
    let refused = [
        site.anonymous().carrying(&ada).bearing(&eve).get("/any"),
        site.anonymous().carrying(&ada).get(&format!("/any?jwt={eve}")),
        site.anonymous().bearing(&ada).get(&format!("/any?jwt={eve}")),
        site.anonymous().get(&format!("/any?jwt={ada}&jwt={eve}")),
        site.anonymous().get(&format!("/any?jwt={ada}&jwt={ada}")),
    ];
    for answer in refused {
        assert_eq!((answer.status, code(&answer)), (401, "invalid_token".into()));
    }
    let twice = site.anonymous().bearing(&ada);
    let line = Header::new("Authorization", format!("Bearer {ada}"));
    assert_eq!(twice.send(twice.request(Method::Get, "/any").header(line)).status, 401);
    let cookies = Header::new("Cookie", format!("access_token_cookie={ada}; access_token_cookie={eve}"));
    let planted = site.anonymous();
    assert_eq!(planted.send(planted.request(Method::Get, "/any").header(cookies)).status, 401);
}

#[test]
fn a_guard_of_one_place_refuses_a_second_person_at_a_configured_one() {
    let site = looking_in(&["cookies"]);
    let (ada, eve) = (site.token(Sample::Access, "ada", &[]), site.token(Sample::Access, "eve", &[]));
    let both = site.anonymous().carrying(&ada).bearing(&eve);
    let refused = [
        both.get("/bearer"),
        site.anonymous().carrying(&ada).get(&format!("/query?jwt={eve}")),
        json(&site.anonymous().carrying(&ada), "/body", &format!("{{\"access_token\": \"{eve}\"}}")),
    ];
    for answer in refused {
        assert_eq!((answer.status, code(&answer)), (401, "invalid_token".into()));
    }
    assert_eq!(both.get("/cookie").body, "ada", "headers are not looked at");
    assert_eq!(site.anonymous().carrying(&ada).bearing(&ada).get("/bearer").body, "ada");
}

#[test]
fn a_token_in_the_address_is_gone_before_anything_can_log_it() {
    let site = looking_in(&["query_string"]);
    let token = site.token(Sample::Access, "ada", &[]);
    for (asked, seen) in [
        (format!("/address?jwt={token}"), "/address"),
        (format!("/address?a=1&jwt={token}&b=%20"), "/address?a=1&b=%20"),
    ] {
        assert_eq!(site.anonymous().get(&asked).body, seen);
    }
}

#[test]
fn one_credential_in_two_places_counts_once_and_as_the_cookie() {
    let site = looking_in(&["headers", "cookies"]);
    let token = site.token(Sample::Access, "ada", &[]);
    let both = site.anonymous().carrying(&token).bearing(&token);
    assert_eq!(both.get("/any").body, "ada by Cookies");
    let bare = both.send(both.request(Method::Post, "/any"));
    assert_eq!((bare.status, code(&bare)), (403, "csrf_missing".into()), "the browser sends it by itself");
    assert_eq!(both.post_json("/any", &()).body, "ada by Cookies");
}

#[test]
fn a_proof_is_asked_for_exactly_when_the_cookie_authenticated() {
    let site = looking_in(&["cookies", "headers", "query_string"]);
    let token = site.token(Sample::Access, "ada", &[]);
    let by_cookie = site.anonymous().carrying(&token);
    let by_header = site.anonymous().bearing(&token);
    let bare = |visitor: &Visitor<'_>, path: &str| visitor.send(visitor.request(Method::Post, path));
    for path in ["/any", "/cookie"] {
        assert_eq!(code(&bare(&by_cookie, path)), "csrf_missing", "{path}");
    }
    assert_eq!(bare(&by_header, "/any").body, "ada by Headers");
    assert_eq!(bare(&by_header, "/bearer").body, "ada");
    assert_eq!(bare(&site.anonymous(), &format!("/any?jwt={token}")).body, "ada by QueryString");
    assert_eq!(by_cookie.post_form("/cookie", &[]).body, "ada");
}

#[test]
fn the_scheme_is_compared_without_case_and_another_is_not_ours() {
    let site = looking_in(&["headers"]);
    let token = site.token(Sample::Access, "ada", &[]);
    let program = site.anonymous();
    let send = |value: String| {
        program.send(program.request(Method::Get, "/any").header(Header::new("Authorization", value)))
    };
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        assert_eq!(send(format!("{scheme} {token}")).status, 200, "{scheme}");
    }
    for other in ["Basic YTpi".to_owned(), format!("Bearers {token}"), token.clone()] {
        assert_eq!(code(&send(other)), "missing_token");
    }
    for broken in ["Bearer".to_owned(), format!("Bearer {token} {token}"), format!("Bearer {token},")] {
        let answer = send(broken);
        assert_eq!((answer.status, code(&answer)), (401, "invalid_token".into()));
        assert_eq!(answer.header("WWW-Authenticate"), Some("Bearer"));
    }
}

#[test]
fn a_body_without_exactly_one_token_is_refused() {
    let site = launch(&Kit::new());
    let (token, refresh) = (site.token(Sample::Access, "ada", &[]), site.token(Sample::Refresh, "ada", &[]));
    let visitor = site.anonymous();
    for missing in ["", "{}", "[]", "null", r#"{"access_token": null}"#, r#"{"access_token": ""}"#, "{"] {
        let answer = json(&visitor, "/body", missing);
        assert_eq!(answer.json()["msg"], r#"Missing "access_token" key in json data."#, "{missing}");
        assert_eq!(answer.status, 401);
    }
    for invalid in [r#"{"access_token": 7}"#.to_owned(), r#"{"access_token": "x"}"#.to_owned()] {
        assert_eq!(code(&json(&visitor, "/body", &invalid)), "invalid_token");
    }
    let long = format!(r#"{{"access_token": "{token}", "padding": "{}"}}"#, "x".repeat(9000));
    assert_eq!(code(&json(&visitor, "/body", &long)), "missing_token");
    assert_eq!(code(&json(&visitor, "/body", &format!(r#"{{"access_token": "{refresh}"}}"#))), "wrong_type");
    let form = visitor.send(
        visitor
            .request(Method::Post, "/body")
            .header(ContentType::Form)
            .body(format!("access_token={token}")),
    );
    assert_eq!(code(&form), "missing_token");
}

#[test]
fn a_refresh_token_in_the_body_gets_the_pair_in_the_body() {
    let site = launch(&Kit::new());
    let refresh = site.token(Sample::Refresh, "ada", &[]);
    let answer = json(&site.anonymous(), "/body-refresh", &format!(r#"{{"refresh_token": "{refresh}"}}"#));
    assert_eq!((answer.status, answer.header("Set-Cookie")), (200, None));
    assert_eq!(site.anonymous().carrying(&answer.body).get("/any").body, "ada by Cookies");
    let access = site.token(Sample::Access, "ada", &[]);
    let wrong = json(&site.anonymous(), "/body-refresh", &format!(r#"{{"refresh_token": "{access}"}}"#));
    assert_eq!(code(&wrong), "wrong_type");
    let absent = json(&site.anonymous(), "/body-refresh", &format!(r#"{{"access_token": "{refresh}"}}"#));
    assert_eq!(absent.json()["msg"], r#"Missing "refresh_token" key in json data."#);
}

#[test]
fn tokens_that_did_not_come_by_cookie_never_set_one() {
    let site = looking_in(&["cookies", "headers", "query_string"]);
    let program = site.anonymous();
    let by_query = site.token(Sample::Refresh, "ada", &[]);
    let answers = [
        program.send(program.request(Method::Post, &format!("/refresh?jwt={by_query}"))),
        site.anonymous().bearing(&site.token(Sample::Refresh, "ada", &[])).refresh("/refresh"),
        // A page is renewed by its refresh cookie only.
        site.anonymous().browsing().bearing(&site.token(Sample::Expired, "ada", &[])).get("/any"),
        site.anonymous().browsing().get(&format!("/any?jwt={}", site.token(Sample::Expired, "ada", &[]))),
    ];
    for (answer, status) in answers.iter().zip([200, 200, 401, 401]) {
        assert_eq!((answer.status, answer.header("Set-Cookie")), (status, None));
    }
    let by_cookie = site.signed_in("ada", &[]).refresh("/refresh");
    assert!(by_cookie.body == "cookies" && by_cookie.header("Set-Cookie").is_some());
}

#[test]
fn a_stateless_guard_lets_an_ended_session_in_until_its_token_expires() {
    let site = launch(&Kit::new());
    let ask = |sample| site.anonymous().carrying(&site.token(sample, "ada", &[])).get("/stateless").status;
    assert_eq!(ask(Sample::Access), 200);
    assert_eq!(ask(Sample::Revoked), 200);
    for sample in [Sample::Expired, Sample::Forged, Sample::Refresh] {
        assert_eq!(ask(sample), 401, "{sample:?}");
    }
    let token = site.token(Sample::Access, "ada", &[]);
    assert_eq!(site.anonymous().bearing(&token).get("/stateless").status, 401, "not where the settings look");
}

#[test]
fn a_launch_without_the_fairing_is_refused_for_every_location_guard() {
    for route in all_routes() {
        let name = route.name.clone();
        let rocket = rocket::custom(Kit::new().figment()).mount("/", vec![route]);
        let error = Client::untracked(rocket).map(drop).expect_err("launched without the fairing");
        assert!(matches!(error.kind(), ErrorKind::SentinelAborts(_)), "{name:?}: {error}");
    }
}
