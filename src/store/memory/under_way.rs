//! What becomes of sign-ins that are under way, in memory.

use super::Kept;
use crate::auth::{UnixTime, Voucher};
use crate::users::{Lack, PendingDigest, Standing, Username, enrolled};

impl Kept {
    /// Takes back the voucher of a sign-in whose every proof was given.
    pub(super) fn spend_voucher(&mut self, voucher: &Voucher, user: &str, now: UnixTime) -> bool {
        let digest = PendingDigest::from_bytes(*voucher.as_bytes());
        let is_good = self.besides.pending.get(&digest).is_some_and(|pending| {
            let standing = self.standing(&pending.account);
            pending.state.is_proved
                && pending.account.as_str() == user
                && standing.is_some_and(|standing| pending.state.is_open(standing, now))
        });
        is_good && self.besides.pending.remove(&digest).is_some()
    }

    /// Whether a first factor may be added for this sign-in; without one there is nothing to ask.
    pub(super) fn may_prove(&self, digest: Option<PendingDigest>, account: &Username, now: UnixTime) -> bool {
        let Some(digest) = digest else { return true };
        let kept = self.besides.pending.get(&digest).filter(|kept| kept.account == *account);
        let (Some(kept), Some(standing)) = (kept, self.standing(account)) else { return false };
        kept.state.lacks == Lack::Enrolment && kept.state.is_open(standing, now)
    }

    /// The sign-in for which a factor was added is proved by it.
    pub(super) fn prove(
        &mut self,
        digest: Option<PendingDigest>,
        account: &Username,
        before: Option<Standing>,
        now: UnixTime,
    ) {
        let after = self.standing(account);
        let pending = digest.and_then(|digest| self.besides.pending.get_mut(&digest));
        if let (Some(pending), Some(before), Some(after)) = (pending, before, after)
            && let Some(state) = enrolled(pending.state, before, after, now)
        {
            pending.state = state;
        }
    }
}
