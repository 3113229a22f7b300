use mailcup_wire::AlertState;

use super::*;

fn alert(id: &str, severity: Severity, count: u32) -> Alert {
    let at = Time::from_millis(1_000);
    Alert {
        id: id.into(),
        kind: AlertKind::RepeatedFailures,
        severity,
        state: AlertState::Open,
        title: format!("{count} failed sign-ins for {id}"),
        text: "Somebody guesses.".to_owned(),
        login: Some(id.into()),
        network: None,
        accounts: Vec::new(),
        accounts_total: 1,
        addresses: vec!["203.0.113.7".parse().unwrap()],
        addresses_total: 1,
        count,
        first_at: at,
        last_at: at,
        evidence: Vec::new(),
        snoozed_until: None,
        history: Vec::new(),
        version: count,
    }
}

fn rules() -> Rules {
    Rules { from: Severity::Attention, quiet_hours: None, paused_until: None, may_change: true }
}

fn at(millis: i64) -> Moment {
    Moment { at: Time::from_millis(millis), local: civil::time(12, 0, 0, 0) }
}

/// Takes all posts, as a desktop does; gives (key, title) of what was shown.
fn taken(desk: &mut Desk, posts: Vec<Post>) -> Vec<(String, String)> {
    posts
        .into_iter()
        .filter_map(|post| match post {
            Post::Show { notification, marks } => {
                assert!(desk.taken(&notification.key, &marks, Time::from_millis(0)));
                Some((notification.key, notification.title))
            }
            Post::Close { .. } => None,
        })
        .collect()
}

#[test]
fn ten_thousand_failures_are_one_notification_that_counts() {
    let mut desk = Desk::default();
    let mut shown = Vec::new();
    for count in 5..=10_000 {
        let posts =
            desk.changed(&[alert("anna", Severity::Attention, count)], &rules(), at(i64::from(count)));
        shown.extend(taken(&mut desk, posts));
    }
    let posts = desk.due(&rules(), at(20_000));
    shown.extend(taken(&mut desk, posts));
    assert!(shown.iter().all(|(key, _)| key == "alert:anna"), "{shown:?}");
    assert!(shown.len() <= 12, "once a second at most, but {}", shown.len());
    assert_eq!(shown.last().unwrap().1, "10000 failed sign-ins for anna");
}

#[test]
fn many_alerts_of_a_kind_share_a_notification_at_once() {
    let mut desk = Desk::default();
    let mut keys = BTreeSet::new();
    for number in 0..200 {
        let now = at(number * 150);
        let posts = desk.changed(&[alert(&format!("a{number}"), Severity::Attention, 5)], &rules(), now);
        let shown = taken(&mut desk, posts);
        assert_eq!(shown.len(), 1, "the notification for alert {number} must come at once");
        keys.extend(shown.into_iter().map(|(key, _)| key));
    }
    assert_eq!(keys.len(), ALONE + 1);
}

#[test]
fn nothing_is_shown_again_after_a_restart_but_what_grew_graver() {
    let ledger =
        Shown::from([("anna".into(), Told { severity: Severity::Attention, at: Time::from_millis(0) })]);
    let mut desk = Desk::new(ledger);
    assert!(desk.changed(&[alert("anna", Severity::Attention, 6)], &rules(), at(0)).is_empty());
    assert!(desk.missed(&[alert("anna", Severity::Attention, 6)], &rules(), at(0)).is_empty());
    let posts = desk.changed(&[alert("anna", Severity::Critical, 7)], &rules(), at(0));
    assert_eq!(taken(&mut desk, posts).len(), 1);
}

#[test]
fn what_was_missed_comes_as_one() {
    let mut desk = Desk::default();
    let open = [
        alert("a", Severity::Attention, 5),
        alert("b", Severity::Critical, 5),
        alert("c", Severity::Notice, 1),
    ];
    let posts = desk.missed(&open, &rules(), at(0));
    assert_eq!(taken(&mut desk, posts), [("summary".to_owned(), "2 alerts you have not seen".to_owned())]);
    assert!(desk.missed(&open, &rules(), at(5_000)).is_empty());
}

