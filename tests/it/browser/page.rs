//! What a test asks of the page in front of it, and does to it as a person with a keyboard would.
//!
//! Opening and closing the browser is in `chromium.rs`.

#![expect(clippy::disallowed_methods, reason = "a browser is waited for by the machine's clock")]

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use thirtyfour::WindowHandle;
use thirtyfour::prelude::*;

use crate::browser::chromium::Browser;

impl Browser {
    /// Runs a script's body in the page, as a debugger does: also where pages may run none.
    pub(super) async fn run(&self, body: &str) -> Value {
        self.driver.execute(body, Vec::new()).await.unwrap().json().clone()
    }

    /// Runs a script's body that may `await`.
    pub(super) async fn run_async(&self, body: &str) -> Value {
        self.run(&format!("return (async () => {{ {body} }})()")).await
    }

    /// Whether an expression becomes true within a few seconds.
    pub(super) async fn becomes(&self, expression: &str) -> bool {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // A page that is being left for another runs nothing.
            let answer = self.driver.execute(format!("return Boolean({expression})"), Vec::new()).await;
            if answer.is_ok_and(|answer| answer.json() == &json!(true)) {
                return true;
            }
            if Instant::now() > deadline {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(super) async fn assert_becomes(&self, expression: &str) {
        let became = self.becomes(expression).await;
        let text = if became { String::new() } else { self.text().await };
        assert!(
            became,
            "it never became true that {expression}; at {} one reads: {text}",
            self.place().await
        );
    }

    /// Speaks to the browser behind the page (Chrome DevTools Protocol).
    pub(super) async fn cdp(&self, method: &str, parameters: Value) -> Value {
        self.driver.cdp().send_raw(method, parameters).await.unwrap()
    }

    pub(super) async fn title(&self) -> String {
        self.driver.title().await.unwrap()
    }

    pub(super) async fn language(&self) -> String {
        self.element("html").await.attr("lang").await.unwrap().unwrap_or_default()
    }

    /// Clicks on what leads to another page, and waits for that one: it may have the same address.
    pub(super) async fn leave_by(&self, selector: &str) {
        self.run("document.documentElement.dataset.left = ''").await;
        self.click(selector).await;
        self.assert_becomes(
            "!('left' in document.documentElement.dataset) && document.readyState === 'complete'",
        )
        .await;
    }

    /// Goes to an address of any site.
    pub(super) async fn go_to(&self, address: &str) {
        self.driver.goto(address).await.unwrap();
    }

    pub(super) async fn has(&self, selector: &str) -> bool {
        self.run(&format!("return document.querySelector({}) !== null", json!(selector))).await == json!(true)
    }

    /// What a person reads there.
    pub(super) async fn reads(&self, selector: &str) -> String {
        self.element(selector).await.text().await.unwrap()
    }

    pub(super) async fn attribute(&self, selector: &str, name: &str) -> String {
        self.element(selector).await.attr(name).await.unwrap().unwrap_or_default()
    }

    pub(super) async fn fill(&self, selector: &str, text: &str) {
        let field = self.element(selector).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Presses keys, wherever the focus is.
    pub(super) async fn press(&self, keys: impl Into<TypingData>) {
        self.driver.action_chain().send_keys(keys).perform().await.unwrap();
    }

    /// Presses Tab until the element has the focus; every stop on the way must be visible.
    pub(super) async fn tab_to(&self, selector: &str) {
        for _ in 0..30 {
            self.press(Key::Tab).await;
            // The link that skips the bar slides in.
            self.assert_becomes(&format!("({FOCUS}).visible")).await;
            let here = format!("return document.activeElement.matches({})", json!(selector));
            if self.run(&here).await == json!(true) {
                return;
            }
        }
        let seen = self.run(&format!("return {FOCUS}")).await;
        assert_eq!(seen["what"], selector, "Tab never came there");
    }

    /// A second window of the same browser; both can be seen.
    pub(super) async fn another_window(&self) -> WindowHandle {
        self.driver.new_window().await.unwrap()
    }

    pub(super) async fn window(&self) -> WindowHandle {
        self.driver.window().await.unwrap()
    }

    pub(super) async fn look_at(&self, window: &WindowHandle) {
        self.driver.switch_to_window(window.clone()).await.unwrap();
    }

    /// The cookies of the browser, all of them, as it keeps them.
    pub(super) async fn held(&self) -> Vec<Value> {
        let held = self.cdp("Network.getCookies", json!({ "urls": [self.site.as_str()] })).await;
        held["cookies"].as_array().unwrap().clone()
    }

    /// The value of a cookie; empty when there is none.
    pub(super) async fn cookie(&self, name: &str) -> String {
        let held = self.held().await;
        let found = held.iter().find(|cookie| cookie["name"] == name);
        found.and_then(|cookie| cookie["value"].as_str()).unwrap_or_default().to_owned()
    }
}

/// What has the focus, and whether a person can see that it has.
const FOCUS: &str = "(() => {
    const element = document.activeElement;
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
    const there = box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight;
    return { what: element.outerHTML.slice(0, 120), visible: element.id === 'main' || (outlined && there) };
    })()";
/// Longer than anything takes that a page does by itself on a busy machine.
const PATIENCE: Duration = Duration::from_secs(15);
