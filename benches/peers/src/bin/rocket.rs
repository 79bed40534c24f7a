//! Rocket: the same reply from a bare route, and behind a guard.

use peers::{COOKIE, Reply, Verifier};
use rocket::http::Status;
use rocket::request::{FromRequest, Outcome};
use rocket::serde::json::Json;
use rocket::{Request, get, launch, routes};

struct Person(String);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Person {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let cookie = request.cookies().get(COOKIE);
        let verifier = request.rocket().state::<Verifier>();
        let judged = cookie.zip(verifier).and_then(|(cookie, verifier)| {
            verifier.verify(cookie.value()).filter(|claims| !verifier.is_revoked(&claims.jti))
        });
        match judged {
            Some(claims) => Outcome::Success(Self(claims.sub)),
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
    rocket::build().manage(Verifier::default()).mount("/", routes![bare, protected])
}
