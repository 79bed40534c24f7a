//! The memory that hashing takes: one buffer for each hash that runs, made once and used again.
//!
//! Argon2 fills 19 MiB for each password. Asked for anew each time, such a block comes from the arena of whichever thread
//! hashes, and the allocator of glibc keeps it there after it is given back: a bound on how many hashes run is then no
//! bound on memory. Here the memory is at most as much as is in use at the same time, whoever asks and however often.
//! When nobody has hashed for a while it is given back; by then the thread that hashed has ended too, and the next one takes
//! over its arena.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::password_hash::{self, try_generate_salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};

/// Buffers that nobody uses at the moment, each as large as one hash with today's parameters takes.
pub(super) struct Buffers {
    blocks: usize,
    free: Mutex<Vec<Vec<Block>>>,
    /// How many hashes there have been.
    uses: AtomicU64,
    /// Whether somebody waits for the moment when nobody hashes.
    is_watched: AtomicBool,
}

impl Buffers {
    /// None yet, for hashes with these parameters.
    pub(super) fn of(params: &Params) -> Self {
        Self {
            blocks: params.block_count(),
            free: Mutex::default(),
            uses: AtomicU64::new(0),
            is_watched: AtomicBool::new(false),
        }
    }

    /// Gives the free memory back to the system once nobody has hashed for [`IDLE`].
    pub(super) fn give_back_when_idle(self: &Arc<Self>) {
        if self.is_watched.swap(true, Ordering::AcqRel) {
            return;
        }
        let buffers = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut seen = 0;
            loop {
                tokio::time::sleep(IDLE).await;
                let Some(buffers) = buffers.upgrade() else { return };
                match buffers.give_back_unless_used(seen) {
                    Some(uses) => seen = uses,
                    None => break,
                }
            }
            // The program's allocator keeps what it was given for some seconds, and looks again only when something large is
            // asked for or given back.
            tokio::time::sleep(IDLE).await;
            drop(std::hint::black_box(Vec::<Block>::with_capacity(NUDGE)));
        });
    }

    /// Gives the free memory back unless there were more hashes than `seen`; how many there were by then.
    pub(super) fn give_back_unless_used(&self, seen: u64) -> Option<u64> {
        let uses = self.uses.load(Ordering::Acquire);
        if uses != seen {
            return Some(uses);
        }
        // First: whoever hashes from here on sees to it that somebody waits again.
        self.is_watched.store(false, Ordering::Release);
        self.free.lock().unwrap_or_else(PoisonError::into_inner).clear();
        None
    }

    /// How many wait to be used again.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.free.lock().unwrap().len()
    }

    /// Lends memory for one hash with these parameters.
    ///
    /// A hash that was stored with other parameters and needs more gets its own, which is given back to the system.
    fn with<T>(
        &self,
        params: &Params,
        work: impl FnOnce(&mut [Block]) -> password_hash::Result<T>,
    ) -> password_hash::Result<T> {
        self.uses.fetch_add(1, Ordering::AcqRel);
        let wanted = params.block_count().max(self.blocks);
        let kept = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut buffer = match kept {
            Some(buffer) if buffer.len() >= wanted => buffer,
            other => {
                drop(other);
                room_for(wanted)?
            }
        };
        let result = work(&mut buffer);
        // With a single pass the first two blocks of a lane follow from the password alone, and whoever read them could
        // try passwords without the cost of filling the rest.
        let lane = params.block_count() / usize::try_from(params.p_cost()).unwrap_or(1).max(1);
        for blocks in buffer.chunks_mut(lane.max(1)) {
            blocks.iter_mut().take(2).for_each(|block| *block = Block::new());
        }
        if wanted == self.blocks {
            self.free.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
        }
        result
    }

    /// The PHC string's parts of a password, with a salt of its own.
    pub(super) fn hash(&self, argon2: &Argon2<'_>, password: &[u8]) -> password_hash::Result<PasswordHash> {
        let salt = Salt::new(&try_generate_salt()?)?;
        let params = argon2.params();
        let length = params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
        let output = self.with(params, |memory| output(argon2, password, &salt, length, memory))?;
        Ok(PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(params)?,
            salt: Some(salt),
            hash: Some(output),
        })
    }

    /// Whether the password belongs to a stored hash, by the parameters that stand in it.
    pub(super) fn verify(&self, password: &[u8], stored: &PasswordHash) -> password_hash::Result<bool> {
        let (Some(salt), Some(expected)) = (&stored.salt, &stored.hash) else {
            return Err(password_hash::Error::PasswordInvalid);
        };
        let algorithm = Algorithm::try_from(stored.algorithm.as_str())?;
        let version = stored.version.map(Version::try_from).transpose()?.unwrap_or_default();
        let argon2 = Argon2::new(algorithm, version, Params::try_from(stored)?);
        // `Output` is compared in constant time.
        self.with(argon2.params(), |memory| output(&argon2, password, salt, expected.len(), memory))
            .map(|output| output == *expected)
    }
}

/// Longer than the runtime keeps a blocking thread that has nothing to do.
const IDLE: Duration = Duration::from_secs(12);

/// Two MiB.
const NUDGE: usize = 2048;

/// Fresh memory; that there is none is no reason to end the program.
fn room_for(blocks: usize) -> password_hash::Result<Vec<Block>> {
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(blocks).map_err(|_| password_hash::Error::OutOfMemory)?;
    buffer.resize(blocks, Block::new());
    Ok(buffer)
}

fn output(
    argon2: &Argon2<'_>,
    password: &[u8],
    salt: &[u8],
    length: usize,
    memory: &mut [Block],
) -> password_hash::Result<Output> {
    let mut bytes = [0; Output::MAX_LENGTH];
    let bytes = bytes.get_mut(..length).ok_or(password_hash::Error::OutputSize)?;
    argon2.hash_password_into_with_memory(password, salt, bytes, memory)?;
    Ok(Output::new(bytes)?)
}
