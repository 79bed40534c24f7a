//! How pages look: what is part of the program, and what the operator puts in its place.
//!
//! Everything is read once and judged before anybody is served, so that a mistake is one line at launch and not a broken
//! page for the first who comes by.
//! It knows what a theme may hold; what pages show and where they lie, `routes` knows.

mod folder;
mod markup;
mod source;
mod stylesheet;
mod templates;
mod texts;

use std::borrow::Cow;
use std::path::Path;

use crate::routes::pages;
use crate::routes::view::assets::{Asset, AssetKind, Assets};
use crate::routes::view::samples::{self, Surroundings};
use crate::routes::view::words::Catalogues;
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
        let mut problems = Vec::new();
        let folder = match &settings.theme {
            Some(path) => Folder::read(path).map_err(|lines| problems.extend(named(lines))),
            None => Ok(Folder::default()),
        };
        let folder = folder.unwrap_or_default();
        let mut catalogues = Catalogues::embedded().map_err(|error| vec![format!("page texts: {error}")])?;
        if let Err(lines) = texts::add(&mut catalogues, &folder.texts) {
            problems.extend(named(lines));
        }
        let mut assets = Assets::embedded();
        for (name, bytes) in &folder.assets {
            if let Err(line) = assets.put(name, bytes.clone()) {
                problems.push(format!("app.theme: static/{name}: {line}"));
            }
        }
        for (name, bytes) in folder.assets.iter().filter(|(name, _)| name.ends_with(".css")) {
            if let Some((at, line)) = markup::refused_in_style(&String::from_utf8_lossy(bytes)) {
                problems.push(format!("app.theme: static/{name}:{at}: {line}"));
            }
        }
        if let Some(Err(line)) = settings.logo.as_deref().map(|path| put_logo(&mut assets, path)) {
            problems.push(format!("app.logo: {line}"));
        }
        problems.extend(put_colors(&mut assets, &settings.colors, &settings.dark_colors));
        let templates = templates::join(embedded, &folder.templates);
        let templates = templates.map_err(|lines| problems.extend(named(lines))).unwrap_or_default();
        let theme = Self { assets, catalogues, templates };
        if let (true, Some(path)) = (problems.is_empty(), &settings.theme) {
            theme.judge(settings, &folder, embedded).map_err(named)?;
            tracing::info!("the theme in {} {}", path.display(), changes(&folder, embedded));
        }
        if problems.is_empty() { Ok(theme) } else { Err(problems) }
    }

    /// Renders all pages as they will be.
    fn judge(&self, settings: &Settings, folder: &Folder, embedded: Embedded<'_>) -> Result<(), Vec<String>> {
        let surroundings = Surroundings {
            catalogues: &self.catalogues,
            service: &settings.service_name,
            auth: &settings.auth,
            text: templates::SAMPLE_TEXT,
        };
        let samples = samples::all(&pages::sitemap(), surroundings, &self.assets);
        let field = settings.auth.wire.csrf_names().csrf_field;
        // A script of the theme's own may do without what ours needs.
        let is_ours = !folder.assets.contains_key("portcullis.js");
        let script = is_ours.then(|| self.assets.script());
        templates::judge(&self.templates, embedded, &folder.templates, &samples, field, script)
    }
}

/// The lines about a theme, with the key.
fn named(lines: Vec<String>) -> Vec<String> {
    lines.into_iter().map(|line| format!("app.theme: {line}")).collect()
}

fn put_logo(assets: &mut Assets, path: &Path) -> Result<(), String> {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let kind = AssetKind::of(extension)
        .filter(|kind| matches!(kind, AssetKind::Svg | AssetKind::Png | AssetKind::Webp));
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
    assets.replace(Asset::Style, "portcullis", AssetKind::Css, with_colors);
    problems
}

/// What a theme changes, in words.
fn changes(folder: &Folder, embedded: Embedded<'_>) -> String {
    let ours = Catalogues::embedded();
    let is_ours = |language: &str| ours.as_ref().is_ok_and(|all| all.iter().any(|(tag, _)| tag == language));
    let templates = folder
        .templates
        .keys()
        .map(|name| (embedded.iter().any(|(known, _)| known == name), format!("{name}.tera")));
    let assets = folder.assets.keys().map(|name| (Asset::named(name).is_some(), name.clone()));
    let texts = folder.texts.keys().map(|language| (is_ours(language), format!("texts in {language}")));
    let (replaced, added): (Vec<_>, Vec<_>) =
        templates.chain(assets).chain(texts).partition(|(is_replaced, _)| *is_replaced);
    let list = |names: Vec<(bool, String)>| {
        let names: Vec<_> = names.into_iter().map(|(_, name)| name).collect();
        if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
    };
    format!("replaces {} and adds {}", list(replaced), list(added))
}
