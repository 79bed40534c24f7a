//! Signing keys: every algorithm in the whole application, the published set, and a ring that turns while it serves.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use base64::Engine;
use jsonwebtoken::crypto::sign;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, EncodingKey, Validation, decode};
use portcullis::auth::{Algorithm, KeyFile, OsRandom, RsaKeys, UnixTime};
use rocket::error::ErrorKind;
use rocket::local::blocking::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{App, NOW, Setup, claims, decode as decode_segment, encode, header};

/// A key file in a folder of its own, which lasts as long as this.
struct Ring {
    folder: TempDir,
}

impl Ring {
    fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn of(algorithm: &str) -> Self {
        let ring = Self::empty();
        match algorithm {
            // Making one takes seconds, and the command line's tests do.
            "RS256" | "PS256" => ring.write(&one(algorithm, include_str!("../cases/rsa-2048.pem"))),
            _ => drop(ring.add(algorithm)),
        }
        ring
    }

    fn write(&self, text: &str) {
        fs::write(self.path(), text).unwrap();
        chmod(self, 0o600);
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("keys")
    }

    fn file(&self) -> KeyFile {
        // The RSA key of these tests is a short one: making another takes seconds.
        KeyFile::at(self.path()).taking(RsaKeys::Short)
    }

    fn add(&self, algorithm: &str) -> String {
        self.file().add(algorithm.parse::<Algorithm>().unwrap(), &OsRandom).unwrap().id
    }

    fn rotate(&self, at: i64, overlap: u64) -> String {
        let (now, overlap) = (UnixTime::from_secs(at), Duration::from_secs(overlap));
        self.file().rotate(now, overlap, &OsRandom).unwrap().id
    }

    fn setup(&self) -> Setup {
        // A secret and a file exclude each other.
        Setup::without_secret().set("auth.secret_key_file", self.path()).set("auth.short_rsa_keys", true)
    }

    #[track_caller]
    fn assert_refused(&self) {
        let launched = Client::untracked(self.setup().rocket()).map(drop);
        let refused = launched.expect_err("launched with an unfit ring");
        assert!(matches!(refused.kind(), ErrorKind::FailedFairings(_)), "{refused}");
    }

    /// The line that this file's text is refused with.
    fn problem(text: &str) -> String {
        let ring = Self::empty();
        ring.write(text);
        let error = ring.file().list().unwrap_err();
        ring.assert_refused();
        assert_eq!(error.lines().count(), 1, "{error}");
        let beginning = format!("key file {}: ", ring.path().display());
        error.strip_prefix(&beginning).unwrap_or_else(|| unnamed(&error)).to_owned()
    }
}

#[expect(clippy::panic, reason = "such a line should fail loudly")]
fn unnamed(line: &str) -> ! {
    panic!("does not name the file: {line}")
}

fn chmod(ring: &Ring, mode: u32) {
    use std::os::unix::fs::PermissionsExt;

    fs::set_permissions(ring.path(), fs::Permissions::from_mode(mode)).unwrap();
}

const ALL: [&str; 8] = ["HS256", "HS384", "HS512", "EdDSA", "ES256", "ES384", "RS256", "PS256"];

fn key_set(app: &App) -> Value {
    let answer = app.program().get("/.well-known/jwks.json").send();
    assert_eq!(answer.status, 200);
    serde_json::from_str(&answer.body).unwrap()
}

/// Waits until it is so: a running server looks at its key file once a second, by the machine's clock.
#[expect(clippy::disallowed_methods, reason = "the server's own thread is waited for")]
#[track_caller]
fn soon(is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "it has not come to be");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn kid(token: &str) -> String {
    header(token)["kid"].as_str().unwrap().to_owned()
}

