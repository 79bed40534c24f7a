//! PyJWT, joserfc and jose: they verify ours, of every algorithm, and we verify theirs.

use serde_json::{Map, Value, json};

use crate::binary::client::{Ask, Client, Jar};
use crate::binary::server::{Installation, Server};
use crate::interop::peer::{ask, with_peers};
use crate::support::{claims, decode, encode, header};

const ALGORITHMS: [&str; 8] = ["HS256", "HS384", "HS512", "EdDSA", "ES256", "ES384", "RS256", "PS256"];

/// A server that signs with a fresh key of this algorithm, and the key's text.
fn launch(algorithm: &str) -> (Installation, Server, String) {
    let installation = with_peers(Installation::new());
    assert!(installation.run(&["key", "new", "--algorithm", algorithm], b"").status.success());
    let ring: Value = serde_json::from_str(&installation.read("data/portcullis.key")).unwrap();
    let key = ring["keys"][0]["key"].as_str().unwrap().to_owned();
    let server = installation.start();
    (installation, server, key)
}

/// Faults that every verifier must see.
fn faults(token: &str) -> Map<String, Value> {
    let parts: Vec<_> = token.split('.').collect();
    let (head, payload, signature) = (parts[0], parts[1], parts[2]);
    let mut raised = claims(token);
    raised["sub"] = json!("admin");
    let mut none = header(token);
    none["alg"] = json!("none");
    let mut broken = decode(signature);
    broken[5] ^= 1;
    let tokens = [
        ("another subject", format!("{head}.{}.{signature}", encode(raised.to_string()))),
        ("a broken signature", format!("{head}.{payload}.{}", encode(broken))),
        ("no signature", format!("{head}.{payload}.")),
        ("no algorithm", format!("{}.{payload}.", encode(none.to_string()))),
        ("two segments", format!("{head}.{payload}")),
    ];
    tokens.into_iter().map(|(name, token)| (name.to_owned(), json!(token))).collect()
}

#[test]
#[ignore = "needs Python and Node packages"]
fn they_verify_our_tokens_of_every_algorithm_and_refuse_tampered_ones() {
    for algorithm in ALGORITHMS {
        let (installation, server, key) = launch(algorithm);
        let mut client = server.client();
        assert_eq!(client.sign_in("testuser", "testpass").status, 200);
        let access = client.jar.get("access_token_cookie").unwrap();
        assert_eq!(header(access)["alg"], algorithm);
        let mut tokens = faults(access);
        tokens.insert("access".into(), json!(access));
        tokens.insert("refresh".into(), json!(client.jar.get("refresh_token_cookie").unwrap()));

        let published = client.send(Ask::get("/.well-known/jwks.json"));
        let keys: Value = serde_json::from_str(&published.body).unwrap();
        let is_secret = algorithm.starts_with("HS");
        assert_eq!(keys["keys"].as_array().unwrap().len(), usize::from(!is_secret), "{algorithm}");
        let question = json!({
            "alg": algorithm,
            "secret": is_secret.then_some(key),
            "keys": keys,
            "url": format!("http://{}/.well-known/jwks.json", server.address()),
            "tokens": tokens,
        });
        let mut libraries = 0;
        for (library, found) in ask(&installation, "verify", &question).iter().flat_map(each) {
            for (name, person) in each(found) {
                let expected =
                    if name == "access" || name == "refresh" { json!("testuser") } else { Value::Null };
                assert_eq!(*person, expected, "{algorithm}, {library}: {name}");
            }
            libraries += 1;
        }
        assert_eq!(libraries, 3);
    }
}

#[test]
#[ignore = "needs Python and Node packages"]
fn we_verify_their_tokens_of_every_algorithm_and_refuse_what_is_not_ours() {
    for algorithm in ALGORITHMS {
        let (installation, server, key) = launch(algorithm);
        let mut client = server.client();
        assert_eq!(client.sign_in("testuser", "testpass").status, 200);
        let access = client.jar.get("access_token_cookie").unwrap();
        let question = json!({
            "alg": algorithm, "key": key, "kid": header(access)["kid"], "claims": claims(access)
        });
        let protected = |token: &str| {
            let mut jar = Jar::default();
            jar.set("access_token_cookie", token);
            Client::with(server.address(), &jar).protected()
        };
        let mut count = 0;
        for minted in ask(&installation, "mint", &question) {
            for (name, token) in each(&minted["good"]) {
                let token = token.as_str().unwrap();
                let answer = protected(token);
                assert_eq!(answer.body, r#"{"logged_in_as":"testuser"}"#, "{algorithm}, {name}");
                for (fault, token) in faults(token) {
                    let answer = protected(token.as_str().unwrap());
                    assert_eq!(
                        (answer.status, answer.code()),
                        (401, "invalid_token".into()),
                        "{name}, {fault}"
                    );
                }
                count += 1;
            }
            for (name, token) in each(&minted["bad"]) {
                let answer = protected(token.as_str().unwrap());
                let seen = (answer.status, answer.code());
                assert_eq!(seen, (401, "invalid_token".into()), "{algorithm}, {name}");
                count += 1;
            }
        }
        assert_eq!(count, 18, "{algorithm}");
    }
}

fn each(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().unwrap().iter()
}
