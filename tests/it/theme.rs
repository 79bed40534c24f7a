//! Whoever runs the application gives its pages a look of their own, and hears of every mistake at launch.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use portcullis::routes::answer::reply::Reply;
use portcullis::routes::pages;
use portcullis::routes::view::samples::Surroundings;
use portcullis::routes::view::words::Catalogues;
use portcullis::settings::Settings;
use portcullis::settings::colors::ColorName;
use rocket::figment::Figment;
use rocket::figment::providers::{Format, Toml};
use rocket::http::Status;
use rocket_dyn_templates::Template;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::headers::assert_security_headers;
use crate::support::{App, Setup, figment};

/// A folder for `app.theme`, and files beside it.
struct Theme {
    folder: TempDir,
}

impl Theme {
    fn new() -> Self {
        let theme = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(theme.path("theme")).unwrap();
        theme
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, also beside the theme.
    fn beside(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.beside(&format!("theme/{name}"), content)
    }

    fn launch(&self) -> App {
        Setup::new().set("app.theme", self.path("theme")).launch()
    }

    /// The lines that refuse it, without the key.
    fn refusal(&self) -> Vec<String> {
        let lines = refusal(&figment().merge(("app.theme", self.path("theme"))));
        lines.iter().map(|line| line.strip_prefix("app.theme: ").expect(line).to_owned()).collect()
    }

    /// The one line that refuses it.
    #[track_caller]
    fn assert_refused(&self, expected: &str) {
        let lines = self.refusal();
        assert!(lines.len() == 1 && lines[0].starts_with(expected), "{expected}\n{lines:#?}");
    }
}

/// What the launch says, and that checking the settings says the same.
fn refusal(figment: &Figment) -> Vec<String> {
    let lines = portcullis::app::check(figment).expect_err("it was accepted");
    let launch = portcullis::app::rocket(figment, Setup::new().world()).map(drop);
    assert_eq!(launch, Err(lines.clone()), "the launch says the same");
    for line in &lines {
        assert!(!line.contains('\n') && line.len() < 500, "{line}");
    }
    lines
}

fn source(name: &str) -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(root.join(name)).unwrap()
}

/// A template of ours in which one text is another.
fn changed(name: &str, from: &str, to: &str) -> String {
    let text = source(&format!("templates/{name}"));
    assert!(text.contains(from), "{from} is not in {name}");
    text.replacen(from, to, 1)
}

/// The address of an asset on a page.
fn address(page: &str, start: &str) -> String {
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
fn a_template_that_tera_cannot_read_is_refused_with_teras_place_and_words() {
    let broken =
        "{% extends \"base.html\" %}\n{% block content %}\n<p>{{ t.login.title | }}</p>\n{% endblock %}";
    Theme::new()
        .with("templates/login.html.tera", broken)
        .assert_refused("templates/login.html.tera:3:23: expected ");
    Theme::new()
        .with("templates/error.html.tera", "{% if status %}")
        .assert_refused("templates/error.html.tera:1:16: expected ");
    Theme::new().with("templates/error.html.tera", "{% extends \"nowhere.html\" %}").assert_refused(
        "templates/error.html.tera:1: Template 'error.html' is inheriting from 'nowhere.html'",
    );
    for line in [12, 120] {
        let text = format!("{}{{{{ a | }}}}\nmore", "\n".repeat(line - 1));
        let theme = Theme::new().with("templates/error.html.tera", text);
        theme.assert_refused(&format!("templates/error.html.tera:{line}:8: expected "));
        assert!(!theme.refusal()[0].contains("| ^"), "{:?}", theme.refusal());
    }
    let both = Theme::new()
        .with("templates/login.html.tera", "{{")
        .with("templates/error.html.tera", "{% block a %}{% endblock %}{% block a %}{% endblock %}");
    let lines = both.refusal();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines[0], "templates/error.html.tera: Block `a` is duplicated");
    assert!(lines[1].starts_with("templates/login.html.tera:1:"), "{lines:?}");
}