#[test]
fn people_sign_in_refresh_and_sign_out_with_every_algorithm() {
    for algorithm in ALL {
        let ring = Ring::of(algorithm);
        let app = ring.setup().launch();
        let visitor = app.signed_in();
        for token in [visitor.access_token(), visitor.refresh_token()] {
            let header = header(&token);
            assert_eq!((&header["alg"], &header["typ"]), (&json!(algorithm), &json!("JWT")));
            assert_eq!(header.as_object().unwrap().len(), 3);
            assert_eq!(kid(&token), ring.file().list().unwrap()[0].id);
            assert!(token.len() < 4096, "{algorithm}: {}", token.len());
        }
        assert_eq!(visitor.get("/protected").send().status, 200, "{algorithm}");
        assert_eq!(visitor.refresh().status, 200, "{algorithm}");
        assert_eq!(visitor.get("/protected").send().status, 200, "{algorithm}");
        assert_eq!(app.signed_in_browser().get("/dashboard").send().status, 200, "{algorithm}");
        let token = visitor.access_token();
        let (message, signature) = token.rsplit_once('.').unwrap();
        let flipped: String = signature
            .chars()
            .enumerate()
            .map(|(index, letter)| match (index, letter) {
                (3, 'A') => 'B',
                (3, _) => 'A',
                _ => letter,
            })
            .collect();
        let thief = app.program();
        for forged in
            [format!("{message}.{flipped}"), format!("{message}."), format!("{message}.{signature}A")]
        {
            thief.put("access_token_cookie", &forged);
            assert_eq!(
                thief.get("/protected").send().refusal(),
                (401, "invalid_token".into()),
                "{algorithm}"
            );
        }
        assert_eq!(visitor.log_out().status, 200);
        assert_eq!(visitor.get("/protected").send().status, 401, "{algorithm}");
    }
}

#[test]
fn a_public_key_is_no_secret_to_sign_with() {
    let ring = Ring::of("ES256");
    let app = ring.setup().launch();
    let token = app.signed_in().access_token();
    let published = key_set(&app)["keys"][0].clone();
    let (_, payload) = token.split_once('.').unwrap();
    let payload = payload.split('.').next().unwrap();
    let public = public_pem(&published);
    for material in [
        published.to_string().into_bytes(),
        published["x"].as_str().unwrap().into(),
        point(&published),
        public.trim_end().into(),
        public.replace('\n', "\r\n").into(),
        public.into(),
        Vec::new(),
    ] {
        for header in [
            json!({ "alg": "HS256", "typ": "JWT", "kid": kid(&token) }),
            json!({ "alg": "HS256", "typ": "JWT" }),
            json!({ "alg": "ES256", "typ": "JWT", "kid": kid(&token) }),
        ] {
            let message = format!("{}.{payload}", encode(header.to_string()));
            let key = EncodingKey::from_secret(&material);
            let mac = sign(message.as_bytes(), &key, jsonwebtoken::Algorithm::HS256).unwrap();
            let forged = format!("{message}.{mac}");
            let thief = app.program();
            thief.put("access_token_cookie", &forged);
            assert_eq!(thief.get("/protected").send().refusal(), (401, "invalid_token".into()));
        }
    }
}

/// A P-256 key of the set as an uncompressed point.
fn point(key: &Value) -> Vec<u8> {
    let coordinates = ["x", "y"].map(|name| decode_segment(key[name].as_str().unwrap()));
    [vec![4], coordinates.concat()].concat()
}

/// The same as `openssl ec -pubout` writes it.
fn public_pem(key: &Value) -> String {
    let der = [&SPKI_OF_P256[..], &point(key)].concat();
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let (line, rest) = text.split_at(64);
    format!("-----BEGIN PUBLIC KEY-----\n{line}\n{rest}\n-----END PUBLIC KEY-----\n")
}

#[test]
fn a_signature_with_a_number_at_the_edge_is_refused() {
    let ring = Ring::of("ES256");
    let app = ring.setup().launch();
    let token = app.signed_in().access_token();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let signature = decode_segment(signature);
    let (r, s) = signature.split_at(32);
    let number = |last| [vec![0; 31], vec![last]].concat();
    let edges = [number(0), number(1), minus(&P256_ORDER, &number(1)), P256_ORDER.to_vec()];
    let halves: Vec<_> = edges.iter().map(Vec::as_slice).chain([r, s]).collect();
    for left in &halves {
        for right in &halves {
            if (*left, *right) == (r, s) {
                continue;
            }
            let forged = format!("{message}.{}", encode([*left, *right].concat()));
            let thief = app.program();
            thief.put("access_token_cookie", &forged);
            assert_eq!(thief.get("/protected").send().refusal(), (401, "invalid_token".into()), "{forged}");
        }
    }
}

#[test]
fn the_twin_of_a_revoked_tokens_signature_is_revoked_too() {
    let ring = Ring::of("ES256");
    let app = ring.setup().launch();
    let visitor = app.signed_in();
    let thief = visitor.copy();
    for (name, token) in
        [("access_token_cookie", visitor.access_token()), ("refresh_token_cookie", visitor.refresh_token())]
    {
        let (message, signature) = token.rsplit_once('.').unwrap();
        let signature = decode_segment(signature);
        let (r, s) = signature.split_at(32);
        let twin = encode([r, &minus(&P256_ORDER, s)].concat());
        thief.put(name, &format!("{message}.{twin}"));
    }
    assert_eq!(thief.get("/protected").send().status, 200, "the twin is a good signature");
    assert_eq!(visitor.log_out().status, 200);
    assert_eq!(thief.get("/protected").send().refusal(), (401, "token_revoked".into()));
    let proof = thief.cookie("csrf_refresh_token");
    assert_eq!(thief.post("/refresh").csrf(&proof).send().refusal(), (401, "token_revoked".into()));
}

