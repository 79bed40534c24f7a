//! What must be true of a page that a theme has changed: its forms send their proof, and nothing in it is refused by the
//! Content-Security-Policy, which browsers do without a word to anybody who does not look for it.
//!
//! It reads tags and attributes, no more; a page that is strange HTML is the theme's business.

/// A tag with its attributes, names in lower case, and what follows it.
struct Tag<'a> {
    name: String,
    attributes: Vec<(String, &'a str)>,
    rest: &'a str,
}

/// What a page's forms must send.
#[derive(Debug, Clone, Copy)]
pub(super) struct ProofField<'a> {
    pub(super) field: &'a str,
    /// The value, escaped as in a page.
    pub(super) value: &'a str,
}

/// What is wrong with a page, one line each.
pub(super) fn problems(page: &str, proof: ProofField<'_>) -> Vec<String> {
    let page = without_comments(page);
    let mut problems = Vec::new();
    for tag in tags(&page) {
        problems.extend(refused(&tag));
        if tag.name == "form" {
            problems.extend(unproved(&tag, proof));
        }
    }
    problems
}

/// How many forms a page has.
pub(super) fn forms(page: &str) -> usize {
    tags(&without_comments(page)).filter(|tag| tag.name == "form").count()
}

/// Whether a text became markup: as an element of this name, or as an attribute that begins with this value.
pub(super) fn has(page: &str, element: &str, (attribute, start): (&str, &str)) -> bool {
    tags(page).any(|tag| {
        let value = tag.attribute(attribute);
        tag.name == element || value.is_some_and(|value| value.to_lowercase().starts_with(start))
    })
}

/// A form whose proof the server would not find: it looks at the first bytes of the body alone.
fn unproved(form: &Tag<'_>, proof: ProofField<'_>) -> Option<String> {
    let inside = form.rest.split("</form").next().unwrap_or_default();
    if !form.attribute("method").is_some_and(|method| method.eq_ignore_ascii_case("post")) {
        let is_secret = |tag: Tag<'_>| {
            tag.attribute("type").is_some_and(|kind| kind.eq_ignore_ascii_case("password"))
                || tag.attribute("name") == Some(proof.field)
        };
        return tags(inside).any(is_secret).then(|| {
            "a form would send a password or its proof in the address; give it method=\"post\"".to_owned()
        });
    }
    let first = tags(inside).find(|tag| ["input", "select", "textarea"].contains(&tag.name.as_str()));
    let is_proof = first.is_some_and(|tag| {
        tag.name == "input"
            && tag.attribute("type").is_some_and(|kind| kind.eq_ignore_ascii_case("hidden"))
            && tag.attribute("name") == Some(proof.field)
            && tag.attribute("value") == Some(proof.value)
    });
    (!is_proof).then(|| {
        "a form must begin with <input type=\"hidden\" name=\"{{ csrf_field }}\" value=\"{{ csrf_token }}\">, \
         or what it sends is refused"
            .to_owned()
    })
}