#[test]
fn what_tera_finds_only_while_rendering_is_refused_with_its_innermost_cause() {
    let shouting = changed("login.html.tera", "{{ t.login.help }}", "{{ t.login.help | shout }}");
    let at = shouting.lines().position(|line| line.contains("shout")).unwrap() + 1;
    Theme::new().with("templates/login.html.tera", shouting).assert_refused(&format!(
        "templates/login.html.tera:{at}: Filter 'shout' not found (while rendering login.html)"
    ));
    // `error` is there in some states only, and so is the mistake.
    let unsure = changed("reauthenticate.html.tera", "{{ t.reauthenticate.lead }}", "{{ error }}");
    let line = "templates/reauthenticate.html.tera: Variable `error` not found in context while rendering \
                'reauthenticate.html'";
    Theme::new().with("templates/reauthenticate.html.tera", unsure).assert_refused(line);
    // In the frame of every page, and told once.
    let frame = changed("base.html.tera", "{{ lang }}", "{{ lang | shout }}");
    Theme::new().with("templates/base.html.tera", frame).assert_refused("templates/base.html.tera:");
    Theme::new()
        .with("templates/error.html.tera", "{% include \"nowhere.html\" %}")
        .assert_refused("templates/error.html.tera:1: Template '[nowhere.html]' not found");
}

#[test]
fn a_mistake_is_blamed_on_the_tags_that_name_it_and_told_once() {
    let broken = |name: &str| changed(name, "{% block content %}", "{% block content %}{{ nope }}");
    let theme = Theme::new()
        .with("templates/login.html.tera", broken("login.html.tera"))
        .with("templates/wait.html.tera", "nope, login.html, error {# {{ nope }} #}{{ nope_not }}");
    let lines = theme.refusal();
    let at = broken("login.html.tera").lines().position(|line| line.contains("nope")).unwrap() + 1;
    assert_eq!(lines.len(), 2, "{lines:#?}");
    let expected = format!("templates/login.html.tera:{at}: Variable `nope` not found");
    assert!(lines.iter().any(|line| line.starts_with(&expected)), "{lines:#?}");
    // In two files, and so on two pages.
    let theme = Theme::new()
        .with("templates/login.html.tera", broken("login.html.tera"))
        .with("templates/error.html.tera", broken("error.html.tera"));
    theme.assert_refused("the page login.html: Variable `nope` not found");
}

#[test]
fn a_mistake_that_one_notice_error_or_status_alone_shows_is_refused() {
    for (name, state) in [
        ("login.html", "notice and notice == \"password_chosen\""),
        ("login.html", "error and error == \"account_disabled\""),
        ("dashboard.html", "notice and notice == \"others_ended\""),
        ("person.html", "notice and notice == \"code_withdrawn\""),
        ("person.html", "notice and notice == \"failures_forgotten\""),
        ("people.html", "error and error == \"bad_username\""),
        ("error.html", "status == 413"),
    ] {
        let tag = format!("{{% if {state} %}}{{{{ nope }}}}{{% endif %}}");
        let file = format!("{name}.tera");
        let text = changed(&file, "{% block content %}", &format!("{{% block content %}}{tag}"));
        let expected = format!("templates/{name}.tera:");
        Theme::new().with(&format!("templates/{name}.tera"), text).assert_refused(&expected);
    }
}