#[test]
fn quiet_hours_let_critical_through_and_a_pause_nothing() {
    let night = Rules {
        quiet_hours: Some(QuietHours { from: "22:00".to_owned(), until: "07:00".to_owned() }),
        ..rules()
    };
    let moment = |hour| Moment { at: Time::from_millis(0), local: civil::time(hour, 0, 0, 0) };
    for (hour, quiet) in [(21, false), (22, true), (3, true), (7, false)] {
        assert_eq!(hushed(Severity::Attention, &night, moment(hour)), quiet, "{hour}:00");
        assert!(!hushed(Severity::Critical, &night, moment(hour)));
    }
    let paused = Rules { paused_until: Some(Time::from_millis(100)), ..rules() };
    assert!(hushed(Severity::Critical, &paused, at(99)));
    assert!(!hushed(Severity::Critical, &paused, at(100)));
}

#[test]
fn while_locked_a_notification_reveals_nothing_and_comes_once() {
    let mut desk = Desk::default();
    let posts = desk.changed_while_locked(&[alert("anna", Severity::Critical, 5)], &rules(), at(0));
    let text = format!("{posts:?}");
    assert_eq!(posts.len(), 1);
    for secret in ["anna", "203.0.113", "failed", "Critical"] {
        assert!(!text.contains(secret), "{text}");
    }
    assert!(desk.changed_while_locked(&[alert("b", Severity::Critical, 5)], &rules(), at(9)).is_empty());
    // After unlocking, the alert is still to be shown.
    desk.clear();
    assert_eq!(desk.missed(&[alert("anna", Severity::Critical, 5)], &rules(), at(10)).len(), 1);
}

#[test]
fn a_refused_notification_is_tried_again_and_a_dismissed_one_stays_away() {
    let mut desk = Desk::default();
    let anna = alert("anna", Severity::Attention, 5);
    assert_eq!(desk.changed(std::slice::from_ref(&anna), &rules(), at(0)).len(), 1);
    desk.refused("alert:anna", Time::from_millis(0));
    assert!(desk.due(&rules(), at(1_000)).is_empty());
    let posts = desk.due(&rules(), at(RETRY_MILLIS));
    assert_eq!(taken(&mut desk, posts).len(), 1);
    desk.dismissed("alert:anna");
    assert!(desk.changed(&[alert("anna", Severity::Attention, 6)], &rules(), at(60_000)).is_empty());
}

#[test]
fn a_settled_alert_takes_its_notification_away() {
    let mut desk = Desk::default();
    let anna = alert("anna", Severity::Attention, 5);
    let posts = desk.changed(std::slice::from_ref(&anna), &rules(), at(0));
    taken(&mut desk, posts);
    let resolved = Alert { state: AlertState::Resolved, ..anna };
    assert_eq!(desk.changed(&[resolved], &rules(), at(1)), [Post::Close { key: "alert:anna".to_owned() }]);
}

#[test]
fn a_refused_notification_of_a_locked_console_is_tried_again_and_asks_for_no_more() {
    let mut desk = Desk::default();
    let posts = desk.changed_while_locked(&[alert("anna", Severity::Attention, 5)], &rules(), at(0));
    assert_eq!(posts.len(), 1);
    desk.refused(LOCKED, at(0).at);
    assert_eq!(desk.next_due(), Some(at(RETRY_MILLIS).at));
    let posts = desk.due(&rules(), at(RETRY_MILLIS));
    assert_eq!(taken(&mut desk, posts), [(LOCKED.to_owned(), "Something happened".to_owned())]);
    assert_eq!(desk.next_due(), None, "nothing is due for ever");
}

