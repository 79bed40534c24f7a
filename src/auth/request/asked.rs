//! What was asked: everything of a request that a judgement looks at, and nothing else.
//!
//! The judgement takes this and not Rocket's request, so that the same questions can be put about a request that another
//! server has passed on: its method and its host then stand in headers, its token and its proof where they always do.

use rocket::Request;
use rocket::http::{CookieJar, HeaderMap, Method};

use crate::auth::wire::cookies::{Carried, carried, every};
use crate::auth::wire::place::{Location, Locations};

/// A request, as it is judged.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'r> {
    pub(crate) method: Method,
    pub(crate) headers: &'r HeaderMap<'r>,
    jar: &'r CookieJar<'r>,
    /// What the first bytes of a form say; of a request that may change something.
    pub(crate) form: &'r FormStart,
    /// The token that stood in the address, where one is looked for there.
    pub(crate) query: &'r QueryValue,
}

impl<'r> Asked<'r> {
    /// What this request asks, whose token is looked for in these places.
    pub(crate) fn of(request: &'r Request<'_>, locations: Locations) -> Self {
        let method = request.method();
        let form = if is_unsafe(method) { request.local_cache(FormStart::default) } else { &FormStart::NONE };
        let in_query = locations.contains(Location::QueryString);
        let query = if in_query { request.local_cache(|| QueryValue::Absent) } else { &QueryValue::Absent };
        Self { method, headers: request.headers(), jar: request.cookies(), form, query }
    }

    /// What this request asks, besides any token.
    pub(crate) fn bare(request: &'r Request<'_>) -> Self {
        Self::of(request, Locations::NONE)
    }

    /// Whether it may change something.
    pub(crate) const fn is_unsafe(&self) -> bool {
        is_unsafe(self.method)
    }

    /// The value of a header that came once; `Err` when it came more often.
    pub(crate) fn header(&self, name: &str) -> Result<Option<&'r str>, Repeated> {
        let mut values = self.headers.get(name);
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            _ => Err(Repeated),
        }
    }

    /// The host that it names, if it names one.
    pub(crate) fn host(&self) -> Option<&'r str> {
        self.header("Host").ok().flatten()
    }

    /// The cookie of this name, and whether it came twice.
    pub(crate) fn cookie(&self, name: &str) -> Carried<'r> {
        carried(self.headers, self.jar, name)
    }

    /// Every value that came under this cookie name.
    pub(crate) fn cookies(&self, name: &str) -> impl Iterator<Item = &'r str> {
        every(self.headers, self.jar, name)
    }
}

/// What the first bytes of a form body say, kept with the request by whoever looked at them.
#[derive(Debug, Default)]
pub(crate) struct FormStart {
    pub(crate) proof: Option<String>,
    pub(crate) is_ambiguous: bool,
}

impl FormStart {
    /// Of a request without a form.
    const NONE: Self = Self { proof: None, is_ambiguous: false };
}

/// The token of an address, kept with the request by whoever took it out.
pub(crate) enum QueryValue {
    Absent,
    Once(String),
    Twice,
}

/// A header came more than once.
pub(crate) struct Repeated;

const fn is_unsafe(method: Method) -> bool {
    !matches!(method, Method::Get | Method::Head | Method::Options | Method::Trace)
}
