//! Factors, recovery codes, and sign-ins that lack their second step.

use std::sync::Arc;

use portcullis::auth::{Session, UnixTime, Voucher, Which};
use portcullis::store::Stores;
use portcullis::users::{
    Account, Beginning, Change, CodeDigest, Confirmation, Effective, FactorId, KeptFactor, Lack, NewHash,
    OneTimeCode, PendingDigest, PendingState, Presented, Removal, SecondOutcome, Username, Warrant,
};

use super::{NOW, after, create, end, id, session};

every_driver! {
    an_app_comes_back_with_every_field_and_counts_when_it_is_confirmed,
    a_password_leads_to_a_second_step_or_none,
    a_step_counts_once_and_so_does_every_one_before_it,
    of_fifty_who_bring_one_code_one_is_signed_in,
    of_fifty_who_bring_one_recovery_code_one_is_signed_in,
    five_wrong_codes_end_a_sign_in,
    whatever_changes_the_account_ends_its_sign_ins,
    nothing_is_spent_for_a_sign_in_that_is_over,
    what_was_proved_is_one_session_and_no_code_is_lost_before_it,
    a_voucher_is_worth_nothing_to_others_or_too_late,
    codes_and_apps_of_others_count_for_nothing,
    the_first_app_brings_recovery_codes_and_the_last_takes_them,
    there_is_room_for_so_many_apps,
    two_tabs_that_remove_the_last_two_apps_leave_a_password,
    a_reset_takes_everything_and_ends_every_session,
    sign_ins_that_are_over_are_forgotten,
    a_strong_role_asks_whoever_has_no_factor_to_take_one_into_use,
    the_last_factor_of_a_strong_role_stays_also_in_two_tabs,
    somebody_of_whom_a_factor_is_required_needs_one_whatever_the_roles,
}

const STEP: u64 = 56_666_666;

fn name(text: &str) -> Username {
    text.parse().unwrap()
}

async fn account(stores: &Stores, text: &str) -> Username {
    let account = Account {
        name: name(text),
        password_hash: "$argon2id$".to_owned(),
        roles: vec![],
        disabled: false,
        created_at: NOW,
        epoch: 0,
    };
    assert!(stores.accounts.insert(&account).await.unwrap());
    account.name
}

fn app(number: u8, account: &Username) -> KeptFactor {
    KeptFactor {
        id: FactorId::from_bytes([number; 16]),
        account: account.clone(),
        label: String::new(),
        made_at: after(u64::from(number)),
        confirmed_at: None,
        used_at: None,
        sealed: vec![0, 255, number],
        last_step: 0,
    }
}

fn codes(first: u8) -> Vec<CodeDigest> {
    (first..first + 10).map(|number| OneTimeCode::from_bytes([number; 15]).digest()).collect()
}

/// Takes an app into use by the code of a step.
async fn enrolled(stores: &Stores, number: u8, account: &Username, step: u64) -> FactorId {
    let app = app(number, account);
    assert!(stores.factors.enrol(&app, 5).await.unwrap());
    let confirmed = stores
        .factors
        .confirm(None, account, Confirmation { factor: app.id, step, label: "phone" }, &codes(number), NOW)
        .await;
    assert!(confirmed.unwrap().is_some());
    app.id
}

async fn epoch(stores: &Stores, account: &Username) -> u64 {
    stores.accounts.find(account).await.unwrap().unwrap().epoch
}

/// Begins a sign-in under a secret of this number.
async fn pending(stores: &Stores, number: u8, account: &Username) -> PendingDigest {
    let digest = PendingDigest::of(&[number]);
    let epoch = epoch(stores, account).await;
    let begun = stores.factors.begin_sign_in(digest, account, epoch, true, &[], NOW).await.unwrap();
    assert!(matches!(begun, Some(Beginning::Pending(_))), "{begun:?}");
    digest
}

async fn answer(stores: &Stores, digest: PendingDigest, presented: Presented<'_>) -> Option<SecondOutcome> {
    stores.factors.answer(digest, presented, NOW).await.unwrap().map(|answered| answered.outcome)
}

