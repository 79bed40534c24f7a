//! Every interleaving: breadth first from the beginning until there is no new moment.
//!
//! The absolute deadline bounds every history and moments are told apart without their date,
//! so each search ends by itself: it is exhaustive for its setting, at any depth.

use std::collections::HashSet;

use super::network::{Event, Setting, World};

/// A moment, what led there from which other one, and after how many events.
type Moment = (World, Option<(usize, Event)>, usize);

/// Everything that was found out.
struct Found {
    moments: usize,
    transitions: usize,
    depth: usize,
    /// The shortest history that breaks a law, and which.
    broken: Option<(String, Vec<Event>)>,
    most_together: u8,
}

const HONEST: Setting = Setting {
    one_browser: true,
    eager: false,
    lossy: true,
    prompt: false,
    endings: false,
    deadlines: false,
    patience: 15,
};
const THEFT: Setting = Setting {
    one_browser: false,
    eager: true,
    lossy: true,
    prompt: false,
    endings: false,
    deadlines: false,
    patience: 15,
};

fn search(name: &str, setting: Setting) -> Found {
    let begin = World::begin(setting);
    let mut known = HashSet::from([begin.key(setting)]);
    let mut moments: Vec<Moment> = vec![(begin, None, 0)];
    let mut found = Found { moments: 0, transitions: 0, depth: 0, broken: None, most_together: 0 };
    let mut next = 0;
    while next < moments.len() && found.broken.is_none() {
        let (world, _, depth) = &moments[next];
        let (world, depth) = (world.clone(), *depth);
        for event in world.events(setting) {
            found.transitions += 1;
            match world.after(event, setting) {
                Err(law) => {
                    found.broken = Some((law, history(&moments, next, event)));
                    break;
                }
                Ok(after) => {
                    if known.insert(after.key(setting)) {
                        found.most_together = found.most_together.max(after.together);
                        found.depth = found.depth.max(depth + 1);
                        moments.push((after, Some((next, event)), depth + 1));
                    }
                }
            }
        }
        next += 1;
    }
    found.moments = known.len();
    report(name, &found);
    found
}

fn history(moments: &[Moment], last: usize, event: Event) -> Vec<Event> {
    let mut events = vec![event];
    let mut place = last;
    while let Some((before, event)) = moments[place].1 {
        events.push(event);
        place = before;
    }
    events.reverse();
    events
}

#[expect(clippy::print_stdout, reason = "how much was searched is what the test's reader asks")]
fn report(name: &str, found: &Found) {
    let Found { moments, transitions, depth, broken, most_together } = found;
    println!(
        "{name}: {moments} moments, {transitions} transitions, {depth} events deep, together {most_together}"
    );
    if let Some((law, history)) = broken {
        println!("{name}: {law}: {history:?}");
    }
}

#[track_caller]
fn assert_lawful(found: &Found) {
    assert_eq!(found.broken, None);
    assert!(found.transitions > 1000, "the search went nowhere");
}

/// Any loss, crossing and reordering, as long as a request and its answer together take no longer than the window.
#[test]
fn an_honest_browser_is_never_signed_out() {
    assert_lawful(&search("two tabs", HONEST));
}

#[test]
fn an_honest_browser_is_signed_out_by_its_limits_alone() {
    assert_lawful(&search("two tabs within limits", Setting { deadlines: true, ..HONEST }));
}

#[test]
fn what_its_owner_ended_stays_ended_for_two_tabs() {
    assert_lawful(&search("two tabs and ends", Setting { endings: true, ..HONEST }));
}

#[test]
fn what_its_owner_ended_stays_ended_for_a_thief() {
    let setting = Setting { endings: true, prompt: true, eager: false, ..THEFT };
    assert_lawful(&search("theft and ends", setting));
}

#[test]
fn an_abandoned_token_is_never_served_outside_the_window() {
    assert_lawful(&search("theft with losses", Setting { eager: false, ..THEFT }));
    assert_lawful(&search("theft without losses", Setting { lossy: false, ..THEFT }));
}

/// Wherever the thief stands in the order: of two who use what they are given, one is found out at the next rotation.
#[test]
fn a_thief_and_its_victim_share_no_second_generation_outside_the_window() {
    for setting in
        [Setting { prompt: true, lossy: false, ..THEFT }, Setting { prompt: true, eager: false, ..THEFT }]
    {
        let found = search("theft, used at once", setting);
        assert_lawful(&found);
        assert_eq!(found.most_together, 1);
    }
}

/// What receipt costs: a thief who refreshes and then uses nothing until the victim has come for the same successor
/// looks like a lost answer. It is blind to when that is; one use too early and it is found out.
#[test]
fn a_thief_who_hoards_its_successor_is_the_residual_risk() {
    let found = search("theft, hoarded", Setting { lossy: false, eager: false, ..THEFT });
    assert_lawful(&found);
    assert!(found.most_together > 1, "this is closed now; tell it in SECURITY.md");
}

/// The other limit: one tab refreshes twice while another tab's request with the first token is on its way.
/// A browser that refreshes only what has expired cannot do that.
#[test]
fn refreshing_twice_within_one_flight_is_the_known_false_alarm() {
    let found = search("two eager tabs", Setting { eager: true, ..HONEST });
    let (law, history) = found.broken.expect("this is closed now; let every search be eager");
    assert_eq!(law, "an honest person was signed out: Reused");
    assert_eq!(history.len(), 7);
}
