//! A JSON API for programs: tokens in the body at sign-in, in the `Authorization` header afterwards, and no cookies.
//!
//! ```text
//! cargo run --example bearer_api
//! curl -s localhost:8000/login --json '{"username": "ada", "password": "correct horse battery"}'
//! curl -s localhost:8000/me -H "Authorization: Bearer $ACCESS_TOKEN"
//! curl -s -X POST localhost:8000/refresh -H "Authorization: Bearer $REFRESH_TOKEN"
//! curl -s -X POST localhost:8000/logout -H "Authorization: Bearer $ACCESS_TOKEN"
//! ```

use std::sync::Arc;

use portcullis::auth::{Clock, OsRandom, Random, SystemClock};
use portcullis::store::Stores;
use portcullis::users::{Accounts, Attempt, Hasher, Password, Roles, SignInError};
use portcullis::{AccessToken, Portcullis, RefreshToken, Refusal, Sessions, SignInAttempt, catchers, store};
use rocket::fairing::AdHoc;
use rocket::figment::Figment;
use rocket::http::Status;
use rocket::response::content::RawJson;
use rocket::{Build, Rocket, State, get, post, routes};
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Deserialize)]
struct Credentials<'r> {
    username: &'r str,
    password: String,
}

/// `SignInAttempt` refuses what another site makes a browser send.
#[post("/login", format = "json", data = "<body>")]
async fn login(
    _attempt: SignInAttempt,
    accounts: &State<Accounts>,
    sessions: Sessions<'_>,
    body: &str,
) -> Result<RawJson<String>, Refusal> {
    let unfitting = |_| Refusal::of_status(Status::UnprocessableEntity);
    let credentials: Credentials<'_> = serde_json::from_str(body).map_err(unfitting)?;
    let password = Password::new(credentials.password).map_err(|_| Refusal::bad_credentials())?;
    let attempt = Attempt { address: sessions.address(), device: None };
    let person = accounts.authenticate(credentials.username, password, attempt).await;
    let account = person.map_err(|error| refusal(&error))?.account;
    let (_, pair) = sessions.sign_in_without_cookies(account.name.as_str(), &account.roles, false).await?;
    answer(&pair)
}

#[get("/me")]
fn me(token: AccessToken<'_>) -> Result<RawJson<String>, Refusal> {
    let roles: Vec<_> = token.roles().collect();
    answer(&json!({ "name": token.subject(), "roles": roles }))
}

#[post("/refresh")]
async fn refresh(token: RefreshToken<'_>, sessions: Sessions<'_>) -> Result<RawJson<String>, Refusal> {
    answer(&sessions.refresh(&token).await?)
}

#[post("/logout")]
async fn logout(_token: AccessToken<'_>, sessions: Sessions<'_>) -> Result<RawJson<String>, Refusal> {
    sessions.sign_out().await?;
    answer(&json!({ "logout": true }))
}

fn answer(value: &impl Serialize) -> Result<RawJson<String>, Refusal> {
    serde_json::to_string(value).map(RawJson).map_err(|_| Refusal::of_status(Status::InternalServerError))
}

fn refusal(error: &SignInError) -> Refusal {
    match *error {
        SignInError::BadCredentials | SignInError::CounterFell { .. } => Refusal::bad_credentials(),
        SignInError::Throttled { retry_after } => Refusal::throttled(retry_after),
        SignInError::Busy | SignInError::Unavailable(_) => Refusal::unavailable(),
    }
}

/// Accounts in memory with one person in them; a real application opens a store that lasts.
fn people(clock: Arc<dyn Clock>) -> AdHoc {
    AdHoc::try_on_ignite("People", |rocket| async {
        let mut random = [0; 32];
        let password = Password::new("correct horse battery".to_owned());
        let roles = Roles::parse(["staff"]);
        let drawn = OsRandom.fill(&mut random);
        let (Ok(()), Ok(password), Ok(name), Ok(roles)) = (drawn, password, "ada".parse(), roles) else {
            return Err(rocket);
        };
        let Stores { accounts, attempts, .. } = store::memory();
        let accounts = Accounts::new(accounts, attempts, Arc::new(Hasher::default()), clock, random);
        match accounts.create(name, password, roles).await {
            Ok(_) => Ok(rocket.manage(accounts)),
            Err(_) => Err(rocket),
        }
    })
}

fn application(settings: Figment, portcullis: Portcullis, clock: Arc<dyn Clock>) -> Rocket<Build> {
    rocket::custom(settings.merge(("auth.token_locations", ["headers"])))
        .attach(portcullis)
        .attach(people(clock))
        .mount("/", routes![login, me, refresh, logout])
        .register("/", catchers())
}

#[rocket::launch]
fn rocket() -> _ {
    let portcullis = Portcullis::new(store::memory().sessions);
    application(rocket::Config::figment(), portcullis, Arc::new(SystemClock::new()))
}

#[cfg(test)]
mod tests {
    use portcullis::testing::{Kit, Sample, Site};
    use rocket::http::Method;
    use serde_json::{Value, json};

    fn launch() -> Site {
        let kit = Kit::new();
        kit.launch(super::application(kit.figment(), kit.portcullis(), kit.clock()))
    }

    fn token(pair: &Value, name: &str) -> String {
        pair[name].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_program_signs_in_refreshes_and_signs_out() {
        let site = launch();
        let credentials = json!({ "username": "ada", "password": "correct horse battery" });
        let answer = site.anonymous().post_json("/login", &credentials);
        assert_eq!((answer.status, answer.header("Set-Cookie")), (200, None));
        let first = answer.json();
        let program = site.anonymous().bearing(&token(&first, "access_token"));
        assert_eq!(program.get("/me").json(), json!({ "name": "ada", "roles": ["staff"] }));

        let renewed = site.anonymous().bearing(&token(&first, "refresh_token")).refresh("/refresh");
        assert_eq!((renewed.status, renewed.header("Set-Cookie")), (200, None));
        let program = site.anonymous().bearing(&token(&renewed.json(), "access_token"));
        assert_eq!(program.send(program.request(Method::Post, "/logout")).json(), json!({ "logout": true }));
        assert_eq!(program.get("/me").json()["code"], "token_revoked");
    }

    #[test]
    fn whoever_is_not_let_in_is_told_in_json() {
        let site = launch();
        let wrong = json!({ "username": "ada", "password": "wrong" });
        let answer = site.anonymous().post_json("/login", &wrong);
        assert_eq!((answer.status, &answer.json()["code"]), (401, &json!("bad_credentials")));
        assert_eq!(site.anonymous().post_json("/login", &json!([])).status, 422);
        let expired = site.anonymous().bearing(&site.token(Sample::Expired, "ada", &[])).get("/me");
        assert_eq!(expired.json()["msg"], "Token has expired");
        assert_eq!(expired.header("WWW-Authenticate"), Some("Bearer"));
        let by_cookie = site.anonymous().carrying(&site.token(Sample::Access, "ada", &[])).get("/me");
        assert_eq!(by_cookie.status, 401);
    }
}