#[test]
fn a_snoozed_alert_leaves_the_desktop_and_is_told_of_again_when_it_is_due() {
    let mut desk = Desk::default();
    let anna = alert("anna", Severity::Attention, 5);
    let posts = desk.changed(std::slice::from_ref(&anna), &rules(), at(0));
    assert_eq!(taken(&mut desk, posts).len(), 1);
    let snoozed = Alert { snoozed_until: Some(Time::from_millis(10_000)), ..anna };
    assert_eq!(
        desk.changed(std::slice::from_ref(&snoozed), &rules(), at(1)),
        [Post::Close { key: "alert:anna".to_owned() }]
    );
    assert!(desk.missed(std::slice::from_ref(&snoozed), &rules(), at(9_999)).is_empty());
    let posts = desk.missed(std::slice::from_ref(&snoozed), &rules(), at(10_000));
    let [Post::Show { notification, marks }] = &posts[..] else { panic!("{posts:?}") };
    assert!(desk.taken(&notification.key, marks, Time::from_millis(10_000)));
    desk.dismissed("alert:anna");
    assert!(desk.missed(std::slice::from_ref(&snoozed), &rules(), at(20_000)).is_empty(), "once");
    // Also by a console that starts only then, but not by one that told of it before it ended.
    let told = |at| {
        Shown::from([("anna".into(), Told { severity: Severity::Attention, at: Time::from_millis(at) })])
    };
    assert_eq!(Desk::new(told(1)).missed(std::slice::from_ref(&snoozed), &rules(), at(20_000)).len(), 1);
    assert!(Desk::new(told(10_001)).missed(&[snoozed], &rules(), at(20_000)).is_empty());
}

#[test]
fn a_snoozed_alert_that_grows_graver_is_told_of_at_once() {
    let mut desk = Desk::default();
    let anna = alert("anna", Severity::Attention, 5);
    let posts = desk.changed(std::slice::from_ref(&anna), &rules(), at(0));
    taken(&mut desk, posts);
    let snoozed = Alert { snoozed_until: Some(Time::from_millis(10_000)), ..anna };
    desk.changed(&[snoozed], &rules(), at(1));
    // The service ends the snooze with it.
    let posts = desk.changed(&[alert("anna", Severity::Critical, 6)], &rules(), at(2_000));
    assert_eq!(taken(&mut desk, posts).len(), 1);
}

#[test]
fn what_was_under_way_when_the_console_was_locked_may_not_stay_and_is_told_after_it() {
    let mut desk = Desk::default();
    let anna = alert("anna", Severity::Attention, 5);
    let posts = desk.changed(std::slice::from_ref(&anna), &rules(), at(0));
    let [Post::Show { notification, marks }] = &posts[..] else { panic!("{posts:?}") };
    desk.clear();
    assert!(!desk.taken(&notification.key, marks, Time::from_millis(1)), "its text would stay");
    desk.clear();
    assert_eq!(desk.missed(&[anna], &rules(), at(2)).len(), 1, "nobody had time to read it");
}

#[test]
fn a_notification_of_an_alert_that_was_settled_meanwhile_may_not_stay() {
    let mut desk = Desk::default();
    let anna = alert("anna", Severity::Attention, 5);
    let posts = desk.changed(std::slice::from_ref(&anna), &rules(), at(0));
    let [Post::Show { notification, marks }] = &posts[..] else { panic!("{posts:?}") };
    desk.changed(&[Alert { state: AlertState::Resolved, ..anna }], &rules(), at(1));
    assert!(!desk.taken(&notification.key, marks, Time::from_millis(2)));
    assert_eq!(desk.next_due(), None);
}

#[test]
fn a_notification_waits_for_the_one_before_it_under_its_key() {
    let mut desk = Desk::default();
    let anna = alert("anna", Severity::Attention, 5);
    let posts = desk.changed(std::slice::from_ref(&anna), &rules(), at(0));
    let [Post::Show { notification, marks }] = &posts[..] else { panic!("{posts:?}") };
    desk.clear();
    assert!(desk.missed(std::slice::from_ref(&anna), &rules(), at(1)).is_empty());
    assert!(desk.taken(&notification.key, marks, Time::from_millis(2)));
    let posts = desk.due(&rules(), at(3));
    assert_eq!(taken(&mut desk, posts).len(), 1);
}
