//! Whoever runs the application gives its pages a look of their own, and hears of every mistake at launch.

use std::collections::BTreeSet;
use std::path::PathBuf;

use portcullis::routes::pages;
use portcullis::routes::view::samples::Surroundings;
use portcullis::routes::view::words::Catalogues;
use portcullis::settings::Settings;
use portcullis::settings::colors::ColorName;
use rocket::figment::Figment;
use rocket::figment::providers::{Format, Toml};
use serde_json::Value;
use tempfile::TempDir;

use crate::requests::headers::assert_security_headers;
use crate::support::{App, Setup, figment};

/// A folder for `app.theme`, and files beside it.
pub(super) struct Theme {
    folder: TempDir,
}

impl Theme {
    pub(super) fn new() -> Self {
        let theme = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(theme.path("theme")).unwrap();
        theme
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, also beside the theme.
    pub(super) fn beside(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    pub(super) fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.beside(&format!("theme/{name}"), content)
    }

    pub(super) fn launch(&self) -> App {
        Setup::new().set("app.theme", self.path("theme")).launch()
    }

    /// The lines that refuse it, without the key.
    pub(super) fn refusal(&self) -> Vec<String> {
        let lines = refusal(&figment().merge(("app.theme", self.path("theme"))));
        lines.iter().map(|line| line.strip_prefix("app.theme: ").expect(line).to_owned()).collect()
    }

    /// The one line that refuses it.
    #[track_caller]
    pub(super) fn assert_refused(&self, expected: &str) {
        let lines = self.refusal();
        assert!(lines.len() == 1 && lines[0].starts_with(expected), "{expected}\n{lines:#?}");
    }
}

/// What the launch says, and that checking the settings says the same.
pub(super) fn refusal(figment: &Figment) -> Vec<String> {
    let lines = portcullis::app::check(figment).expect_err("it was accepted");
    let launch = portcullis::app::rocket(figment, Setup::new().world()).map(drop);
    assert_eq!(launch, Err(lines.clone()), "the launch says the same");
    for line in &lines {
        assert!(!line.contains('\n') && line.len() < 500, "{line}");
    }
    lines
}

pub(super) fn source(name: &str) -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(root.join(name)).unwrap()
}

/// A template of ours in which one text is another.
pub(super) fn changed(name: &str, from: &str, to: &str) -> String {
    let text = source(&format!("templates/{name}"));
    assert!(text.contains(from), "{from} is not in {name}");
    text.replacen(from, to, 1)
}

/// The address of an asset on a page.
pub(super) fn address(page: &str, start: &str) -> String {
    let plain = page.replace("&#x2F;", "/");
    let found = plain.split('"').find(|text| text.starts_with(start)).expect(&plain);
    found.to_owned()
}

#[test]
fn a_template_replaces_a_page_and_leaves_the_others_alone() {
    let before = crate::support::app().browser().get("/nowhere").send().body;
    let app = Theme::new()
        .with("templates/login.html.tera", changed("login.html.tera", "<h1 id=\"heading\">", "<h1>Ahoy, "))
        .launch();
    let browser = app.browser();
    assert!(browser.get("/login").send().body.contains("<h1>Ahoy, Sign in</h1>"));
    assert_eq!(browser.get("/nowhere").send().body, before);
    assert_eq!(browser.sign_in("testuser", "testpass").status, 303);
}

#[test]
fn a_template_can_extend_the_one_it_replaces_and_use_parts_of_its_own() {
    let app = Theme::new()
        .with(
            "templates/base.html.tera",
            "{% extends \"portcullis/base.html\" %}{% block foot %}{% include \"imprint.html\" %}{% endblock %}",
        )
        .with("templates/imprint.html.tera", "<footer>{{ service }}, {{ lang }}</footer>")
        .with(
            "templates/login.html.tera",
            "{% extends \"portcullis/login.html\" %}{% block title %}Hello{% endblock %}",
        )
        .launch();
    let browser = app.browser();
    let page = browser.get("/login").send().body;
    assert!(
        page.contains("<title>Hello · Portcullis</title>") && page.contains("name=\"password\""),
        "{page}"
    );
    assert!(page.contains("<footer>Portcullis, en</footer>"), "{page}");
    assert!(browser.get("/nowhere").send().body.contains("<footer>Portcullis, en</footer>"));
}

