//! Two administrators who act upon each other at the same moment.

use std::sync::Barrier;

use crate::binary::client::{Answer, Ask, Client};
use crate::binary::server::{Installation, Server};
use crate::postgres::{fresh, nodes::three};

const CHOSEN: &str = "a perfectly fine phrase";

fn post(client: &mut Client, path: &str, body: &str) -> Answer {
    let proof = client.jar.get("csrf_access_token").unwrap_or_default().to_owned();
    client.send(Ask::json(path, body).header("X-CSRF-TOKEN", proof))
}

fn signed_in(server: &Server, name: &str, password: &str) -> Client {
    let mut client = server.client();
    assert_eq!(client.sign_in(name, password).status, 200, "{name}");
    client
}

#[test]
fn two_administrators_who_disable_each_other_at_once_leave_one() {
    let installation = Installation::new();
    let server = installation.start();
    disable_each_other(&server, &server);
}

#[test]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
fn two_administrators_who_disable_each_other_at_once_at_two_nodes_leave_one() {
    let [one, other, _] = three(&fresh());
    disable_each_other(&one, &other);
}

fn disable_each_other(here: &Server, there: &Server) {
    let server = here;
    let mut admin = signed_in(server, "admin", "adminpass");
    let made = post(&mut admin, "/people", r#"{"username": "boss", "roles": ["admin"]}"#);
    let made: serde_json::Value = serde_json::from_str(&made.body).unwrap();
    let body = serde_json::json!({ "username": "boss", "code": made["code"], "new_password": CHOSEN });
    assert_eq!(server.client().send(Ask::json("/account/code", &body.to_string())).status, 200);
    let mut boss = signed_in(there, "boss", CHOSEN);
    for round in 0..12 {
        let barrier = Barrier::new(2);
        let act = |client: &mut Client, path: &str| {
            barrier.wait();
            post(client, path, "{}").status
        };
        let statuses = std::thread::scope(|scope| {
            let one = scope.spawn(|| act(&mut admin, "/people/boss/disable"));
            let other = scope.spawn(|| act(&mut boss, "/people/admin/disable"));
            [one.join().unwrap(), other.join().unwrap()]
        });
        let (survivor, other) = match statuses {
            [200, 401] => (&mut admin, "boss"),
            [401, 200] => (&mut boss, "admin"),
            _ => panic_with(round, statuses),
        };
        assert_eq!(post(survivor, &format!("/people/{other}/enable"), "{}").status, 200);
        if other == "boss" {
            boss = signed_in(there, "boss", CHOSEN);
        } else {
            admin = signed_in(server, "admin", "adminpass");
        }
    }
}

#[expect(clippy::panic, reason = "an outcome that must not be should fail loudly")]
fn panic_with(round: u32, statuses: [u16; 2]) -> ! {
    panic!("in round {round} they were answered {statuses:?}")
}
