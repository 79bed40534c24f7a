//! Passwords: what one is, how it is hashed, and how much of the machine hashing may take.
//!
//! Argon2id with OWASP's parameters, PHC strings, a salt from the operating system for each.
//! One hash takes 20 ms of a core and 19 MiB, so hashing is the cheapest way to overload a login server: it runs on
//! blocking threads, a few at a time, with a short queue before them, and beyond that it is refused at once.
//! Who may try how often is not decided here.

mod memory;
mod queue;

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, Version};
use unicode_normalization::{UnicodeNormalization, is_nfc};
use zeroize::Zeroizing;

use crate::ground::spans::hashing;
use crate::users::password::memory::Buffers;
use crate::users::password::queue::Queue;

pub use queue::HashLoad;
pub(in crate::users) use queue::{Place, Priority};

/// A password as somebody typed it: 1 to 256 bytes, neither trimmed nor cut (OWASP ASVS 6.2.8).
///
/// One keyboard composes an `é` and another does not, and nobody sees the difference: it is hashed in Unicode's form NFC
/// (NIST SP 800-63B-4 §3.1.1.2), and a hash of the bytes as they came, which older versions made, still opens.
/// It is erased from memory when the last copy is dropped, and never printed.
///
/// ```
/// use portcullis::users::Password;
///
/// let password = Password::new(" pass word ".to_owned()).unwrap();
/// assert_eq!(format!("{password:?}"), "Password(..)");
/// assert!(Password::new("x".repeat(257)).is_err());
/// ```
#[derive(Clone)]
pub struct Password(Arc<Typed>);

struct Typed {
    /// In form NFC.
    composed: Zeroizing<String>,
    /// As it came, where that differs.
    raw: Option<Zeroizing<String>>,
}

/// The text cannot be a password.
///
/// ```
/// use portcullis::users::{InvalidPassword, Password};
///
/// assert!(matches!(Password::new(String::new()), Err(InvalidPassword)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a password has 1 to 256 bytes")]
pub struct InvalidPassword;

impl Password {
    /// Takes what was typed.
    ///
    /// # Errors
    /// [`InvalidPassword`] when it is empty or longer than 256 bytes; a longer one is refused rather than cut, because
    /// a cut password would be accepted with any ending.
    pub fn new(typed: String) -> Result<Self, InvalidPassword> {
        let typed = Zeroizing::new(typed);
        if typed.is_empty() || typed.len() > MAX_BYTES {
            return Err(InvalidPassword);
        }
        if is_nfc(&typed) {
            return Ok(Self(Arc::new(Typed { composed: typed, raw: None })));
        }
        // Some letters take more bytes in this form; room for all, so that no copy is left behind.
        let mut composed = Zeroizing::new(String::with_capacity(typed.len() * 3));
        composed.extend(typed.nfc());
        Ok(Self(Arc::new(Typed { composed, raw: Some(typed) })))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0.composed
    }

    fn as_bytes(&self) -> &[u8] {
        self.0.composed.as_bytes()
    }

    /// What it may have been hashed as, today's form first.
    fn forms(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(&self.0.composed).chain(&self.0.raw).map(|form| form.as_bytes())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// What one hash costs: Argon2id's three parameters.
///
/// Default: 19 MiB, 2 passes, 1 lane, OWASP's recommendation (Password Storage Cheat Sheet).
///
/// ```
/// use portcullis::users::{Cost, Hasher};
///
/// // 46 MiB and one pass: as strong as the default, with more memory and less time.
/// let hasher = Hasher::new(Cost::new(47_104, 1, 1).unwrap());
/// # drop(hasher);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost(Params);

/// These parameters are not fit for passwords.
///
/// ```
/// use portcullis::users::{Cost, UnfitCost};
///
/// assert_eq!(Cost::new(1024, 1, 1), Err(UnfitCost::Weak));
/// assert_eq!(Cost::new(u32::MAX, 1, 1), Err(UnfitCost::Excessive));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnfitCost {
    /// Less than every one of OWASP's equivalent minima.
    #[error("weaker than OWASP's minimum for Argon2id, such as 19456 KiB with 2 passes")]
    Weak,
    /// More than a login server can mean.
    #[error("more than 1 GiB, 64 passes or 16 lanes for one password")]
    Excessive,
}

impl Cost {
    /// Memory in KiB, passes over it, and lanes.
    ///
    /// # Errors
    /// [`UnfitCost::Weak`] below OWASP's minima, which trade memory for passes; [`UnfitCost::Excessive`] where a
    /// single login would stop the machine.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, UnfitCost> {
        if memory_kib > MAX_MEMORY_KIB || passes > MAX_PASSES || lanes > MAX_LANES {
            return Err(UnfitCost::Excessive);
        }
        if !OWASP_MINIMA.iter().any(|(memory, least)| memory_kib >= *memory && passes >= *least) {
            return Err(UnfitCost::Weak);
        }
        Params::new(memory_kib, passes, lanes, None).map(Self).map_err(|_| UnfitCost::Weak)
    }
}