const fn step(factor: FactorId, step: u64) -> Presented<'static> {
    Presented::Step { factor, step }
}

async fn an_app_comes_back_with_every_field_and_counts_when_it_is_confirmed(stores: Stores) {
    let alice = account(&stores, "alice").await;
    let kept = app(1, &alice);
    assert!(stores.factors.enrol(&kept, 5).await.unwrap());
    assert_eq!(stores.factors.factors(&alice).await.unwrap(), std::slice::from_ref(&kept));
    let begun =
        stores.factors.begin_sign_in(PendingDigest::of(b"x"), &alice, 0, false, &[], NOW).await.unwrap();
    assert_eq!(begun, Some(Beginning::Complete), "an app that was never confirmed asks for nothing");
    assert!(!stores.factors.spend(&alice, step(kept.id, STEP), NOW).await.unwrap());
    let confirmed = stores
        .factors
        .confirm(None, &alice, Confirmation { factor: kept.id, step: STEP, label: "phone" }, &[], after(9))
        .await
        .unwrap();
    assert_eq!(confirmed, Some(true));
    let (label, at) = ("phone".to_owned(), Some(after(9)));
    let expected = KeptFactor { label, confirmed_at: at, used_at: at, last_step: STEP, ..kept.clone() };
    assert_eq!(stores.factors.factors(&alice).await.unwrap(), [expected]);
    assert_eq!(epoch(&stores, &alice).await, 1);
    let again = stores
        .factors
        .confirm(None, &alice, Confirmation { factor: kept.id, step: STEP + 1, label: "x" }, &[], NOW)
        .await
        .unwrap();
    assert_eq!(again, None, "once");
    // A second one that is begun takes the place of another that was.
    for number in [2, 3] {
        assert!(stores.factors.enrol(&app(number, &alice), 5).await.unwrap());
    }
    let ids: Vec<_> = stores.factors.factors(&alice).await.unwrap().iter().map(|kept| kept.id).collect();
    assert_eq!(ids, [1, 3].map(|number| FactorId::from_bytes([number; 16])));
}

async fn a_password_leads_to_a_second_step_or_none(stores: Stores) {
    let alice = account(&stores, "alice").await;
    let digest = PendingDigest::of(b"secret");
    let begin =
        async |epoch| stores.factors.begin_sign_in(digest, &alice, epoch, true, &[], NOW).await.unwrap();
    assert_eq!(begin(0).await, Some(Beginning::Complete));
    assert_eq!(begin(1).await, Some(Beginning::Refused));
    let nobody = stores.factors.begin_sign_in(digest, &name("nobody"), 0, true, &[], NOW).await.unwrap();
    assert_eq!(nobody, None);
    let app = enrolled(&stores, 1, &alice, STEP).await;
    assert_eq!(
        begin(0).await,
        Some(Beginning::Refused),
        "the password was compared before the app was there"
    );
    let expires_at = NOW + PendingState::LIFE;
    let state = PendingState { lacks: Lack::Factor, epoch: 1, failures: 0, expires_at, is_proved: false };
    assert_eq!(begin(1).await, Some(Beginning::Pending(state)));
    let kept = stores.factors.pending(digest, after(299)).await.unwrap().unwrap();
    assert_eq!((kept.account, kept.remember, kept.state), (alice.clone(), true, state));
    assert_eq!(stores.factors.pending(digest, after(300)).await.unwrap(), None);
    assert_eq!(stores.factors.pending(PendingDigest::of(b"other"), NOW).await.unwrap(), None);
    let answered = stores.factors.answer(digest, step(app, STEP + 1), NOW).await.unwrap().unwrap();
    assert_eq!((answered.account.name, answered.remember), (alice.clone(), true));
    assert_eq!(answered.outcome, SecondOutcome::Complete);
}

