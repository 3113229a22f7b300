use proptest::prelude::*;

use super::*;
use crate::{
    access::Scope,
    limit::{Burst, Window},
};

fn limit(measure: Measure, per: Per, known: Option<u32>, others: Option<u32>) -> Limit {
    Limit {
        id: LimitId("l".into()),
        scope: Scope::Organization,
        measure,
        per,
        known,
        others,
        burst: None,
        action: LimitAction::Defer,
        text: None,
        enforced: true,
    }
}

fn at(milli: i64) -> Timestamp {
    Timestamp::from_millisecond(1_000_000_000_000 + milli).unwrap()
}

/// Limits on somebody who sends from 192.0.2.1, or from their known 10.0.0.1.
struct Desk {
    limits: LimitSet,
    known: KnownNetworks,
    limiter: Limiter,
}

impl Desk {
    fn new(limits: impl IntoIterator<Item = Limit>) -> Self {
        let home: IpNet = "10.0.0.0/24".parse().unwrap();
        Self {
            limits: LimitSet::new(limits),
            known: KnownNetworks::new([(Scope::Organization, vec![home])]),
            limiter: Limiter::new(at(0)),
        }
    }

    fn ask(
        &mut self,
        login: &str,
        address: &str,
        recipients: u32,
        message: &mut Reservation,
        now: i64,
    ) -> Answer {
        let sender = Sender { login, address: address.parse().ok() };
        self.limiter.reserve(&self.limits, &self.known, &sender, recipients, message, at(now))
    }

    fn send(&mut self, login: &str, address: &str, recipients: u32, now: i64) -> bool {
        let mut message = Reservation::default();
        for _ in 0..recipients {
            if self.ask(login, address, 1, &mut message, now).stopped().is_some() {
                self.limiter.release(message, at(now));
                return false;
            }
        }
        self.limiter.settle(&mut message, recipients, at(now));
        true
    }
}

const HOUR: i64 = 3_600_000;
const ELSEWHERE: &str = "192.0.2.1";
const HOME: &str = "10.0.0.1";

#[test]
fn a_window_slides() {
    let mut desk = Desk::new([limit(Measure::Recipients(Window::Hour), Per::Account, None, Some(10))]);
    assert!(desk.send("a@x", ELSEWHERE, 6, 0));
    assert!(desk.send("a@x", ELSEWHERE, 4, 1_000));
    assert!(!desk.send("a@x", ELSEWHERE, 1, HOUR - 1));
    assert!(desk.send("a@x", ELSEWHERE, 6, HOUR));
    assert!(!desk.send("a@x", ELSEWHERE, 1, HOUR + 999));
    assert!(desk.send("a@x", ELSEWHERE, 4, HOUR + 1_000));
    assert!(desk.send("b@x", ELSEWHERE, 10, HOUR + 1_000));
    assert!(desk.send("a@x", HOME, 1_000, HOUR + 1_000));
}

#[test]
fn nothing_goes_out_from_elsewhere_where_that_figure_is_zero() {
    let mut desk = Desk::new([limit(Measure::Messages(Window::Day), Per::Account, Some(2), Some(0))]);
    let mut message = Reservation::default();
    let answer = desk.ask("a@x", ELSEWHERE, 1, &mut message, 0);
    assert_eq!(answer.stopped(), Some(LimitAction::Defer));
    assert_eq!((answer.reached[0].used, answer.reached[0].of), (0, 0));
    assert!(desk.send("a@x", HOME, 50, 0) && desk.send("a@x", HOME, 50, 0) && !desk.send("a@x", HOME, 1, 0));
}

#[test]
fn what_is_refused_or_left_is_given_back() {
    let mut desk = Desk::new([limit(Measure::Recipients(Window::Hour), Per::Account, None, Some(10))]);
    let mut message = Reservation::default();
    for _ in 0..10 {
        assert_eq!(desk.ask("a@x", ELSEWHERE, 1, &mut message, 0).stopped(), None);
    }
    assert!(!desk.send("a@x", ELSEWHERE, 1, 1));
    desk.limiter.settle(&mut message, 4, at(1));
    assert!(desk.send("a@x", ELSEWHERE, 6, 2));
    assert!(!desk.send("a@x", ELSEWHERE, 1, 3));
}

#[test]
fn recipients_of_one_message_are_limited_alone() {
    let mut desk = Desk::new([limit(Measure::RecipientsPerMessage, Per::Account, Some(3), Some(2))]);
    assert!(desk.send("a@x", ELSEWHERE, 2, 0) && desk.send("a@x", ELSEWHERE, 2, 0));
    assert!(!desk.send("a@x", ELSEWHERE, 3, 0) && desk.send("a@x", HOME, 3, 0));
}

