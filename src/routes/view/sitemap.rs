//! What is said of a page, and what follows from it: which form is whose, where somebody may be led back to, what the
//! navigation shows.
//!
//! The pages themselves are the table in [`pages`](crate::routes::pages); this file knows none of them by name.

use rocket::Route;
use rocket::http::Method;
use serde::Serialize;
use serde_json::Value;

use crate::routes::view::next::Next;
use crate::routes::view::paths;
use crate::settings::base_path::BasePath;

/// A page.
#[derive(Debug)]
pub(crate) struct Page {
    /// The name of its template.
    pub(crate) template: &'static str,
    /// Its template.
    pub(crate) source: &'static str,
    /// Its own address and those of the forms on it; none for a page that stands wherever something went wrong.
    pub(crate) routes: fn() -> Vec<Route>,
    /// What it shows in each of its states, with this text wherever a text of somebody else's may stand.
    pub(crate) states: fn(&str) -> Vec<Value>,
    /// Its members that are keys, each with the place of the texts that they are keys of.
    pub(crate) keys: &'static [(&'static str, &'static str)],
    pub(crate) shown_to: Audience,
    pub(crate) navigation: Navigation,
    pub(crate) return_to: Return,
}

/// To whom a page is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    Anybody,
    SignedIn,
}

/// Where the navigation has a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Navigation {
    Nowhere,
    /// As a link with the text at this place, for everybody who is signed in.
    Link(&'static str),
    /// The same for administrators.
    LinkForAdministrators(&'static str),
    /// Under the link of another page.
    Under(&'static str),
}

/// Whether somebody is led to a page who had to enter the password before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Return {
    /// Never: it would lead in a circle.
    Never,
    /// As it was asked for.
    Plain,
    /// It says that the password was right, and that nothing else is done.
    Telling,
}

/// All pages, and all other addresses.
#[derive(Debug)]
pub(crate) struct Sitemap {
    pages: &'static [Page],
    served: Vec<Served>,
    base: BasePath,
}

/// An address as Rocket writes it.
#[derive(Debug)]
struct Served {
    pattern: String,
    method: Method,
    /// The page that it is, or whose form is sent there.
    page: Option<&'static Page>,
}

/// A link of the navigation.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Link<'a> {
    path: &'a str,
    text: &'a str,
    /// The value of `aria-current`: `page` here, `true` on a page under it.
    #[serde(skip_serializing_if = "Option::is_none")]
    current: Option<&'static str>,
}

/// Of a Rocket without pages.
pub(crate) static NOTHING: Sitemap = Sitemap { pages: &[], served: Vec::new(), base: BasePath::ROOT };

impl Sitemap {
    /// The pages, and the routes that are none of theirs.
    pub(crate) fn new(pages: &'static [Page], others: Vec<Route>) -> Self {
        let of_pages =
            pages.iter().flat_map(|page| (page.routes)().into_iter().map(move |it| (it, Some(page))));
        let all = of_pages.chain(others.into_iter().map(|route| (route, None)));
        let served = all.map(|(route, page)| Served {
            pattern: route.uri.path().to_owned(),
            method: route.method,
            page,
        });
        Self { pages, served: served.collect(), base: BasePath::ROOT }
    }

    /// The same under this path of the origin.
    pub(crate) fn under(self, base: BasePath) -> Self {
        Self { base, ..self }
    }

    /// Under which path all of it stands.
    pub(crate) const fn base(&self) -> &BasePath {
        &self.base
    }

    /// Whether this place is the page at this path.
    pub(crate) fn is_at(&self, next: &Next, path: &str) -> bool {
        self.base.inside(next.path()) == Some(path)
    }