async fn a_step_counts_once_and_so_does_every_one_before_it(stores: Stores) {
    let alice = account(&stores, "alice").await;
    let app = enrolled(&stores, 1, &alice, STEP).await;
    let digest = pending(&stores, 1, &alice).await;
    let wrong = |outcome| matches!(outcome, Some(SecondOutcome::Wrong(_)));
    assert!(wrong(answer(&stores, digest, step(app, STEP)).await), "the code of the enrolment was spent");
    assert!(stores.factors.spend(&alice, step(app, STEP + 5), NOW).await.unwrap());
    assert!(!stores.factors.spend(&alice, step(app, STEP + 5), NOW).await.unwrap());
    assert!(wrong(answer(&stores, digest, step(app, STEP + 5)).await));
    assert!(wrong(answer(&stores, digest, step(app, STEP + 4)).await), "and nobody goes back");
    assert_eq!(answer(&stores, digest, step(app, STEP + 6)).await, Some(SecondOutcome::Complete));
}

async fn of_fifty_who_bring_one_code_one_is_signed_in(stores: Stores) {
    let alice = account(&stores, "alice").await;
    let app = enrolled(&stores, 1, &alice, STEP).await;
    assert_eq!(in_parallel(&stores, &alice, move |_| step(app, STEP + 1)).await, 1);
}

async fn of_fifty_who_bring_one_recovery_code_one_is_signed_in(stores: Stores) {
    let alice = account(&stores, "alice").await;
    enrolled(&stores, 1, &alice, STEP).await;
    assert_eq!(in_parallel(&stores, &alice, |code| Presented::Recovery(code)).await, 1);
    assert_eq!(stores.factors.counts(&alice).await.unwrap().recovery_codes, 9);
}

/// Fifty sign-ins of one person at the same moment; how many of them are signed in.
async fn in_parallel(
    stores: &Stores,
    account: &Username,
    presented: impl Fn(&CodeDigest) -> Presented<'_> + Copy + Send + 'static,
) -> usize {
    let mut digests = Vec::new();
    for number in 0..50 {
        digests.push(pending(stores, number, account).await);
    }
    let tasks: Vec<_> = digests
        .into_iter()
        .map(|digest| {
            let factors = Arc::clone(&stores.factors);
            tokio::spawn(async move {
                let code = codes(1).remove(3);
                let mut outcome = factors.answer(digest, presented(&code), NOW).await;
                // A store that is too busy says so; nothing was spent then.
                while outcome.is_err() {
                    outcome = factors.answer(digest, presented(&code), NOW).await;
                }
                outcome.unwrap().map(|answered| answered.outcome)
            })
        })
        .collect();
    let mut signed_in = 0;
    for task in tasks {
        signed_in += usize::from(task.await.unwrap() == Some(SecondOutcome::Complete));
    }
    signed_in
}

async fn five_wrong_codes_end_a_sign_in(stores: Stores) {
    let alice = account(&stores, "alice").await;
    let app = enrolled(&stores, 1, &alice, STEP).await;
    let digest = pending(&stores, 1, &alice).await;
    for failures in 1..5 {
        let outcome = answer(&stores, digest, Presented::Wrong).await;
        let state = match outcome {
            Some(SecondOutcome::Wrong(state)) => Some(state),
            _ => None,
        };
        assert_eq!(state.map(|state| state.failures), Some(failures), "{outcome:?}");
    }
    assert_eq!(answer(&stores, digest, Presented::Wrong).await, Some(SecondOutcome::LastWrong));
    assert_eq!(answer(&stores, digest, step(app, STEP + 1)).await, None);
    assert_eq!(stores.factors.pending(digest, NOW).await.unwrap(), None);
    assert!(stores.factors.spend(&alice, step(app, STEP + 1), NOW).await.unwrap(), "nothing was spent");
}

