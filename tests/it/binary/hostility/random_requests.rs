//! Seventy-two thousand requests that nobody thought of: each is answered, and none with a fault of ours.

use std::net::SocketAddr;

use crate::binary::server::Installation;
use crate::binary::wire::{Wire, paths};

/// xorshift64*: the same requests in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % sides
    }

    fn of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.roll(choices.len())]
    }

    fn bytes(&mut self) -> Vec<u8> {
        (0..self.roll(40)).map(|_| u8::try_from(self.roll(256)).unwrap()).collect()
    }

    fn path(&mut self, paths: &[String]) -> String {
        let path = &paths[self.roll(paths.len())];
        let query = self.of(&[
            "",
            "",
            "",
            "?next=/x",
            "?next=%ff",
            "?notice=signed_out",
            "?jwt=a.b.c",
            "?&&=",
            "?q=%00",
        ]);
        let ending = self.of(&["", "", "", "", "/", "//", "/%2e", "/..", "%20", "%2f", "/x", ";x"]);
        let start = self.of(&["", "", "", "", "/", "/.", "/%2e"]);
        format!("{start}{path}{ending}{query}")
    }

    fn headers(&mut self) -> String {
        let lines = [
            self.of(&[
                "",
                "Accept: text/html\r\n",
                "Accept: application/json\r\n",
                "Accept: */*;q=2\r\n",
                "Accept: ,;=\r\n",
            ]),
            self.of(&[
                "",
                "Content-Type: application/x-www-form-urlencoded\r\n",
                "Content-Type: application/json\r\n",
                "Content-Type: multipart/form-data; boundary=b\r\n",
                "Content-Type: text/plain\r\n",
                "Content-Type: /\r\n",
            ]),
            self.of(&[
                "",
                "Sec-Fetch-Site: same-origin\r\n",
                "Sec-Fetch-Site: cross-site\r\n",
                "Origin: null\r\n",
                "Origin: http://localhost\r\n",
            ]),
            self.of(&[
                "",
                "Cookie: access_token_cookie=x\r\n",
                "Cookie: a=b; refresh_token_cookie=a.b.c\r\n",
                "Cookie: ;;=\r\n",
                "Cookie: portcullis_login=x\r\n",
            ]),
            self.of(&[
                "",
                "Authorization: Bearer x\r\n",
                "X-CSRF-TOKEN: x\r\n",
                "X-Forwarded-For: 1.2.3.4, ,\r\n",
                "Range: bytes=0-\r\n",
                "If-None-Match: *\r\n",
            ]),
            self.of(&[
                "",
                "",
                "Expect: nothing\r\n",
                "X-HTTP-Method-Override: DELETE\r\n",
                "Forwarded: for=\"\r\n",
                "Referer: http://localhost/login\r\n",
            ]),
        ];
        lines.concat()
    }

    fn body(&mut self) -> Vec<u8> {
        let start = self.of(&[
            "",
            "_method=head",
            "_method=get&csrf_token=x",
            "&&&_method=put",
            "csrf_token=x&username=nobody&password=x",
            "csrf_token=%ff&csrf_token=x",
            "username=nobody&password=x&next=//x",
            "{\"username\": \"nobody\", \"password\": \"x\"}",
            "{\"code\": 1}",
            "[[[[[[",
            "--b\r\nContent-Disposition: form-data; name=\"csrf_token\"\r\n\r\nx\r\n--b--\r\n",
            "\u{feff}{}",
        ]);
        let mut body = start.as_bytes().to_vec();
        if self.roll(3) == 0 {
            body.extend(self.bytes());
        }
        body
    }
}

fn ask_much(address: SocketAddr, seed: u64) {
    let (mut dice, mut wire, paths) = (Dice(seed), Wire::to(address), paths());
    for number in 0..24_000 {
        let method =
            dice.of(&["GET", "GET", "POST", "POST", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"]);
        let (path, headers) = (dice.path(&paths), dice.headers());
        let body = if method == "GET" || method == "HEAD" { Vec::new() } else { dice.body() };
        let status = wire.ask(method, &path, &headers, &body);
        let is_answer = status.is_some_and(|status| status < 500 || status == 503);
        let body = String::from_utf8_lossy(&body);
        assert!(is_answer, "{status:?} for number {number} of {seed}: {method} {path}\n{headers}\n{body:?}");
    }
}

#[test]
fn seventy_two_thousand_random_requests_are_answered() {
    let installation = Installation::new();
    let mut server = installation.start();
    let address = server.address();
    let askers = [1, 2, 3].map(|seed| std::thread::spawn(move || ask_much(address, seed)));
    for asker in askers {
        asker.join().unwrap();
    }
    assert!(server.is_running());
    assert!(!server.said().contains("panicked"), "{}", server.said());
    assert_eq!(server.client().sign_in("testuser", "testpass").status, 200);
}