/// What the browser would refuse to load, to run or to apply.
fn refused(tag: &Tag<'_>) -> Option<String> {
    let name = tag.name.as_str();
    let is_data = tag.attribute("type").is_some_and(|kind| kind.to_lowercase().contains("json"));
    if name == "script" && tag.attribute("src").is_none() && !is_data {
        return Some("browsers refuse a <script> inside a page; put it into a file under static/".to_owned());
    }
    if name == "style" {
        return Some("browsers refuse a <style> inside a page; put it into a file under static/".to_owned());
    }
    if NEVER_LOADED.contains(&name) {
        return Some(format!("browsers refuse <{name}> in a page, wherever it leads; link to it instead"));
    }
    let is_loading_link = name == "link" && {
        let kinds = tag.attribute("rel").unwrap_or_default().to_lowercase();
        if kinds.split_whitespace().any(|kind| kind == "manifest") {
            return Some("browsers refuse <link rel=\"manifest\"> in a page".to_owned());
        }
        kinds.split_whitespace().any(|kind| LOADED_LINKS.contains(&kind))
    };
    for (attribute, value) in &tag.attributes {
        let is_handler = attribute.strip_prefix("on").is_some_and(|rest| {
            !rest.is_empty()
                && !NO_EVENTS.contains(&rest)
                && rest.bytes().all(|byte| byte.is_ascii_lowercase())
        });
        if attribute == "style" || (is_handler && !value.is_empty()) {
            return Some(format!(
                "browsers refuse the attribute {attribute} of <{name}>; put it into a file under static/"
            ));
        }
        let is_elsewhere = match (name, attribute.as_str()) {
            ("form", "action") | (_, "formaction") if is_elsewhere(value) => {
                return Some(format!(
                    "browsers refuse the {attribute} of <{name}>: a form leads nowhere but to this service"
                ));
            }
            ("a" | "area", "href") => plain(value).starts_with("javascript:"),
            ("link", "href") => is_loading_link && is_elsewhere(value),
            ("image" | "use", "href" | "xlink:href") | (_, "src") => is_elsewhere(value),
            (_, "srcset" | "imagesrcset") => value.split(',').any(is_elsewhere),
            _ => false,
        };
        if is_elsewhere {
            return Some(format!(
                "browsers refuse the {attribute} of <{name}>: nothing is loaded from elsewhere; put it under static/"
            ));
        }
    }
    None
}

/// What the browser would refuse to load for a stylesheet: the line, and what is wrong there.
pub(super) fn refused_in_style(css: &str) -> Option<(usize, String)> {
    // Lines are counted, so a comment leaves its own.
    let mut parts = css.split("/*");
    let first = parts.next().unwrap_or_default().to_owned();
    let css = parts.fold(first, |all, part| {
        let (comment, after) = part.split_once("*/").unwrap_or((part, ""));
        all + &"\n".repeat(comment.matches('\n').count()) + after
    });
    let lower = css.to_ascii_lowercase();
    let starts = ["url(", "@import"].into_iter().flat_map(|start| {
        lower.match_indices(start).filter_map(move |(at, _)| Some((at, at.checked_add(start.len())?)))
    });
    let refused = |(at, end): (usize, usize)| {
        let (before, _) = lower.split_at_checked(at)?;
        let address = lower.get(end..)?.trim_start();
        // The name of a namespace is loaded by nobody.
        let is_name = before.rsplit(['{', '}', ';']).next().is_some_and(|rule| rule.contains("@namespace"));
        let is_refused = !is_name && is_elsewhere(quoted(address).0.trim_end_matches([')', ';']));
        let line = before.matches('\n').count().checked_add(1)?;
        is_refused.then(|| {
            (
                line,
                "browsers refuse this address: nothing is loaded from elsewhere; put it under static/"
                    .to_owned(),
            )
        })
    };
    starts.filter_map(refused).min()
}

/// Whether an address leads to another origin, or holds what it leads to.
fn is_elsewhere(address: &str) -> bool {
    let address = plain(address);
    let scheme = address.split_once(':').map_or("", |(scheme, _)| scheme);
    address.starts_with("//")
        || scheme.starts_with(|letter: char| letter.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte))
}

/// An address in lower case, without what a page writes in place of its slashes.
fn plain(address: &str) -> String {
    address.trim().to_lowercase().replace("&#x2f;", "/")
}

/// Nothing is allowed for these, not even from here.
const NEVER_LOADED: [&str; 9] =
    ["iframe", "frame", "object", "embed", "applet", "video", "audio", "track", "base"];
/// The links that load what they lead to.
const LOADED_LINKS: [&str; 8] = [
    "stylesheet",
    "icon",
    "apple-touch-icon",
    "mask-icon",
    "preload",
    "modulepreload",
    "prefetch",
    "prerender",
];
/// What follows `on` in words that are no event's.
const NO_EVENTS: [&str; 5] = ["ce", "e", "line", "ly", "to"];

