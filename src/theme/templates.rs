//! The theme's templates: what they replace and add, and whether every page can be rendered with them.
//!
//! Tera finds a mistake in the grammar while it reads, and an unknown filter or a missing value only while it renders.
//! So every page is rendered in every state it knows before anybody is served.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error;

use tera::{Context, Tera, escape_html};

use crate::routes::view::samples::PageSample;
use crate::theme::markup::{self, ProofField};
use crate::theme::source;

/// Templates by name, each with its text.
#[derive(Debug, Default)]
pub(crate) struct Templates(Vec<(Cow<'static, str>, Cow<'static, str>)>);

/// The templates that are part of the program.
pub(crate) type Embedded<'a> = &'a [(&'static str, &'static str)];

/// The embedded templates with those of a theme in their place.
/// What is replaced stays there under another name, so that a theme can extend it.
///
/// # Errors
/// One line for each template of the theme that Tera cannot read, or that nothing uses.
pub(super) fn join(embedded: Embedded<'_>, own: &BTreeMap<String, String>) -> Result<Templates, Vec<String>> {
    let mut problems = Vec::new();
    for (name, text) in own {
        if let Err(line) = parse(name, text) {
            problems.push(format!("templates/{name}.tera{line}"));
        }
        problems.extend(unused(name, embedded, own));
        problems.extend(source::tags(text).iter().filter(|tag| tag.trusts()).map(|tag| {
            format!(
                "templates/{name}.tera:{}: `safe` may stand only after a text of `t`, as in {{{{ t.login.help | safe }}}}",
                tag.line
            )
        }));
    }
    let mut all = Templates::default();
    for &(name, text) in embedded {
        if own.contains_key(name) {
            all.put(format!("{ORIGINAL}{name}"), text);
        } else {
            all.put(name, text);
        }
    }
    for (name, text) in own {
        all.put(name.clone(), text.clone());
    }
    problems.extend(own.keys().filter_map(|name| endless(name, &all)));
    problems.extend(own.iter().flat_map(|(name, text)| endless_macros(name, text)));
    if problems.is_empty() {
        problems.extend(own.keys().flat_map(|name| lost_blocks(name, &all)));
    }
    if problems.is_empty()
        && !own.is_empty()
        && let Err(error) = all.add_to(&mut Tera::default())
    {
        problems.push(located(&error.to_string(), "", own));
    }
    if problems.is_empty() { Ok(all) } else { Err(problems) }
}

/// Renders every sample and judges what comes out, also beside what comes out of ours; `script` is the address of our script, unless it was replaced.
///
/// # Errors
/// One line for each problem, however many pages have it.
pub(super) fn judge(
    templates: &Templates,
    embedded: Embedded<'_>,
    own: &BTreeMap<String, String>,
    samples: &[PageSample<'_>],
    csrf_field: &str,
    script: Option<&str>,
) -> Result<(), Vec<String>> {
    let mut tera = Tera::default();
    templates.add_to(&mut tera).map_err(|error| vec![innermost(&error)])?;
    let mut originals = Tera::default();
    originals.add_raw_templates(embedded.iter().copied()).map_err(|error| vec![innermost(&error)])?;
    let escaped = escape_html(SAMPLE_TEXT);
    let proof = ProofField { field: csrf_field, value: &escaped };
    // A mistake in the frame is on every page, and told once.
    let mut problems: Vec<(String, String)> = Vec::new();
    let mut note = |what: String, line: String| {
        if !problems.iter().any(|(known, _)| *known == what) {
            problems.push((what, line));
        }
    };
    for sample in samples {
        let page = sample.template;
        let rendered = Context::from_value(sample.context.clone()).and_then(|context| {
            Ok((tera.render(page, &context)?, originals.render(page, &context).unwrap_or_default()))
        });
        let (html, original) = match rendered {
            Ok(both) => both,
            Err(error) => {
                let cause = innermost(&error);
                let line = located(&cause, page, own);
                // Which page it was found on makes it no other mistake.
                let what = cause.split(" while rendering '").next().unwrap_or_default().to_owned();
                note(what, line);
                continue;
            }
        };
        let mut found = markup::problems(&html, proof);
        if html.contains(SAMPLE_TEXT) || markup::has(&html, SAMPLE_ELEMENT, SAMPLE_ATTRIBUTE) {
            found.push(
                "shows what somebody else wrote as markup; remove `safe`, put an attribute's value into quotes, or \
                 join a list"
                    .to_owned(),
            );
        }
        let loads_script = script.is_some_and(|script| html.contains(&escape_html(script)));
        if loads_script && !html.contains("data-csrf-header=") {
            found.push(
                "loads the script and does not say data-csrf-header and the like on <body>, as base.html does"
                    .to_owned(),
            );
        }
        for problem in found {
            let line = format!("the page {page}: {problem}");
            note(problem, line);
        }
        if markup::forms(&html) < markup::forms(&original) {
            let line = format!("the page {page}: has lost a form of the original, in some state at least");
            // Either the page has lost it, or the frame of all pages.
            note(if own.contains_key(page) { line.clone() } else { "a form".to_owned() }, line);
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.into_iter().map(|(_, line)| line).collect()) }
}

impl Templates {
    /// Gives Tera all of them.
    ///
    /// # Errors
    /// Tera's, when one of them is broken, which was found at launch.
    pub(crate) fn add_to(&self, tera: &mut Tera) -> Result<(), tera::Error> {
        // Tera escapes by the end of the name: every template here is called `.html`.
        tera.add_raw_templates(self.0.iter().map(|(name, text)| (name, text)))
    }

    fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, text)| text)
    }

    fn put(&mut self, name: impl Into<Cow<'static, str>>, text: impl Into<Cow<'static, str>>) {
        self.0.push((name.into(), text.into()));
    }
}

