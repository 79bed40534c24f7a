//! Every page in every state and every language, without a request.
//!
//! Tests render them, and so does whoever judges templates before anybody is served: Tera finds an unknown filter or a
//! missing value only while it renders.
//! What the states of a page are, the page's own file says.

use serde_json::Value;

use crate::auth::AuthSettings;
use crate::routes::view::assets::Assets;
use crate::routes::view::frame::{Frame, SampleFrame};
use crate::routes::view::states;
use crate::routes::view::words::{Catalogues, Words};
use crate::routes::{
    account::dashboard, account::password, account::sessions, answer::errors, people::list as people,
    people::person, signing::code, signing::login, signing::reauthenticate,
};

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
    /// Its members that are keys, each with the place of the texts that they are keys of.
    keys: &'static [(&'static str, &'static str)],
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
    for (at, (language, catalogue)) in catalogues.iter().enumerate() {
        let words = Words { language, catalogue };
        let frame = Frame::sample(SampleFrame { words, service, assets, csrf_names, text });
        for page in &PAGES {
            let frame = if page.is_for == Visitor::Person {
                frame.clone().sample_person(text)
            } else {
                frame.clone()
            };
            let mut own = (page.states)(text);
            // What a key is does not depend on the language.
            if at == 0 {
                own.extend(page.told(&own, catalogue));
            }
            let states = states::values(&own.iter().map(|own| frame.with(own)).collect::<Vec<_>>());
            samples.extend(states.into_iter().map(|context| Sample {
                template: page.template,
                language,
                context,
            }));
        }
    }
    samples
}

impl Page {
    const fn public(template: &'static str, states: fn(&str) -> Vec<Value>) -> Self {
        Self { template, states, is_for: Visitor::Nobody, keys: &[] }
    }

    const fn private(template: &'static str, states: fn(&str) -> Vec<Value>) -> Self {
        Self { template, states, is_for: Visitor::Person, keys: &[] }
    }

    const fn telling(self, keys: &'static [(&'static str, &'static str)]) -> Self {
        Self { keys, ..self }
    }

    /// The first of these states with every key that none of them has.
    fn told(&self, states: &[Value], catalogue: &Value) -> Vec<Value> {
        let mut plain = states.first().and_then(Value::as_object).cloned().unwrap_or_default();
        plain.retain(|member, _| self.keys.iter().all(|(known, _)| known != member));
        let mut all = Vec::new();
        for (member, place) in self.keys {
            let texts = catalogue.pointer(place).and_then(Value::as_object);
            for (key, text) in texts.into_iter().flatten() {
                // It is told by the pages that know how to fill its place.
                let is_others = text.as_str().is_some_and(|text| text.contains("{minimum}"))
                    && !plain.contains_key("min_length");
                if !is_others && states.iter().all(|state| state.get(member).is_none_or(|known| known != key))
                {
                    let mut state = plain.clone();
                    state.insert((*member).to_owned(), key.as_str().into());
                    all.push(Value::Object(state));
                }
            }
        }
        all
    }
}

/// A new page is a line here.
const PAGES: [Page; 10] = [
    Page::public("login.html", login::samples).telling(&[ERROR, ("notice", "/login/notices")]),
    Page::public("error.html", errors::samples),
    Page::public("code.html", code::samples).telling(&[ERROR]),
    Page::private("dashboard.html", dashboard::samples).telling(&[NOTICE]),
    Page::private("sessions.html", sessions::samples).telling(&[NOTICE]),
    Page::private("password.html", password::samples).telling(&[ERROR, NOTICE]),
    Page::private("reauthenticate.html", reauthenticate::samples).telling(&[ERROR]),
    Page::private("people.html", people::samples).telling(&[ERROR]),
    Page::private("person.html", person::samples).telling(&[ERROR, ("notice", "/person/notices")]),
    Page::private("code_issued.html", people::code_samples),
];

const ERROR: (&str, &str) = ("error", "/errors");
const NOTICE: (&str, &str) = ("notice", "/notices");