async fn whatever_changes_the_account_ends_its_sign_ins(stores: Stores) {
    let alice = account(&stores, "alice").await;
    let app = enrolled(&stores, 1, &alice, STEP).await;
    let moment = Effective { at: NOW, remember_until: after(360) };
    for change in 0..6 {
        let digest = pending(&stores, change, &alice).await;
        match change {
            0 => {
                let hash = NewHash { old: None, new: "$argon2id$2", keep: None };
                stores.accounts.change_password(&alice, hash, moment).await.unwrap().unwrap();
            }
            1 => {
                let roles = ["staff".to_owned()];
                stores.accounts.set_roles(&alice, &roles, moment, Warrant::OPERATOR).await.unwrap();
            }
            2 => {
                for disabled in [true, false] {
                    stores.accounts.set_disabled(&alice, disabled, moment, Warrant::OPERATOR).await.unwrap();
                }
            }
            3 => drop(enrolled(&stores, 9, &alice, STEP).await),
            4 => assert_eq!(
                stores.factors.remove_factor(&alice, FactorId::from_bytes([9; 16]), &[], NOW).await.unwrap(),
                Removal::Made
            ),
            _ => {
                let code = OneTimeCode::from_bytes([77; 15]).digest();
                let kept = portcullis::users::KeptCode {
                    digest: code.clone(),
                    expires_at: after(60),
                    issued_by: None,
                };
                stores.accounts.keep_code(&alice, &kept, NOW, Warrant::OPERATOR).await.unwrap();
                stores.accounts.redeem(&alice, &code, "$argon2id$3", moment).await.unwrap().unwrap();
            }
        }
        assert_eq!(stores.factors.pending(digest, NOW).await.unwrap(), None, "{change}");
        let outcome = answer(&stores, digest, step(app, STEP + 1)).await;
        assert_eq!(outcome, Some(SecondOutcome::Over), "{change}");
    }
    assert!(stores.factors.spend(&alice, step(app, STEP + 1), NOW).await.unwrap(), "nothing was spent");
}

async fn nothing_is_spent_for_a_sign_in_that_is_over(stores: Stores) {
    let alice = account(&stores, "alice").await;
    let app = enrolled(&stores, 1, &alice, STEP).await;
    let digest = pending(&stores, 1, &alice).await;
    let late = stores.factors.answer(digest, step(app, STEP + 1), after(300)).await.unwrap().unwrap();
    assert_eq!(late.outcome, SecondOutcome::Over);
    let code = &codes(1)[0];
    let digest = pending(&stores, 2, &alice).await;
    let late = stores.factors.answer(digest, Presented::Recovery(code), after(300)).await.unwrap().unwrap();
    assert_eq!(late.outcome, SecondOutcome::Over);
    assert_eq!(stores.factors.counts(&alice).await.unwrap().recovery_codes, 10);
    assert!(stores.factors.spend(&alice, step(app, STEP + 1), NOW).await.unwrap());
}

async fn what_was_proved_is_one_session_and_no_code_is_lost_before_it(stores: Stores) {
    let alice = account(&stores, "alice").await;
    let app = enrolled(&stores, 1, &alice, STEP).await;
    let digest = pending(&stores, 1, &alice).await;
    let voucher = Voucher::from_bytes(*digest.as_bytes());
    let begin = async |number| {
        stores.sessions.create_by(&voucher, &session(number, "alice"), 10, after(300)).await.unwrap()
    };
    assert_eq!(begin(1).await, None, "nothing was proved yet");
    assert_eq!(answer(&stores, digest, step(app, STEP + 1)).await, Some(SecondOutcome::Complete));
    // As by a node that died before the session was kept, and a browser that sends the same once more.
    assert_eq!(answer(&stores, digest, step(app, STEP + 1)).await, Some(SecondOutcome::Complete));
    assert_eq!(
        answer(&stores, digest, Presented::Recovery(&codes(1)[0])).await,
        Some(SecondOutcome::Complete)
    );
    assert_eq!(stores.factors.counts(&alice).await.unwrap().recovery_codes, 10, "nothing more is spent");
    assert_eq!(begin(2).await, Some(vec![]));
    assert_eq!(begin(3).await, None, "once");
    assert_eq!(answer(&stores, digest, step(app, STEP + 2)).await, None);
    assert_eq!(stores.sessions.find(id(2)).await.unwrap(), Some(session(2, "alice")));
    assert_eq!(stores.sessions.find(id(3)).await.unwrap(), None);
    // Twenty tabs that have the same voucher.
    let digest = pending(&stores, 2, &alice).await;
    assert_eq!(answer(&stores, digest, step(app, STEP + 2)).await, Some(SecondOutcome::Complete));
    let voucher = Voucher::from_bytes(*digest.as_bytes());
    let tabs: Vec<_> = (10..30)
        .map(|number| {
            let sessions = Arc::clone(&stores.sessions);
            let begin = async move {
                sessions.create_by(&voucher, &session(number, "alice"), 100, after(300)).await.unwrap()
            };
            tokio::spawn(begin)
        })
        .collect();
    let mut begun = 0;
    for tab in tabs {
        begun += usize::from(tab.await.unwrap().is_some());
    }
    assert_eq!(begun, 1);
}