/// # Errors
/// Tera's place and words, in one line.
fn parse(name: &str, text: &str) -> Result<(), String> {
    match Tera::default().add_raw_template(name, text) {
        // What it extends or imports is not here.
        Err(error) => error.source().map_or(Ok(()), |cause| Err(one_line(&cause.to_string()))),
        Ok(()) => Ok(()),
    }
}

/// Tera shows the line with a mistake and points at it; place and words are enough in one line of ours.
fn one_line(said: &str) -> String {
    let place = said.split_once("--> ").and_then(|(_, rest)| rest.lines().next());
    // How far it is indented depends on the number of the line.
    let words = said.lines().rev().find_map(|line| line.trim_start().strip_prefix("= "));
    match (place, words) {
        (Some(place), Some(words)) => format!(":{place}: {}", flat(words)),
        _ => format!(": {}", flat(said)),
    }
}

fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The last of the causes: the others say only which template was rendered on the way.
fn innermost(error: &tera::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    flat(&cause.to_string())
}

/// Where the words of a problem point to: the one line of the theme, or the one file, whose tags have the name in them.
fn located(said: &str, page: &str, own: &BTreeMap<String, String>) -> String {
    let is_said = page.is_empty() || said.contains("while rendering");
    let while_rendering = if is_said { String::new() } else { format!(" (while rendering {page})") };
    let mut names = said.split(['`', '\'']).skip(1).step_by(2).filter(|name| !own.contains_key(*name));
    let wanted = names.next().map(|name| name.trim_matches(['[', ']'])).filter(|name| {
        name.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
            && !name.contains(char::is_whitespace)
    });
    let mut found = Vec::new();
    for (name, text) in own {
        let tags = source::tags(text);
        let with_it = tags.iter().filter(|tag| wanted.is_some_and(|wanted| has_word(tag.inside, wanted)));
        found.extend(with_it.map(|tag| (name, tag.line)));
    }
    let place = match found.as_slice() {
        [(name, at), others @ ..] if others.iter().all(|other| other == &(*name, *at)) => {
            format!("templates/{name}.tera:{at}")
        }
        [(name, _), others @ ..] if others.iter().all(|(other, _)| other == name) => {
            format!("templates/{name}.tera")
        }
        _ if page.is_empty() => "templates".to_owned(),
        _ => return format!("the page {page}: {said}"),
    };
    format!("{place}: {said}{while_rendering}")
}

/// Whether the name stands there, and not as a part of a longer one.
fn has_word(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        let (before, after) = text.split_at(at);
        let after = after.get(name.len()..).unwrap_or_default();
        !before.ends_with(|letter| source::is_in_word(letter) || letter == '.')
            && !after.starts_with(source::is_in_word)
    })
}

/// A template that replaces none and that no other one names is a slip of the pen.
fn unused(name: &str, embedded: Embedded<'_>, own: &BTreeMap<String, String>) -> Option<String> {
    let is_named = own.iter().any(|(other, text)| other != name && mentions(text, name));
    if is_named || embedded.iter().any(|(known, _)| *known == name) {
        return None;
    }
    let nearest = embedded.iter().min_by_key(|(known, _)| strsim::damerau_levenshtein(known, name));
    let nearest = nearest.filter(|(known, _)| strsim::damerau_levenshtein(known, name) <= 2);
    let hint = nearest.map_or_else(String::new, |(known, _)| format!("; did you mean {known}.tera?"));
    Some(format!("templates/{name}.tera: replaces no page and no template uses it{hint}"))
}

