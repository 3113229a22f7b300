use std::{fs, sync::Arc};

use mailcup_guard::{
    access::{Protocol, Scope},
    limit::{Limit, LimitAction, LimitId, LimitSet, Measure, Per, Window},
};

use super::*;

fn policy(per: Per, most: u32) -> Policy {
    let limit = Limit {
        id: LimitId("l".into()),
        scope: Scope::Organization,
        measure: Measure::Recipients(Window::Hour),
        per,
        known: None,
        others: Some(most),
        burst: None,
        action: LimitAction::Reject,
        text: None,
        enforced: true,
    };
    Policy { limits: LimitSet::new([limit]).into(), ..Policy::default() }
}

fn attempt(login: &str) -> Attempt<'_> {
    let address = "203.0.113.7".parse().ok();
    Attempt { login: Some(login), protocol: Protocol::Submission, address, country: None }
}

fn after(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_507_200 + seconds).unwrap()
}

fn admitted(
    sending: &Sending,
    policy: &Policy,
    login: &str,
    message: &mut Reservation,
    at: Timestamp,
) -> bool {
    sending.reserve(&attempt(login), policy, 1, message, at).verdict == SubmissionVerdict::Accept
}

/// Sends messages of one recipient until one is refused; answers how many went out.
fn send_all(sending: &Sending, policy: &Policy, login: &str, at: Timestamp) -> u32 {
    let mut sent = 0;
    while admitted(sending, policy, login, &mut Reservation::default(), at) {
        sent += 1;
    }
    sent
}

#[test]
fn a_kill_admits_nothing_beyond_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let policy = policy(Per::Account, 10);
    let sending = Sending::open(folder.path(), after(0)).unwrap();
    for _ in 0..4 {
        assert!(admitted(&sending, &policy, "a@x", &mut Reservation::default(), after(0)));
    }
    let mut left = Reservation::default();
    assert!(admitted(&sending, &policy, "a@x", &mut left, after(1)));
    sending.release(left, after(1));
    // Nobody closes it.
    std::mem::forget(sending);
    let sending = Sending::open(folder.path(), after(60)).unwrap();
    assert_eq!(send_all(&sending, &policy, "a@x", after(60)), 6);
    assert_eq!(send_all(&sending, &policy, "b@x", after(60)), 10);
    sending.close(after(61)).unwrap();
    let sending = Sending::open(folder.path(), after(62)).unwrap();
    assert_eq!(send_all(&sending, &policy, "a@x", after(62)), 0);
    // The first four were of the first half minute.
    assert_eq!(send_all(&sending, &policy, "a@x", after(3_631)), 4);
}

#[test]
fn what_cannot_be_written_down_is_deferred_and_counts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let policy = policy(Per::Account, 3);
    let sending = Sending::open(folder.path(), after(0)).unwrap();
    let mut message = Reservation::default();
    assert!(admitted(&sending, &policy, "a@x", &mut message, after(0)));
    // A log whose writing fails, as on a full disk.
    sending.lock().journal.break_log();
    let deferred = sending.reserve(&attempt("a@x"), &policy, 1, &mut message, after(1));
    assert_eq!(deferred.verdict, SubmissionVerdict::Defer);
    assert_eq!(message.recipients, 1);
    sending.tend(after(2)).unwrap();
    sending.lock().journal.mend_log();
    assert_eq!(send_all(&sending, &policy, "a@x", after(3)), 2);
}

#[test]
fn mail_without_limits_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let sending = Sending::open(folder.path(), after(0)).unwrap();
    assert!(admitted(&sending, &Policy::default(), "a@x", &mut Reservation::default(), after(0)));
    let journal = sending.lock().journal.file();
    assert_eq!(fs::metadata(journal).unwrap().len(), 0);
}

/// 64 at once, each message with some recipients, some of them left; and killed in the middle, again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_count_is_exact_under_64_at_once_and_across_kills() {
    const MOST: u32 = 200;
    let folder = tempfile::tempdir().unwrap();
    let policy = Arc::new(policy(Per::Organization, MOST));
    let (mut sent, mut lives) = (0, 0);
    while sent < MOST && lives < 40 {
        let sending = Arc::new(Sending::open(folder.path(), after(lives)).unwrap());
        let clients = (0..64).map(|client: u32| {
            let (sending, policy) = (Arc::clone(&sending), Arc::clone(&policy));
            tokio::spawn(async move {
                let login = format!("user{client}@x");
                let mut message = Reservation::default();
                for _ in 0..=client % 3 {
                    admitted(&sending, &policy, &login, &mut message, after(lives));
                    tokio::task::yield_now().await;
                }
                if client.is_multiple_of(4) {
                    sending.release(message, after(lives));
                    return 0;
                }
                let recipients = message.recipients;
                sending.settle(&mut message, recipients, after(lives));
                recipients
            })
        });
        for client in clients.collect::<Vec<_>>() {
            sent += client.await.unwrap();
        }
        assert!(sent <= MOST, "{sent} after {lives} kills");
        if lives % 5 == 4 {
            sending.lock().journal.begin_anew().map(drop).unwrap();
        }
        lives += 1;
    }
    // What each kill cost is at most the rest of a portion; it ends full or with less than that left.
    assert!(lives > 1 && sent > MOST / 2, "{sent} after {lives} kills");
    let sending = Sending::open(folder.path(), after(3_700)).unwrap();
    assert_eq!(send_all(&sending, &policy, "user1@x", after(3_700)), MOST, "an hour later all is free");
}