impl<'a> Tag<'a> {
    /// The tag whose name begins here, if one does.
    fn read(text: &'a str) -> Option<Self> {
        if !text.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
            return None;
        }
        let is_end = |letter: char| letter.is_whitespace() || letter == '>' || letter == '/';
        let (name, mut rest) = text.split_at(text.find(is_end)?);
        let mut attributes = Vec::new();
        loop {
            rest = rest.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '/');
            if rest.is_empty() {
                return None;
            }
            if let Some(after) = rest.strip_prefix('>') {
                return Some(Self { name: name.to_lowercase(), attributes, rest: after });
            }
            let end = rest.find(|letter: char| is_end(letter) || letter == '=').unwrap_or(rest.len());
            let (attribute, after) = rest.split_at(end.max(1).min(rest.len()));
            let (value, after) = match after.trim_start().strip_prefix('=') {
                Some(value) => quoted(value.trim_start()),
                None => ("", after),
            };
            attributes.push((attribute.to_lowercase(), value));
            rest = after;
        }
    }

    fn attribute(&self, name: &str) -> Option<&'a str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }
}

/// The value that stands here, with or without quotes, and what follows it.
fn quoted(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(inside) = text.strip_prefix(quote) {
            return inside.split_once(quote).unwrap_or((inside, ""));
        }
    }
    text.split_at(text.find(|letter: char| letter.is_whitespace() || letter == '>').unwrap_or(text.len()))
}

/// All tags; what a script holds is none.
fn tags(page: &str) -> impl Iterator<Item = Tag<'_>> {
    let mut rest = page;
    std::iter::from_fn(move || {
        loop {
            let (_, after) = rest.split_once('<')?;
            rest = after;
            let Some(tag) = Tag::read(after) else { continue };
            if tag.name == "script" {
                let end = tag.rest.to_ascii_lowercase().find("</script").unwrap_or(tag.rest.len());
                rest = tag.rest.get(end..).unwrap_or_default();
            }
            return Some(tag);
        }
    })
}

