//! Signing keys; the only file that imports the JWT crate.
//!
//! A key carries its algorithm: what a token's header says about it is compared, never believed (RFC 8725 §3.1).
//! Too short a secret, an RSA modulus below 2048 bits and a key of the wrong curve are refused when they are read
//! (RFC 7518 §3.2–3.4), not at the first token.
//! Which key signs, and which still verify, is the ring's business.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING};
use aws_lc_rs::{hmac, rand::SystemRandom, rsa, signature};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{DecodingKey, EncodingKey, crypto};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use crate::auth::tokens::algorithm::{Algorithm, UnfitKey};
use crate::auth::tokens::secret::Secret;

use crate::auth::wire::error::AuthError;
use crate::auth::wire::invalid::Invalid;

/// Which RSA keys are taken.
///
/// ```
/// use portcullis::auth::{KeyFile, RsaKeys};
///
/// let file = KeyFile::at("keys/ring".into()).taking(RsaKeys::Short);
/// assert_eq!(RsaKeys::default(), RsaKeys::Strong);
/// # drop(file);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RsaKeys {
    /// From 3072 bits.
    #[default]
    Strong,
    /// From 2048 bits.
    Short,
}

impl From<SigningFailed> for AuthError {
    fn from(error: SigningFailed) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "no token can be minted");
        Self::Unavailable
    }
}

impl Algorithm {
    const fn of_crate(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::HS256 => jsonwebtoken::Algorithm::HS256,
            Self::HS384 => jsonwebtoken::Algorithm::HS384,
            Self::HS512 => jsonwebtoken::Algorithm::HS512,
            Self::EdDSA => jsonwebtoken::Algorithm::EdDSA,
            Self::ES256 => jsonwebtoken::Algorithm::ES256,
            Self::ES384 => jsonwebtoken::Algorithm::ES384,
            Self::RS256 => jsonwebtoken::Algorithm::RS256,
            Self::PS256 => jsonwebtoken::Algorithm::PS256,
        }
    }
}

/// One key with its algorithm and its name.
pub(crate) struct RingKey {
    id: String,
    algorithm: Algorithm,
    /// Our own header for this key, encoded once: a token that begins with it needs no header parsing.
    header: String,
    material: Material,
    /// Seals texts that are no tokens; always a fast MAC, whatever the algorithm.
    seal: hmac::Key,
    public: Option<Value>,
}

/// What signs and verifies.
enum Material {
    /// A secret, whose inner and outer hash (RFC 2104 §2) are begun once and not for every token.
    Secret(Box<hmac::Key>),
    Pair(EncodingKey, DecodingKey),
}

/// The key refused to sign.
#[derive(Debug, thiserror::Error)]
#[error("the signing key does not sign")]
pub(crate) struct SigningFailed;

impl RingKey {
    /// A key of the HMAC family.
    pub(crate) fn from_secret(algorithm: Algorithm, secret: &Secret) -> Result<Self, UnfitKey> {
        if !algorithm.is_symmetric() {
            return Err(UnfitKey::NeedsPrivateKey(algorithm));
        }
        secret.check(algorithm)?;
        if secret.as_str().contains("-----BEGIN ") {
            return Err(UnfitKey::NeedsSecret(algorithm));
        }
        let bytes = secret.as_str().as_bytes();
        let hash = match algorithm {
            Algorithm::HS384 => hmac::HMAC_SHA384,
            Algorithm::HS512 => hmac::HMAC_SHA512,
            _ => hmac::HMAC_SHA256,
        };
        let material = Material::Secret(Box::new(hmac::Key::new(hash, bytes)));
        // The name is a digest, so that two nodes with one secret agree on it and it tells nothing about the secret.
        Ok(Self::assemble(algorithm, digest(b"kid", bytes), material, bytes, None))
    }