async fn a_voucher_is_worth_nothing_to_others_or_too_late(stores: Stores) {
    let alice = account(&stores, "alice").await;
    account(&stores, "bob").await;
    let app = enrolled(&stores, 1, &alice, STEP).await;
    let proved = async |number: u8, at: u64| {
        let digest = pending(&stores, number, &alice).await;
        assert_eq!(answer(&stores, digest, step(app, at)).await, Some(SecondOutcome::Complete));
        Voucher::from_bytes(*digest.as_bytes())
    };
    let begin = async |voucher: &Voucher, session: &Session| {
        stores.sessions.create_by(voucher, session, 10, after(300)).await.unwrap()
    };
    let voucher = proved(1, STEP + 1).await;
    assert_eq!(begin(&voucher, &session(1, "bob")).await, None, "it is somebody else's");
    let late = Session { created_at: after(300), ..session(2, "alice") };
    assert_eq!(begin(&voucher, &late).await, None);
    let moment = Effective { at: NOW, remember_until: after(360) };
    stores.accounts.set_roles(&alice, &[], moment, Warrant::OPERATOR).await.unwrap();
    assert_eq!(begin(&voucher, &session(3, "alice")).await, None, "the account changed");
    let voucher = proved(2, STEP + 2).await;
    assert_eq!(begin(&voucher, &session(4, "alice")).await, Some(vec![]));
}

async fn codes_and_apps_of_others_count_for_nothing(stores: Stores) {
    let (alice, bob) = (account(&stores, "alice").await, account(&stores, "bob").await);
    let (own, others) = (enrolled(&stores, 1, &alice, STEP).await, enrolled(&stores, 30, &bob, STEP).await);
    let digest = pending(&stores, 1, &alice).await;
    let wrong = |outcome| matches!(outcome, Some(SecondOutcome::Wrong(_)));
    assert!(wrong(answer(&stores, digest, step(others, STEP + 1)).await));
    assert!(wrong(answer(&stores, digest, Presented::Recovery(&codes(30)[0])).await));
    assert!(!stores.factors.spend(&bob, step(own, STEP + 1), NOW).await.unwrap());
    assert_eq!(stores.factors.remove_factor(&alice, others, &[], NOW).await.unwrap(), Removal::NotThere);
    assert_eq!(
        stores
            .factors
            .confirm(None, &alice, Confirmation { factor: others, step: STEP + 9, label: "" }, &[], NOW)
            .await
            .unwrap(),
        None
    );
    assert_eq!(stores.factors.counts(&bob).await.unwrap().recovery_codes, 10);
    assert!(stores.factors.spend(&bob, step(others, STEP + 1), NOW).await.unwrap(), "nothing was spent");
}

