//! Links in messages against real programs that die, and a database that goes away, while somebody follows one.

use std::time::Duration;

use serde_json::{Value, json};

use super::draw;
use crate::binary::client::{Answer, Ask, Client};
use crate::binary::server::{Installation, Server};
use crate::mail::{Letterbox, ORIGIN};
use crate::postgres::fresh;
use crate::postgres::proxy::{Proxy, Weather};

const CHOSEN: &str = "four unrelated words here";

fn installation(mail: &Letterbox) -> Installation {
    Installation::new()
        .with("PORTCULLIS_AUTH__SECRET_KEY", crate::support::KEY)
        .with("PORTCULLIS_APP__BASE_URL", ORIGIN)
        .with("PORTCULLIS_APP__MAIL", &mail.route())
        .with("PORTCULLIS_APP__MAIL_FROM", "login@portcullis.example")
        .with("PORTCULLIS_APP__REGISTRATION", "open")
}

fn post(client: &mut Client, path: &str, body: &Value) -> Answer {
    client.send(Ask::json(path, &body.to_string()))
}

/// The link by which somebody of this name joins.
fn invited(node: &Server, mail: &Letterbox, name: &str) -> String {
    let body = json!({ "username": name, "email": format!("{name}@example.org"), "password": CHOSEN });
    let asked = post(&mut node.client(), "/register", &body);
    assert_eq!(asked.status, 202, "{}", asked.body);
    mail.take("Your account at Portcullis").link()
}

/// Whoever heard no answer presses the button again, and has the account then, once.
fn assert_joins(node: &Server, name: &str, link: &str, was_answered: bool) {
    let again = loop {
        match post(&mut node.client(), link, &json!({})) {
            answer if answer.status == 503 => std::thread::sleep(Duration::from_millis(20)),
            answer => break answer,
        }
    };
    match again.status {
        200 => assert!(!was_answered, "what was answered is kept"),
        _ => assert_eq!((again.status, again.code()), (410, "link_over".to_owned())),
    }
    assert_eq!(node.client().sign_in(name, CHOSEN).status, 200, "whoever has followed it is somebody");
}

#[test]
fn programs_that_are_killed_take_nobodys_link_along() {
    let mail = Letterbox::new();
    let installation = installation(&mail);
    let mut node = installation.start();
    let mut seed = 7;
    for number in 0..10 {
        let name = format!("ada{number}");
        let link = invited(&node, &mail, &name);
        let mut there = node.client();
        let path = link.clone();
        let sending = std::thread::spawn(move || there.try_send(&Ask::json(&path, "{}")));
        std::thread::sleep(Duration::from_micros(draw(&mut seed) % 6000));
        node.kill();
        let answered = sending.join().unwrap().is_some_and(|answer| answer.status == 200);
        node = installation.start();
        assert_joins(&node, &name, &link, answered);
    }
}

#[test]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
fn a_database_that_goes_away_while_a_link_is_followed_keeps_nobody_out() {
    let mail = Letterbox::new();
    let url = fresh();
    let proxy = Proxy::before(&url);
    let installation = installation(&mail).with("PORTCULLIS_APP__STORE", &proxy.url(&url));
    let node = installation.start();
    for (number, weather) in
        [Weather::Refuses, Weather::LosesQuestions, Weather::LosesAnswers].into_iter().enumerate()
    {
        let name = format!("ada{number}");
        let link = invited(&node, &mail, &name);
        proxy.set(weather);
        let answer = post(&mut node.client(), &link, &json!({}));
        assert_eq!((answer.status, answer.code()), (503, "unavailable".to_owned()), "{weather:?}");
        proxy.set(Weather::Fair);
        proxy.cut();
        assert_joins(&node, &name, &link, false);
    }
}

#[test]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
fn of_three_nodes_that_follow_one_link_at_the_same_moment_one_does_it() {
    let mail = Letterbox::new();
    let url = fresh();
    let installation = installation(&mail).with("PORTCULLIS_APP__STORE", &url);
    let nodes = [installation.start(), installation.start(), installation.start()];
    for number in 0..5 {
        let name = format!("ada{number}");
        let link = invited(&nodes[0], &mail, &name);
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..12)
                .map(|turn| {
                    let (mut there, link) = (nodes[turn % 3].client(), link.clone());
                    scope.spawn(move || post(&mut there, &link, &json!({})).status)
                })
                .collect();
            tries.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| [200, 409, 410].contains(status)), "{statuses:?}");
        assert_eq!(nodes[1].client().sign_in(&name, CHOSEN).status, 200);
    }
}