impl Default for Cost {
    fn default() -> Self {
        Self(Params::DEFAULT)
    }
}

/// Why a password was neither hashed nor checked.
///
/// ```
/// use portcullis::users::{HashError, Hasher, Password};
///
/// let password = Password::new("correct horse".to_owned()).unwrap();
/// let checked = rocket::execute(async { Hasher::default().verify(&password, Some("not a hash")).await });
/// assert!(matches!(checked, Err(HashError::Unreadable)));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HashError {
    /// The queue is full; answered with 503 at once.
    #[error("too many passwords are being checked at the moment")]
    Busy,
    /// The stored text is no hash that can be checked.
    #[error("a stored password hash cannot be read")]
    Unreadable,
    /// The machine has no randomness, no memory or no thread for it.
    #[error("the password could not be hashed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Hashes and checks passwords, a bounded number at a time.
///
/// ```
/// # async fn example() -> Result<(), portcullis::users::HashError> {
/// use portcullis::users::{Cost, Hasher, Password};
///
/// let hasher = Hasher::new(Cost::default());
/// let password = Password::new("correct horse".to_owned()).unwrap();
/// let hash = hasher.hash(&password).await?;
/// assert!(hasher.verify(&password, Some(&hash)).await?);
/// # Ok(())
/// # }
/// ```
pub struct Hasher {
    argon2: Argon2<'static>,
    buffers: Arc<Buffers>,
    queue: Arc<Queue>,
    dummy: Arc<OnceLock<String>>,
}

impl Hasher {
    /// A hasher with one worker less than the machine has cores, so that other requests keep one, and a queue of 32.
    #[must_use]
    pub fn new(cost: Cost) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let workers = NonZeroUsize::new(cores.saturating_sub(1)).unwrap_or(NonZeroUsize::MIN);
        Self::with_limits(cost, workers, DEFAULT_QUEUE)
    }

    /// A hasher that runs at most `workers` hashes at a time while at most `queue` wait.
    #[must_use]
    pub fn with_limits(cost: Cost, workers: NonZeroUsize, queue: usize) -> Self {
        let workers = workers.get().min(MAX_AT_ONCE);
        Self {
            buffers: Arc::new(Buffers::of(&cost.0)),
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, cost.0),
            queue: Queue::new(workers, queue.min(MAX_AT_ONCE)),
            dummy: Arc::default(),
        }
    }

    /// Makes the hash that unknown users are checked against.
    /// Called at launch: otherwise the first unknown user would take twice as long, and be recognised by it.
    ///
    /// # Errors
    /// Those of [`hash`](Self::hash).
    pub async fn prepare(&self) -> Result<(), HashError> {
        let (argon2, dummy) = (self.argon2.clone(), Arc::clone(&self.dummy));
        let place = self.place(Priority::Known)?;
        self.work(place, move |buffers| dummy_hash(&argon2, buffers, &dummy).map(drop)).await
    }

    /// The PHC string of a password, with a salt of its own.
    ///
    /// # Errors
    /// [`HashError::Busy`] when the queue is full, [`HashError::Failed`] when the machine fails.
    pub async fn hash(&self, password: &Password) -> Result<String, HashError> {
        let (argon2, password) = (self.argon2.clone(), password.clone());
        let place = self.place(Priority::Known)?;
        self.work(place, move |buffers| hash_now(&argon2, buffers, password.as_bytes())).await
    }

    /// Whether the password belongs to the stored PHC string.
    ///
    /// Without a stored one, for an unknown user, it takes as long and the answer is no, so that the time does not
    /// tell who has an account (OWASP ASVS 6.3.8).
    ///
    /// # Errors
    /// [`HashError::Busy`] when the queue is full; [`HashError::Unreadable`] when `stored` is no PHC string of
    /// Argon2, after the same time; [`HashError::Failed`] when the machine fails.
    pub async fn verify(&self, password: &Password, stored: Option<&str>) -> Result<bool, HashError> {
        self.verify_at(self.place(Priority::Known)?, password, stored).await
    }

    /// How busy it is.
    #[must_use]
    pub fn load(&self) -> HashLoad {
        self.queue.load()
    }

    /// Takes a place in the queue.
    ///
    /// # Errors
    /// [`HashError::Busy`] when there is none.
    pub(super) fn place(&self, priority: Priority) -> Result<Place, HashError> {
        self.queue.place(priority).ok_or(HashError::Busy)
    }

    /// Whether a hash that this password opens was made of the bytes as they came, and not of today's form.
    pub(super) async fn is_of_raw_form(&self, password: &Password, stored: &str) -> Result<bool, HashError> {
        if password.0.raw.is_none() {
            return Ok(false);
        }
        let (password, stored) = (password.clone(), stored.to_owned());
        self.work(self.place(Priority::Known)?, move |buffers| {
            verify_now(buffers, password.as_bytes(), &stored).map(|is_composed| !is_composed)
        })
        .await
    }

    /// The same as [`verify`](Self::verify), by somebody who has a place already and so is not sent away.
    pub(super) async fn verify_at(
        &self,
        place: Place,
        password: &Password,
        stored: Option<&str>,
    ) -> Result<bool, HashError> {
        let (argon2, dummy) = (self.argon2.clone(), Arc::clone(&self.dummy));
        let (password, stored) = (password.clone(), stored.map(str::to_owned));
        self.work(place, move |buffers| {
            let mut verdict = Ok(false);
            // As many hashes for everybody who types this: one, and one more where the forms differ.
            for form in password.forms() {
                let found = stored.as_deref().map(|stored| verify_now(buffers, form, stored));
                match found {
                    Some(Ok(true)) => return Ok(true),
                    Some(Ok(false)) => continue,
                    Some(Err(error)) => verdict = Err(error),
                    None => {}
                }
                // The answer is thrown away: what counts is the time it takes.
                let _ = verify_now(buffers, form, dummy_hash(&argon2, buffers, &dummy)?);
            }
            verdict
        })
        .await
    }

    /// Runs the work on a blocking thread.
    ///
    /// Place and turn travel with the work and are given back when it is done: were they the waiting request's, a client
    /// that keeps hanging up would start as many hashes as it likes.
    async fn work<T: Send + 'static>(
        &self,
        place: Place,
        work: impl FnOnce(&Buffers) -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        hashing(async {
            let turn = place.turn().await.ok_or(HashError::Busy)?;
            let buffers = Arc::clone(&self.buffers);
            buffers.give_back_when_idle();
            let running = tokio::task::spawn_blocking(move || {
                let _held = (place, turn);
                work(&buffers)
            });
            running.await.unwrap_or_else(|stopped| Err(failed(stopped)))
        })
        .await
    }

    /// Whether a stored hash was made with other parameters than those of today.
    #[must_use]
    pub fn needs_renewal(&self, stored: &str) -> bool {
        let Ok(hash) = PasswordHash::new(stored) else { return true };
        let same_algorithm = hash.algorithm.as_str() == Algorithm::Argon2id.as_str()
            && hash.version == Some(Version::V0x13.into());
        let (Ok(old), new) = (Params::try_from(&hash), self.argon2.params()) else { return true };
        let same_cost =
            (old.m_cost(), old.t_cost(), old.p_cost()) == (new.m_cost(), new.t_cost(), new.p_cost());
        !(same_algorithm && same_cost)
    }
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new(Cost::default())
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").field("cost", self.argon2.params()).finish_non_exhaustive()
    }
}