#[test]
fn a_burst_counts_wherever_it_comes_from() {
    let burst = Burst { count: 2, window: SignedDuration::from_secs(10) };
    let hour = limit(Measure::Messages(Window::Hour), Per::Account, Some(100), Some(100));
    let mut desk = Desk::new([Limit { burst: Some(burst), ..hour }]);
    assert!(
        desk.send("a@x", ELSEWHERE, 1, 0)
            && desk.send("a@x", HOME, 1, 1_000)
            && !desk.send("a@x", HOME, 1, 9_999)
    );
    assert!(desk.send("a@x", HOME, 1, 10_000) && !desk.send("a@x", HOME, 1, 10_001));
}

#[test]
fn an_ipv6_sender_counts_with_its_64() {
    let mut desk = Desk::new([limit(Measure::Messages(Window::Hour), Per::Address, None, Some(1))]);
    assert!(desk.send("a@x", "2001:db8::1", 1, 0) && !desk.send("b@x", "2001:db8::2", 1, 0));
    assert!(desk.send("b@x", "2001:db8:0:1::2", 1, 0));
}

#[test]
fn a_report_only_limit_stops_nothing_and_says_so() {
    let hour = limit(Measure::Messages(Window::Hour), Per::Account, None, Some(1));
    let mut desk = Desk::new([Limit { enforced: false, ..hour }]);
    let (mut first, mut second) = (Reservation::default(), Reservation::default());
    assert_eq!(desk.ask("a@x", ELSEWHERE, 1, &mut first, 0).reached.len(), 0);
    let answer = desk.ask("a@x", ELSEWHERE, 1, &mut second, 0);
    assert_eq!((answer.stopped(), answer.reached.len(), answer.leases.len()), (None, 1, 0));
}

#[test]
fn setting_the_clock_back_frees_nothing() {
    let mut desk = Desk::new([limit(Measure::Messages(Window::Hour), Per::Account, None, Some(1))]);
    assert!(desk.send("a@x", ELSEWHERE, 1, 10 * HOUR));
    assert!(!desk.send("a@x", ELSEWHERE, 1, 0));
    assert!(!desk.send("a@x", ELSEWHERE, 1, HOUR - 1));
    assert!(desk.send("a@x", ELSEWHERE, 1, HOUR));
}

#[test]
fn a_crash_costs_the_rest_of_one_portion_and_keeps_what_was_given_back() {
    let mut desk = Desk::new([limit(Measure::Recipients(Window::Hour), Per::Account, None, Some(100))]);
    let mut records = Vec::new();
    // A portion is five; each minute a new one begins.
    for minute in 0..10 {
        let mut message = Reservation::default();
        let answer = desk.ask("a@x", ELSEWHERE, 2, &mut message, minute * 60_000);
        records.extend(answer.leases.into_iter().map(Record::Lease));
        if minute % 2 == 0 {
            let given = desk.limiter.release(message, at(minute * 60_000 + 1));
            records.extend(given.into_iter().map(Record::GivenBack));
        }
    }
    let used = |records: &[Record]| {
        let limiter = &mut Limiter::restore(records.iter().cloned(), at(600_000));
        let limit = &desk.limits.limits()[0];
        let key = key(limit, Pool::Others, &"a@x".into(), ELSEWHERE.parse().ok());
        limiter.count(&key, SignedDuration::from_hours(1), at(600_000)).used
    };
    assert_eq!(used(&records), 5 * 2 + 3);
    let compacted = desk.limiter.records(at(600_000));
    assert_eq!(used(&compacted), 5 * 2);
    assert!(compacted.len() < records.len());
}

#[test]
fn what_cannot_be_written_down_is_undone() {
    let mut desk = Desk::new([limit(Measure::Recipients(Window::Hour), Per::Account, None, Some(100))]);
    let mut message = Reservation::default();
    assert_eq!(desk.ask("a@x", ELSEWHERE, 1, &mut message, 0).leases.len(), 1);
    desk.limiter.undo(&mut message);
    assert_eq!(message.recipients, 0);
    assert_eq!(desk.ask("a@x", ELSEWHERE, 1, &mut message, 1).leases.len(), 1, "the lease went with it");
    assert!(desk.send("a@x", ELSEWHERE, 99, 2) && !desk.send("a@x", ELSEWHERE, 1, 3));
}

