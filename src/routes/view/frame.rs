//! What every page shows: words, the service's name, where its style lies, who is signed in.

use rocket::Request;
use rocket::request::{FromRequest, Outcome};
use rocket_dyn_templates::Template;
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::macros::format_description;
use utoipa::ToSchema;

use crate::auth::{self, Claims, CsrfNames, Role, UnixTime};
use crate::routes::admin::Admin;
use crate::routes::view::assets::{self, Assets};
use crate::routes::view::sitemap::{self, Link, Sitemap};
use crate::routes::view::words::{self, Words};

/// The name that pages show.
#[derive(Debug, Clone)]
pub(crate) struct ServiceName(pub String);

/// The part of a page's context that is the same on all of them.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Frame<'r> {
    /// All pages, for whoever leads somebody on.
    #[serde(skip)]
    pub(crate) site: &'r Sitemap,
    lang: &'r str,
    t: &'r Value,
    service: &'r str,
    assets: &'r Assets,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<Person>,
    /// The access that the page has, so that its script renews it in time.
    #[serde(skip_serializing_if = "Option::is_none")]
    access: Option<Access>,
    #[serde(flatten)]
    csrf_names: CsrfNames<'r>,
    csrf_token: &'r str,
}

/// Who is signed in, for a page's head.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Person {
    name: String,
    roles: Vec<String>,
    /// Whether the person looks after other people's accounts.
    administers: bool,
}

/// How long access lasts.
#[derive(Debug, Clone, Serialize)]
struct Access {
    expires: Moment,
    /// The whole life of the access token, in seconds.
    life: u64,
}

/// The frame of samples: everything that a page shows besides its own context.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SampleFrame<'r> {
    pub(crate) site: &'r Sitemap,
    pub(crate) words: Words<'r>,
    pub(crate) service: &'r str,
    pub(crate) assets: &'r Assets,
    pub(crate) csrf_names: CsrfNames<'r>,
    /// Stands wherever a text of somebody else's may stand.
    pub(crate) text: &'r str,
}

/// A moment, for programs and for people.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Moment {
    /// As RFC 3339 has it, in UTC.
    iso: String,
    text: String,
}

#[derive(Serialize)]
struct Context<'r, C> {
    #[serde(flatten)]
    frame: &'r Frame<'r>,
    /// The links that lead around; empty for who is not signed in.
    nav: Vec<Link<'r>>,
    #[serde(flatten)]
    own: C,
}

impl<'r> Frame<'r> {
    /// The frame for a visitor who is not signed in.
    pub(crate) fn of(request: &'r Request<'_>) -> Self {
        let Words { language, catalogue } = words::of(request);
        let rocket = request.rocket();
        Self {
            site: rocket.state().unwrap_or(&sitemap::NOTHING),
            lang: language,
            t: catalogue,
            service: rocket.state::<ServiceName>().map_or("Portcullis", |name| &name.0),
            assets: rocket.state::<Assets>().unwrap_or(&assets::NONE),
            user: None,
            access: None,
            csrf_names: auth::csrf_names(request),
            csrf_token: "",
        }
    }

    /// The frame of samples, for nobody.
    pub(crate) const fn sample(sample: SampleFrame<'r>) -> Self {
        let SampleFrame { site, words: Words { language, catalogue }, service, assets, csrf_names, text } =
            sample;
        Self {
            site,
            lang: language,
            t: catalogue,
            service,
            assets,
            user: None,
            access: None,
            csrf_names,
            csrf_token: text,
        }
    }

    /// Shows somebody of this name, with a role of this name, who sees the way to everything.
    #[must_use]
    pub(crate) fn sample_person(self, name: &str) -> Self {
        let roles = vec![name.to_owned(), "user".to_owned()];
        let access = Some(Access { expires: Moment::sample(name), life: 300 });
        Self { user: Some(Person { name: name.to_owned(), roles, administers: true }), access, ..self }
    }

    /// Shows who is signed in.
    #[must_use]
    pub(crate) fn person(self, claims: &Claims<'_>) -> Self {
        let (name, roles) = (claims.subject().to_owned(), claims.roles().map(str::to_owned).collect());
        let administers = claims.has_role(Admin::NAME);
        let life = claims.issued_at().until(claims.expires_at()).as_secs();
        let access = Some(Access { expires: claims.expires_at().into(), life });
        Self { user: Some(Person { name, roles, administers }), access, ..self }
    }

    /// The language of the page (RFC 5646).
    pub(crate) const fn language(&self) -> &'r str {
        self.lang
    }

    /// Speaks another language than the browser asks for.
    #[must_use]
    pub(crate) fn speaking(self, words: Option<Words<'r>>) -> Self {
        match words {
            Some(Words { language, catalogue }) => Self { lang: language, t: catalogue, ..self },
            None => self,
        }
    }

    /// Gives the page's forms their CSRF value.
    #[must_use]
    pub(crate) fn csrf(self, csrf_token: &'r str) -> Self {
        Self { csrf_token, ..self }
    }

    /// The page `name` with this frame and its own context.
    pub(crate) fn render(&self, name: &'static str, own: impl Serialize) -> Template {
        Template::render(name, self.with(name, own))
    }

    /// What a template is given: this frame, and the page's own context.
    pub(crate) fn with<C: Serialize>(&self, template: &str, own: C) -> impl Serialize {
        let links = |user: &Person| self.site.navigation(template, user.administers, self.t);
        Context { frame: self, nav: self.user.as_ref().map(links).unwrap_or_default(), own }
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Frame<'r> {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Self::Error> {
        Outcome::Success(Self::of(request))
    }
}

impl Moment {
    /// A moment whose text for people is this one.
    pub(crate) fn sample(text: &str) -> Self {
        Self { iso: "2026-01-02T03:04:05Z".to_owned(), text: text.to_owned() }
    }
}

impl From<UnixTime> for Moment {
    fn from(moment: UnixTime) -> Self {
        let iso = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
        let text = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
        let moment =
            OffsetDateTime::from_unix_timestamp(moment.as_secs()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        Self { iso: moment.format(iso).unwrap_or_default(), text: moment.format(text).unwrap_or_default() }
    }
}
