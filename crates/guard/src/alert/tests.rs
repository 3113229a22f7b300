use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A failed sign-in of a known account, from one address, with the password that `mark` stands for.
fn failure(seq: u32, second: i64, login: &str, mark: u32) -> SignIn<'_> {
    SignIn {
        seq: u64::from(seq),
        at: at(second),
        login,
        known: true,
        address: "203.0.113.9".parse().ok(),
        outcome: Outcome::Failed,
        mark: Some(PasswordMark(u16::try_from(mark).unwrap())),
        familiarity: Familiarity::FirstEver,
    }
}

fn seqs(finding: &Finding) -> Vec<u64> {
    finding.evidence.iter().map(|evidence| evidence.seq).collect()
}

#[test]
fn five_different_passwords_alarm_and_later_failures_belong_to_it() {
    let mut watch = Watch::new(Rules::default());
    for seq in 1..=4 {
        assert!(watch.observe(&failure(seq, 0, "a@x", seq)).is_empty());
    }
    let findings = watch.observe(&failure(5, 600, "a@x", 5));
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].subject, Subject::RepeatedFailures { login: "a@x".into() });
    assert_eq!(seqs(&findings[0]), [1, 2, 3, 4, 5]);
    let findings = watch.observe(&failure(6, 700, "a@x", 5));
    assert_eq!(seqs(&findings[0]), [6]);
    // A whole window of quiet ends it.
    assert!(watch.observe(&failure(7, 1301, "a@x", 6)).is_empty());
}

#[test]
fn one_stale_password_is_no_attack_however_often() {
    let mut watch = Watch::new(Rules::default());
    for seq in 1..=10_000 {
        assert!(watch.observe(&failure(seq, i64::from(seq / 20), "a@x", 7)).is_empty());
    }
    // It does not hide others either.
    for mark in 1..=3 {
        assert!(watch.observe(&failure(20_000, 500, "a@x", mark)).is_empty());
        for seq in 0..100 {
            assert!(watch.observe(&failure(30_000 + seq, 500, "a@x", 7)).is_empty());
        }
    }
    assert_eq!(watch.observe(&failure(40_000, 500, "a@x", 4)).len(), 1);
}

#[test]
fn a_network_that_fails_on_five_accounts_alarms_once() {
    let mut watch = Watch::new(Rules::default());
    let logins = ["a@x", "b@x", "c@x", "d@x", "e@x", "f@x"];
    let found: Vec<_> = logins
        .iter()
        .zip(1..)
        .flat_map(|(login, seq)| watch.observe(&failure(seq, 0, login, 1)))
        .map(|finding| (finding.subject.clone(), finding.evidence.len()))
        .collect();
    let subject = Subject::NetworkFailures { network: "203.0.113.9/32".parse().unwrap() };
    assert_eq!(found, [(subject.clone(), 5), (subject, 1)]);
}

#[test]
fn a_success_from_a_new_network_after_failures_from_there_is_found() {
    let success =
        |seq, familiarity| SignIn { outcome: Outcome::Succeeded, familiarity, ..failure(seq, 10, "a@x", 9) };
    for (failures, familiarity, expected) in [
        (1, Familiarity::New, Some(false)),
        (3, Familiarity::New, Some(true)),
        (3, Familiarity::Known, None),
        (2, Familiarity::FirstEver, None),
        (3, Familiarity::FirstEver, Some(true)),
        (0, Familiarity::New, None),
    ] {
        let mut watch = Watch::new(Rules::default());
        for seq in 1..=failures {
            watch.observe(&failure(seq, 0, "a@x", seq));
        }
        let found = watch.observe(&success(99, familiarity));
        assert_eq!(found.first().map(|finding| finding.critical), expected, "{failures} {familiarity:?}");
        if let Some(finding) = found.first() {
            assert_eq!(finding.evidence.len(), failures as usize + 1);
        }
        let elsewhere = SignIn { address: "198.51.100.1".parse().ok(), ..success(100, Familiarity::New) };
        assert!(watch.observe(&elsewhere).is_empty());
    }
}

#[test]
fn settling_and_resuming_an_alarm() {
    let mut watch = Watch::new(Rules::default());
    let subject = Subject::RepeatedFailures { login: "a@x".into() };
    watch.resume(&subject, at(0));
    assert_eq!(watch.observe(&failure(1, 599, "a@x", 1)).len(), 1);
    watch.settle(&subject);
    assert!(watch.observe(&failure(2, 600, "a@x", 2)).is_empty());
}

#[test]
fn guessed_logins_do_not_make_alerts_without_end() {
    let mut watch = Watch::new(Rules::default());
    let opens = |findings: &[Finding]| {
        findings.iter().filter(|f| matches!(f.subject, Subject::RepeatedFailures { .. })).count()
    };
    let mut subjects = BTreeSet::new();
    for login in 0..60_000 {
        let login = format!("guess{login}@x");
        for mark in 0..6 {
            let unknown = SignIn { known: false, ..failure(1, 0, &login, mark) };
            subjects.extend(watch.observe(&unknown).into_iter().map(|finding| finding.subject));
        }
    }
    assert_eq!(subjects.len(), 51, "fifty logins and the network");
    // A known account is still heard.
    let found: Vec<_> = (0..5).flat_map(|mark| watch.observe(&failure(1, 0, "real@x", mark))).collect();
    assert_eq!(opens(&found), 1);
}