#[test]
fn the_samples_show_every_key_that_a_page_can_tell() {
    let catalogues = Catalogues::embedded().unwrap();
    let settings = portcullis::settings::load(&figment()).unwrap();
    let samples = pages::samples(Surroundings {
        catalogues: &catalogues,
        service: "x",
        auth: &settings.auth,
        text: "x",
    });
    let (_, english) = catalogues.iter().next().unwrap();
    let with_errors = ["login", "password", "code", "people", "person", "reauthenticate"];
    let mut wanted: Vec<_> = with_errors.iter().map(|page| (*page, "error", "/errors")).collect();
    wanted.extend([
        ("login", "notice", "/login/notices"),
        ("person", "notice", "/person/notices"),
        ("dashboard", "notice", "/notices"),
        ("sessions", "notice", "/notices"),
        ("password", "notice", "/notices"),
        ("error", "key", "/problems"),
    ]);
    for (page, member, place) in wanted {
        for key in english.pointer(place).unwrap().as_object().unwrap().keys() {
            let is_shown = samples.iter().any(|sample| {
                sample.template == format!("{page}.html") && sample.context[member] == key.as_str()
            });
            let is_others = key == "too_short" && !["password", "code"].contains(&page);
            assert!(is_shown != is_others, "{page} with the {member} {key}");
        }
    }
    assert!(samples.len() < 300, "{}", samples.len());
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[rocket::get("/")]
fn broken() -> Reply {
    Reply::Page(Status::Ok, Template::render("broken.html", json!({ "own": "secret" })))
}

#[test]
fn a_page_that_cannot_be_rendered_is_told_in_a_line_without_what_it_was_given() {
    let folder = tempfile::tempdir().unwrap();
    let config = rocket::Config::figment().merge(("template_dir", folder.path())).merge(("log_level", "off"));
    let app =
        rocket::custom(config).mount("/", rocket::routes![broken]).attach(Template::custom(|engines| {
            engines.tera.add_raw_template("broken.html", "{{ own }}{{ nope }}").unwrap();
        }));
    let client = rocket::local::blocking::Client::untracked(app).unwrap();
    let log = Log::default();
    let writer = log.clone();
    let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let status = tracing::subscriber::with_default(lines, || client.get("/").dispatch().status());
    assert_eq!(status.code, 500);
    let told = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<_> = told.lines().filter(|line| line.contains("ERROR portcullis")).collect();
    assert!(lines.len() == 1 && lines[0].contains("the page broken.html cannot be rendered"), "{told}");
    assert!(!told.contains("secret"), "{told}");
}

#[test]
fn a_form_that_lost_its_proof_is_refused() {
    let line = "the page login.html: a form must begin with <input type=\"hidden\" name=\"{{ csrf_field }}\"";
    let proof = "<input type=\"hidden\" name=\"{{ csrf_field }}\" value=\"{{ csrf_token }}\">";
    let theme = |text: String| Theme::new().with("templates/login.html.tera", text);
    theme(changed("login.html.tera", proof, "")).assert_refused(line);
    let next = "<input type=\"hidden\" name=\"next\" value=\"{{ next | default(value=\"\") }}\">";
    let late = changed("login.html.tera", proof, "").replace(next, &format!("{next}{proof}"));
    theme(late).assert_refused(line);
    let fixed = changed("login.html.tera", "{{ csrf_field }}", "csrf_token");
    theme(fixed.clone()).launch();
    let renamed = theme(fixed);
    let figment =
        figment().merge(("app.theme", renamed.path("theme"))).merge(("auth.csrf_field_name", "proof"));
    assert!(refusal(&figment)[0].contains(line), "the name is the settings'");
}

#[test]
fn a_page_that_lost_its_form_or_shows_a_block_nowhere_is_refused() {
    let lost = |name: &str| format!("the page {name}: has lost a form of the original");
    Theme::new().with("templates/login.html.tera", "").assert_refused(&lost("login.html"));
    let frame = changed("base.html.tera", "{% block content %}{% endblock content %}", "");
    let frame = Theme::new().with("templates/base.html.tera", frame);
    frame.assert_refused(&lost("login.html"));
    let frame = changed("base.html.tera", "<form class=\"sign-out\"", "<!-- <form class=\"sign-out\"")
        .replacen("</form>", "</form> -->", 1);
    Theme::new().with("templates/base.html.tera", frame).assert_refused(&lost("dashboard.html"));
    let slip = changed("login.html.tera", "block content %}", "block contents %}");
    let slip = slip.replace("endblock content %}", "endblock contents %}");
    Theme::new().with("templates/login.html.tera", slip).assert_refused(
        "templates/login.html.tera:5: nothing that it extends has the block contents, so it is not shown; did you \
         mean content?",
    );
    let inside = changed("login.html.tera", "<form", "{% block inside %}{% endblock %}<form");
    Theme::new().with("templates/login.html.tera", inside).launch();
}

#[test]
fn what_browsers_would_refuse_silently_is_refused_at_launch() {
    for (addition, expected) in [
        ("<script>alert(1)</script>", "the page login.html: browsers refuse a <script>"),
        ("<p style=\"color: red\">x</p>", "the page login.html: browsers refuse the attribute style of <p>"),
        ("<p onclick=\"x()\">x</p>", "the page login.html: browsers refuse the attribute onclick of <p>"),
        ("<img src=\"https://cdn.example/x.png\">", "the page login.html: browsers refuse the src of <img>"),
        ("<iframe src=\"/login\"></iframe>", "the page login.html: browsers refuse <iframe> in a page"),
        (
            "<link rel=\"manifest\" href=\"/x\">",
            "the page login.html: browsers refuse <link rel=\"manifest\">",
        ),
        (
            "<img srcset=\"//cdn.example/x.png 2x\">",
            "the page login.html: browsers refuse the srcset of <img>",
        ),
    ] {
        let text = changed("login.html.tera", "<form", &format!("{addition}<form"));
        Theme::new().with("templates/login.html.tera", text).assert_refused(expected);
    }
    let text = changed("login.html.tera", "action=\"/login\"", "action=\"https://elsewhere.example/login\"");
    Theme::new().with("templates/login.html.tera", text).assert_refused(
        "the page login.html: browsers refuse the action of <form>: a form leads nowhere but",
    );
    for css in
        ["p {}\n@import 'https://cdn.example/a.css';", "p {}\np { background: url(//cdn.example/a.png) }"]
    {
        Theme::new().with("static/more.css", css).assert_refused(
            "static/more.css:2: browsers refuse this address: nothing is loaded from elsewhere",
        );
    }
    let fine = "{% block head %}<link rel=\"canonical\" href=\"https://example.org/login\">{% endblock %}";
    let fine = format!("{{% extends \"portcullis/login.html\" %}}{fine}");
    Theme::new().with("templates/login.html.tera", fine).launch();
    let text = changed("base.html.tera", " data-csrf-header=\"{{ csrf_header }}\"", "");
    let theme = Theme::new().with("templates/base.html.tera", text);
    theme.assert_refused("the page login.html: loads the script and does not say data-csrf-header");
    theme.with("static/portcullis.js", "").launch();
}

#[test]
fn a_template_that_shows_the_words_of_others_unescaped_is_refused() {
    let text = changed(
        "login.html.tera",
        "value=\"{{ username | default(value=\"\") }}\"",
        "value=\"{{ username | default(value=\"\") | safe }}\"",
    );
    let at = text.lines().position(|line| line.contains("safe")).unwrap() + 1;
    let expected =
        format!("templates/login.html.tera:{at}: `safe` may stand only after a text of `t`, as in");
    Theme::new().with("templates/login.html.tera", text).assert_refused(&expected);
    let shown = |name: &str, tag: &str| {
        let text = changed(&format!("{name}.tera"), "<form", &format!("{tag}<form"));
        Theme::new().with(&format!("templates/{name}.tera"), text)
    };
    for filters in ["upper", "title", "truncate(length=5)", "striptags", "replace(from=\"s\", to=\"z\")"] {
        let tag = format!("<b>{{{{ search | {filters} | safe }}}}</b>");
        shown("people.html", &tag).assert_refused("templates/people.html.tera:");
    }
    let expected = "the page people.html: shows what somebody else wrote as markup";
    for tag in [
        "<input aria-label=x value={{ search }}>",
        "<b>{{ user.roles }}</b>",
        "<b>{% filter replace(from=\"&lt;\", to=\"<\") %}{{ search | upper }}{% endfilter %}</b>",
    ] {
        shown("people.html", tag).assert_refused(expected);
    }
    shown("login.html", "{{ t.login.help | safe }}<svg><rect y=\"1\"/></svg>").launch();
}

#[test]
fn a_slip_in_a_templates_name_is_refused() {
    let text = source("templates/login.html.tera");
    Theme::new().with("templates/logn.html.tera", &text).assert_refused(
        "templates/logn.html.tera: replaces no page and no template uses it; did you mean login.html.tera?",
    );
    Theme::new()
        .with("templates/something.html.tera", "x")
        .assert_refused("templates/something.html.tera: replaces no page and no template uses it");
    for name in ["login.html", "login.tera", "login.txt.tera", "login.html.tera.bak"] {
        let expected = format!("templates/{name}: must end in .html.tera");
        Theme::new().with(&format!("templates/{name}"), "x").assert_refused(&expected);
    }
}

#[test]
fn a_template_that_is_part_of_itself_is_refused_before_it_ends_the_process() {
    let line = |name: &str| {
        format!(
            "templates/{name}.tera: extends, includes or imports itself without end; what it replaces is \"portcullis/{name}\""
        )
    };
    let own = "{% extends \"login.html\" %}";
    assert_eq!(Theme::new().with("templates/login.html.tera", own).refusal(), [line("login.html")]);
    let around = Theme::new()
        .with("templates/wait.html.tera", "{% include \"again.html\" %}")
        .with("templates/again.html.tera", "{% if service == 'x' %}{%- include 'wait.html' -%}{% endif %}");
    assert_eq!(around.refusal(), [line("again.html"), line("wait.html")]);
    let frame =
        "{% extends \"portcullis/base.html\" %}{% block foot %}{% include \"error.html\" %}{% endblock %}";
    let frame = Theme::new().with("templates/base.html.tera", frame);
    assert_eq!(frame.refusal(), [line("base.html")], "our error.html extends base.html");
    let importing = |name: &str, import: &str| {
        let extends = "{% extends \"base.html\" %}";
        changed(name, extends, &format!("{extends}{{% import \"{import}\" as m %}}"))
    };
    let own = Theme::new().with("templates/login.html.tera", importing("login.html.tera", "login.html"));
    assert_eq!(own.refusal(), [line("login.html")]);
    let each_other = Theme::new()
        .with("templates/login.html.tera", importing("login.html.tera", "one.html"))
        .with("templates/one.html.tera", "{% import 'two.html' as m %}{% macro a() %}{% endmacro %}")
        .with("templates/two.html.tera", "{% import 'one.html' as m %}{% macro a() %}{% endmacro %}");
    assert_eq!(each_other.refusal(), [line("one.html"), line("two.html")]);
    let fine = "{# {% include 'login.html' %} #}{% raw %}{% include 'login.html' %}{% endraw %}";
    let fine = changed("login.html.tera", "<form", &format!("{fine}<form"));
    Theme::new().with("templates/login.html.tera", fine).launch();
}

#[test]
fn a_macro_that_calls_itself_is_refused_before_it_ends_the_process() {
    let page = changed("login.html.tera", "<form", "{{ m::a() }}<form");
    let extends = "{% extends \"base.html\" %}";
    let page = page.replace(extends, &format!("{extends}{{% import \"macros.html\" as m %}}"));
    let theme = |macros: &str| {
        Theme::new()
            .with("templates/login.html.tera", page.clone())
            .with("templates/macros.html.tera", macros)
    };
    theme("{% macro a() %}\n{{ self::a() }}\n{% endmacro a %}")
        .assert_refused("templates/macros.html.tera:1: the macro a calls itself");
    let around = "{% macro a() %}{{ self::b() }}{% endmacro %}\n{% macro b() %}{% if 1 == 1 %}{{ self::a() }}{% endif %}{% endmacro %}";
    assert_eq!(
        theme(around).refusal(),
        [
            "templates/macros.html.tera:1: the macro a calls itself",
            "templates/macros.html.tera:2: the macro b calls itself"
        ]
    );
    theme("{% macro a() %}{{ self::b() }}{% endmacro %}{% macro b() %}b{% endmacro %}").launch();
}

#[test]
fn files_that_have_no_place_in_a_theme_are_refused() {
    for (name, expected) in [
        (
            "login.html.tera",
            "login.html.tera: does not belong here; a theme has the folders templates, static and text",
        ),
        ("styles/x.css", "styles: does not belong here"),
        ("templates/parts/x.html.tera", "templates/parts: does not belong here; there are no folders inside"),
        ("static/page.html", "static/page.html: is nothing that is served; known are css, js, svg, png"),
        ("static/LICENSE", "static/LICENSE: is nothing that is served"),
        ("static/my logo.svg", "static/\"my logo.svg\" is no name for a file here"),
        ("text/german.json", "text/german.json: must be called by its language"),
        ("text/de.toml", "text/de.toml: must be called by its language"),
        ("text/zh-yue.json", "text/zh-yue.json: must be called by its language"),
        ("text/de-CH-1996.json", "text/de-CH-1996.json: must be called by its language"),
        ("text/DE.json", "text/DE.json: must be called by its language"),
    ] {
        Theme::new().with(name, "x").assert_refused(expected);
    }
    let theme = Theme::new().with("static/photo.png", vec![0; 2 * 1024 * 1024]);
    theme.launch();
    let theme = theme.with("static/photo.png", vec![0; 2 * 1024 * 1024 + 1]);
    theme.assert_refused("static/photo.png: is larger than 2 MiB");
    Theme::new()
        .with("templates/login.html.tera", [0xff])
        .assert_refused("templates/login.html.tera: is not UTF-8");
    Theme::new().with("static/portcullis.css", [0xff]).assert_refused("static/portcullis.css: is not UTF-8");
    Theme::new()
        .with(".git/config", "x")
        .with("static/.keep", "")
        .with("templates/.login.html.tera.swp", "x")
        .launch();
}

#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_read_hides_no_other_mistake() {
    let theme = Theme::new().with("static/x.exe", "x").with("static/my logo.svg", "x").with("other", "x");
    for name in ["static/gone.svg", "gone"] {
        std::os::unix::fs::symlink("nowhere", theme.path("theme").join(name)).unwrap();
    }
    let theme = theme.with("templates/login.txt", "x");
    let lines = theme.refusal();
    for start in [
        "static/gone.svg: cannot be read: no such file",
        "gone: cannot be read: no such file",
        "static/\"my logo.svg\" is no name",
        "other: does not belong here",
        "templates/login.txt: must end in .html.tera",
    ] {
        assert!(lines.iter().any(|line| line.starts_with(start)), "{start}: {lines:#?}");
    }
}

#[test]
fn a_theme_that_is_no_folder_is_refused() {
    let theme = Theme::new().beside("file", "x");
    for name in ["nowhere", "file"] {
        let lines = refusal(&figment().merge(("app.theme", theme.path(name))));
        let expected = format!("app.theme: {}: cannot be read: no", theme.path(name).display());
        assert!(lines.len() == 1 && lines[0].starts_with(&expected), "{lines:?}");
    }
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