async fn the_first_app_brings_recovery_codes_and_the_last_takes_them(stores: Stores) {
    let alice = account(&stores, "alice").await;
    assert!(
        !stores.factors.replace_recovery_codes(&alice, &codes(60), NOW).await.unwrap(),
        "there is no app yet"
    );
    let first = enrolled(&stores, 1, &alice, STEP).await;
    let second = app(2, &alice);
    assert!(stores.factors.enrol(&second, 5).await.unwrap());
    let confirmed = stores
        .factors
        .confirm(None, &alice, Confirmation { factor: second.id, step: STEP, label: "" }, &codes(40), NOW)
        .await
        .unwrap();
    assert_eq!(confirmed, Some(false), "the codes of before go on");
    let spend =
        async |code: &CodeDigest| stores.factors.spend(&alice, Presented::Recovery(code), NOW).await.unwrap();
    assert!(!spend(&codes(40)[0]).await);
    assert!(spend(&codes(1)[0]).await && !spend(&codes(1)[0]).await, "once");
    assert!(stores.factors.replace_recovery_codes(&alice, &codes(60), NOW).await.unwrap());
    assert!(!spend(&codes(1)[1]).await, "the old ones are gone");
    assert!(spend(&codes(60)[1]).await);
    assert_eq!(stores.factors.remove_factor(&alice, first, &[], NOW).await.unwrap(), Removal::Made);
    assert_eq!(stores.factors.counts(&alice).await.unwrap().recovery_codes, 9);
    assert_eq!(stores.factors.remove_factor(&alice, second.id, &[], NOW).await.unwrap(), Removal::Made);
    assert_eq!(stores.factors.counts(&alice).await.unwrap().recovery_codes, 0);
    assert_eq!(stores.factors.remove_factor(&alice, second.id, &[], NOW).await.unwrap(), Removal::NotThere);
}

async fn there_is_room_for_so_many_apps(stores: Stores) {
    let alice = account(&stores, "alice").await;
    for number in 1..=2 {
        let app = app(number, &alice);
        assert!(stores.factors.enrol(&app, 2).await.unwrap());
        stores
            .factors
            .confirm(
                None,
                &alice,
                Confirmation { factor: app.id, step: STEP, label: "" },
                &codes(number),
                NOW,
            )
            .await
            .unwrap()
            .unwrap();
    }
    assert!(!stores.factors.enrol(&app(3, &alice), 2).await.unwrap());
    assert!(!stores.factors.enrol(&app(4, &name("nobody")), 2).await.unwrap());
    let moment = Effective { at: NOW, remember_until: after(360) };
    stores.accounts.set_disabled(&alice, true, moment, Warrant::OPERATOR).await.unwrap();
    assert!(!stores.factors.enrol(&app(3, &alice), 9).await.unwrap(), "nor for whoever may not sign in");
}

async fn two_tabs_that_remove_the_last_two_apps_leave_a_password(stores: Stores) {
    let alice = account(&stores, "alice").await;
    let apps = [enrolled(&stores, 1, &alice, STEP).await, enrolled(&stores, 2, &alice, STEP).await];
    let tabs = apps.map(|id| {
        let (factors, alice) = (Arc::clone(&stores.factors), alice.clone());
        tokio::spawn(async move { factors.remove_factor(&alice, id, &[], NOW).await.unwrap() })
    });
    for tab in tabs {
        assert_eq!(tab.await.unwrap(), Removal::Made);
    }
    assert_eq!(stores.factors.counts(&alice).await.unwrap().recovery_codes, 0);
    let epoch = epoch(&stores, &alice).await;
    let begun = stores.factors.begin_sign_in(PendingDigest::of(b"x"), &alice, epoch, false, &[], NOW).await;
    assert_eq!(begun.unwrap(), Some(Beginning::Complete), "there is a way in");
}

async fn a_reset_takes_everything_and_ends_every_session(stores: Stores) {
    let alice = account(&stores, "alice").await;
    enrolled(&stores, 1, &alice, STEP).await;
    let digest = pending(&stores, 1, &alice).await;
    create(&stores, &session(1, "alice")).await;
    create(&stores, &session(2, "bob")).await;
    let moment = Effective { at: NOW, remember_until: after(360) };
    let lost = Warrant { session: Some([9; 16]), ..Warrant::OPERATOR };
    let reset = async |account: &Username, warrant| {
        stores.factors.reset_factors(account, moment, warrant).await.unwrap()
    };
    assert_eq!(reset(&alice, lost).await, Change::Unwarranted);
    assert_eq!(stores.factors.factors(&alice).await.unwrap().len(), 1);
    assert_eq!(reset(&name("nobody"), Warrant::OPERATOR).await, Change::NotMade);
    assert_eq!(reset(&alice, Warrant::OPERATOR).await, Change::Made(vec![*id(1).as_bytes()]));
    assert_eq!(stores.factors.factors(&alice).await.unwrap(), []);
    assert_eq!(stores.factors.counts(&alice).await.unwrap().recovery_codes, 0);
    assert_eq!(answer(&stores, digest, Presented::Wrong).await, Some(SecondOutcome::Over));
    assert_eq!(end(&stores, Which::One(id(2))).await.len(), 1, "nobody else's has ended");
}

