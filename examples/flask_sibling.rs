//! The login for a Flask service: people sign in here, and `flask_sibling.py` beside it lets them in.
//!
//! The two share a secret and nothing else; flask-jwt-extended takes our tokens, cookies and CSRF values as they are.
//!
//! ```text
//! export JWT_SECRET_KEY="$(openssl rand -base64 48)"
//! cargo run --example flask_sibling &
//! pip install flask flask-jwt-extended
//! flask --app examples/flask_sibling.py run --port 5000
//! ```
//!
//! Sign in at <http://127.0.0.1:8000/login> as `testuser` with `testpass`, then open <http://127.0.0.1:5000/hello>.
//! A session that ends here ends there when its access token expires, after `auth.access_ttl`: five minutes at most.
//! Over HTTPS the cookies' names begin with `__Host-`; tell Flask so, as its source says.

use portcullis::app::{self, World};
use portcullis::settings;
use rocket::figment::Figment;
use rocket::{Build, Rocket};

/// The whole application that comes with this crate, signing with the siblings' secret.
fn application(settings: &Figment, secret: &str, world: World) -> Result<Rocket<Build>, Vec<String>> {
    app::rocket(&settings.clone().merge(("auth.secret_key", secret)), world)
}

#[rocket::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secret = std::env::var("JWT_SECRET_KEY")?;
    let rocket = application(&settings::figment(), &secret, World::default());
    rocket.map_err(|problems| problems.join("\n"))?.launch().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use portcullis::app::World;
    use portcullis::settings;
    use portcullis::store;
    use portcullis::testing::Kit;
    use serde_json::{Value, json};

    const SECRET: &str = "the secret that this test shares with nobody";

    /// The claims as PyJWT would read them with the shared secret.
    fn as_flask_reads(token: &str) -> Value {
        let key = jsonwebtoken::DecodingKey::from_secret(SECRET.as_bytes());
        let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
        validation.validate_exp = false;
        jsonwebtoken::decode(token, &key, &validation).unwrap().claims
    }

    #[test]
    fn its_cookies_are_what_flask_jwt_extended_looks_for() {
        let kit = Kit::new();
        let world = World { clock: kit.clock(), stores: Some(store::memory()), ..World::default() };
        let figment = settings::defaults().select("debug");
        let site = kit.launch(super::application(&figment, SECRET, world).unwrap());
        let visitor = site.anonymous();
        let credentials = json!({ "username": "testuser", "password": "testpass" });
        assert_eq!(visitor.post_json("/login", &credentials).status, 200);
        let claims = as_flask_reads(&visitor.cookie("access_token_cookie").unwrap());
        for name in ["fresh", "iat", "jti", "type", "sub", "nbf", "csrf", "exp"] {
            assert!(claims.get(name).is_some(), "{name}");
        }
        assert_eq!((&claims["sub"], &claims["type"]), (&json!("testuser"), &json!("access")));
        assert_eq!(claims["csrf"], visitor.cookie("csrf_access_token").unwrap());
    }
}
