//! An authenticator without hardware, with one passkey in it, which verifies who holds it and does as the standard says (WebAuthn
//! level 3).

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciborium::Value as Cbor;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::auth::{OsRandom, Random};
use crate::testing::Kit;
use crate::users::{Accounts, Username};

/// Somebody's authenticator, with a passkey of one site.
///
/// ```
/// use portcullis::testing::Kit;
/// use portcullis::users::{Password, Roles};
///
/// let kit = Kit::new();
/// let accounts = kit.accounts();
/// let password = Password::new("correct horse".to_owned()).unwrap();
/// rocket::execute(accounts.create("ada".parse().unwrap(), password, Roles::default())).unwrap();
/// let passkey = kit.enrol_passkey(&accounts, "ada");
///
/// // What a sign-in page asks its browser, and what the browser sends.
/// let options = accounts.passkey_request().unwrap().unwrap();
/// let shown = passkey.show(&options).to_string();
/// let done = rocket::execute(accounts.sign_in_by_passkey(&shown, false, None)).unwrap();
/// assert_eq!(done.person.account.name.as_str(), "ada");
/// ```
pub struct VirtualAuthenticator {
    key: Ed25519KeyPair,
    id: Vec<u8>,
    handle: Value,
    origin: String,
    counter: AtomicU32,
}

impl VirtualAuthenticator {
    /// Makes a passkey on a page of this origin: what `navigator.credentials.create` would do when it is asked by these
    /// options; and what it would resolve to, as JSON.
    ///
    /// # Panics
    /// When these are no creation options.
    #[must_use]
    pub fn make(origin: &str, options: &Value) -> (Self, Value) {
        let mut seed = [0; 32];
        OsRandom.fill(&mut seed).expect("there is no randomness");
        let key = Ed25519KeyPair::from_seed_unchecked(&seed).expect("any 32 bytes are a key");
        let public = public(&key);
        let id = Sha256::digest(&public).to_vec();
        let handle = options.pointer("/user/id").expect("these are no creation options").clone();
        let passkey = Self { key, id, handle, origin: origin.to_owned(), counter: AtomicU32::new(0) };
        let length = u16::try_from(passkey.id.len()).unwrap_or_default().to_be_bytes();
        let attested = [&[0; 16], length.as_slice(), &passkey.id, &public].concat();
        let data = [passkey.data(PRESENT | VERIFIED | ATTESTED, 0), attested].concat();
        let attestation = cbor(&Cbor::Map(vec![
            ("fmt".into(), "none".into()),
            ("attStmt".into(), Cbor::Map(Vec::new())),
            ("authData".into(), Cbor::Bytes(data)),
        ]));
        let made = passkey.credential(&json!({
            "clientDataJSON": text(passkey.client("webauthn.create", options).as_bytes()),
            "attestationObject": text(&attestation),
            "transports": ["internal"],
        }));
        (passkey, made)
    }

    /// What `navigator.credentials.get` would resolve to when it is asked by these options, as JSON.
    ///
    /// # Panics
    /// When these are no request options.
    #[must_use]
    pub fn show(&self, options: &Value) -> Value {
        let counter = self.counter.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let (data, client) = (self.data(PRESENT | VERIFIED, counter), self.client("webauthn.get", options));
        let signed = [data.as_slice(), &Sha256::digest(&client)].concat();
        let signature = self.key.sign(&signed);
        self.credential(&json!({
            "clientDataJSON": text(client.as_bytes()),
            "authenticatorData": text(&data),
            "signature": text(signature.as_ref()),
            "userHandle": self.handle,
        }))
    }

    fn client(&self, kind: &str, options: &Value) -> String {
        let challenge = options.get("challenge").expect("these are no options");
        json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false })
            .to_string()
    }

    fn data(&self, flags: u8, counter: u32) -> Vec<u8> {
        let host = self.origin.split_once("://").map_or("", |(_, host)| host);
        let host = host.split(':').next().unwrap_or_default();
        [Sha256::digest(host).as_slice(), &[flags], &counter.to_be_bytes()].concat()
    }

    fn credential(&self, response: &Value) -> Value {
        let id = text(&self.id);
        json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
            "authenticatorAttachment": "platform",
        })
    }
}

impl fmt::Debug for VirtualAuthenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VirtualAuthenticator")
    }
}

impl Kit {
    /// Enrols a passkey of the site [`ORIGIN`] for this person, who has an account.
    ///
    /// # Panics
    /// When there is no such account, or it has ten factors.
    #[must_use]
    pub fn enrol_passkey(&self, accounts: &Accounts, name: &str) -> VirtualAuthenticator {
        let name: Username = name.parse().expect("this is no name");
        rocket::execute(async {
            let options = accounts.passkey_creation(&name).await.expect("the store has no answer");
            let options =
                options.expect("there are no passkeys here, or the account may have no more factors");
            let (passkey, made) = VirtualAuthenticator::make(ORIGIN, &options);
            accounts
                .add_passkey(&name, &made.to_string(), "passkey")
                .await
                .expect("there is no such account");
            passkey
        })
    }
}

/// The public key as COSE has it (RFC 9053 §7.2).
fn public(key: &Ed25519KeyPair) -> Vec<u8> {
    let number = |number: i64| Cbor::Integer(number.into());
    cbor(&Cbor::Map(vec![
        (number(1), number(1)),
        (number(3), number(-8)),
        (number(-1), number(6)),
        (number(-2), Cbor::Bytes(key.public_key().as_ref().to_vec())),
    ]))
}

fn cbor(value: &Cbor) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).expect("a value can be written");
    bytes
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The origin of the site to which passkeys of the kit's accounts belong.
pub const ORIGIN: &str = "http://localhost:8000";
const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const ATTESTED: u8 = 0x40;