#[test]
fn style_script_and_pictures_are_replaced_and_named_by_their_content() {
    let before = crate::support::app().browser().get("/login").send().body;
    let app = Theme::new()
        .with("static/portcullis.css", "body { color: red }")
        .with("static/portcullis.js", "console.log(1)")
        .with("static/icon.svg", "<svg>icon</svg>")
        .with("static/portcullis.svg", "<svg>mark</svg>")
        .launch();
    let browser = app.browser();
    let page = browser.get("/login").send().body;
    for (start, content) in
        [("/static/portcullis.", "body { color: red }"), ("/static/icon.", "<svg>icon</svg>")]
    {
        let path = address(&page, start);
        if start == "/static/icon." {
            assert_eq!(browser.get("/favicon.ico").send().location(), path);
        }
        assert_ne!(path, address(&before, start));
        let file = browser.get(&path).send();
        assert_eq!((file.status, file.body.as_str()), (200, content));
        assert_eq!(file.header("Cache-Control"), Some("public, max-age=31536000, immutable"));
        assert_security_headers(&file, false);
        assert_eq!(browser.get(&address(&before, start)).send().status, 404, "ours is gone");
    }
    let all: Vec<_> = page.replace("&#x2F;", "/").split('"').map(str::to_owned).collect();
    let served = |end: &str| {
        let path = all.iter().find(|text| text.starts_with("/static/portcullis.") && text.ends_with(end));
        browser.get(path.unwrap()).send().body
    };
    assert_eq!((served(".js").as_str(), served(".svg").as_str()), ("console.log(1)", "<svg>mark</svg>"));
}

#[test]
fn other_files_are_served_under_their_names_for_an_hour() {
    let kinds = [
        ("body.woff2", "font/woff2"),
        ("photo.jpg", "image/jpeg"),
        ("photo.v2.png", "image/png"),
        ("photo.webp", "image/webp"),
        ("photo.avif", "image/avif"),
        ("photo.svg", "image/svg+xml"),
        ("old.ico", "image/x-icon"),
        ("more.css", "text/css; charset=utf-8"),
        ("more.js", "text/javascript"),
    ];
    let theme =
        kinds.iter().fold(Theme::new(), |theme, (name, _)| theme.with(&format!("static/{name}"), name));
    let theme = theme.beside("secret.css", "secret");
    let app = theme.launch();
    let browser = app.browser();
    for (name, kind) in kinds {
        let file = browser.get(&format!("/static/{name}")).send();
        assert_eq!((file.status, file.body.as_str(), file.header("Content-Type")), (200, name, Some(kind)));
        assert_eq!(file.header("Cache-Control"), Some("public, max-age=3600"));
        assert_eq!(file.header("X-Content-Type-Options"), Some("nosniff"));
        assert_eq!(
            file.header("Content-Security-Policy").unwrap().split(';').next(),
            Some("default-src 'none'")
        );
    }
    for path in
        ["/static/../secret.css", "/static/..%2fsecret.css", "/static/..%2f..%2fsecret.css", "/static/"]
    {
        assert_ne!(browser.get(path).send().status, 200, "{path}");
    }
    std::fs::remove_dir_all(theme.path("theme")).unwrap();
    assert_eq!(browser.get("/static/more.css").send().body, "more.css", "read once, at launch");
}

