//! Every page in every state and every language, without a request.
//!
//! Tests render them, and so does whoever judges templates before anybody is served: Tera finds an unknown filter or a
//! missing value only while it renders.
//! What the states of a page are, the page's own file says.

use serde::Serialize;
use serde_json::Value;

use crate::auth::AuthSettings;
use crate::routes::assets::Assets;
use crate::routes::page::{Frame, SampleFrame};
use crate::routes::words::{Catalogues, Words};
use crate::routes::{code, dashboard, errors, login, password, people, person, reauthenticate, sessions};

/// What surrounds the samples.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The words.
    pub catalogues: &'a Catalogues,
    /// The name of the service.
    pub service: &'a str,
    /// What the names around the forms' proof depend on.
    pub auth: &'a AuthSettings,
    /// The value of the proof, and whatever else a page shows that somebody else wrote.
    pub text: &'a str,
}

/// A page in one state and language.
#[derive(Debug, Clone)]
pub struct Sample<'a> {
    /// The template.
    pub template: &'static str,
    /// The tag of the language.
    pub language: &'a str,
    /// Everything that the template is given.
    pub context: Value,
}

/// A page's template and what it shows.
struct Page {
    template: &'static str,
    states: fn(&str) -> Vec<Value>,
    is_for: Visitor,
}

/// Whom a page is for.
#[derive(PartialEq)]
enum Visitor {
    Nobody,
    Person,
}

/// All samples of all pages.
#[must_use]
pub fn all<'a>(surroundings: Surroundings<'a>) -> Vec<Sample<'a>> {
    all_with(surroundings, &Assets::embedded())
}

/// All samples of all pages, with these assets.
pub(crate) fn all_with<'a>(surroundings: Surroundings<'a>, assets: &Assets) -> Vec<Sample<'a>> {
    let Surroundings { catalogues, service, auth, text } = surroundings;
    let csrf_names = auth.wire.csrf_names();
    let mut samples = Vec::new();
    for (language, catalogue) in catalogues.iter() {
        let words = Words { language, catalogue };
        let frame = Frame::sample(SampleFrame { words, service, assets, csrf_names, text });
        for page in &PAGES {
            let frame = if page.is_for == Visitor::Person {
                frame.clone().sample_person(text)
            } else {
                frame.clone()
            };
            let states = values(&(page.states)(text).iter().map(|own| frame.with(own)).collect::<Vec<_>>());
            samples.extend(states.into_iter().map(|context| Sample {
                template: page.template,
                language,
                context,
            }));
        }
    }
    samples
}

/// The states of a page, as its template is given them.
pub(crate) fn values(states: &[impl Serialize]) -> Vec<Value> {
    // What has no JSON would be missing here and be seen missing by the tests.
    states.iter().filter_map(|state| serde_json::to_value(state).ok()).collect()
}

impl Page {
    const fn public(template: &'static str, states: fn(&str) -> Vec<Value>) -> Self {
        Self { template, states, is_for: Visitor::Nobody }
    }

    const fn private(template: &'static str, states: fn(&str) -> Vec<Value>) -> Self {
        Self { template, states, is_for: Visitor::Person }
    }
}

/// A new page is a line here.
const PAGES: [Page; 10] = [
    Page::public("login.html", login::samples),
    Page::public("error.html", errors::samples),
    Page::public("code.html", code::samples),
    Page::private("dashboard.html", dashboard::samples),
    Page::private("sessions.html", sessions::samples),
    Page::private("password.html", password::samples),
    Page::private("reauthenticate.html", reauthenticate::samples),
    Page::private("people.html", people::samples),
    Page::private("person.html", person::samples),
    Page::private("code_issued.html", people::code_samples),
];
