//! The pages in every state they know, in every language.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use portcullis::app::add_templates;
use portcullis::routes::pages;
use portcullis::routes::view::samples::{PageSample, Surroundings};
use portcullis::routes::view::words::Catalogues;
use portcullis::settings::Settings;
use rocket_dyn_templates::tera::{Context, Tera};
use serde_json::Value;

use crate::requests::headers::assert_no_inline_code;
use crate::support::figment;

const HOSTILE: &str = "<script>alert(\"x\")</script>'&";

fn tera() -> Tera {
    let mut tera = Tera::default();
    add_templates(&mut tera).unwrap();
    tera
}

/// Every template's name in the folder, without the last extension.
fn in_folder() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let files = files.filter(|entry| entry.file_type().unwrap().is_file());
    files
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            // Anything else would be plain text, and not escaped.
            name.strip_suffix(".html.tera").unwrap_or_else(|| unescaped(&name)).to_owned() + ".html"
        })
        .collect()
}

fn source(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    fs::read_to_string(folder.join(format!("{name}.tera"))).unwrap()
}

#[expect(clippy::panic, reason = "such a file should fail loudly")]
fn unescaped(name: &str) -> ! {
    panic!("{name} does not end in .html.tera")
}

#[test]
fn every_template_in_the_folder_is_part_of_the_program_and_escaped() {
    let tera = tera();
    let known: BTreeSet<_> = tera.get_template_names().map(str::to_owned).collect();
    assert_eq!(known, in_folder());
    assert!(known.iter().all(|name| name.ends_with(".html")));
}

/// The settings of all tests here.
fn settings() -> &'static Settings {
    static SETTINGS: OnceLock<Settings> = OnceLock::new();
    SETTINGS.get_or_init(|| portcullis::settings::load(&figment()).unwrap())
}

fn samples(catalogues: &Catalogues) -> Vec<PageSample<'_>> {
    let auth = &settings().auth;
    pages::samples(Surroundings { catalogues, service: HOSTILE, auth, text: HOSTILE })
}

#[test]
fn every_page_renders_in_every_state_and_language_and_escapes() {
    let tera = tera();
    let catalogues = Catalogues::embedded().unwrap();
    for PageSample { template, language, context } in samples(&catalogues) {
        let page = tera.render(template, &Context::from_value(context.clone()).unwrap());
        let page = page.unwrap_or_else(|error| unrendered(template, language, &context, &error));
        assert!(!page.contains("<script>alert"), "{template} {language} {context}");
        assert!(
            !page.contains("&amp;lt;") && !page.contains("&amp;quot;"),
            "escaped twice: {template} {context}"
        );
        assert!(!page.contains("{{") && !page.contains("{%"), "{template}");
        for unfilled in
            ["{name}", "{count}", "{browser}", "{system}", "{minimum}", "{seconds}", "{minutes}", "{part}"]
        {
            assert!(!page.contains(unfilled), "{unfilled} in {template} {language} {context}");
        }
        assert_no_inline_code(&page);
        // The address that a looking-up form leads to is no place for a proof.
        let forms = page
            .split("<form")
            .skip(1)
            .filter(|form| !form.split('>').next().unwrap().contains(r#"method="get""#))
            .count();
        let proofs = page.matches(r#"<input type="hidden" name="csrf_token""#).count();
        assert_eq!(forms, proofs, "a form without its proof: {template}");
    }
}

#[test]
fn the_samples_show_every_template_in_every_language() {
    let catalogues = Catalogues::embedded().unwrap();
    let samples = samples(&catalogues);
    let mut shown: BTreeSet<_> = samples.iter().map(|sample| sample.template.to_owned()).collect();
    for language in ["en", "de"] {
        let in_it = samples.iter().filter(|sample| sample.language == language);
        assert_eq!(in_it.map(|sample| sample.template.to_owned()).collect::<BTreeSet<_>>(), shown);
    }
    // What is no page must be part of one.
    let sources: Vec<_> = in_folder().iter().map(|name| source(name)).collect();
    shown.extend(in_folder().into_iter().filter(|name| {
        ["extends", "include"]
            .iter()
            .any(|tag| sources.iter().any(|source| source.contains(&format!("{{% {tag} \"{name}\" %}}"))))
    }));
    assert_eq!(shown, in_folder());
}

#[test]
fn a_page_that_shows_the_person_stands_in_a_frame_that_knows_them() {
    let catalogues = Catalogues::embedded().unwrap();
    for PageSample { template, context, .. } in samples(&catalogues) {
        let is_public = [
            "login.html",
            "factor.html",
            "first_factor.html",
            "error.html",
            "code.html",
            "forgotten.html",
            "link.html",
            "register.html",
        ]
        .contains(&template);
        assert_eq!(context.get("user").is_none(), is_public, "{template}");
        assert!(context["t"]["common"].is_object() && context["csrf_token"] == HOSTILE, "{template}");
    }
}

#[expect(clippy::panic, reason = "a page that does not render should fail loudly")]
fn unrendered(name: &str, language: &str, state: &Value, error: &rocket_dyn_templates::tera::Error) -> ! {
    panic!("{name} in {language} with {state}: {error:?}")
}

#[test]
fn the_proof_is_every_forms_first_field() {
    for name in in_folder() {
        for form in source(&name).split("<form").skip(1) {
            let form = form.split("</form>").next().unwrap();
            if form.contains(r#"method="get""#) {
                assert!(!form.contains("csrf"), "{name}: a proof in an address");
                continue;
            }
            let first = form.split("<input").nth(1).unwrap();
            assert!(first.starts_with(r#" type="hidden" name="{{ csrf_field }}""#), "{name}: {first}");
            assert!(form.contains(r#"method="post""#), "{name}");
        }
    }
}

#[test]
fn every_language_has_every_text_with_the_same_places_to_fill() {
    let catalogues = Catalogues::embedded().unwrap();
    let all: Vec<_> = catalogues.iter().map(|(language, words)| (language, texts(words, ""))).collect();
    let (_, first) = &all[0];
    for (language, others) in &all {
        let keys =
            |texts: &[(String, String)]| texts.iter().map(|(key, _)| key.clone()).collect::<BTreeSet<_>>();
        assert_eq!(keys(first), keys(others), "{language}");
        for ((key, one), (_, other)) in first.iter().zip(others) {
            assert!(!other.trim().is_empty() && !other.contains('<'), "{language} {key}");
            let places = |text: &str| {
                text.split('{')
                    .skip(1)
                    .map(|rest| rest.split('}').next().unwrap().to_owned())
                    .collect::<BTreeSet<_>>()
            };
            assert_eq!(places(one), places(other), "{language} {key}");
        }
    }
    assert_eq!(all.len(), 2);
}

/// All texts with their paths, in order of path.
fn texts(value: &Value, path: &str) -> Vec<(String, String)> {
    match value {
        Value::Object(members) => {
            let mut all: Vec<_> =
                members.iter().flat_map(|(key, value)| texts(value, &format!("{path}.{key}"))).collect();
            all.sort();
            all
        }
        Value::String(text) => vec![(path.to_owned(), text.clone())],
        _ => vec![(path.to_owned(), String::new())],
    }
}