    /// A key pair out of a PKCS#8 PEM text.
    pub(crate) fn from_pem(algorithm: Algorithm, pem: &Secret, rsa: RsaKeys) -> Result<Self, UnfitKey> {
        let bytes = pem.as_str().as_bytes();
        let encoding = match algorithm {
            Algorithm::EdDSA => EncodingKey::from_ed_pem(bytes),
            Algorithm::ES256 | Algorithm::ES384 => EncodingKey::from_ec_pem(bytes),
            Algorithm::RS256 | Algorithm::PS256 => EncodingKey::from_rsa_pem(bytes),
            _ => return Err(UnfitKey::NeedsSecret(algorithm)),
        };
        let encoding = encoding.map_err(|_| UnfitKey::WrongType(algorithm))?;
        if is_short_rsa(pem) {
            return Err(UnfitKey::RsaTooShort);
        }
        let wrong = |_| UnfitKey::WrongType(algorithm);
        let jwk = Jwk::from_encoding_key(&encoding, algorithm.of_crate()).map_err(wrong)?;
        let decoding = DecodingKey::from_jwk(&jwk).map_err(wrong)?;
        let mut public = serde_json::to_value(&jwk).map_err(|_| UnfitKey::WrongType(algorithm))?;
        check_public(algorithm, &public, rsa)?;
        let id = digest(b"kid", public.to_string().as_bytes());
        if let Some(members) = public.as_object_mut() {
            members.extend([
                ("kid".into(), json!(id)),
                ("use".into(), json!("sig")),
                ("alg".into(), json!(algorithm)),
            ]);
        }
        let key = Self::assemble(algorithm, id, Material::Pair(encoding, decoding), bytes, Some(public));
        // A key that reads well but does not sign, or verifies nothing, is found out here and not by a person signing in.
        let signature = key.sign(b"probe").map_err(|_| UnfitKey::WrongType(algorithm))?;
        key.verify(b"probe", &signature).map_err(|_| UnfitKey::WrongType(algorithm))?;
        Ok(key)
    }

    fn assemble(
        algorithm: Algorithm,
        id: String,
        material: Material,
        bytes: &[u8],
        public: Option<Value>,
    ) -> Self {
        let header = json!({ "alg": algorithm, "kid": id, "typ": "JWT" }).to_string();
        let seal: [u8; 32] =
            Sha256::new().chain_update(b"portcullis seal\0").chain_update(bytes).finalize().into();
        Self {
            header: URL_SAFE_NO_PAD.encode(header),
            seal: hmac::Key::new(hmac::HMAC_SHA256, &seal),
            id,
            algorithm,
            material,
            public,
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(crate) fn header(&self) -> &str {
        &self.header
    }

    /// The public key as a JSON Web Key (RFC 7517 §4); `None` for a secret.
    pub(crate) fn public(&self) -> Option<&Value> {
        self.public.as_ref()
    }

    /// The signature over `message`, in base64url.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<String, SigningFailed> {
        match &self.material {
            Material::Secret(key) => Ok(mac(key, message)),
            Material::Pair(encoding, _) => {
                crypto::sign(message, encoding, self.algorithm.of_crate()).map_err(|_| SigningFailed)
            }
        }
    }

    pub(crate) fn verify(&self, message: &[u8], signature: &str) -> Result<(), Invalid> {
        let is_good = match &self.material {
            Material::Secret(key) => is_mac(key, message, signature),
            Material::Pair(_, decoding) => {
                crypto::verify(signature, message, decoding, self.algorithm.of_crate()).unwrap_or(false)
            }
        };
        if is_good { Ok(()) } else { Err(Invalid::Signature) }
    }

    /// A proof over a text that is no token, which only this key can make.
    pub(crate) fn seal(&self, text: &str) -> String {
        mac(&self.seal, text.as_bytes())
    }

    pub(crate) fn is_sealed(&self, text: &str, seal: &str) -> bool {
        is_mac(&self.seal, text.as_bytes(), seal)
    }
}

fn mac(key: &hmac::Key, message: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(hmac::sign(key, message))
}

/// Whether this is the MAC over `message`, compared in constant time; it is decoded where no allocation is needed.
fn is_mac(key: &hmac::Key, message: &[u8], text: &str) -> bool {
    // The longest is HMAC-SHA-512's, and a decoder wants room for whole groups.
    let mut buffer = [0; 66];
    let decoded =
        URL_SAFE_NO_PAD.decode_slice(text, &mut buffer).ok().and_then(|length| buffer.get(..length));
    decoded.is_some_and(|tag| hmac::verify(key, message, tag).is_ok())
}

/// Makes a private key for this algorithm, as PKCS#8 PEM text.
pub(crate) fn generate(algorithm: Algorithm) -> Result<Secret, UnfitKey> {
    let random = SystemRandom::new();
    let document = match algorithm {
        Algorithm::EdDSA => {
            signature::Ed25519KeyPair::generate_pkcs8v1(&random).map(|key| key.as_ref().to_vec())
        }
        Algorithm::ES256 => {
            signature::EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
                .map(|key| key.as_ref().to_vec())
        }
        Algorithm::ES384 => {
            signature::EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &random)
                .map(|key| key.as_ref().to_vec())
        }
        Algorithm::RS256 | Algorithm::PS256 => rsa::KeyPair::generate(KeySize::Rsa3072)
            .and_then(|key| key.as_der())
            .map(|key: aws_lc_rs::encoding::Pkcs8V1Der<'_>| key.as_ref().to_vec()),
        _ => return Err(UnfitKey::NeedsSecret(algorithm)),
    };
    let mut der = document.map_err(|_| UnfitKey::NotMade)?;
    let base64 = STANDARD.encode(&der);
    der.zeroize();
    let mut pem = "-----BEGIN PRIVATE KEY-----\n".to_owned();
    for (index, character) in base64.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            pem.push('\n');
        }
        pem.push(character);
    }
    pem.push_str("\n-----END PRIVATE KEY-----\n");
    Ok(Secret::unchecked(pem))
}

