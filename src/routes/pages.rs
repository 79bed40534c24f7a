//! Every page, once: its address and forms, its template, its states, its place in the navigation, who may be led back.
//!
//! Whoever adds a page adds a row here, a file with its handlers, a template, and texts in every language; everything else
//! (routes, navigation, what the launch judges, where an error or the password page leads back to) is read from the row.

use rocket::{Route, routes};

use crate::routes::account::{
    activity, apps, dashboard, factors, leave, own, passkeys, password, sessions, trust,
};
use crate::routes::answer::errors;
use crate::routes::edge::{observed, patient};
use crate::routes::mail::{address, forgotten, link, register};
use crate::routes::people::{factors as reset, issued, leaving, list, outbox, person};
use crate::routes::signing::{
    code, enrol, enrolment, factor, login, logout, passkey, reauthenticate, refresh,
};
use crate::routes::view::assets::Assets;
use crate::routes::view::samples::{self, PageSample, Surroundings};
use crate::routes::view::sitemap::{Audience, Navigation, Page, Return, Sitemap};
use crate::routes::{files, health, home, jwks, openapi, protected};

/// A page of this name and the template that is part of the program.
macro_rules! page {
    ($name:literal, $routes:expr, $states:path) => {
        Page {
            template: concat!($name, ".html"),
            source: template!($name),
            routes: || $routes,
            states: $states,
            keys: &[],
            shown_to: Audience::SignedIn,
            navigation: Navigation::Nowhere,
            return_to: Return::Plain,
        }
    };
}

macro_rules! template {
    ($name:literal) => {
        include_str!(concat!("../../templates/", $name, ".html.tera"))
    };
}

static PAGES: [Page; 23] = [
    Page {
        keys: &[ERROR, ("notice", "/login/notices")],
        shown_to: Audience::Anybody,
        return_to: Return::Never,
        ..page!(
            "login",
            routes![login::form, login::submit, passkey::options, passkey::submit],
            login::samples
        )
    },
    Page {
        keys: &[ERROR],
        shown_to: Audience::Anybody,
        return_to: Return::Never,
        ..page!("factor", routes![factor::form, factor::options, factor::submit], factor::samples)
    },
    Page {
        keys: &[ERROR],
        shown_to: Audience::Anybody,
        return_to: Return::Never,
        ..page!(
            "first_factor",
            routes![
                enrol::form,
                enrol::draw,
                enrol::enrolment,
                enrol::picture,
                enrol::confirm,
                enrol::options,
                enrol::add,
            ],
            enrol::samples
        )
    },
    Page {
        keys: &[ERROR],
        shown_to: Audience::Anybody,
        ..page!("code", routes![code::form, code::submit], code::samples)
    },
    Page { shown_to: Audience::Anybody, ..page!("error", Vec::new(), errors::samples) },
    Page {
        keys: &[NOTICE],
        navigation: Navigation::Link("/nav/dashboard"),
        return_to: Return::Telling,
        ..page!("dashboard", routes![dashboard::dashboard], dashboard::samples)
    },
    Page {
        navigation: Navigation::Link("/nav/account"),
        return_to: Return::Telling,
        ..page!("account", routes![own::account, own::save], own::samples)
    },
    Page {
        navigation: Navigation::Under("account.html"),
        ..page!("activity", routes![activity::activity], activity::samples)
    },
    Page {
        navigation: Navigation::Under("account.html"),
        return_to: Return::Telling,
        ..page!("leave", routes![leave::form, leave::leave], leave::samples)
    },
    Page {
        keys: &[NOTICE],
        navigation: Navigation::Link("/nav/sessions"),
        return_to: Return::Telling,
        ..page!("sessions", routes![sessions::list, sessions::end, sessions::end_others], sessions::samples)
    },
    Page {
        keys: &[NOTICE],
        navigation: Navigation::Link("/nav/security"),
        return_to: Return::Telling,
        ..page!(
            "security",
            routes![
                factors::list,
                apps::enrol,
                factors::recovery,
                factors::remove,
                passkeys::options,
                passkeys::add,
                trust::remove,
            ],
            factors::samples
        )
    },
    Page {
        keys: &[ERROR],
        navigation: Navigation::Under("security.html"),
        ..page!("enrol", routes![apps::enrolment, apps::picture, apps::confirm], enrolment::app_samples)
    },
    Page {
        navigation: Navigation::Under("security.html"),
        ..page!("recovery_codes", Vec::new(), enrolment::code_samples)
    },
    Page {
        keys: &[ERROR, NOTICE],
        navigation: Navigation::Under("account.html"),
        return_to: Return::Telling,
        ..page!("password", routes![password::form, password::submit], password::samples)
    },
    Page {
        shown_to: Audience::Anybody,
        ..page!("forgotten", routes![forgotten::form, forgotten::submit], forgotten::samples)
    },
    Page {
        shown_to: Audience::Anybody,
        ..page!("register", routes![register::form, register::submit], register::samples)
    },
    Page {
        shown_to: Audience::Anybody,
        return_to: Return::Never,
        ..page!("link", routes![link::look, link::follow], link::samples)
    },
    Page {
        navigation: Navigation::Under("security.html"),
        return_to: Return::Telling,
        ..page!("address", routes![address::form, address::submit], address::samples)
    },
    Page {
        keys: &[ERROR],
        return_to: Return::Never,
        ..page!(
            "reauthenticate",
            routes![reauthenticate::form, reauthenticate::options, reauthenticate::submit],
            reauthenticate::samples
        )
    },
    Page {
        keys: &[ERROR],
        navigation: Navigation::LinkForAdministrators("/people/title"),
        return_to: Return::Telling,
        ..page!("people", routes![list::list, list::add, list::invite], list::samples)
    },
    Page {
        keys: &[ERROR, ("notice", "/person/notices")],
        navigation: Navigation::Under("people.html"),
        return_to: Return::Telling,
        ..page!("person", [person::routes(), reset::routes(), leaving::routes()].concat(), person::samples)
    },
    Page {
        navigation: Navigation::Under("people.html"),
        return_to: Return::Telling,
        ..page!("outbox", routes![outbox::list, outbox::retry, outbox::drop], outbox::samples)
    },
    Page {
        navigation: Navigation::Under("people.html"),
        ..page!("code_issued", Vec::new(), issued::code_samples)
    },
];

