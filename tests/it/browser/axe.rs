//! axe-core on every page in every state, in both languages and colour schemes, narrow and wide.
//!
//! `scripts/test` installs it and says where, in `BROWSER_NODE`.

use serde_json::{Value, json};

use crate::browser::chromium::Browser;
use crate::browser::media::Scheme;
use crate::browser::states::Tour;

/// Where `scripts/test` has installed what `package.json` in this folder names.
pub(super) fn installed() -> std::path::PathBuf {
    let place = std::env::var_os("BROWSER_NODE");
    assert!(place.is_some(), "BROWSER_NODE is not set; run scripts/test");
    std::path::PathBuf::from(place.unwrap()).join("node_modules")
}

fn source() -> String {
    std::fs::read_to_string(installed().join("axe-core/axe.min.js")).unwrap()
}

/// What axe finds on the page, one line each.
async fn violations(browser: &Browser, source: &str) -> Vec<String> {
    if browser.run("return typeof axe").await == json!("undefined") {
        browser.run(source).await;
    }
    let found = browser.run_async(RUN).await;
    let found = found.as_array().unwrap();
    let line = |one: &Value| one.as_str().unwrap().to_owned();
    found.iter().map(line).collect()
}

const RUN: &str = "
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    const result = await axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] });
    if (result.passes.length < 10) throw Error('axe has hardly looked');
    return result.violations.flatMap((one) =>
        one.nodes.map((node) => `${one.id} (${one.impact}): ${node.target.join(' ')}: ${node.failureSummary}`));";

async fn tour(language: &'static str) {
    let tour = Tour::begin(language).await;
    let source = source();
    let mut found = Vec::new();
    tour.go(async |browser, state| {
        for scheme in Scheme::BOTH {
            browser.set_scheme(scheme).await;
            for width in [320, 1280] {
                browser.set_width(width).await;
                for line in violations(browser, &source).await {
                    found.push(format!("{}, {language}, {scheme:?}, {width} px: {line}", state.name));
                }
            }
        }
    })
    .await;
    assert!(found.is_empty(), "axe found {}:\n{}", found.len(), found.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium, chromedriver and Node packages"]
async fn axe_finds_nothing_on_any_page_in_any_state_in_english() {
    tour("en").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium, chromedriver and Node packages"]
async fn axe_finds_nothing_on_any_page_in_any_state_in_german() {
    tour("de").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium, chromedriver and Node packages"]
async fn axe_would_find_something() {
    let tour = Tour::begin("en").await;
    let browser = &tour.browser;
    browser.visit("/login").await;
    let plant = "const main = document.querySelector('main');
        main.append(document.createElement('img'));
        const faint = document.createElement('p');
        faint.textContent = 'hardly to be read';
        faint.style.color = getComputedStyle(main).backgroundColor;
        faint.style.cssText = 'color: #ccc; background: #fff';
        main.append(faint);
        document.querySelector('label').remove();";
    browser.run(plant).await;
    let found = violations(browser, &source()).await.join("\n");
    for rule in ["image-alt", "color-contrast", "label"] {
        assert!(found.contains(&format!("{rule} (")), "{rule} was not found: {found}");
    }
}
