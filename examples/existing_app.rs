//! Adding Portcullis to an application that has been there for years: its handlers stay as they are.
//!
//! New are the fairing, the fence around `/internal`, the catchers, and the two routes of `sign_in`.
//!
//! ```text
//! cargo run --example existing_app
//! curl -i localhost:8000/internal/report                       # 401
//! curl -c jar localhost:8000/session --json '["ada", "correct horse battery"]'
//! curl -b jar localhost:8000/internal/report
//! ```

use portcullis::{Fence, Portcullis, store};
use rocket::figment::Figment;
use rocket::{Build, Rocket, routes};

/// What was there before; nothing in it knows of Portcullis.
mod before {
    use rocket::{get, put};

    #[get("/")]
    pub(super) fn home() -> &'static str {
        "Welcome\n"
    }

    #[get("/report")]
    pub(super) fn report() -> &'static str {
        "Figures\n"
    }

    #[put("/report", data = "<text>")]
    pub(super) fn replace(text: &str) -> String {
        format!("{} bytes\n", text.len())
    }

    #[get("/health")]
    pub(super) fn health() -> &'static str {
        "well\n"
    }

    /// How the application has always checked passwords.
    pub(super) fn is_right(name: &str, password: &str) -> bool {
        name == "ada" && password == "correct horse battery"
    }
}

/// What is new.
mod sign_in {
    use portcullis::{Refusal, Sessions, SignInAttempt};
    use rocket::http::Status;
    use rocket::{delete, post};

    #[post("/session", format = "json", data = "<body>")]
    pub(super) async fn begin(
        _attempt: SignInAttempt,
        sessions: Sessions<'_>,
        body: &str,
    ) -> Result<(), Refusal> {
        let unfitting = |_| Refusal::of_status(Status::UnprocessableEntity);
        let (name, password): (&str, &str) = serde_json::from_str(body).map_err(unfitting)?;
        if !super::before::is_right(name, password) {
            return Err(Refusal::bad_credentials());
        }
        sessions.sign_in(name, &["staff".to_owned()], false).await?;
        Ok(())
    }

    #[delete("/session")]
    pub(super) async fn end(
        _token: portcullis::AccessToken<'_>,
        sessions: Sessions<'_>,
    ) -> Result<(), Refusal> {
        Ok(sessions.sign_out().await?)
    }
}

fn application(settings: Figment, portcullis: Portcullis) -> Rocket<Build> {
    rocket::custom(settings)
        .mount("/", routes![before::home])
        .mount("/internal", routes![before::report, before::replace, before::health])
        // From here on it is new.
        .attach(portcullis)
        .mount("/", routes![sign_in::begin, sign_in::end])
        .mount("/internal", Fence::closed().role("staff").open("/health"))
        .register("/", portcullis::catchers())
}

#[rocket::launch]
fn rocket() -> _ {
    application(rocket::Config::figment(), Portcullis::new(store::memory().sessions))
}

#[cfg(test)]
mod tests {
    use portcullis::testing::Kit;
    use rocket::http::{Header, Method};
    use serde_json::json;

    #[test]
    fn old_handlers_are_behind_the_fence_and_otherwise_as_before() {
        let kit = Kit::new();
        let site = kit.launch(super::application(kit.figment(), kit.portcullis()));
        let visitor = site.anonymous();
        assert_eq!(visitor.get("/").body, "Welcome\n");
        assert_eq!(visitor.get("/internal/health").body, "well\n");
        assert_eq!(visitor.get("/internal/report").json()["code"], "missing_token");
        assert_eq!(visitor.post_json("/session", &json!(["ada", "wrong"])).status, 401);
        assert_eq!(visitor.post_json("/session", &json!(["ada", "correct horse battery"])).status, 200);
        assert_eq!(visitor.get("/internal/report").body, "Figures\n");

        let put = |proof: &str| {
            let request = visitor.request(Method::Put, "/internal/report").body("new figures");
            visitor.send(request.header(Header::new("X-CSRF-TOKEN", proof.to_owned())))
        };
        assert_eq!(put("wrong").status, 403, "the fence asks for the CSRF proof too");
        assert_eq!(put(&visitor.cookie("csrf_access_token").unwrap()).body, "11 bytes\n");
        assert_eq!(site.signed_in("bob", &["guest"]).get("/internal/report").status, 403);
    }
}