#[test]
fn a_single_text_is_replaced_in_its_language_alone() {
    let app = Theme::new().with("text/de.json", r#"{ "login": { "title": "Moin", "help": "" } }"#).launch();
    let browser = app.browser();
    let german = browser.get("/login").header("Accept-Language", "de").send().body;
    assert!(german.contains("Moin</h1>") && german.contains("Benutzername"), "{german}");
    assert!(browser.get("/login").send().body.contains("Sign in</h1>"));
}

#[test]
fn a_text_that_is_unknown_or_has_other_places_to_fill_is_refused() {
    for (text, expected) in [
        (
            r#"{ "login": { "titel": "x" } }"#,
            "text/de.json: unknown text \"login.titel\"; did you mean \"login.title\"?",
        ),
        (r#"{ "greeting": "x" }"#, "text/de.json: unknown text \"greeting\""),
        (r#"{ "login": "x" }"#, "text/de.json: unknown text \"login\""),
        (r#"{ "login": { "title": 5 } }"#, "text/de.json: \"login.title\" must be a text"),
        (r#"{ "login": { "title": { "x": "y" } } }"#, "text/de.json: unknown text \"login.title.x\""),
        (
            r#"{ "dashboard": { "heading": "Hallo" } }"#,
            "text/de.json: \"dashboard.heading\" has the places to fill none, and must have {name}",
        ),
        (
            r#"{ "sessions": { "browser_on_system": "{browser} {os}" } }"#,
            "text/de.json: \"sessions.browser_on_system\" has the places to fill {browser}, {os}, and must have \
             {browser}, {system}",
        ),
        ("{\n  \"login\": }", "text/de.json:2:12: expected value"),
        ("[]", "text/de.json: unknown text \"\""),
    ] {
        Theme::new().with("text/de.json", text).assert_refused(expected);
    }
}

/// Our English texts, each with a mark.
fn marked(value: &Value) -> Value {
    match value {
        Value::Object(members) => members.iter().map(|(key, value)| (key.clone(), marked(value))).collect(),
        Value::String(text) => Value::String(format!("{text}†")),
        other => other.clone(),
    }
}

#[test]
fn a_new_language_is_chosen_like_the_others_when_it_has_every_text() {
    let english: Value = serde_json::from_str(&source("templates/text/en.json")).unwrap();
    let mut texts = marked(&english);
    let app = Theme::new().with("text/pt-BR.json", texts.to_string()).launch();
    let browser = app.browser();
    for (wanted, is_it) in [
        ("pt-BR", true),
        ("pt", true),
        ("pt-PT, en;q=0.5", true),
        ("fr, pt-br;q=0.2", true),
        ("en, pt;q=0.5", false),
        ("fr", false),
    ] {
        let page = browser.get("/login").header("Accept-Language", wanted).send().body;
        assert_eq!(page.contains("Sign in†</h1>"), is_it, "{wanted}");
        assert_eq!(page.contains("<html lang=\"pt-BR\">"), is_it, "{wanted}");
    }
    let other = texts.to_string().replace('†', "‡");
    let both = Theme::new().with("text/pt.json", other).with("text/pt-BR.json", texts.to_string()).launch();
    for (wanted, title) in [("pt-BR", "Sign in†</h1>"), ("pt", "Sign in‡</h1>"), ("pt-PT", "Sign in‡</h1>")]
    {
        let page = both.browser().get("/login").header("Accept-Language", wanted).send().body;
        assert!(page.contains(title), "{wanted}");
    }
    texts["login"].as_object_mut().unwrap().remove("title");
    texts["wait"].as_object_mut().unwrap().remove("moment");
    Theme::new().with("text/fr.json", texts.to_string()).assert_refused(
        "text/fr.json: a new language needs every text; 2 are missing, the first is \"login.title\"",
    );
}

#[test]
fn a_logo_stands_for_the_mark() {
    let theme = Theme::new()
        .beside("logo.png", b"\x89PNG")
        .beside("logo.gif", "x")
        .beside("big.svg", vec![b' '; 2_097_153]);
    let app = Setup::new().set("app.logo", theme.path("logo.png")).launch();
    let browser = app.browser();
    for page in [browser.get("/login").send().body, app.signed_in_browser().get("/dashboard").send().body] {
        let logo = address(&page, "/static/logo.");
        assert!(logo.ends_with(".png"), "{logo}");
        let file = browser.get(&logo).send();
        assert_eq!((file.status, file.header("Content-Type")), (200, Some("image/png")));
        assert_eq!(file.header("Cache-Control"), Some("public, max-age=31536000, immutable"));
    }
    for (name, expected) in [
        ("logo.gif", "app.logo: must be a file that ends in .svg, .png or .webp"),
        ("nowhere.png", "app.logo: "),
        ("big.svg", "app.logo: "),
    ] {
        let lines = refusal(&figment().merge(("app.logo", theme.path(name))));
        assert!(lines.len() == 1 && lines[0].starts_with(expected), "{lines:?}");
    }
}

fn style(app: &App) -> String {
    let browser = app.browser();
    let page = browser.get("/login").send().body;
    assert_eq!(page.matches("rel=\"stylesheet\"").count(), 1, "one request for style");
    browser.get(&address(&page, "/static/portcullis.")).send().body
}

#[test]
fn colours_become_part_of_the_one_stylesheet() {
    let plain = style(&crate::support::app());
    let colored = || {
        let setup =
            Setup::new().set("app.colors.accent", "#7a1f5c").set("app.colors.accent_strong", "#5c1545");
        setup.set("app.dark_colors.accent", "#f0a8d4")
    };
    let css = style(&colored().launch());
    let light = "@media screen and (prefers-color-scheme: light) { :root { --accent: #7a1f5c; --accent-strong: #5c1545; } }";
    let dark = "@media screen and (prefers-color-scheme: dark) { :root { --accent: #f0a8d4; } }";
    assert_eq!(css.replacen(&format!("\n\n{light}\n\n{dark}"), "", 1), plain);
    let theme = Theme::new().with("static/portcullis.css", "body { color: var(--accent) }");
    let css = style(&colored().set("app.theme", theme.path("theme")).launch());
    assert!(css.starts_with("body {") && css.contains(light) && css.ends_with(dark), "{css}");
}

#[test]
fn colours_that_cannot_be_read_are_refused() {
    let refused = |key: &str, value: &str| refusal(&figment().merge((format!("app.{key}"), value)));
    assert_eq!(
        refused("colors.accent", "#ffcc00"),
        [
            "app.colors.accent: #ffcc00 on ground #f4f6f5 has a contrast of 1.3:1, text needs 4.5:1 (WCAG 1.4.3)",
            "app.colors.accent: #ffcc00 on surface #ffffff has a contrast of 1.5:1, text needs 4.5:1 (WCAG 1.4.3)",
            "app.colors.accent: on_accent #ffffff on accent #ffcc00 has a contrast of 1.5:1, text needs 4.5:1 (WCAG 1.4.3)",
        ]
    );
    let lines = refused("dark_colors.edge", "#333333");
    assert!(
        lines.len() == 2 && lines[1].ends_with("the edge of a control needs 3:1 (WCAG 1.4.11)"),
        "{lines:?}"
    );
    for (key, value, expected) in [
        ("colors.acent", "#000", "app.colors: unknown key \"acent\"; did you mean \"accent\"?"),
        ("colors.accent", "red", "app.colors.accent: must be a colour, \"#rgb\" or \"#rrggbb\""),
        ("dark_colors.accent", "#12", "app.dark_colors.accent: must be a colour"),
    ] {
        let lines = refused(key, value);
        assert!(lines.len() == 1 && lines[0].starts_with(expected), "{lines:?}");
    }
}

#[test]
fn mistakes_of_every_kind_are_told_at_once() {
    let theme = Theme::new()
        .with("static/x.exe", "x")
        .with("text/de.json", "{")
        .with("templates/login.html.tera", "{{");
    let figment = figment().merge(("app.theme", theme.path("theme"))).merge(("app.colors.ink", "#fff"));
    let lines = refusal(&figment.merge(("app.logo", "logo.bmp")));
    for start in [
        "app.theme: text/de.json:",
        "app.theme: static/x.exe",
        "app.theme: templates/login",
        "app.logo: ",
        "app.colors.ink: ",
    ] {
        assert!(lines.iter().any(|line| line.starts_with(start)), "{start}: {lines:?}");
    }
}

#[test]
fn without_a_theme_or_with_an_empty_one_nothing_differs() {
    let page = |app: App| {
        app.browser().get("/login").send().body.split("csrf_token").map(str::to_owned).next().unwrap()
    };
    assert_eq!(page(Theme::new().launch()), page(crate::support::app()));
    let settings: Settings = portcullis::settings::load(&figment()).unwrap();
    assert!(settings.theme.is_none() && settings.logo.is_none());
    assert!(settings.colors.is_empty() && settings.dark_colors.is_empty());
    assert_eq!(style(&crate::support::app()), source("static/portcullis.css"));
}

#[test]
fn the_guide_tells_what_every_page_is_given_and_what_the_script_gives() {
    let guide = source("docs/pages.md");
    let catalogues = Catalogues::embedded().unwrap();
    let settings = portcullis::settings::load(&figment()).unwrap();
    let surroundings =
        Surroundings { catalogues: &catalogues, service: "x", auth: &settings.auth, text: "x" };
    let samples = pages::samples(surroundings);
    let members = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let error = samples.iter().find(|sample| sample.template == "error.html").unwrap();
    let own = ["status", "key", "retry_after", "back"];
    let mut shared = members(&error.context);
    shared.retain(|member| !own.contains(&member.as_str()));
    shared.extend(["user".to_owned(), "access".to_owned()]);
    let (_, frame) = guide.split_once("## What templates are given").unwrap();
    for member in &shared {
        assert!(frame.split("###").next().unwrap().contains(&format!("`{member}`")), "{member}");
    }
    for sample in &samples {
        let heading = format!("\n### {}\n", sample.template);
        let (_, section) = guide.split_once(&heading).expect(&heading);
        let section = section.split("\n### ").next().unwrap();
        for member in members(&sample.context).difference(&shared) {
            assert!(section.contains(&format!("`{member}`")), "{member} of {}", sample.template);
        }
    }
    let script = source("static/portcullis.js");
    assert!(script.contains("window.portcullis = Object.freeze({ fetch: send, renew: () => renew() });"));
    assert!(guide.contains("`portcullis.fetch`") && guide.contains("`portcullis.renew`"));
    for name in ColorName::all() {
        assert!(guide.contains(&format!("`{name}`")), "{name}");
    }
}

/// The code blocks of the guide in this language.
fn blocks(language: &str) -> Vec<String> {
    let guide = source("docs/pages.md");
    let start = format!("```{language}\n");
    guide.split(&start).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_examples_of_the_guide_are_accepted() {
    let theme = Theme::new().beside("logo.svg", "<svg/>");
    let toml = blocks("toml").concat().replace("/etc/lighthouse", theme.folder.path().to_str().unwrap());
    let figment = figment().merge(Toml::string(&toml).nested());
    assert_eq!(portcullis::app::check(&figment), Ok(()));
    let frame = blocks("html").into_iter().find(|block| block.contains("extends")).unwrap();
    let script = blocks("html").pop().unwrap();
    let line = "app.colors.accent: #ffcc00 on surface #ffffff has a contrast of 1.5:1, text needs 4.5:1 (WCAG 1.4.3)\n";
    assert!(blocks("text").iter().any(|block| block == line));
    let app = Theme::new()
        .with("templates/base.html.tera", frame)
        .with("templates/login.html.tera", format!("{{% extends \"portcullis/login.html\" %}}{script}"))
        .with("static/more.css", "")
        .with("static/more.js", "")
        .with("text/de.json", blocks("json").concat())
        .launch();
    let page = app.browser().get("/login").header("Accept-Language", "de").send().body;
    for part in ["<footer>", "Ruf an: 1234.", "src=\"/static/more.js\"></script>"] {
        assert!(page.contains(part), "{part}: {page}");
    }
}
