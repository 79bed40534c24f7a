//! `portcullis.fetch`, as the scripts of an application call it.

use serde_json::{Value, json};

use crate::binary::client::{Ask, Client};
use crate::binary::server::{Installation, Server};
use crate::browser::chromium::Browser;
use crate::browser::journeys::tabs::{count_refreshes, generation, on_dashboard, refreshes, until_idle};

/// The status and the JSON that a call comes back with, or the text of the error that it throws.
async fn call(browser: &Browser, arguments: &str) -> Value {
    let body = format!(
        "try {{ const answer = await portcullis.fetch({arguments});
         return [answer.status, await answer.json().catch(() => null)] }} catch (error) {{ return String(error) }}"
    );
    browser.run_async(&body).await
}

fn elsewhere(server: &Server) -> Client {
    let mut client = server.client();
    assert_eq!(client.sign_in("testuser", "testpass").status, 200);
    client
}

/// Ends all sessions of the person but the client's own.
fn end_others(client: &mut Client) {
    let proof = client.jar.get("csrf_access_token").unwrap().to_owned();
    assert_eq!(client.send(Ask::post("/sessions/end-others").header("X-CSRF-TOKEN", proof)).status, 200);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn a_call_that_changes_something_carries_its_proof_to_this_origin_alone() {
    let installation = Installation::new();
    let server = installation.start();
    let browser = on_dashboard(&server).await;
    elsewhere(&server);
    let refused = "return (await fetch('/sessions/end-others', { method: 'POST' })).status";
    assert_eq!(browser.run_async(refused).await, json!(403), "without the proof it is refused");
    let done = call(&browser, "'/sessions/end-others', { method: 'POST' }").await;
    assert_eq!(done, json!([200, { "ended": 1 }]));
    assert_eq!(
        call(&browser, "new Request('/protected')").await,
        json!([200, { "logged_in_as": "testuser" }])
    );
    for address in ["https://evil.example/", "//evil.example/x", "http://127.0.0.1:1/", "data:text/plain,x"] {
        let answer = call(&browser, &format!("'{address}', {{ method: 'POST' }}")).await;
        assert!(answer.as_str().unwrap_or_default().contains("Not this origin"), "{address}: {answer}");
    }
    browser.close(&["(Forbidden)"]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn other_refusals_are_handed_back_and_nothing_is_renewed() {
    let installation = Installation::new();
    let server = installation.start();
    let browser = on_dashboard(&server).await;
    let before = generation(&browser).await;
    count_refreshes(&browser).await;
    assert_eq!(call(&browser, "'/nowhere'").await[0], 404);
    browser.run("document.cookie = 'csrf_access_token=spoilt; path=/'").await;
    let answer = call(&browser, "'/sessions/end-others', { method: 'POST' }").await;
    assert_eq!((&answer[0], &answer[1]["code"]), (&json!(403), &json!("csrf_mismatch")));
    let wrong = "'/account/password', { method: 'POST', headers: { 'Content-Type': 'text/csv' }, body: 'x' }";
    assert_eq!(call(&browser, wrong).await[0], 403);
    assert_eq!((generation(&browser).await, refreshes(&browser).await), (before, 0));
    browser.close(&["(Forbidden)", "(Not Found)"]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn expired_access_is_renewed_once_and_the_call_is_sent_again_with_its_body() {
    let installation = Installation::new().with("PORTCULLIS_AUTH__ACCESS_TTL", "2");
    let server = installation.start();
    let browser = on_dashboard(&server).await;
    until_idle(&browser).await;
    let before = generation(&browser).await;
    let body = json!({ "current_password": "not mine", "new_password": "four unrelated words here" });
    let change = format!(
        "'/account/password', {{ method: 'POST', headers: {{ 'Content-Type': 'application/json' }},
          body: JSON.stringify({body}) }}"
    );
    let answer = call(&browser, &change).await;
    assert_eq!((&answer[0], &answer[1]["code"]), (&json!(422), &json!("wrong_password")));
    assert_eq!(generation(&browser).await, before + 1);

    // Ten at once share one renewal.
    until_idle(&browser).await;
    let before = generation(&browser).await;
    let ten = "return (await Promise.all(Array.from({ length: 10 }, () => portcullis.fetch('/protected'))))
        .map((answer) => answer.status)";
    assert_eq!(browser.run_async(ten).await, json!(vec![200; 10]));
    assert_eq!(generation(&browser).await, before + 1);
    browser.close(&["401 (Unauthorized)", "(Unprocessable"]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn when_the_session_has_ended_the_person_is_told_and_nothing_goes_round_in_circles() {
    let installation = Installation::new().with("PORTCULLIS_AUTH__ACCESS_TTL", "2");
    let server = installation.start();
    let browser = on_dashboard(&server).await;
    until_idle(&browser).await;
    // Before the session ends, so that a renewal that the page begins by itself is counted too.
    count_refreshes(&browser).await;
    end_others(&mut elsewhere(&server));
    for _ in 0..3 {
        assert_eq!(call(&browser, "'/protected'").await[0], 401, "the answer is the caller's");
    }
    assert!(browser.reads("[data-ended]").await.contains("This session has ended"));
    browser.run("dispatchEvent(new Event('wheel'))").await;
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    assert_eq!(refreshes(&browser).await, 1, "one refusal is enough");
    browser.click("[data-ended] a").await;
    browser.assert_becomes("location.pathname === '/login'").await;
    browser.close(&["401 (Unauthorized)"]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn a_session_that_is_ended_before_its_access_expires_is_told_of_too() {
    let installation = Installation::new();
    let server = installation.start();
    let browser = on_dashboard(&server).await;
    count_refreshes(&browser).await;
    end_others(&mut elsewhere(&server));
    let answer = call(&browser, "'/protected'").await;
    assert_eq!((&answer[0], &answer[1]["code"]), (&json!(401), &json!("token_revoked")));
    assert!(browser.reads("[data-ended]").await.contains("This session has ended"));
    assert_eq!(browser.run_async("return await portcullis.renew()").await, json!(false));
    assert_eq!(refreshes(&browser).await, 0, "there is nothing to renew");
    browser.close(&["401 (Unauthorized)"]).await;
}
