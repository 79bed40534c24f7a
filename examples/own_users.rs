//! An application with a user table of its own: its own type in handlers, its own claims in tokens.
//!
//! ```text
//! cargo run --example own_users
//! curl -s -c jar localhost:8000/login --json '{"name": "ada", "password": "correct horse battery"}'
//! curl -s -b jar localhost:8000/desk
//! curl -s -b jar localhost:8000/tenant
//! ```

use std::collections::HashMap;
use std::sync::Arc;

use portcullis::users::{HashError, Hasher, Password};
use portcullis::{
    AccessToken, CurrentUser, CustomClaims, Portcullis, Refusal, Sessions, SignInAttempt, catchers, store,
};
use rocket::figment::Figment;
use rocket::http::Status;
use rocket::{Build, Rocket, State, get, post, routes};
use serde::{Deserialize, Serialize};

/// A row of the application's table.
#[derive(Clone)]
struct Employee {
    name: &'static str,
    desk: u32,
    tenant: &'static str,
    password_hash: String,
}

/// The table; a database in a real application.
struct Employees {
    rows: HashMap<&'static str, Employee>,
    hasher: Hasher,
}

/// What the application adds to access tokens, so that a route need not ask the table for it.
#[derive(Serialize, Deserialize)]
struct Tenant {
    tenant: String,
}

impl CustomClaims for Tenant {}

#[derive(Deserialize)]
struct Credentials<'r> {
    name: &'r str,
    password: String,
}

#[post("/login", format = "json", data = "<body>")]
async fn login(
    _attempt: SignInAttempt,
    employees: &State<Arc<Employees>>,
    sessions: Sessions<'_>,
    body: &str,
) -> Result<(), Refusal> {
    let unfitting = |_| Refusal::of_status(Status::UnprocessableEntity);
    let credentials: Credentials<'_> = serde_json::from_str(body).map_err(unfitting)?;
    let password = Password::new(credentials.password).map_err(|_| Refusal::bad_credentials())?;
    let employee = employees.rows.get(credentials.name);
    // An unknown name costs one hash too, so that the answer's time does not tell who is in the table.
    let hash = employee.map(|employee| employee.password_hash.as_str());
    let is_right = employees.hasher.verify(&password, hash).await.map_err(|_| Refusal::unavailable())?;
    let Some(employee) = employee.filter(|_| is_right) else { return Err(Refusal::bad_credentials()) };
    sessions.sign_in(employee.name, &[], false).await?;
    Ok(())
}

#[get("/desk")]
fn desk(person: CurrentUser<'_, Employee>) -> String {
    format!("{} sits at desk {}\n", person.name, person.desk)
}

#[get("/tenant")]
fn tenant(token: AccessToken<'_, Tenant>) -> String {
    format!("{} works for {}\n", token.subject(), token.custom().tenant)
}

async fn employees() -> Result<Employees, HashError> {
    let hasher = Hasher::default();
    let mut rows = HashMap::new();
    for (name, desk, tenant) in [("ada", 7, "Analytical Engines"), ("bob", 8, "Builders")] {
        let Ok(password) = Password::new("correct horse battery".to_owned()) else { continue };
        let password_hash = hasher.hash(&password).await?;
        rows.insert(name, Employee { name, desk, tenant, password_hash });
    }
    Ok(Employees { rows, hasher })
}

async fn application(settings: Figment, portcullis: Portcullis) -> Result<Rocket<Build>, HashError> {
    let employees = Arc::new(employees().await?);
    let (for_guard, for_claims) = (Arc::clone(&employees), Arc::clone(&employees));
    let portcullis = portcullis
        // Who has left the table is refused, although the token is still good.
        .user(move |name| {
            let found = for_guard.rows.get(name.as_str()).cloned();
            async move { Ok(found) }
        })
        // Asked for at sign-in and again at every refresh.
        .claims(move |session| {
            let found = for_claims.rows.get(session.user.as_str());
            let tenant = found.map(|employee| Tenant { tenant: employee.tenant.to_owned() });
            async move { tenant.ok_or_else(|| "nobody of this name is in the table".into()) }
        });
    Ok(rocket::custom(settings)
        .manage(employees)
        .attach(portcullis)
        .mount("/", routes![login, desk, tenant])
        .register("/", catchers()))
}

#[rocket::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let portcullis = Portcullis::new(store::memory().sessions);
    application(rocket::Config::figment(), portcullis).await?.launch().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use portcullis::testing::{Kit, Site};
    use serde_json::json;

    fn launch() -> Site {
        let kit = Kit::new();
        let rocket = rocket::execute(super::application(kit.figment(), kit.portcullis())).unwrap();
        kit.launch(rocket)
    }

    #[test]
    fn handlers_get_the_applications_own_type_and_claims() {
        let site = launch();
        let visitor = site.anonymous();
        let credentials = json!({ "name": "ada", "password": "correct horse battery" });
        assert_eq!(visitor.post_json("/login", &credentials).status, 200);
        assert_eq!(visitor.get("/desk").body, "ada sits at desk 7\n");
        assert_eq!(visitor.get("/tenant").body, "ada works for Analytical Engines\n");
    }

    #[test]
    fn wrong_passwords_and_unknown_names_are_refused_alike() {
        let site = launch();
        for name in ["ada", "nobody"] {
            let answer = site.anonymous().post_json("/login", &json!({ "name": name, "password": "wrong" }));
            assert_eq!((answer.status, &answer.json()["code"]), (401, &json!("bad_credentials")));
        }
    }
}