fn mentions(text: &str, name: &str) -> bool {
    ['"', '\'', '`'].iter().any(|quote| text.contains(&format!("{quote}{name}{quote}")))
}

/// A template that is part of itself, through whatever others, renders until the stack ends, and the process with it.
fn endless(name: &str, all: &Templates) -> Option<String> {
    let parts = |name: &str| -> Vec<&str> {
        let tags = source::tags(all.text(name));
        let named = tags.iter().filter(|tag| PARTS.iter().any(|keyword| tag.after(keyword).is_some()));
        let names = all.0.iter().map(|(name, _)| name.as_ref());
        names.filter(|other| named.clone().any(|tag| mentions(tag.inside, other))).collect()
    };
    reaches_itself(name, parts).then(|| {
        format!(
            "templates/{name}.tera: extends, includes or imports itself without end; what it replaces is \
             \"{ORIGINAL}{name}\""
        )
    })
}

/// A block that nothing shows, as no template that this one extends has it.
fn lost_blocks(name: &str, all: &Templates) -> Vec<String> {
    let tags = source::tags(all.text(name));
    let mut known = Vec::new();
    let mut parent = parent(&tags);
    if parent.is_none() {
        return Vec::new();
    }
    while let Some(next) = parent {
        let tags = source::tags(all.text(next));
        known.extend(tags.iter().filter_map(|tag| tag.after("block")).map(word));
        parent = self::parent(&tags);
    }
    let mut depth = 0_usize;
    let mut problems = Vec::new();
    for tag in &tags {
        if tag.after("endblock").is_some() {
            depth = depth.saturating_sub(1);
        }
        let Some(block) = tag.after("block").map(word) else { continue };
        if depth == 0 && !known.contains(&block) {
            let nearest = known.iter().min_by_key(|known| strsim::damerau_levenshtein(known, block));
            let nearest = nearest.filter(|known| strsim::damerau_levenshtein(known, block) <= 2);
            let hint = nearest.map_or_else(String::new, |known| format!("; did you mean {known}?"));
            let line = tag.line;
            problems.push(format!(
                "templates/{name}.tera:{line}: nothing that it extends has the block {block}, so it is not shown{hint}"
            ));
        }
        depth += 1;
    }
    problems
}

/// What a template extends.
fn parent<'a>(tags: &[source::TemplateTag<'a>]) -> Option<&'a str> {
    tags.iter().find_map(|tag| tag.after("extends")).map(|name| name.trim_matches(['"', '\'', '`']))
}

/// Macros that call themselves, which Tera does until the stack ends when nothing stops them.
fn endless_macros(name: &str, text: &str) -> Vec<String> {
    let tags = source::tags(text);
    let mut macros: Vec<(&str, usize, Vec<&str>)> = Vec::new();
    for tag in &tags {
        if let Some(rest) = tag.after("macro") {
            macros.push((word(rest), tag.line, Vec::new()));
        }
        if let Some((_, _, calls)) = macros.last_mut() {
            calls.extend(tag.inside.split("self::").skip(1).map(word));
        }
    }
    let calls = |name: &str| -> Vec<&str> {
        macros.iter().filter(|(known, ..)| *known == name).flat_map(|(_, _, calls)| calls.clone()).collect()
    };
    let endless = macros.iter().filter(|(own, ..)| reaches_itself(own, calls));
    endless
        .map(|(own, line, _)| format!("templates/{name}.tera:{line}: the macro {own} calls itself"))
        .collect()
}

/// The name that a text begins with.
fn word(text: &str) -> &str {
    text.split(|letter| !source::is_in_word(letter)).next().unwrap_or_default()
}

/// Whether something leads to itself, through whatever others.
fn reaches_itself<'a>(name: &str, next: impl Fn(&str) -> Vec<&'a str>) -> bool {
    let mut open = next(name);
    let mut seen = Vec::new();
    while let Some(other) = open.pop() {
        if other == name {
            return true;
        }
        if !seen.contains(&other) {
            open.extend(next(other));
            seen.push(other);
        }
    }
    false
}

/// The statements that make a template part of another.
const PARTS: [&str; 3] = ["extends", "include", "import"];
/// What stands before the name of an embedded template that was replaced.
const ORIGINAL: &str = "portcullis/";
/// Stands in samples for what somebody else wrote.
/// As an element it is seen whatever filters do to its letters' case; without quotes around it, as an attribute.
pub(super) const SAMPLE_TEXT: &str = "<x-sample y=z>";
const SAMPLE_ELEMENT: &str = "x-sample";
const SAMPLE_ATTRIBUTE: (&str, &str) = ("y", "z");