fn dummy_hash<'a>(
    argon2: &Argon2<'_>,
    buffers: &Buffers,
    dummy: &'a OnceLock<String>,
) -> Result<&'a str, HashError> {
    if let Some(made) = dummy.get() {
        return Ok(made);
    }
    let made = hash_now(argon2, buffers, b"nobody's password")?;
    Ok(dummy.get_or_init(|| made))
}

fn verify_now(buffers: &Buffers, password: &[u8], stored: &str) -> Result<bool, HashError> {
    let hash = PasswordHash::new(stored).map_err(|_| HashError::Unreadable)?;
    if hash.salt.is_none() || hash.hash.is_none() {
        return Err(HashError::Unreadable);
    }
    match buffers.verify(password, &hash) {
        Ok(is_right) => Ok(is_right),
        Err(error @ argon2::password_hash::Error::OutOfMemory) => Err(failed(error)),
        Err(_) => Err(HashError::Unreadable),
    }
}

fn hash_now(argon2: &Argon2<'_>, buffers: &Buffers, password: &[u8]) -> Result<String, HashError> {
    buffers.hash(argon2, password).map(|hash| hash.to_string()).map_err(failed)
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> HashError {
    HashError::Failed(Box::new(error))
}

/// Longer than any passphrase, and short enough that nobody uploads megabytes to be hashed.
const MAX_BYTES: usize = 256;
const DEFAULT_QUEUE: usize = 32;
const MAX_AT_ONCE: usize = 4096;
/// KiB and passes of equal strength, each with one lane (OWASP Password Storage Cheat Sheet).
const OWASP_MINIMA: [(u32, u32); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];
const MAX_MEMORY_KIB: u32 = 1024 * 1024;
const MAX_PASSES: u32 = 64;
const MAX_LANES: u32 = 16;

#[cfg(test)]
mod tests;
