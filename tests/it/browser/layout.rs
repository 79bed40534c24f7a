//! What axe does not see: nothing is too wide or too small, and nothing vanishes on paper or in forced colours.

use serde_json::Value;

use crate::browser::chromium::Browser;
use crate::browser::states::Tour;

/// Runs one of the inspections below; what it finds, one line each.
async fn inspect(browser: &Browser, inspection: &str) -> Vec<String> {
    let body = format!("{VISIBLE} const faults = []; {inspection} return faults;");
    let found = browser.run(&body).await;
    found.as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect()
}

async fn tour(language: &'static str) {
    let tour = Tour::begin(language).await;
    let mut found = Vec::new();
    tour.go(async |browser, state| {
        let mut note = |how: &str, lines: Vec<String>| {
            found.extend(lines.into_iter().map(|line| format!("{}, {language}, {how}: {line}", state.name)));
        };
        browser.set_media("", &[]).await;
        for width in [320, 768, 1280, 2560] {
            browser.set_width(width).await;
            note(&format!("{width} px"), inspect(browser, FITS).await);
        }
        note("forms", inspect(browser, NAMED).await);
        browser.set_width(320).await;
        browser.set_media("", &[("forced-colors", "active")]).await;
        note("forced colours", inspect(browser, &format!("{FITS}{THERE}{EDGED}")).await);
        browser.set_media("", &[("prefers-contrast", "more")]).await;
        note("more contrast", inspect(browser, &format!("{FITS}{THERE}")).await);
        browser.set_media("", &[("prefers-reduced-motion", "reduce")]).await;
        note("reduced motion", inspect(browser, STILL).await);
        browser.set_media("print", &[("prefers-color-scheme", "dark")]).await;
        browser.set_width(768).await;
        note("on paper", inspect(browser, &format!("{THERE}{PRINTED}")).await);
    })
    .await;
    assert!(found.is_empty(), "{} faults:\n{}", found.len(), found.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn every_page_fits_every_width_and_medium_in_english() {
    tour("en").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn every_page_fits_every_width_and_medium_in_german() {
    tour("de").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn a_page_that_does_not_fit_would_be_found() {
    let tour = Tour::begin("en").await;
    let browser = &tour.browser;
    browser.visit("/login").await;
    browser.set_width(320).await;
    assert_eq!(inspect(browser, &format!("{FITS}{NAMED}{THERE}")).await, [""; 0]);
    let spoil = "document.querySelector('.card').style.width = '400px';
        document.querySelector('main form button.wide').style.cssText = 'min-height: 0; height: 20px; border: 0';
        document.querySelector('#password').autocomplete = 'off';
        document.querySelector('h1').style.visibility = 'hidden';
        document.querySelector('label').style.transition = 'color 1s';";
    browser.run(spoil).await;
    let found = inspect(browser, &format!("{FITS}{NAMED}{THERE}{EDGED}{STILL}")).await.join("\n");
    for fault in ["wider than", "24 px", "autocomplete", "cannot be seen", "no edge", "moves"] {
        assert!(found.contains(fault), "{fault:?} was not found: {found}");
    }
    let numbers: Value = browser.run("return [document.documentElement.scrollWidth, innerWidth]").await;
    assert!(numbers[0].as_u64() > numbers[1].as_u64());
}

const VISIBLE: &str = "
    const visible = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true })
        && element.getBoundingClientRect().width > 0;
    const all = (selector) => [...document.querySelectorAll(selector)];
    const what = (element) => element.outerHTML.slice(0, 90);";

/// No scrolling sideways (WCAG 1.4.10), and targets of at least 24 by 24 (2.5.8), but for links in a sentence.
const FITS: &str = "
    const root = document.documentElement;
    if (root.scrollWidth > innerWidth) faults.push(`${root.scrollWidth} px is wider than the window`);
    for (const element of all('body *')) {
        const box = element.getBoundingClientRect();
        if (visible(element) && !element.closest('.unseen, .skip') && (box.right > innerWidth + 1 || box.left < -1))
            faults.push(`wider than the window: ${what(element)}`);
    }
    for (const element of all('a, button, input').filter(visible)) {
        const target = ['checkbox', 'radio'].includes(element.type) ? element.closest('label') : element;
        const inSentence = element.matches('a') && getComputedStyle(element).display === 'inline'
            && element.parentElement.textContent.trim().length > element.textContent.trim().length;
        const box = target.getBoundingClientRect();
        if (!inSentence && (box.width < 24 || box.height < 24))
            faults.push(`smaller than 24 px, ${box.width} by ${box.height}: ${what(element)}`);
    }";

/// One heading, a language, a title, and fields that people and password managers know.
const NAMED: &str = "
    if (all('h1').length !== 1) faults.push('not one h1');
    if (!/^(en|de)$/.test(document.documentElement.lang)) faults.push('no language');
    if (!/.+ · Portcullis$/.test(document.title)) faults.push(`the title is ${document.title}`);
    const failed = all('[role=alert]:not([hidden]):not([data-ended])').length > 0;
    if (failed !== /^(Error|Fehler):/.test(document.title)) faults.push(`an error, and the title is ${document.title}`);
    const wanted = { username: 'username', account: 'username', email: 'email', password: 'current-password', current_password: 'current-password',
        new_password: 'new-password', new_password_again: 'new-password',
        code: 'one-time-code', label: 'off', display_name: 'name' };
    for (const input of all('input').filter(visible)) {
        if (![...input.labels].some((label) => visible(label) && label.textContent.trim()))
            faults.push(`no label: ${what(input)}`);
        // What an administrator types about others must not be filled in with the administrator's own.
        const want = /^.people/.test(new URL(input.form.action).pathname) ? 'off' : wanted[input.name];
        if (!['checkbox', 'radio'].includes(input.type) && input.autocomplete.replace(' webauthn', '') !== want)
            faults.push(`autocomplete: ${what(input)}`);
        if (input.getAttribute('aria-invalid') === 'true') {
            const ids = (input.getAttribute('aria-describedby') ?? '').split(' ');
            if (!ids.some((id) => document.getElementById(id)?.textContent.trim()))
                faults.push(`an error that is not tied to its field: ${what(input)}`);
        }
    }
    const invalid = all('[aria-invalid=true]').filter(visible);
    if (invalid.length && !invalid.includes(document.activeElement)) faults.push('the focus is not at an error');";

/// What matters can be seen, and its colour is not its ground's.
const THERE: &str = "
    for (const element of all('h1, h2:not(.unseen), label, dt, dd, .message:not([hidden]), .row-title')) {
        const style = getComputedStyle(element);
        let ground = element;
        while (ground && /, 0\\)$|transparent/.test(getComputedStyle(ground).backgroundColor)) ground = ground.parentElement;
        const behind = ground ? getComputedStyle(ground).backgroundColor : 'none';
        if (!visible(element) || style.color === behind) faults.push(`cannot be seen: ${what(element)}`);
    }";

/// Forced colours take every ground away, so that only an edge makes a button of a text.
const EDGED: &str = "
    for (const element of all('button, a.button, input').filter(visible)) {
        const style = getComputedStyle(element);
        if (!['checkbox', 'radio'].includes(element.type) && (style.borderTopStyle === 'none' || parseFloat(style.borderTopWidth) < 1))
            faults.push(`no edge: ${what(element)}`);
    }";

const STILL: &str = "
    for (const element of all('*')) {
        const style = getComputedStyle(element);
        if (/[1-9]/.test(style.transitionDuration) || style.animationName !== 'none')
            faults.push(`moves: ${what(element)}`);
    }";

/// Paper is white, also for somebody whose screen is dark, and cannot be clicked.
const PRINTED: &str = "
    const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
    if (channels(getComputedStyle(document.documentElement).backgroundColor).slice(0, 3).some((c) => c < 250))
        faults.push('the paper is dark');
    for (const element of all('h1, p, dt, dd, label').filter(visible))
        if (channels(getComputedStyle(element).color).slice(0, 3).every((c) => c > 140)) faults.push(`faint: ${what(element)}`);
    for (const element of all('nav, button, .skip').filter(visible)) faults.push(`printed: ${what(element)}`);";