/// What a client and the world do next.
#[derive(Debug, Clone)]
enum Step {
    /// Moves the clock, also back.
    Wait(i64),
    /// Names recipients of a message, one after the other.
    Name {
        message: usize,
        home: bool,
        recipients: u32,
    },
    /// Ends a message with a part of its recipients.
    End {
        message: usize,
        keep: u32,
    },
    Abandon {
        message: usize,
    },
    /// The service is killed and begins anew from its records.
    Crash,
    /// The records are replaced by fewer that say the same.
    Compact,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0i64..1_200_000).prop_map(Step::Wait),
        1 => (-4_000_000i64..0).prop_map(Step::Wait),
        6 => (0usize..4, any::<bool>(), 1u32..6)
            .prop_map(|(message, home, recipients)| Step::Name { message, home, recipients }),
        4 => (0usize..4, 0u32..6).prop_map(|(message, keep)| Step::End { message, keep }),
        1 => (0usize..4).prop_map(|message| Step::Abandon { message }),
        1 => Just(Step::Crash),
        1 => Just(Step::Compact),
    ]
}

/// Recipients admitted from elsewhere: when, as far as time passed, and how many.
type Admitted = Vec<(i64, u32)>;

fn most_in_a_window(admitted: &Admitted) -> u32 {
    let within =
        |from: i64| admitted.iter().filter(|(at, _)| (from..from + HOUR).contains(at)).map(|(_, n)| n).sum();
    admitted.iter().map(|(at, _)| within(*at)).max().unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    /// Whatever the order of time, whatever is given back, across crashes.
    #[test]
    fn no_window_holds_more_than_the_limit(most in 0u32..12, steps in prop::collection::vec(step(), 1..60)) {
        let mut desk = Desk::new([limit(Measure::Recipients(Window::Hour), Per::Account, None, Some(most))]);
        let mut clock = 0i64;
        let mut passed = 0i64;
        let mut records: Vec<Record> = Vec::new();
        let mut open: Vec<(Reservation, Admitted)> = (0..4).map(|_| Default::default()).collect();
        let mut sent: Admitted = Vec::new();
        for step in steps {
            match step {
                Step::Wait(by) => {
                    clock += by;
                    passed += by.max(0);
                    // The service looks at its clock all the time.
                    desk.limiter.clock.advance(at(clock));
                }
                Step::Name { message, home, recipients } => {
                    for _ in 0..recipients {
                        let (reservation, admitted) = &mut open[message];
                        let address = if home { HOME } else { ELSEWHERE };
                        let sender = Sender { login: "a@x", address: address.parse().ok() };
                        let answer =
                            desk.limiter.reserve(&desk.limits, &desk.known, &sender, 1, reservation, at(clock));
                        if answer.stopped().is_none() {
                            records.extend(answer.leases.into_iter().map(Record::Lease));
                            admitted.push((passed, u32::from(!home)));
                        }
                    }
                }
                Step::End { message, keep } => {
                    let (mut reservation, mut admitted) = std::mem::take(&mut open[message]);
                    let keep = keep.min(reservation.recipients);
                    let given = desk.limiter.settle(&mut reservation, keep, at(clock));
                    records.extend(given.into_iter().map(Record::GivenBack));
                    admitted.truncate(keep as usize);
                    sent.extend(admitted);
                }
                Step::Abandon { message } => {
                    let (reservation, _) = std::mem::take(&mut open[message]);
                    let given = desk.limiter.release(reservation, at(clock));
                    records.extend(given.into_iter().map(Record::GivenBack));
                }
                Step::Compact => records = desk.limiter.records(at(clock)),
                Step::Crash => {
                    // Postfix went on with what it was told; nobody gives anything back any more.
                    for (_, admitted) in open.iter_mut().map(std::mem::take) {
                        sent.extend(admitted);
                    }
                    desk.limiter = Limiter::restore(records.iter().cloned(), at(clock));
                }
            }
            let all: Admitted = sent.iter().chain(open.iter().flat_map(|(_, admitted)| admitted)).copied().collect();
            prop_assert!(most_in_a_window(&all) <= most, "{all:?}");
        }
    }

    /// With time that only goes on, and no crash, exactly what fits is admitted.
    #[test]
    fn all_that_fits_is_admitted(
        most in 0u32..12,
        asks in prop::collection::vec((0i64..1_200_000, 1u32..6), 1..60),
    ) {
        let mut desk = Desk::new([limit(Measure::Recipients(Window::Hour), Per::Account, None, Some(most))]);
        let (mut clock, mut sent) = (0, Admitted::new());
        for (wait, recipients) in asks {
            clock += wait;
            let used: u32 = sent.iter().filter(|(at, _)| *at > clock - HOUR).map(|(_, n)| n).sum();
            let fits = used + recipients <= most;
            prop_assert_eq!(desk.send("a@x", ELSEWHERE, recipients, clock), fits);
            if fits {
                sent.push((clock, recipients));
            }
        }
    }
}