async fn sign_ins_that_are_over_are_forgotten(stores: Stores) {
    let alice = account(&stores, "alice").await;
    enrolled(&stores, 1, &alice, STEP).await;
    let digest = pending(&stores, 1, &alice).await;
    stores.factors.purge_pending(after(299)).await.unwrap();
    assert!(stores.factors.pending(digest, NOW).await.unwrap().is_some());
    stores.factors.purge_pending(UnixTime::from_secs(NOW.as_secs() + 300)).await.unwrap();
    assert_eq!(stores.factors.pending(digest, NOW).await.unwrap(), None);
}

fn strong() -> Vec<String> {
    vec!["admin".to_owned()]
}

async fn administrator(stores: &Stores, text: &str) -> Username {
    let name = account(stores, text).await;
    let moment = Effective { at: NOW, remember_until: after(360) };
    stores.accounts.set_roles(&name, &strong(), moment, Warrant::OPERATOR).await.unwrap();
    name
}

async fn a_strong_role_asks_whoever_has_no_factor_to_take_one_into_use(stores: Stores) {
    let (alice, bob) = (administrator(&stores, "alice").await, account(&stores, "bob").await);
    let begin = async |number: u8, who: &Username| {
        let epoch = epoch(&stores, who).await;
        let digest = PendingDigest::of(&[number]);
        let begun = stores.factors.begin_sign_in(digest, who, epoch, true, &strong(), NOW).await;
        (digest, begun.unwrap().unwrap())
    };
    assert_eq!(begin(0, &bob).await.1, Beginning::Complete, "another role needs none");
    let (digest, begun) = begin(1, &alice).await;
    assert!(matches!(begun, Beginning::Pending(PendingState { lacks: Lack::Enrolment, .. })), "{begun:?}");
    let kept = stores.factors.pending(digest, NOW).await.unwrap().unwrap();
    assert_eq!((kept.account, kept.state.lacks), (alice.clone(), Lack::Enrolment));
    // It takes no code, since there is none.
    let phone = app(1, &alice);
    assert!(stores.factors.enrol(&phone, 5).await.unwrap());
    let (other, _) = begin(2, &alice).await;
    assert_eq!(answer(&stores, other, step(phone.id, STEP)).await, Some(SecondOutcome::Over));
    // Nor anybody else's sign-in, nor one that is over.
    let first = |factor| Confirmation { factor, step: STEP, label: "phone" };
    let confirm = async |pending, at| {
        stores.factors.confirm(Some(pending), &alice, first(phone.id), &codes(1), at).await.unwrap()
    };
    assert_eq!(confirm(PendingDigest::of(b"nobody's"), NOW).await, None);
    assert_eq!(confirm(digest, after(300)).await, None, "too late");
    assert_eq!(confirm(digest, NOW).await, Some(true), "nothing was spent by what did not count");
    assert_eq!(confirm(digest, NOW).await, None, "once");
    let kept = stores.factors.pending(digest, NOW).await.unwrap().unwrap();
    assert!(kept.state.is_proved && kept.state.lacks == Lack::Factor);
    let voucher = Voucher::from_bytes(*digest.as_bytes());
    let begun = stores.sessions.create_by(&voucher, &session(1, "alice"), 10, after(300)).await.unwrap();
    assert!(begun.is_some());
    let begun = stores.sessions.create_by(&voucher, &session(2, "alice"), 10, after(300)).await.unwrap();
    assert!(begun.is_none(), "once");
    let (_, begun) = begin(3, &alice).await;
    assert!(matches!(begun, Beginning::Pending(PendingState { lacks: Lack::Factor, .. })), "{begun:?}");
    // Of two browsers that enrol at once one is too late: the other has changed the account.
    let carol = administrator(&stores, "carol").await;
    let ((one, _), (other, _)) = (begin(4, &carol).await, begin(5, &carol).await);
    let phone = app(2, &carol);
    assert!(stores.factors.enrol(&phone, 5).await.unwrap());
    let confirmed = stores.factors.confirm(Some(one), &carol, first(phone.id), &codes(1), NOW).await;
    assert_eq!(confirmed.unwrap(), Some(true));
    let late = app(3, &carol);
    assert!(stores.factors.enrol(&late, 5).await.unwrap());
    let confirmed = stores.factors.confirm(Some(other), &carol, first(late.id), &codes(1), NOW).await;
    assert_eq!(confirmed.unwrap(), None);
    assert_eq!(stores.factors.counts(&carol).await.unwrap().apps, 1);
}