/// The difference of two numbers of one length, the greater one first.
fn minus(greater: &[u8], less: &[u8]) -> Vec<u8> {
    let mut borrow = false;
    let digits = greater.iter().zip(less).rev().map(|(&greater, &less)| {
        let (digit, below) = greater.overflowing_sub(less);
        let (digit, lower) = digit.overflowing_sub(u8::from(borrow));
        borrow = below || lower;
        digit
    });
    let mut digits: Vec<_> = digits.collect();
    digits.reverse();
    digits
}

/// How many points the group of P-256 has.
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
/// What stands before the point in a SubjectPublicKeyInfo of P-256 (RFC 5480).
const SPKI_OF_P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

#[test]
fn the_key_set_is_public_cacheable_and_holds_nothing_secret() {
    for (algorithm, kty, members) in [
        ("EdDSA", "OKP", &["alg", "crv", "kid", "kty", "use", "x"][..]),
        ("ES256", "EC", &["alg", "crv", "kid", "kty", "use", "x", "y"]),
        ("ES384", "EC", &["alg", "crv", "kid", "kty", "use", "x", "y"]),
        ("RS256", "RSA", &["alg", "e", "kid", "kty", "n", "use"]),
        ("PS256", "RSA", &["alg", "e", "kid", "kty", "n", "use"]),
    ] {
        let ring = Ring::of(algorithm);
        let app = ring.setup().launch();
        let answer = app.program().get("/.well-known/jwks.json").send();
        assert_eq!(answer.header("Content-Type"), Some("application/jwk-set+json"));
        assert_eq!(answer.header("Cache-Control"), Some("public, max-age=300"));
        assert_eq!((answer.all("Set-Cookie").len(), answer.header("Vary")), (0, None));
        let keys = key_set(&app)["keys"].as_array().unwrap().clone();
        assert_eq!(keys.len(), 1);
        let names: BTreeSet<_> = keys[0].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, members.iter().copied().collect(), "{algorithm}");
        assert_eq!(
            (&keys[0]["kty"], &keys[0]["alg"], &keys[0]["use"]),
            (&json!(kty), &json!(algorithm), &json!("sig"))
        );

        // Somebody else verifies with what is published.
        let token = app.signed_in().access_token();
        let set: JwkSet = serde_json::from_str(&answer.body).unwrap();
        let key = DecodingKey::from_jwk(set.find(&kid(&token)).unwrap()).unwrap();
        let mut validation = Validation::new(algorithm.parse().unwrap());
        validation.validate_exp = false;
        assert_eq!(decode::<Value>(&token, &key, &validation).unwrap().claims["sub"], "testuser");
    }
    for algorithm in ["HS256", "HS384", "HS512"] {
        assert_eq!(key_set(&Ring::of(algorithm).setup().launch()), json!({ "keys": [] }));
    }
}