/// What pages are made of.
const PARTS: [(&str, &str); 5] = [
    ("base.html", template!("base")),
    ("wait.html", template!("wait")),
    ("session_item.html", template!("session_item")),
    ("new_password.html", template!("new_password")),
    ("event_item.html", template!("event_item")),
];

/// What is served besides pages.
fn others() -> Vec<Route> {
    // Programs ask this most, and Rocket tries the routes of the lowest rank first.
    let mut often = routes![protected::protected];
    often.iter_mut().for_each(|route| route.rank = -20);
    let others = patient::all(routes![
        home::home,
        home::change_password,
        refresh::refresh,
        logout::logout,
        logout::clear_cookies,
        jwks::jwks,
        health::live,
        health::ready,
        health::seen::seen,
        activity::export,
        openapi::document,
        files::asset,
        files::favicon,
    ]);
    [often, others].concat()
}

/// Every route of the application.
#[must_use]
pub fn routes() -> Vec<Route> {
    let pages = patient::all(PAGES.iter().flat_map(|page| (page.routes)()).collect());
    observed::named([pages, others()].concat())
}

/// Every template that is part of the program, by name.
pub(crate) fn templates() -> Vec<(&'static str, &'static str)> {
    PAGES.iter().map(|page| (page.template, page.source)).chain(PARTS).collect()
}

/// All pages and all other addresses.
pub(crate) fn sitemap() -> Sitemap {
    Sitemap::new(&PAGES, others())
}

/// Every page in every state and every language.
#[must_use]
pub fn samples<'a>(surroundings: Surroundings<'a>) -> Vec<PageSample<'a>> {
    samples::all(&sitemap(), surroundings, &Assets::embedded())
}

const ERROR: (&str, &str) = ("error", "/errors");
const NOTICE: (&str, &str) = ("notice", "/notices");

#[cfg(test)]
mod tests {
    use rocket::http::Method;

    use super::*;
    use crate::routes::view::paths;

    #[test]
    fn nobody_is_led_in_a_circle() {
        let site = sitemap();
        for fine in ["/", "/dashboard", "/people/ada?x=y", "/account/code", "/nowhere", "/sessions#top"] {
            assert_eq!(site.next(fine).unwrap().as_str(), fine);
        }
        for shut in [
            "/login",
            "/login?next=/login",
            "/login/factor",
            "/reauthenticate",
            "/logout",
            "/refresh",
            "/cookies/clear",
        ] {
            assert!(site.next(shut).is_none(), "{shut}");
        }
    }

    #[test]
    fn the_page_of_a_form_holds_it() {
        let site = sitemap();
        for (form, page) in [
            ("/account/password", "/account/password"),
            ("/sessions/others/end", "/sessions"),
            ("/people", "/people"),
            ("/people/ada/sessions/7f3c1f0e-9a4b-4c7d-8e21-5d6f7a8b9c0d/end", "/people/ada"),
            ("/people/a%40b/roles", "/people/a%40b"),
            ("/refresh", "/dashboard"),
            ("/nowhere", "/dashboard"),
        ] {
            assert_eq!(site.page_of(form), page, "{form}");
        }
    }

    #[test]
    fn a_page_that_can_says_that_the_password_was_right() {
        let site = sitemap();
        for (next, back) in [
            ("/dashboard", "/dashboard?notice=x"),
            ("/sessions?notice=session_ended", "/sessions?notice=x"),
            ("/people?q=a&after=b", "/people?q=a&after=b&notice=x"),
            ("/people/ada#top", "/people/ada?notice=x"),
            ("/nowhere?a=b", "/nowhere?a=b"),
        ] {
            assert_eq!(site.way_back(&site.next(next).unwrap(), "x"), back, "{next}");
        }
    }

    #[test]
    fn every_address_that_others_name_is_served() {
        let served: Vec<_> =
            routes().iter().map(|route| (route.method, route.uri.path().to_owned())).collect();
        for path in [
            paths::HOME,
            paths::LOGIN,
            paths::DASHBOARD,
            paths::SESSIONS,
            paths::REAUTHENTICATE,
            paths::PEOPLE,
            &paths::person("<name>").replace("%3Cname%3E", "<name>"),
        ] {
            assert!(served.contains(&(Method::Get, path.to_owned())), "{path}");
        }
    }
}
