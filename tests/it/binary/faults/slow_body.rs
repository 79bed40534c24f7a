//! A body that takes its time does not keep alive what has ended meanwhile.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::binary::client::{Answer, Ask, Client};
use crate::binary::server::{Installation, Server};

/// A request that has been sent but for the end of its body.
struct Held {
    stream: TcpStream,
    rest: &'static [u8],
}

impl Held {
    /// Sends everything but the last bytes; the body begins with more white space than a guard may peek at.
    fn begin(server: &Server, caller: &Client, path: &str, body: &'static str) -> Self {
        let (first, rest) = body.split_at(body.len() - 5);
        let cookies = format!("access_token_cookie={}", caller.jar.get("access_token_cookie").unwrap());
        let proof = caller.jar.get("csrf_access_token").unwrap();
        let blank = " ".repeat(2000);
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nCookie: {cookies}\r\nX-CSRF-TOKEN: {proof}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{blank}{first}",
            server.address(),
            blank.len() + body.len(),
        );
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        Self { stream, rest: rest.as_bytes() }
    }

    fn finish(mut self) -> Answer {
        self.stream.write_all(self.rest).unwrap();
        let mut answer = Vec::new();
        self.stream.read_to_end(&mut answer).unwrap();
        Answer::parse(&answer)
    }
}

fn signed_in(server: &Server, name: &str, password: &str) -> Client {
    let mut client = server.client();
    assert_eq!(client.sign_in(name, password).status, 200);
    client
}

/// Long enough for the guards to have judged what has come so far.
fn let_it_be_judged() {
    std::thread::sleep(Duration::from_millis(700));
}

#[test]
fn an_administrator_who_is_signed_out_meanwhile_changes_nothing() {
    let installation = Installation::new();
    let server = installation.start();
    let mut admin = signed_in(&server, "admin", "adminpass");
    let held = [
        Held::begin(&server, &admin, "/people", r#"{"username": "backdoor", "roles": ["admin"]}"#),
        Held::begin(&server, &admin, "/people/testuser/roles", r#"{"roles": ["user", "admin"]}"#),
        Held::begin(
            &server,
            &admin,
            "/account/password",
            r#"{"current_password": "adminpass", "new_password": "a perfectly fine phrase"}"#,
        ),
    ];
    let control = signed_in(&server, "admin", "adminpass");
    let honest = Held::begin(&server, &control, "/people", r#"{"username": "grace", "roles": ["staff"]}"#);
    let_it_be_judged();
    assert_eq!(admin.logout().status, 200);
    for held in held {
        let answer = held.finish();
        assert_eq!((answer.status, answer.code().as_str()), (401, "token_revoked"), "{answer:?}");
    }
    assert_eq!(honest.finish().status, 200, "whoever is slow and still signed in is served");
    let mut again = signed_in(&server, "admin", "adminpass");
    assert_eq!(again.send(Ask::get("/people/backdoor")).status, 404);
    let list = again.send(Ask::get("/people?q=testuser")).body;
    assert!(list.contains(r#""roles":["user"]"#), "{list}");
}
