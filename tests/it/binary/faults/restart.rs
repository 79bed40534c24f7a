//! What survives `kill -9`: sessions, and the ends of sessions.

use crate::binary::client::{Ask, Client, Jar};
use crate::binary::server::{Installation, Server};

/// Whether both tokens of this jar are dead, whatever is tried with them.
fn assert_dead(server: &Server, jar: &Jar, round: usize) {
    let mut thief = Client::with(server.address(), jar);
    let answer = thief.protected();
    assert_eq!((answer.status, answer.code().as_str()), (401, "token_revoked"), "round {round}");
    let mut thief = Client::with(server.address(), jar);
    let answer = thief.refresh();
    assert_eq!((answer.status, answer.code().as_str()), (401, "token_revoked"), "round {round}");
    let mut thief = Client::with(server.address(), jar);
    let page = thief.send(Ask::get("/dashboard").header("Accept", "text/html"));
    assert_eq!(page.status, 303, "round {round}");
}

#[test]
fn a_session_survives_kill_9() {
    let installation = Installation::new();
    let mut jar = Jar::default();
    for round in 0..5 {
        let server = installation.start();
        let mut client = Client::with(server.address(), &jar);
        if round == 0 {
            client.sign_in("testuser", "testpass");
        }
        assert_eq!(client.protected().status, 200, "round {round}");
        assert_eq!(client.refresh().status, 200, "round {round}");
        jar = client.jar;
        server.kill();
    }
}

#[test]
fn a_logout_survives_kill_9_right_after_the_answer() {
    let installation = Installation::new();
    let mut server = installation.start();
    for round in 0..20 {
        let mut client = server.client();
        assert_eq!(client.sign_in("testuser", "testpass").status, 200);
        let old = client.jar.clone();
        assert_eq!(client.logout().body, r#"{"logout":true}"#);
        server.kill();
        assert!(client.jar.tokens().next().is_none(), "the answer cleared the cookies: {:?}", client.jar);

        server = installation.start();
        assert_dead(&server, &old, round);
    }
}

#[test]
fn a_copy_of_the_cookies_is_refused_everywhere_after_logout() {
    let installation = Installation::new();
    let server = installation.start();
    let mut client = server.client();
    client.sign_in("testuser", "testpass");
    let old = client.jar.clone();
    client.refresh();
    let newer = client.jar.clone();
    client.logout();
    assert_dead(&server, &old, 0);
    assert_dead(&server, &newer, 0);
    server.kill();
    let server = installation.start();
    assert_dead(&server, &old, 1);
    assert_dead(&server, &newer, 1);
}

#[test]
fn a_reused_refresh_token_ends_the_session_also_across_kill_9() {
    let installation = Installation::new().with("PORTCULLIS_AUTH__REFRESH_GRACE", "0");
    let server = installation.start();
    let mut client = server.client();
    client.sign_in("testuser", "testpass");
    let stolen = client.jar.clone();
    for _ in 0..2 {
        assert_eq!(client.refresh().status, 200);
        assert_eq!(client.protected().status, 200);
    }
    server.kill();

    let server = installation.start();
    let mut thief = Client::with(server.address(), &stolen);
    let answer = thief.refresh();
    assert_eq!((answer.status, answer.code().as_str()), (401, "token_reused"));
    let mut victim = Client::with(server.address(), &client.jar);
    assert_eq!(victim.protected().status, 401);
    server.kill();

    let server = installation.start();
    let mut victim = Client::with(server.address(), &client.jar);
    assert_eq!(victim.protected().code(), "token_revoked");
    assert_eq!(victim.refresh().code(), "token_revoked");
    let page = victim.send(Ask::get("/dashboard").header("Accept", "text/html"));
    assert_eq!(page.status, 401);
    assert!(page.body.contains("used from two places"), "the person is told why: {}", page.body);
}