/// The rules on failures, judged anew from all that happened so far.
fn naive(history: &[(i64, String, u32, u8)], by_account: bool) -> Option<Vec<u64>> {
    let (_, last_login, _, last_network) = history.last()?;
    let mine: Vec<_> = history
        .iter()
        .zip(1u64..)
        .filter(
            |((_, login, _, network), _)| {
                if by_account { login == last_login } else { network == last_network }
            },
        )
        .collect();
    let (mut alarmed, mut answer, mut previous) = (false, None, None);
    for (index, ((second, ..), seq)) in mine.iter().enumerate() {
        if previous.is_some_and(|previous| second - previous > 600) {
            alarmed = false;
        }
        previous = Some(*second);
        let recent: Vec<_> = mine[..=index].iter().filter(|((at, ..), _)| second - at <= 600).collect();
        let different: BTreeSet<_> = recent
            .iter()
            .map(|((_, login, mark, _), _)| if by_account { mark.to_string() } else { login.clone() })
            .collect();
        answer = None;
        if alarmed {
            answer = Some(vec![*seq]);
        } else if different.len() >= 5 {
            alarmed = true;
            answer = Some(recent.iter().map(|(_, seq)| *seq).collect());
        }
    }
    answer
}

#[test]
fn a_right_password_whose_code_is_never_given_shows_once_the_code_is_over() {
    let mut watch = Watch::new(Rules::default());
    let challenged = |seq, second| SignIn { outcome: Outcome::Challenged, ..failure(seq, second, "a@x", 0) };
    let given = |second| SignIn { outcome: Outcome::Succeeded, ..failure(9, second, "a@x", 0) };
    watch.observe(&challenged(1, 0));
    watch.observe(&challenged(2, 100));
    assert!(!watch.has_overdue(at(700)), "the second code still works");
    assert!(watch.has_overdue(at(701)));
    let findings = watch.overdue(at(701));
    let network = "203.0.113.9/32".parse().ok();
    assert_eq!(findings[0].subject, Subject::CodeNotGiven { login: "a@x".into(), network });
    assert_eq!(seqs(&findings[0]), [1, 2]);
    assert_eq!((findings.len(), watch.overdue(at(9999)).len()), (1, 0), "it is said once");

    watch.observe(&challenged(3, 2000));
    watch.observe(&SignIn { address: "198.51.100.1".parse().ok(), ..given(2010) });
    watch.observe(&SignIn { login: "b@x", ..given(2010) });
    assert!(watch.has_overdue(at(3000)), "somebody else's success");
    watch.observe(&given(2020));
    assert!(!watch.has_overdue(at(3000)));
}

#[test]
fn more_than_can_be_awaited_is_told_of_at_once() {
    let mut watch = Watch::new(Rules::default());
    for seq in 0..10_003 {
        let login = format!("{seq:05}@x");
        watch.observe(&SignIn { outcome: Outcome::Challenged, ..failure(seq, i64::from(seq), &login, 0) });
    }
    let findings = watch.overdue(at(0));
    let logins: Vec<_> = findings.iter().map(|finding| &finding.subject).collect();
    let network: Option<IpNet> = "203.0.113.9/32".parse().ok();
    let expected =
        ["00000@x", "00001@x", "00002@x"].map(|login| Subject::CodeNotGiven { login: login.into(), network });
    assert_eq!(logins, expected.iter().collect::<Vec<_>>());
}

proptest! {
    #[test]
    fn the_fold_finds_what_the_history_shows(
        steps in prop::collection::vec((0i64..400, "[ab]", 0u32..8, 0u8..3), 1..30),
    ) {
        let mut watch = Watch::new(Rules { network_accounts: 5, ..Rules::default() });
        let mut history = Vec::new();
        let mut now = 0;
        for (step, login, mark, network) in steps {
            now += step;
            // For networks to meet five accounts the mark tells logins apart too.
            let login = format!("{login}{}", mark % 4);
            history.push((now, login.clone(), mark, network));
            let sign_in = SignIn {
                address: format!("203.0.113.{network}").parse().ok(),
                ..failure(u32::try_from(history.len()).unwrap(), now, &login, mark)
            };
            let found: BTreeMap<bool, Vec<u64>> = watch
                .observe(&sign_in)
                .iter()
                .map(|finding| (matches!(finding.subject, Subject::RepeatedFailures { .. }), seqs(finding)))
                .collect();
            prop_assert_eq!(found.get(&true).cloned(), naive(&history, true));
            prop_assert_eq!(found.get(&false).cloned(), naive(&history, false));
        }
    }

    #[test]
    fn no_order_of_times_makes_it_panic(
        steps in prop::collection::vec((any::<i32>(), "[abc]", 0u32..9, any::<bool>(), any::<bool>()), 1..100),
    ) {
        let mut watch = Watch::new(Rules::default());
        for (second, login, mark, success, known) in steps {
            let outcome = if success { Outcome::Succeeded } else { Outcome::Failed };
            let familiarity = Familiarity::New;
            let example = failure(1, i64::from(second), &login, mark);
            watch.observe(&SignIn { known, outcome, familiarity, ..example });
        }
    }
}
