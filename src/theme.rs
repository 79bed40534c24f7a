//! How pages look: what is part of the program, and what the operator puts in its place.
//!
//! Everything is read once and judged before anybody is served, so that a mistake is one line at launch and not a broken
//! page for the first who comes by.
//! It knows what a theme may hold; what pages show and where they lie, `routes` knows.

mod folder;
mod markup;
mod stylesheet;
mod templates;
mod texts;

use std::borrow::Cow;
use std::path::Path;

use crate::routes::assets::{Asset, Assets, Kind};
use crate::routes::samples::{self, Surroundings};
use crate::routes::words::Catalogues;
use crate::settings::Settings;
use crate::settings::colors::Colors;
use crate::theme::folder::Folder;
use crate::theme::stylesheet::Stylesheet;
use crate::theme::templates::{Embedded, Templates};

/// Templates, style, pictures and words, ready to be served.
#[derive(Debug)]
pub(crate) struct Theme {
    pub(crate) assets: Assets,
    pub(crate) catalogues: Catalogues,
    pub(crate) templates: Templates,
}

impl Theme {
    /// What these settings ask for; `embedded` are the templates that are part of the program.
    ///
    /// # Errors
    /// One line for each mistake, naming the key.
    pub(crate) fn load(settings: &Settings, embedded: Embedded<'_>) -> Result<Self, Vec<String>> {
        let named = |lines: Vec<String>| {
            lines.into_iter().map(|line| format!("app.theme: {line}")).collect::<Vec<_>>()
        };
        let mut problems = Vec::new();
        let folder = match &settings.theme {
            Some(path) => Folder::read(path).map_err(|lines| problems.append(&mut named(lines))),
            None => Ok(Folder::default()),
        };
        let folder = folder.unwrap_or_default();
        let mut catalogues = Catalogues::embedded().map_err(|error| vec![format!("page texts: {error}")])?;
        if let Err(lines) = texts::add(&mut catalogues, &folder.texts) {
            problems.append(&mut named(lines));
        }
        let mut assets = Assets::embedded();
        for (name, bytes) in &folder.assets {
            if let Err(line) = assets.put(name, bytes.clone()) {
                problems.push(format!("app.theme: static/{name}: {line}"));
            }
        }
        if let Some(Err(line)) = settings.logo.as_deref().map(|path| put_logo(&mut assets, path)) {
            problems.push(format!("app.logo: {line}"));
        }
        problems.extend(put_colors(&mut assets, &settings.colors, &settings.dark_colors));
        let templates =
            templates::join(embedded, &folder.templates).map_err(|lines| problems.append(&mut named(lines)));
        let Ok(templates) = templates else { return Err(problems) };
        if settings.theme.is_some() && problems.is_empty() {
            let auth = &settings.auth;
            let surroundings = Surroundings {
                catalogues: &catalogues,
                service: &settings.service_name,
                auth,
                text: templates::SAMPLE_TEXT,
            };
            let samples = samples::all_with(surroundings, &assets);
            let field = auth.wire.csrf_names().csrf_field;
            // A script of the theme's own may do without what ours needs.
            let script =
                if folder.assets.contains_key("portcullis.js") { NO_SCRIPT } else { assets.script() };
            templates::judge(&templates, &folder.templates, &samples, field, script)
                .unwrap_or_else(|lines| problems.append(&mut named(lines)));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        if let Some(path) = &settings.theme {
            say(path, &folder, embedded);
        }
        Ok(Self { assets, catalogues, templates })
    }
}

fn put_logo(assets: &mut Assets, path: &Path) -> Result<(), String> {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let kind = Kind::of(extension).filter(|kind| matches!(kind, Kind::Svg | Kind::Png | Kind::Webp));
    let kind = kind.ok_or("must be a file that ends in .svg, .png or .webp")?;
    let bytes = folder::read(path).map_err(|problem| format!("{}: {problem}", path.display()))?;
    assets.replace(Asset::Logo, "logo", kind, bytes.into());
    Ok(())
}

/// Puts the settings' colours into the stylesheet; a line for each that cannot be read.
fn put_colors(assets: &mut Assets, light: &Colors, dark: &Colors) -> Vec<String> {
    if light.is_empty() && dark.is_empty() {
        return Vec::new();
    }
    let css = String::from_utf8_lossy(assets.bytes(Asset::Style)).into_owned();
    let sheet = Stylesheet::read(&css);
    let problems = sheet.problems(light, dark);
    let with_colors = Cow::Owned(sheet.with(light, dark).into_bytes());
    assets.replace(Asset::Style, "portcullis", Kind::Css, with_colors);
    problems
}

/// Tells what a theme changes, in one line.
fn say(path: &Path, folder: &Folder, embedded: Embedded<'_>) {
    let is_replaced = |name: &&String| embedded.iter().any(|(known, _)| known == name);
    let templates = |is_wanted: bool| {
        folder
            .templates
            .keys()
            .filter(move |name| is_replaced(name) == is_wanted)
            .map(|name| format!("{name}.tera"))
    };
    let assets = |is_wanted: bool| {
        folder.assets.keys().filter(move |name| Asset::named(name).is_some() == is_wanted).cloned()
    };
    let list = |names: Vec<String>| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
    let texts = folder.texts.keys().map(|language| format!("texts in {language}"));
    let replaced = list(templates(true).chain(assets(true)).chain(texts).collect());
    let added = list(templates(false).chain(assets(false)).collect());
    tracing::info!("the theme in {} replaces {replaced} and adds {added}", path.display());
}

/// An address that no page has.
const NO_SCRIPT: &str = "\0";
