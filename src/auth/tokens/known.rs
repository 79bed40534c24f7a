//! Which tokens were found good already?
//!
//! A browser sends the same access token with every request for five minutes, and its signature cannot become wrong in
//! between. So what was verified once is remembered: the whole token, what it says, and for how long its key counts.
//! A refusal is never remembered, and whether the token has expired or was revoked is never asked here.
//!
//! Only what a key of the ring has signed gets in, so that a flood of forgeries finds no room, and a slot's place is drawn
//! from a hash that nobody outside knows, so that nobody can aim at somebody else's. A slot holds one token: a newer one
//! takes the place of an older, which is then verified again.
//! The memory belongs to its ring: other keys begin with an empty one.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Arc, PoisonError, RwLock};

use subtle::ConstantTimeEq;

use crate::auth::tokens::token::Said;
use crate::ground::clock::UnixTime;

/// Tokens that were found good.
pub(crate) struct Known {
    slots: Box<[RwLock<Option<Good>>]>,
    hasher: RandomState,
}

struct Good {
    token: Box<str>,
    said: Arc<Said>,
    /// Until when its key counts; `None` for as long as there is this ring.
    until: Option<UnixTime>,
}

impl Known {
    pub(crate) fn new() -> Self {
        Self { slots: (0..SLOTS).map(|_| RwLock::new(None)).collect(), hasher: RandomState::new() }
    }

    /// What this token says, if it was found good before and its key still counts.
    pub(crate) fn find(&self, token: &str, now: UnixTime) -> Option<Arc<Said>> {
        let slot = self.slot(token)?.read().unwrap_or_else(PoisonError::into_inner);
        let good = slot.as_ref().filter(|good| good.until.is_none_or(|until| now < until))?;
        good.is(token).then(|| Arc::clone(&good.said))
    }

    /// Remembers a token that was found good.
    pub(crate) fn remember(&self, token: &str, said: &Arc<Said>, until: Option<UnixTime>) {
        let Some(slot) = self.slot(token) else { return };
        let good = Good { token: token.into(), said: Arc::clone(said), until };
        *slot.write().unwrap_or_else(PoisonError::into_inner) = Some(good);
    }

    /// Forgets them all.
    #[cfg(feature = "testing")]
    pub(crate) fn forget(&self) {
        for slot in &self.slots {
            *slot.write().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    /// A signature is as good as drawn at random, and its end stands for the token.
    fn slot(&self, token: &str) -> Option<&RwLock<Option<Good>>> {
        let end = token.len().checked_sub(END).and_then(|start| token.as_bytes().get(start..))?;
        let hash = self.hasher.hash_one(<[u8; END]>::try_from(end).ok()?);
        self.slots.get(usize::try_from(hash).unwrap_or_default() % SLOTS)
    }
}

impl Good {
    /// Whether this is that token. What makes a token a secret is its signature, which stands at its end: so much of it as
    /// nobody can guess is compared in a time that does not tell where it differs, and whoever knows that may learn the rest.
    fn is(&self, token: &str) -> bool {
        if self.token.len() != token.len() {
            return false;
        }
        let start = token.len().saturating_sub(SECRET);
        let (known, secret) = self.token.as_bytes().split_at(start);
        let (asked, its) = token.as_bytes().split_at(start);
        bool::from(secret.ct_eq(its)) && known == asked
    }
}

/// About a KiB each, so two MiB when all are taken; two thousand people at once are served without a second verification.
const SLOTS: usize = 2048;
/// How much of a token's end stands for it when its slot is chosen.
const END: usize = 16;
/// Six bits a letter, and a signature has at least 256.
const SECRET: usize = 43;