#[test]
fn a_rotation_is_taken_over_while_serving_and_nobody_is_signed_out() {
    let ring = Ring::of("ES256");
    let app = ring.setup().launch();
    let early = app.signed_in();
    let old = kid(&early.access_token());
    let next = ring.add("EdDSA");
    soon(|| key_set(&app)["keys"].as_array().unwrap().len() == 2);
    assert_eq!(kid(&app.signed_in().access_token()), old, "known, and not yet signing");

    assert_eq!(ring.rotate(NOW, 3600), next);
    soon(|| signing(&app) == next);
    assert_eq!(early.get("/protected").send().status, 200, "the old access token is still good");
    app.pass(301);
    let browser = early.accepting("text/html");
    assert_eq!(browser.get("/dashboard").send().status, 200, "and so is the old refresh token");
    assert_eq!((kid(&browser.access_token()), kid(&browser.refresh_token())), (next.clone(), next.clone()));
    let ids: Vec<_> =
        key_set(&app)["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect();
    assert_eq!(ids.len(), 2);
    assert!(ids.contains(&json!(old)) && ids.contains(&json!(next)));
}

/// The key that signs now. Somebody else signs in for it: too many sessions of one person end the oldest.
fn signing(app: &App) -> String {
    let other = app.program();
    assert_eq!(other.sign_in("admin", "adminpass").status, 200);
    kid(&other.access_token())
}

#[test]
fn a_form_that_was_opened_before_a_rotation_can_still_be_sent() {
    let ring = Ring::of("HS256");
    let app = ring.setup().launch();
    let browser = app.browser();
    let proof = browser.get("/login").send().hidden("csrf_token");
    let next = ring.rotate(NOW, 3600);
    soon(|| signing(&app) == next);
    let fields = [("csrf_token", proof.as_str()), ("username", "testuser"), ("password", "testpass")];
    assert_eq!(browser.post("/login").form(&fields).send().status, 303);
}

#[test]
fn a_replaced_key_verifies_until_its_time_and_a_retired_one_not_at_all() {
    let ring = Ring::of("HS256");
    let app = ring.setup().launch();
    let early = app.signed_in();
    let old = kid(&early.access_token());
    let next = ring.rotate(NOW, 60);
    soon(|| signing(&app) == next);
    app.pass(59);
    assert_eq!(early.get("/protected").send().status, 200);
    app.pass(1);
    assert_eq!(early.get("/protected").send().refusal(), (401, "invalid_token".into()));
    assert_eq!(early.refresh().refusal(), (401, "invalid_token".into()));

    let middle = app.signed_in();
    let last = ring.rotate(NOW + 60, 3600);
    soon(|| signing(&app) == last);
    assert_eq!(middle.get("/protected").send().status, 200);
    ring.file().retire(&next, &OsRandom).unwrap();
    soon(|| middle.get("/protected").send().status == 401);
    assert_eq!(middle.get("/protected").send().refusal(), (401, "invalid_token".into()));
    assert_eq!(app.signed_in().get("/protected").send().status, 200);
    assert!(ring.file().retire(&last, &OsRandom).unwrap_err().ends_with("this key signs; rotate first"));
    assert!(ring.file().retire(&old, &OsRandom).unwrap_err().ends_with("there is no such key"));
}

#[test]
fn a_file_that_breaks_while_serving_changes_nothing() {
    let ring = Ring::of("HS256");
    let app = ring.setup().launch();
    let visitor = app.signed_in();
    let good = fs::read_to_string(ring.path()).unwrap();
    for broken in ["{", "too short", r#"{"keys": []}"#] {
        fs::write(ring.path(), broken).unwrap();
        // Somewhat longer than it takes to look.
        std::thread::sleep(Duration::from_millis(1300));
        assert_eq!(visitor.get("/protected").send().status, 200, "{broken}");
    }
    fs::write(ring.path(), good).unwrap();
    let next = ring.rotate(NOW, 3600);
    soon(|| signing(&app) == next);
    assert_eq!(visitor.get("/protected").send().status, 200);
}

/// A ring of one signing key, as a file's text.
fn one(algorithm: &str, key: &str) -> String {
    json!({ "keys": [{ "alg": algorithm, "key": key, "state": "signing" }] }).to_string()
}

/// A private key for this algorithm.
fn pem(algorithm: &str) -> String {
    let ring = Ring::of(algorithm);
    let entries: Value = serde_json::from_str(&fs::read_to_string(ring.path()).unwrap()).unwrap();
    entries["keys"][0]["key"].as_str().unwrap().to_owned()
}

#[test]
fn keys_of_the_wrong_type_or_length_are_refused_at_launch_in_one_line() {
    for (algorithm, least) in [("HS256", 32), ("HS384", 48), ("HS512", 64)] {
        let line = format!("the secret must be at least {least} bytes long for {algorithm} (RFC 7518 §3.2)");
        assert_eq!(Ring::problem(&one(algorithm, &"x".repeat(least - 1))), line);
    }
    assert!(Ring::problem("too short a line").starts_with("the secret must be at least 32 bytes long"));
    let wrong =
        |algorithm| format!("the private key is not a PKCS#8 PEM key of the right type for {algorithm}");
    let keys =
        [("EdDSA", pem("EdDSA")), ("ES256", pem("ES256")), ("ES384", pem("ES384")), ("RS256", pem("RS256"))];
    for (algorithm, _) in &keys {
        for (other, key) in &keys {
            if algorithm != other {
                assert_eq!(Ring::problem(&one(algorithm, key)), wrong(algorithm), "{other} as {algorithm}");
            }
        }
        for key in
            ["", "x", &"x".repeat(64), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
        {
            assert_eq!(Ring::problem(&one(algorithm, key)), wrong(algorithm), "{algorithm}");
        }
    }
    for algorithm in ["RS256", "PS256"] {
        assert_eq!(
            Ring::problem(&one(algorithm, include_str!("../cases/rsa-1024.pem"))),
            "the RSA key must have at least 2048 bits (RFC 7518 §3.3)",
            "{algorithm}"
        );
    }
}

#[test]
fn a_key_in_pem_where_a_secret_belongs_is_refused() {
    for text in [pem("ES256"), "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n".repeat(2)] {
        assert_eq!(Ring::problem(&text), "HS256 needs a secret, not a key in PEM");
    }
    for (name, key) in [("EdDSA", pem("EdDSA")), ("ES256", pem("ES256"))] {
        for algorithm in ["HS256", "HS384", "HS512"] {
            let line = Ring::problem(&one(algorithm, &key));
            assert_eq!(line, format!("{algorithm} needs a secret, not a key in PEM"), "{name}");
        }
    }
}

#[test]
fn a_ring_that_is_none_is_refused_without_a_word_of_what_it_holds() {
    let secret = "s".repeat(64);
    let two = json!({ "keys": [
        { "alg": "HS256", "key": "a".repeat(32), "state": "signing" },
        { "alg": "HS256", "key": "b".repeat(32), "state": "signing" },
    ] });
    let same = json!({ "keys": [
        { "alg": "HS256", "key": secret, "state": "signing" },
        { "alg": "HS256", "key": secret, "state": "verifying" },
    ] });
    for text in [two, same, json!({ "keys": [] })] {
        let ring = Ring::empty();
        ring.write(&text.to_string());
        ring.assert_refused();
    }
    let unreadable = [
        "{".to_owned(),
        format!(r#"{{"keys": [{{"alg": "none", "key": "{secret}", "state": "signing"}}]}}"#),
        format!(r#"{{"keys": [{{"alg": "RS512", "key": "{secret}", "state": "signing"}}]}}"#),
        format!(r#"{{"keys": [{{"alg": "HS256", "key": "{secret}", "state": "signing", "more": 1}}]}}"#),
        format!(r#"{{"keys": [{{"alg": "HS256", "key": "{secret}"}}]}}"#),
    ];
    for text in unreadable {
        let line = Ring::problem(&text);
        assert!(line.starts_with("not a ring of keys (line "), "{line}");
        assert!(!line.contains("sss") && !line.contains("none") && !line.contains("RS512"), "{line}");
    }
}

#[test]
fn the_configured_secret_is_judged_by_its_algorithm() {
    let problems = |algorithm: &str, secret: &str| {
        let figment = crate::support::figment().merge(("auth.algorithm", algorithm));
        portcullis::settings::load(&figment.merge(("auth.secret_key", secret))).map(drop).unwrap_err()
    };
    for (algorithm, least) in [("HS256", 32), ("HS384", 48), ("HS512", 64)] {
        let lines = problems(algorithm, &"x".repeat(least - 1));
        assert!(lines.len() == 1 && lines[0].contains(&format!("at least {least} bytes")), "{lines:?}");
        let app =
            Setup::new().set("auth.algorithm", algorithm).set("auth.secret_key", varied(least)).launch();
        assert_eq!(header(&app.signed_in().access_token())["alg"], algorithm);
        assert_eq!(claims(&app.signed_in().access_token())["sub"], "testuser");
    }
    for algorithm in ["EdDSA", "ES256", "RS256"] {
        let lines = problems(algorithm, &"x".repeat(64));
        assert_eq!(lines, [format!("auth.secret_key: {algorithm} needs a private key, not a secret")]);
    }
}

/// A text of this length that does not repeat itself.
fn varied(length: usize) -> String {
    (0..length).map(|place| char::from(b'!' + u8::try_from(place * 7 % 90).unwrap())).collect()
}

#[test]
fn a_short_rsa_key_has_to_be_asked_for() {
    let ring = Ring::empty();
    ring.write(&one("RS256", include_str!("../cases/rsa-2048.pem")));
    let line = KeyFile::at(ring.path()).list().unwrap_err();
    assert!(
        line.ends_with("must have at least 3072 bits; auth.short_rsa_keys = true accepts 2048"),
        "{line}"
    );
    assert_eq!(ring.file().list().unwrap().len(), 1);
    let strict = Setup::without_secret().set("auth.secret_key_file", ring.path());
    let refused = Client::untracked(strict.rocket()).map(drop).expect_err("launched with a short key");
    assert!(matches!(refused.kind(), ErrorKind::FailedFairings(_)), "{refused}");
}

#[test]
fn a_file_that_others_may_read_is_refused() {
    let ring = Ring::of("HS256");
    chmod(&ring, 0o640);
    let line = ring.file().list().unwrap_err();
    assert!(line.ends_with("others may read it (mode 640); run chmod 600"), "{line}");
}
