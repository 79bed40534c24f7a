//! What administrators see and do.

use super::Call;
use super::call::Caller::Administrator;
use super::call::{get, post};
use super::open::NOTICE;
use crate::routes::answer::told::{Sent, SessionsEnded};
use crate::routes::people::factors::FactorDemand;
use crate::routes::people::issued::IssuedCode;
use crate::routes::people::leaving::PersonLeaves;
use crate::routes::people::list::{Invited, NewPerson, PartOfPeople};
use crate::routes::people::outbox::{MessageDone, Outgoing};
use crate::routes::people::person::{
    CodeTakenBack, FailuresForgiven, GrantedRoles, KeptOut, LetIn, NewRoles, ToldPerson,
};

pub(super) fn calls() -> Vec<Call> {
    let mut calls = vec![
        get(Administrator, "/people", "Everybody who may sign in, by name, 25 at a time")
            .query("q", "What their names contain")
            .query("after", "Behind this name")
            .query("notice", NOTICE)
            .answers::<PartOfPeople>(),
        post(Administrator, "/people", "An account for somebody, and its one-time code")
            .takes::<NewPerson>()
            .answers::<IssuedCode<'_>>()
            .refuses(&[409]),
        post(Administrator, "/people/invite", "A link by which somebody becomes somebody here")
            .takes::<Invited>()
            .accepts::<Sent>()
            .refuses(&[404, 409]),
        get(Administrator, "/mail", "Messages that wait, the oldest first")
            .query("notice", NOTICE)
            .answers::<Outgoing>()
            .refuses(&[404]),
        post(Administrator, "/mail/<id>/retry", "It is tried now").answers::<MessageDone>(),
        post(Administrator, "/mail/<id>/drop", "Nobody gets it").answers::<MessageDone>(),
    ];
    calls.extend(person());
    calls
}

fn person() -> [Call; 13] {
    [
        get(Administrator, "/people/<name>", "One person")
            .query("notice", NOTICE)
            .answers::<ToldPerson<'_>>(),
        post(Administrator, "/people/<name>/code", "A one-time code, in place of any before")
            .answers::<IssuedCode<'_>>()
            .refuses(&[409]),
        post(Administrator, "/people/<name>/code/withdraw", "The code is worth nothing any more")
            .answers::<CodeTakenBack>(),
        post(Administrator, "/people/<name>/failures/forget", "The next attempt need not wait")
            .answers::<FailuresForgiven>(),
        post(Administrator, "/people/<name>/roles", "Exactly these roles from now on")
            .takes::<NewRoles>()
            .answers::<GrantedRoles<'_>>()
            .refuses(&[409]),
        post(Administrator, "/people/<name>/disable", "Keeps somebody out")
            .answers::<KeptOut>()
            .refuses(&[409]),
        post(Administrator, "/people/<name>/enable", "Lets somebody in again")
            .answers::<LetIn>()
            .refuses(&[409]),
        post(Administrator, "/people/<name>/delete", "Sends somebody away")
            .answers::<PersonLeaves>()
            .refuses(&[409]),
        post(Administrator, "/people/<name>/sessions/<id>/end", "Ends one of somebody's sessions")
            .answers::<SessionsEnded>(),
        post(Administrator, "/people/<name>/sessions/end", "Ends all of them").answers::<SessionsEnded>(),
        post(Administrator, "/people/<name>/factors/require", "A factor is needed from the next sign-in on")
            .answers::<FactorDemand>()
            .refuses(&[409]),
        post(Administrator, "/people/<name>/factors/release", "No longer")
            .answers::<FactorDemand>()
            .refuses(&[409]),
        post(Administrator, "/people/<name>/factors/reset", "Takes away what somebody has lost")
            .answers::<SessionsEnded>()
            .refuses(&[409]),
    ]
}
