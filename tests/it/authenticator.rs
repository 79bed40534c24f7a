//! An authenticator without hardware, which does what it is told, rightly or wrongly.
//!
//! It signs whatever it says, so that each mistake is the only one: an answer with a wrong origin has a right signature over
//! that wrong origin.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{decode, encode};

/// Flags of authenticator data.
pub(crate) const PRESENT: u8 = 0x01;
pub(crate) const VERIFIED: u8 = 0x04;
pub(crate) const MAY_BE_BACKED_UP: u8 = 0x08;
pub(crate) const BACKED_UP: u8 = 0x10;
pub(crate) const ATTESTED: u8 = 0x40;
pub(crate) const EXTENDED: u8 = 0x80;

/// What signs.
pub(crate) enum Key {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(RsaKeyPair),
}

/// One passkey in somebody's hand.
pub(crate) struct Authenticator {
    pub(crate) key: Key,
    pub(crate) credential: Vec<u8>,
    pub(crate) handle: String,
    pub(crate) origin: String,
    pub(crate) counter: u32,
}

/// What it is about to say, before it is signed.
pub(crate) struct Draft {
    pub(crate) client: Value,
    pub(crate) site: String,
    pub(crate) flags: u8,
    pub(crate) counter: u32,
    /// What stands after the counter.
    pub(crate) rest: Vec<u8>,
    pub(crate) handle: Option<String>,
    pub(crate) credential: Vec<u8>,
    pub(crate) format: &'static str,
    /// What stands after everything.
    pub(crate) after: Vec<u8>,
}

impl Key {
    pub(crate) fn es256() -> Self {
        Self::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
    }

    pub(crate) fn all() -> [Self; 3] {
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        [Self::es256(), Self::EdDsa(Ed25519KeyPair::generate().unwrap()), Self::Rs256(rsa)]
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Es256(key) => key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Self::EdDsa(key) => key.sign(message).as_ref().to_vec(),
            Self::Rs256(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
                signature
            }
        }
    }

    /// The public key as COSE has it.
    pub(crate) fn cose(&self) -> Vec<u8> {
        match self {
            Self::Es256(key) => {
                let point = key.public_key().as_ref();
                let (x, y) = point[1..].split_at(32);
                [&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21], &*bytes(x), &[0x22], &bytes(y)].concat()
            }
            Self::EdDsa(key) => {
                [&[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21], &*bytes(key.public_key().as_ref())].concat()
            }
            Self::Rs256(key) => {
                // An RSAPublicKey of 2048 bits: the modulus stands behind a zero, and the exponent is 65537.
                let der = key.public_key().as_ref();
                [&[0xa4, 1, 3, 3, 0x39, 1, 0, 0x20], &*bytes(&der[9..265]), &[0x21], &bytes(&[1, 0, 1])]
                    .concat()
            }
        }
    }
}

impl Authenticator {
    /// One that makes a passkey for whoever is asked by these options.
    pub(crate) fn for_options(key: Key, origin: &str, options: &Value) -> Self {
        let credential = Sha256::digest(key.cose()).to_vec();
        let handle = options["user"]["id"].as_str().unwrap().to_owned();
        Self { key, credential, handle, origin: origin.to_owned(), counter: 0 }
    }

    fn draft(&self, kind: &str, options: &Value, flags: u8) -> Draft {
        let host = self.origin.split_once("://").unwrap().1;
        Draft {
            client: json!({
                "type": kind,
                "challenge": options["challenge"],
                "origin": self.origin,
                "crossOrigin": false,
            }),
            site: host.split(':').next().unwrap().to_owned(),
            flags,
            counter: self.counter,
            rest: Vec::new(),
            handle: Some(self.handle.clone()),
            credential: self.credential.clone(),
            format: "none",
            after: Vec::new(),
        }
    }

    /// What `navigator.credentials.create` would resolve to, as JSON.
    pub(crate) fn makes(&self, options: &Value, edit: impl FnOnce(&mut Draft)) -> Value {
        let mut draft = self.draft("webauthn.create", options, PRESENT | VERIFIED | ATTESTED);
        let length = u16::try_from(self.credential.len()).unwrap().to_be_bytes();
        draft.rest = [&[0; 16], length.as_slice(), &self.credential, &self.key.cose()].concat();
        edit(&mut draft);
        let format = draft.format.as_bytes();
        let attested = [
            &[0xa3, 0x63],
            b"fmt".as_slice(),
            &[0x60 | u8::try_from(format.len()).unwrap()],
            format,
            &[0x67],
            b"attStmt",
            &[0xa0, 0x68],
            b"authData",
            &bytes(&draft.data()),
            &draft.after,
        ]
        .concat();
        let response = json!({
            "clientDataJSON": encode(draft.client.to_string()),
            "attestationObject": encode(attested),
            "transports": ["internal"],
        });
        credential(&draft.credential, &response)
    }

    /// What `navigator.credentials.get` would resolve to, as JSON; it counts.
    pub(crate) fn shows(&mut self, options: &Value, edit: impl FnOnce(&mut Draft)) -> Value {
        self.counter += 1;
        let mut draft = self.draft("webauthn.get", options, PRESENT | VERIFIED);
        edit(&mut draft);
        let (client, data) = (draft.client.to_string(), draft.data());
        let signed = [data.as_slice(), &Sha256::digest(&client)].concat();
        let mut response = json!({
            "clientDataJSON": encode(&client),
            "authenticatorData": encode(&data),
            "signature": encode(self.key.sign(&signed)),
        });
        if let Some(handle) = draft.handle {
            response["userHandle"] = json!(handle);
        }
        credential(&draft.credential, &response)
    }
}

impl Draft {
    fn data(&self) -> Vec<u8> {
        let site = Sha256::digest(&self.site);
        [site.as_slice(), &[self.flags], &self.counter.to_be_bytes(), &self.rest].concat()
    }
}

fn credential(id: &[u8], response: &Value) -> Value {
    json!({
        "id": encode(id),
        "rawId": encode(id),
        "type": "public-key",
        "response": response,
        "clientExtensionResults": {},
        "authenticatorAttachment": "platform",
    })
}

/// A string of bytes as CBOR has it.
pub(crate) fn bytes(content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = match u8::try_from(length) {
        Ok(short @ ..24) => vec![0x40 | short],
        Ok(short) => vec![0x58, short],
        Err(_) => [&[0x59], u16::try_from(length).unwrap().to_be_bytes().as_slice()].concat(),
    };
    [head, content.to_vec()].concat()
}

/// The same with one part of its text decoded, changed and encoded again.
pub(crate) fn twisted(credential: &Value, part: &str, twist: impl FnOnce(&mut Vec<u8>)) -> Value {
    let mut other = credential.clone();
    let mut content = decode(other["response"][part].as_str().unwrap());
    twist(&mut content);
    other["response"][part] = json!(encode(content));
    other
}
