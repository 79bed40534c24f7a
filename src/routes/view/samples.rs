//! Every page in every state and every language, without a request.
//!
//! Tests render them, and so does whoever judges templates before anybody is served: Tera finds an unknown filter or a
//! missing value only while it renders.
//! What the states of a page are, the page's own file says.

use serde_json::Value;

use crate::auth::AuthSettings;
use crate::routes::view::assets::Assets;
use crate::routes::view::frame::{Frame, SampleFrame};
use crate::routes::view::sitemap::{Audience, Page, Sitemap};
use crate::routes::view::states;
use crate::routes::view::words::{Catalogues, Words};

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
pub struct PageSample<'a> {
    /// The template.
    pub template: &'static str,
    /// The tag of the language.
    pub language: &'a str,
    /// Everything that the template is given.
    pub context: Value,
}

/// All samples of all pages, with these assets.
pub(crate) fn all<'a>(
    site: &Sitemap,
    surroundings: Surroundings<'a>,
    assets: &Assets,
) -> Vec<PageSample<'a>> {
    let Surroundings { catalogues, service, auth, text } = surroundings;
    let csrf_names = auth.wire.csrf_names();
    let mut samples = Vec::new();
    for (at, (language, catalogue)) in catalogues.iter().enumerate() {
        let words = Words { language, catalogue };
        let frame = Frame::sample(SampleFrame { site, words, service, assets, csrf_names, text });
        for page in site.pages() {
            let frame = if page.shown_to == Audience::SignedIn {
                frame.clone().sample_person(text)
            } else {
                frame.clone()
            };
            let mut own = (page.states)(text);
            // What a key is does not depend on the language.
            if at == 0 {
                own.extend(told(page, &own, catalogue));
            }
            let states =
                states::values(&own.iter().map(|own| frame.with(page.template, own)).collect::<Vec<_>>());
            samples.extend(states.into_iter().map(|context| PageSample {
                template: page.template,
                language,
                context,
            }));
        }
    }
    samples
}

/// The first of these states with every key that none of them has.
fn told(page: &Page, states: &[Value], catalogue: &Value) -> Vec<Value> {
    let mut plain = states.first().and_then(Value::as_object).cloned().unwrap_or_default();
    plain.retain(|member, _| page.keys.iter().all(|(known, _)| known != member));
    let mut all = Vec::new();
    for (member, place) in page.keys {
        let texts = catalogue.pointer(place).and_then(Value::as_object);
        for (key, text) in texts.into_iter().flatten() {
            // It is told by the pages that know how to fill its place.
            let is_others = text.as_str().is_some_and(|text| text.contains("{minimum}"))
                && !plain.contains_key("min_length");
            if !is_others && states.iter().all(|state| state.get(member).is_none_or(|known| known != key)) {
                let mut state = plain.clone();
                state.insert((*member).to_owned(), key.as_str().into());
                all.push(Value::Object(state));
            }
        }
    }
    all
}
