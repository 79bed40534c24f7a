//! Pages with roles, rendered by templates that know who is looking.
//!
//! ```text
//! cargo run --example roles_pages
//! ```
//!
//! <http://127.0.0.1:8000>: sign in as `ada` (who may look into the vault) or as `bob` (who may not), with any password.
//! Checking it is the application's business; the other examples show how.

use portcullis::{
    CsrfToken, PageContext, Portcullis, Refusal, Role, RoleToken, Sessions, SignInAttempt, SignedIn, store,
};
use rocket::figment::Figment;
use rocket::form::Form;
use rocket::http::Status;
use rocket::response::{Flash, Redirect};
use rocket::{Build, FromForm, Rocket, catch, catchers, get, post, routes, uri};
use rocket_dyn_templates::Template;
use serde::Serialize;

struct Admin;

impl Role for Admin {
    const NAME: &'static str = "admin";
}

#[derive(Serialize)]
struct Page<'r> {
    #[serde(flatten)]
    page: PageContext<'r>,
    title: &'static str,
}

#[derive(FromForm)]
struct Credentials<'r> {
    username: &'r str,
    password: &'r str,
}

#[get("/")]
fn home(page: PageContext<'_>) -> Template {
    Template::render("home", Page { page, title: "Home" })
}

/// The form is for people who are not signed in, so it asks for a CSRF value of its own.
#[get("/login")]
fn form(page: PageContext<'_>, csrf: CsrfToken<'_>) -> Template {
    Template::render("login", Page { page: page.csrf(csrf), title: "Sign in" })
}

#[post("/login", data = "<form>")]
async fn login(
    _attempt: SignInAttempt,
    sessions: Sessions<'_>,
    form: Form<Credentials<'_>>,
) -> Result<Flash<Redirect>, Refusal> {
    let roles = match form.username {
        "ada" => vec!["admin".to_owned()],
        _ => Vec::new(),
    };
    if !["ada", "bob"].contains(&form.username) || form.password.is_empty() {
        return Ok(Flash::error(Redirect::to(uri!(self::form)), "Wrong name or password"));
    }
    sessions.sign_in(form.username, &roles, false).await?;
    Ok(Flash::success(Redirect::to(uri!(home)), "Welcome"))
}

#[post("/logout")]
async fn logout(_visitor: SignedIn<'_>, sessions: Sessions<'_>) -> Result<Redirect, Refusal> {
    sessions.sign_out().await?;
    Ok(Redirect::to(uri!(home)))
}

#[get("/vault")]
fn vault(_admin: RoleToken<'_, Admin>, page: PageContext<'_>) -> Template {
    Template::render("home", Page { page, title: "The vault" })
}

#[catch(401)]
fn unauthorized() -> Redirect {
    Redirect::to(uri!(form))
}

#[catch(403)]
fn forbidden() -> (Status, &'static str) {
    (Status::Forbidden, "That is not for you.")
}

fn application(settings: Figment, portcullis: Portcullis) -> Rocket<Build> {
    let templates = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/templates");
    rocket::custom(settings.merge(("template_dir", templates)))
        .attach(portcullis)
        .attach(Template::fairing())
        .mount("/", routes![home, form, login, logout, vault])
        .register("/", catchers![unauthorized, forbidden])
}

#[rocket::launch]
fn rocket() -> _ {
    application(rocket::Config::figment(), Portcullis::new(store::memory().sessions))
}

#[cfg(test)]
mod tests {
    use portcullis::testing::{Kit, Site};

    fn launch() -> Site {
        let kit = Kit::new();
        kit.launch(super::application(kit.figment(), kit.portcullis()))
    }

    #[test]
    fn a_page_knows_who_is_looking() {
        let site = launch();
        let visitor = site.anonymous().browsing();
        assert!(visitor.get("/").body.contains(r#"<a href="/login">Sign in</a>"#));
        assert!(visitor.get("/login").body.contains(r#"name="csrf_token" value=""#));
        let answer = visitor.post_form("/login", &[("username", "ada"), ("password", "x")]);
        assert_eq!((answer.status, answer.header("Location")), (303, Some("/")));
        let page = visitor.get("/").body;
        assert!(page.contains("Welcome") && page.contains("Signed in as ada (admin)"), "{page}");
        assert_eq!(visitor.post_form("/logout", &[]).status, 303);
        assert!(!visitor.get("/").body.contains("ada"));
    }

    #[test]
    fn the_vault_is_for_admins() {
        let site = launch();
        assert_eq!(site.signed_in("ada", &["admin"]).browsing().get("/vault").status, 200);
        let bob = site.signed_in("bob", &[]).browsing().get("/vault");
        assert_eq!((bob.status, bob.body.as_str()), (403, "That is not for you."));
        assert_eq!(site.anonymous().browsing().get("/vault").header("Location"), Some("/login"));
    }

    #[test]
    fn a_wrong_sign_in_is_told_once() {
        let site = launch();
        let visitor = site.anonymous().browsing();
        visitor.post_form("/login", &[("username", "eve"), ("password", "x")]);
        assert!(visitor.get("/login").body.contains("Wrong name or password"));
        assert!(!visitor.get("/login").body.contains("Wrong name or password"));
    }
}