    /// All pages.
    pub(crate) const fn pages(&self) -> &'static [Page] {
        self.pages
    }

    /// The links that this page shows to somebody who is signed in.
    pub(crate) fn navigation<'a>(
        &'a self,
        template: &str,
        administers: bool,
        texts: &'a Value,
    ) -> Vec<Link<'a>> {
        let here = self.pages.iter().find(|page| page.template == template);
        let link = |page: &'static Page| {
            let (Navigation::Link(text) | Navigation::LinkForAdministrators(text)) = page.navigation else {
                return None;
            };
            let current = here.and_then(|here| match here.navigation {
                _ if here.template == page.template => Some("page"),
                Navigation::Under(above) if above == page.template => Some("true"),
                _ => None,
            });
            let text = texts.pointer(text).and_then(Value::as_str).unwrap_or(page.template);
            let path = &self.served.iter().find(|served| served.is_page(page))?.pattern;
            let is_shown = administers || matches!(page.navigation, Navigation::Link(_));
            is_shown.then_some(Link { path, text, current })
        };
        self.pages.iter().filter_map(link).collect()
    }

    /// The place that somebody asked to be led to, when that is one of ours and not in a circle.
    pub(crate) fn next(&self, text: &str) -> Option<Next> {
        let next = Next::parse(text)?;
        // What is none of ours is another application's, on the same origin.
        let Some(path) = self.base.inside(next.path()) else { return Some(next) };
        let here: Vec<_> = self.served.iter().filter(|served| fits(&served.pattern, path)).collect();
        let is_shut = |served: &&Served| served.page.is_some_and(|page| page.return_to == Return::Never);
        let is_only_sent_to = !here.is_empty() && here.iter().all(|served| served.method != Method::Get);
        (!is_only_sent_to && !here.iter().any(is_shut)).then_some(next)
    }

    /// The page that holds the form which is sent to this path; the dashboard when none does.
    pub(crate) fn page_of(&self, path: &str) -> String {
        let form = self.served.iter().find(|served| served.page.is_some() && fits(&served.pattern, path));
        let page = form.and_then(|form| form.page);
        let page = page.and_then(|page| self.served.iter().find(|served| served.is_page(page)));
        // A form lies at its page's address or below it.
        let filled = |pattern: &str| -> Vec<_> { path.split('/').take(pattern.split('/').count()).collect() };
        page.map(|page| filled(&page.pattern).join("/"))
            .filter(|path| !path.contains('<'))
            .unwrap_or_else(|| paths::DASHBOARD.to_owned())
    }

    /// Where somebody was who has confirmed the password; a page that can says so, with this notice.
    pub(crate) fn way_back(&self, next: &Next, notice: &str) -> String {
        let Some(path) = self.base.inside(next.path()) else { return next.to_string() };
        let mut here = self.served.iter().filter(|served| fits(&served.pattern, path));
        let tells = here.any(|served| served.page.is_some_and(|page| page.return_to == Return::Telling));
        if !tells {
            return next.to_string();
        }
        let kept = next.query().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("notice="));
        let notice = format!("notice={notice}");
        format!("{}?{}", next.path(), kept.chain([notice.as_str()]).collect::<Vec<_>>().join("&"))
    }
}

impl Served {
    /// Whether this is the page itself and not a form of it.
    fn is_page(&self, page: &Page) -> bool {
        self.method == Method::Get && self.page.is_some_and(|own| own.template == page.template)
    }
}

/// Whether a path is one of those that a route serves.
pub(crate) fn fits(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(rest), _) if rest.ends_with("..>") => return true,
            (Some(wanted), Some(given))
                if wanted.starts_with('<') && !given.is_empty() || wanted == given => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_fits_a_route_segment_by_segment() {
        for (pattern, path, expected) in [
            ("/", "/", true),
            ("/login", "/login", true),
            ("/login", "/login/x", false),
            ("/people/<name>", "/people/ada", true),
            ("/people/<name>", "/people/", false),
            ("/people/<name>", "/people", false),
            ("/people/<name>/code", "/people/ada/code", true),
            ("/files/<path..>", "/files/a/b", true),
            ("/people/<name>", "/people/ada/code", false),
        ] {
            assert_eq!(fits(pattern, path), expected, "{pattern} {path}");
        }
    }
}
