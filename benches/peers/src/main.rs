//! The peers on Rocket: the same reply from a bare route, and behind a guard as somebody writes it by hand.
//!
//! The guard takes the cookie out of Rocket's jar, verifies it with the JWT crate, and looks its id up in a set in this
//! process. It knows no sessions, no CSRF proof, no rotation, and forgets what was revoked when it ends.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use rocket::http::Status;
use rocket::request::{FromRequest, Outcome};
use rocket::serde::json::Json;
use rocket::{Request, get, launch, routes};
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Reply {
    logged_in_as: String,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    jti: String,
    #[serde(rename = "type")]
    kind: String,
}

struct Verifier {
    key: DecodingKey,
    validation: Validation,
    revoked: RwLock<HashSet<String>>,
}

impl Verifier {
    fn subject(&self, token: &str) -> Option<String> {
        let claims = decode::<Claims>(token, &self.key, &self.validation).ok()?.claims;
        let is_revoked = self.revoked.read().unwrap_or_else(PoisonError::into_inner).contains(&claims.jti);
        (claims.kind == "access" && !is_revoked).then_some(claims.sub)
    }
}

struct Person(String);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Person {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let cookie = request.cookies().get("access_token_cookie");
        let verifier = request.rocket().state::<Verifier>();
        match cookie.zip(verifier).and_then(|(cookie, verifier)| verifier.subject(cookie.value())) {
            Some(name) => Outcome::Success(Self(name)),
            None => Outcome::Error((Status::Unauthorized, ())),
        }
    }
}

#[get("/bare")]
fn bare() -> Json<Reply> {
    Json(Reply { logged_in_as: "testuser".to_owned() })
}

#[get("/protected")]
fn protected(person: Person) -> Json<Reply> {
    Json(Reply { logged_in_as: person.0 })
}

#[launch]
fn rocket() -> _ {
    let secret = std::env::var("JWT_SECRET").unwrap_or_default();
    let mut validation = Validation::new(Algorithm::HS256);
    validation.leeway = 0;
    let key = DecodingKey::from_secret(secret.as_bytes());
    let verifier = Verifier { key, validation, revoked: RwLock::default() };
    rocket::build().manage(verifier).mount("/", routes![bare, protected])
}