fn without_comments(page: &str) -> String {
    let mut parts = page.split("<!--");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once("-->").map_or("", |(_, after)| after))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROOF: ProofField<'static> = ProofField { field: "proof", value: "x&quot;y" };

    #[track_caller]
    fn assert_fine(page: &str) {
        assert_eq!(problems(page, PROOF), Vec::<String>::new(), "{page}");
    }

    #[track_caller]
    fn assert_line(page: &str, expected: &str) {
        let lines = problems(page, PROOF);
        assert!(lines.len() == 1 && lines.concat().contains(expected), "{page}: {lines:?}");
    }

    #[test]
    fn a_form_begins_with_its_proof() {
        let proof = "<input type=\"hidden\" name=\"proof\" value=\"x&quot;y\">";
        assert_fine(&format!("<form method=\"post\">{proof}<input name=a></form>"));
        assert_fine(&format!("<FORM METHOD=POST>\n<label>a</label> {proof}</FORM>"));
        assert_fine("<form method=post><input value='x&quot;y' name='proof' type='hidden'/></form>");
        assert_fine("<!-- <form><input name=a></form> --><p>1 < 2</p>");
        for page in [
            "<form method=\"post\"></form>".to_owned(),
            format!("<form method=\"post\"><input name=\"a\">{proof}</form>"),
            format!("<form method=\"post\"><select name=\"a\"></select>{proof}</form>"),
            format!("<form method=\"post\"><textarea name=\"a\"></textarea>{proof}</form>"),
            format!("<form method=\"post\"></form>{proof}"),
            format!("<form method=\"post\"><!-- {proof} --></form>"),
            format!("<form method=\"post\">{}</form>", proof.replace("hidden", "text")),
            format!("<form method=\"post\">{}</form>", proof.replace("proof", "csrf_token")),
            format!("<form method=\"post\">{}</form>", proof.replace("quot", "amp")),
        ] {
            assert_line(&page, "a form must begin with");
        }
        for form in ["<form>", "<form method=\"get\">"] {
            assert_line(&format!("{form}{proof}</form>"), "in the address");
            assert_line(&format!("{form}<input type=password></form>"), "in the address");
            assert_fine(&format!("{form}<input name=\"q\"></form>"));
        }
    }

    #[test]
    fn what_browsers_refuse_is_told() {
        for (page, expected) in [
            ("<script>alert(1)</script>", "a <script> inside"),
            ("<SCRIPT type=module>x</SCRIPT>", "a <script> inside"),
            ("<script src=\"https://cdn.example/x.js\"></script>", "the src of <script>"),
            ("<style>p { }</style>", "a <style> inside"),
            ("<p class=\"a\" style=\"color: red\">", "the attribute style of <p>"),
            ("<p title='a > b' onclick='x()'>", "the attribute onclick of <p>"),
            ("<a href=\"javascript:x()\">", "the href of <a>"),
            ("<img src=\"//cdn.example/x.png\">", "the src of <img>"),
            ("<img src=data:image/png;base64,AA==>", "the src of <img>"),
            ("<video src=\"/static/a.mp4\">", "<video> in a page"),
            ("<iframe src=\"/login\">", "<iframe> in a page"),
            ("<object data=\"/static/a.svg\">", "<object> in a page"),
            ("<embed src=\"/static/a.svg\">", "<embed> in a page"),
            ("<base href=\"/\">", "<base> in a page"),
            ("<link rel=manifest href=/static/a.json>", "<link rel=\"manifest\">"),
            ("<img srcset=\"/a.png, https://cdn.example/b.png 2x\">", "the srcset of <img>"),
            ("<source srcset=\"//cdn.example/b.png\">", "the srcset of <source>"),
            ("<link rel=\"preload icon\" href=\"https://cdn.example\">", "the href of <link>"),
            ("<button formaction=\"javascript:x()\">", "a form leads nowhere but"),
            ("<form action=\"https://elsewhere.example\">", "a form leads nowhere but"),
            ("<link rel=\"stylesheet\" href=\"https:&#x2F;&#x2F;cdn.example\">", "the href of <link>"),
        ] {
            assert_line(page, expected);
        }
        for page in [
            "<script type=\"module\" src=\"&#x2F;static&#x2F;a.js\"></script>",
            "<script type=\"application/json\">{}</script>",
            "<a href=\"https://example.org\">elsewhere</a>",
            "<p title=\"on style=1\" only one>&lt;script&gt;",
            "<script type=\"application/json\">{\"a\": \"<style> <form method=post>\"}</script><p>",
            "<link rel=canonical href=https://a.example><link rel=\"license author\" href=\"https://a.example\">",
            "<link rel=\"alternate\" href=\"https://a.example\">",
            "<p title=\"javascript: a language\" once=\"1\" only=\"1\">",
            "<form action=\"/search?at=10:30\"><img src=\"/a:b.png\"></form>",
            "<img src=\"/static/a.png\" alt=\"\"><link rel=icon href=/static/a.svg>",
            "<",
            "<a",
            "<a b='",
        ] {
            assert_fine(page);
        }
    }

    #[test]
    fn what_browsers_refuse_a_stylesheet_is_told_with_its_line() {
        for (css, line) in [
            ("@import \"https://cdn.example/a.css\";", Some(1)),
            ("/* \n */ p {\n background: URL( '//cdn.example/a.png' ) }", Some(3)),
            ("p { background: url(data:image/png;base64,AA==) }", Some(1)),
            ("@import url(https://cdn.example/a.css);", Some(1)),
            ("@import \"more.css\"; p { background: url(/static/a.png), url(#a) }", None),
            ("/* url(https://cdn.example) */ @namespace url(http://www.w3.org/1999/xhtml);", None),
            ("a[href^=\"https://\"] { color: red }", None),
        ] {
            assert_eq!(refused_in_style(css).map(|(line, _)| line), line, "{css}");
        }
    }
}