/// Whether this is an RSA key that the crypto library refuses for its length, which it tells only by name.
fn is_short_rsa(pem: &Secret) -> bool {
    let base64: String = pem.as_str().lines().filter(|line| !line.starts_with("-----")).collect();
    let der = Zeroizing::new(STANDARD.decode(Zeroizing::new(base64).as_str()).unwrap_or_default());
    rsa::KeyPair::from_pkcs8(&der).is_err_and(|rejected| rejected.to_string() == "TooSmall")
}

/// Whether the public half is of the type and size that the algorithm asks for.
fn check_public(algorithm: Algorithm, public: &Value, rsa: RsaKeys) -> Result<(), UnfitKey> {
    let curve = public.get("crv").and_then(Value::as_str);
    match algorithm {
        Algorithm::EdDSA if curve == Some("Ed25519") => Ok(()),
        Algorithm::ES256 if curve == Some("P-256") => Ok(()),
        Algorithm::ES384 if curve == Some("P-384") => Ok(()),
        Algorithm::RS256 | Algorithm::PS256 => {
            let modulus = public.get("n").and_then(Value::as_str).ok_or(UnfitKey::WrongType(algorithm))?;
            let bytes = URL_SAFE_NO_PAD.decode(modulus).map_err(|_| UnfitKey::WrongType(algorithm))?;
            let digits = bytes.iter().skip_while(|byte| **byte == 0).count();
            match (digits * 8, rsa) {
                (..2048, _) => Err(UnfitKey::RsaTooShort),
                (..3072, RsaKeys::Strong) => Err(UnfitKey::RsaShort),
                _ => Ok(()),
            }
        }
        _ => Err(UnfitKey::WrongType(algorithm)),
    }
}

fn digest(purpose: &[u8], bytes: &[u8]) -> String {
    let digest = Sha256::new()
        .chain_update(b"portcullis ")
        .chain_update(purpose)
        .chain_update(b"\0")
        .chain_update(bytes);
    digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