async fn the_last_factor_of_a_strong_role_stays_also_in_two_tabs(stores: Stores) {
    let alice = administrator(&stores, "alice").await;
    let (one, other) =
        (enrolled(&stores, 1, &alice, STEP).await, enrolled(&stores, 2, &alice, STEP + 1).await);
    let unconfirmed = app(3, &alice);
    assert!(stores.factors.enrol(&unconfirmed, 5).await.unwrap());
    let tabs = [one, other].map(|id| {
        let (factors, alice) = (Arc::clone(&stores.factors), alice.clone());
        tokio::spawn(async move { factors.remove_factor(&alice, id, &strong(), NOW).await.unwrap() })
    });
    let mut removals = Vec::new();
    for tab in tabs {
        removals.push(tab.await.unwrap());
    }
    removals.sort_by_key(|removal| *removal == Removal::Needed);
    assert_eq!(removals, [Removal::Made, Removal::Needed]);
    assert_eq!(stores.factors.counts(&alice).await.unwrap().apps, 1);
    let missing = FactorId::from_bytes([9; 16]);
    assert_eq!(
        stores.factors.remove_factor(&alice, missing, &strong(), NOW).await.unwrap(),
        Removal::NotThere
    );
}

async fn somebody_of_whom_a_factor_is_required_needs_one_whatever_the_roles(stores: Stores) {
    let (alice, bob) = (account(&stores, "alice").await, account(&stores, "bob").await);
    let require = async |who: &Username, is_required| {
        stores.factors.require_factor(who, is_required, Warrant::OPERATOR).await.unwrap()
    };
    assert_eq!(require(&"nobody".parse().unwrap(), true).await, Change::NotMade);
    assert_eq!(require(&alice, true).await, Change::Made(vec![]));
    assert_eq!(require(&alice, true).await, Change::Made(vec![]), "twice is once");
    assert!(stores.factors.counts(&alice).await.unwrap().is_required);
    assert!(!stores.factors.counts(&bob).await.unwrap().is_required);
    let begin = async |number: u8, who: &Username| {
        let (digest, epoch) = (PendingDigest::of(&[number]), epoch(&stores, who).await);
        stores.factors.begin_sign_in(digest, who, epoch, false, &[], NOW).await.unwrap().unwrap()
    };
    let lacks = begin(1, &alice).await;
    assert!(matches!(lacks, Beginning::Pending(PendingState { lacks: Lack::Enrolment, .. })), "{lacks:?}");
    assert_eq!(begin(2, &bob).await, Beginning::Complete);
    let phone = enrolled(&stores, 1, &alice, STEP).await;
    assert_eq!(stores.factors.remove_factor(&alice, phone, &[], NOW).await.unwrap(), Removal::Needed);
    assert_eq!(require(&alice, false).await, Change::Made(vec![]));
    assert_eq!(stores.factors.remove_factor(&alice, phone, &[], NOW).await.unwrap(), Removal::Made);
    assert_eq!(begin(3, &alice).await, Beginning::Complete);
}
