//! The smallest application: one guarded route.
//!
//! It signs nobody in; whoever comes with a token of the same key is let in.
//! Run the Portcullis application and this beside it, with one secret, sign in at the first, and look at the second:
//!
//! ```text
//! export SECRET="$(openssl rand -base64 48)"
//! PORTCULLIS_AUTH__SECRET_KEY="$SECRET" cargo run &
//! ROCKET_PORT=8001 ROCKET_AUTH="{secret_key=\"$SECRET\"}" cargo run --example smallest
//! ```
//!
//! <http://127.0.0.1:8000/login>, then <http://127.0.0.1:8001/hello>: cookies do not know ports.

use portcullis::{AccessToken, Portcullis, store};
use rocket::figment::Figment;
use rocket::{Build, Rocket, get, routes};

#[get("/hello")]
fn hello(token: AccessToken<'_>) -> String {
    format!("Hello {}\n", token.subject())
}

fn application(settings: Figment, portcullis: Portcullis) -> Rocket<Build> {
    rocket::custom(settings).attach(portcullis).mount("/", routes![hello])
}

#[rocket::launch]
fn rocket() -> _ {
    application(rocket::Config::figment(), Portcullis::new(store::memory().sessions))
}

#[cfg(test)]
mod tests {
    use portcullis::testing::Kit;

    #[test]
    fn the_route_opens_for_a_token() {
        let kit = Kit::new();
        let site = kit.launch(super::application(kit.figment(), kit.portcullis()));
        assert_eq!(site.anonymous().get("/hello").status, 401);
        assert_eq!(site.signed_in("ada", &[]).get("/hello").body, "Hello ada\n");
    }
}
