//! Requests that no decent client sends: the server answers or hangs up, and goes on serving.

use std::time::Duration;

use crate::binary::client::{Answer, Ask, raw};
use crate::binary::server::Installation;

const PATIENCE: Duration = Duration::from_millis(400);

#[test]
fn junk_never_ends_the_server() {
    let installation = Installation::new();
    let mut server = installation.start();
    let long_line = [b"GET /".as_slice(), &[b'a'; 100_000], b" HTTP/1.1\r\nHost: x\r\n\r\n"].concat();
    let many_headers =
        [b"GET / HTTP/1.1\r\nHost: x\r\n".as_slice(), &b"X: y\r\n".repeat(5000), b"\r\n"].concat();
    let huge_cookie = [
        b"GET /protected HTTP/1.1\r\nHost: x\r\nCookie: access_token_cookie=".as_slice(),
        &[b'a'; 300_000],
        b"\r\n\r\n",
    ]
    .concat();
    let junk: [&[u8]; 16] = [
        b"\0\0\0\0",
        b"\xff\xfe\xfd\r\n\r\n",
        b"\r\n\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"BREW /login HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\xc3\x28 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /%c3%28?next=%ff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: \xff\r\nCookie: \xff\xff=\xfe\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &long_line,
        &many_headers,
        &huge_cookie,
    ];
    for bytes in junk {
        let answer = Answer::parse(&raw(server.address(), bytes, PATIENCE));
        assert!(answer.status < 500, "{:?} gave {answer:?}", String::from_utf8_lossy(bytes));
    }
    assert!(server.is_running());
    assert_eq!(server.client().sign_in("testuser", "testpass").status, 200);
    assert!(!server.said().contains("panicked"), "{}", server.said());
}

#[test]
fn broken_utf_8_is_answered_with_a_4xx() {
    let installation = Installation::new();
    let mut server = installation.start();
    let request = |head: &str, body: &[u8]| {
        let length = body.len();
        let head = format!("{head}\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        Answer::parse(&raw(server.address(), &[head.as_bytes(), body].concat(), PATIENCE)).status
    };
    let json = "POST /login HTTP/1.1\r\nContent-Type: application/json";
    let form = "POST /login HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded";
    assert_eq!(request(json, b"{\"username\": \"\xff\", \"password\": \"\xc3\x28\"}"), 400);
    assert_eq!(request(json, b"\xff\xff\xff"), 400);
    assert_eq!(request(json, b"{\"username\": \"\\ud800\", \"password\": \"x\"}"), 400);
    assert_eq!(request(form, b"csrf_token=\xff&username=\xfe&password=x"), 400);
    assert_eq!(request(form, b"csrf_token=%ff&username=%fe&password=%c3%28"), 400);
    assert!(server.is_running());
}

#[test]
fn a_cookie_sent_twice_is_refused_on_the_wire() {
    let installation = Installation::new();
    let server = installation.start();
    let mut client = server.client();
    client.sign_in("testuser", "testpass");
    let good = client.jar.get("access_token_cookie").unwrap().to_owned();
    for lines in [
        format!("Cookie: access_token_cookie={good}; access_token_cookie=planted"),
        format!("Cookie: access_token_cookie={good}\r\nCookie: access_token_cookie=planted"),
        format!("Cookie: access_token_cookie=planted\r\nCookie: access_token_cookie={good}"),
    ] {
        let request = format!("GET /protected HTTP/1.1\r\nHost: x\r\n{lines}\r\nConnection: close\r\n\r\n");
        let answer = Answer::parse(&raw(server.address(), request.as_bytes(), PATIENCE));
        assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_token"), "{lines}");
    }
}

#[test]
fn a_neighbours_cookie_that_hides_ours_is_told_and_never_loops_without_a_word() {
    let installation = Installation::new();
    let server = installation.start();
    let mut client = server.client();
    client.sign_in("testuser", "testpass");
    let good = client.jar.get("access_token_cookie").unwrap();
    // Latin-1, which Rocket drops with the whole line.
    let cookie = [b"Cookie: other=\xe6; access_token_cookie=".as_slice(), good.as_bytes()].concat();
    let ask = |path: &str, referrer: &str| {
        let head =
            format!("GET {path} HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n{referrer}Connection: close\r\n");
        let request = [head.as_bytes(), &cookie, b"\r\n\r\n"].concat();
        Answer::parse(&raw(server.address(), &request, PATIENCE))
    };
    let answer = ask("/dashboard", "Referer: http://x/login\r\n");
    let location: Vec<_> = answer.all("location").collect();
    assert_eq!((answer.status, &*location), (303, &["/login?notice=cookies_lost"][..]));
    let page = ask(location[0], "");
    assert!(page.status == 200 && page.body.contains("/cookies/clear"), "{}", page.body);
}

#[test]
fn an_unknown_method_is_refused_with_the_headers_of_every_answer() {
    let installation = Installation::new();
    let server = installation.start();
    for accept in ["application/json", "text/html"] {
        let request =
            format!("BREW /login HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\nConnection: close\r\n\r\n");
        let answer = Answer::parse(&raw(server.address(), request.as_bytes(), PATIENCE));
        assert!((400..=405).contains(&answer.status), "{answer:?}");
        for name in ["content-security-policy", "x-content-type-options", "cache-control"] {
            assert_eq!(answer.all(name).count(), 1, "{name}");
        }
        // It speaks of documents, and data is none.
        assert_eq!(answer.all("x-frame-options").count(), usize::from(accept == "text/html"), "{answer:?}");
    }
}

#[test]
fn a_proof_that_comes_too_late_is_told_to_the_developer() {
    let installation = Installation::new();
    let mut server = installation.start();
    let late = format!("username={}&password=x&csrf_token=x", "a".repeat(600));
    assert_eq!(server.client().send(Ask::form("/login", &late)).status, 403);
    server.terminate();
    let told = "a form came without csrf_token among its first 512 bytes";
    assert!(server.said().contains(told), "{}", server.said());
}

#[test]
fn a_request_names_exactly_one_host() {
    let installation = Installation::new();
    let server = installation.start();
    for (hosts, expected) in [
        ("Host: x\r\n", 200),
        ("", 400),
        ("Host: x\r\nHost: x\r\n", 400),
        ("Host: x\r\nhost: evil.example\r\n", 400),
        ("Host: a b\r\n", 400),
    ] {
        let request =
            format!("GET /login HTTP/1.1\r\n{hosts}Accept: application/json\r\nConnection: close\r\n\r\n");
        let answer = Answer::parse(&raw(server.address(), request.as_bytes(), PATIENCE));
        assert_eq!(answer.status, expected, "{hosts:?}");
    }
}

#[test]
fn an_oversized_body_is_refused_without_reading_it_all() {
    let installation = Installation::new();
    let server = installation.start();
    let body = format!(r#"{{"username": "testuser", "password": "{}"}}"#, "x".repeat(9000));
    assert_eq!(server.client().send(Ask::json("/login", &body)).status, 413);
    // A hundred gigabytes are announced, a little more than is accepted is sent.
    let head = "POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 107374182400\r\n\r\n";
    let request = [head.as_bytes(), &[b' '; 20_000]].concat();
    assert_eq!(Answer::parse(&raw(server.address(), &request, PATIENCE)).status, 413);
}
