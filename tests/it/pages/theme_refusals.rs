//! What a theme may not be: every mistake stops the launch, with a line that says where it is.

use std::sync::{Arc, Mutex};

use portcullis::routes::answer::reply::Reply;
use portcullis::routes::pages;
use portcullis::routes::view::samples::Surroundings;
use portcullis::routes::view::words::Catalogues;
use rocket::http::Status;
use rocket_dyn_templates::Template;
use serde_json::json;

use crate::support::figment;

use crate::pages::theme::{Theme, changed, refusal, source};

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
    assert!(samples.len() < 700, "{}", samples.len());
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
        figment().merge(("app.theme", renamed.path("theme"))).merge(("auth.names.csrf_field_name", "proof"));
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
