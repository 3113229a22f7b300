use mailcup_wire::{
    AlertSettings, Login, MailSettings, MailSettingsChange, MailTransport, Relay, RelayChange, RelaySecurity,
    Time,
    desktop::{
        Choice, Content, Edit, Field, FieldValue, Mark, Meanwhile, Part, PartComparison, PasswordState, Side,
    },
};
use proptest::prelude::*;

use super::{
    Kept, changes_nothing,
    compare::{compare, meanwhile},
    with_former_password,
};

fn kept(began: Content, edit: Edit) -> Kept {
    let (admin, login) = ("a1".into(), Login("olga@example.org".into()));
    Kept { began, edit, edited_at: Time::from_millis(7), admin, login }
}

fn alerts(values: [u32; 3], version: u32) -> Content {
    let [account_failures, network_accounts, window_minutes] = values;
    Content::AlertSettings(AlertSettings { account_failures, network_accounts, window_minutes, version })
}

fn alert_edit([account_failures, network_accounts, window_minutes]: [u32; 3]) -> Edit {
    Edit::AlertSettings { account_failures, network_accounts, window_minutes }
}

fn mail(host: Option<&str>, username: Option<&str>, has_password: bool) -> Content {
    let transport = match host {
        None => MailTransport::Local { folder: "/outbox".into() },
        Some(host) => MailTransport::Relay(Relay {
            host: host.into(),
            port: 587,
            security: RelaySecurity::StartTls,
            username: username.map(Into::into),
            has_password,
        }),
    };
    Content::MailSettings(MailSettings { from: "mailcup@example.org".into(), transport, version: 1 })
}

fn relay(host: &str, password: Option<&str>) -> Edit {
    Edit::MailSettings(MailSettingsChange {
        from: "mailcup@example.org".into(),
        relay: Some(RelayChange {
            host: host.into(),
            port: 465,
            security: RelaySecurity::Tls,
            username: Some("mailcup".into()),
            password: password.map(Into::into),
        }),
    })
}

fn part(parts: &[PartComparison], wanted: Part) -> &PartComparison {
    parts.iter().find(|it| it.part == wanted).unwrap()
}

fn password(part: &PartComparison) -> Option<PasswordState> {
    let field = part.fields.iter().find(|it| it.field == Field::Password)?;
    match field.yours {
        Some(FieldValue::Password { password }) => Some(password),
        _ => None,
    }
}

#[test]
fn each_part_says_who_changed_it() {
    let kept = kept(alerts([5, 5, 10], 1), alert_edit([9, 7, 10]));
    let parts = compare(&kept, &alerts([5, 8, 30], 2));
    let marks: Vec<_> = parts.iter().map(|part| part.mark).collect();
    assert_eq!(marks, [Mark::OnlyYours, Mark::Both, Mark::OnlyTheirs]);
    assert_eq!(meanwhile(&parts), Meanwhile::Conflict);
    assert_eq!(meanwhile(&compare(&kept, &alerts([5, 5, 10], 1))), Meanwhile::Nothing);
    assert_eq!(meanwhile(&compare(&kept, &alerts([5, 7, 30], 2))), Meanwhile::Changed);
    assert_eq!(meanwhile(&compare(&kept, &alerts([9, 7, 30], 2))), Meanwhile::InEffect);
}

#[test]
fn a_relay_is_taken_whole_and_its_password_is_not_lost_unseen() {
    // Mine changes port and security, theirs the host.
    let mine = kept(mail(Some("a.example"), Some("mailcup"), true), relay("a.example", None));
    let theirs = mail(Some("b.example"), Some("other"), true);
    let parts = compare(&mine, &theirs);
    let transport = part(&parts, Part::Transport);
    assert_eq!(transport.mark, Mark::Both);
    assert_eq!(password(transport), Some(PasswordState::Lost));
    let choose = |side| [Choice { part: Part::Transport, side }];
    let refused = mine.merged(&theirs, &choose(Side::Yours)).unwrap_err();
    assert_eq!(refused.code, mailcup_wire::Code::Invalid);
    let merged = mine.merged(&theirs, &choose(Side::Theirs)).unwrap();
    assert!(changes_nothing(&merged, &theirs), "theirs stays as it is, with its password");

    // With the host as it was, the service has the password still.
    let same_host = mail(Some("a.example"), Some("other"), true);
    assert_eq!(password(part(&compare(&mine, &same_host), Part::Transport)), Some(PasswordState::Stored));
    assert!(mine.merged(&same_host, &choose(Side::Yours)).is_ok());

    // Whoever changed the address alone gets the other's relay without being asked.
    let mut from = relay("a.example", None);
    if let Edit::MailSettings(change) = &mut from {
        change.from = "post@example.org".into();
        let relay = change.relay.as_mut().unwrap();
        (relay.port, relay.security) = (587, RelaySecurity::StartTls);
    }
    let mine = kept(mail(Some("a.example"), Some("mailcup"), true), from);
    let parts = compare(&mine, &theirs);
    assert_eq!(part(&parts, Part::Transport).mark, Mark::OnlyTheirs);
    assert_eq!(meanwhile(&parts), Meanwhile::Changed);
    let Edit::MailSettings(merged) = mine.merged(&theirs, &[]).unwrap() else { panic!() };
    assert_eq!(
        (merged.from.as_str(), merged.relay.unwrap().host.as_str()),
        ("post@example.org", "b.example")
    );
}

#[test]
fn a_typed_password_stays_in_the_draft_and_is_shown_to_nobody() {
    let draft = kept(mail(None, None, false), relay("a.example", Some("s3cret")));
    let shown = draft.shown(&draft.began, None);
    assert!(shown.has_password && !shown.own);
    assert!(!serde_json::to_string(&shown).unwrap().contains("s3cret"));
    assert!(!serde_json::to_string(&compare(&draft, &draft.began)).unwrap().contains("s3cret"));
    let holds =
        |edit: Edit| matches!(edit, Edit::MailSettings(it) if it.relay.as_ref().unwrap().password.is_some());
    assert!(holds(with_former_password(relay("a.example", None), Some(&draft))));
    assert!(!holds(with_former_password(relay("b.example", None), Some(&draft))), "another host");
}

proptest! {
    #[test]
    fn no_change_is_lost_and_nothing_is_decided_where_both_changed(
        began in prop::array::uniform3(1..4_u32),
        yours in prop::array::uniform3(1..4_u32),
        theirs in prop::array::uniform3(1..4_u32),
    ) {
        let (draft, now) = (kept(alerts(began, 1), alert_edit(yours)), alerts(theirs, 2));
        let parts = compare(&draft, &now);
        let torn: Vec<_> = parts.iter().filter(|part| part.mark == Mark::Both).map(|part| part.part).collect();
        match draft.merged(&now, &[]) {
            Err(_) => prop_assert!(!torn.is_empty()),
            Ok(Edit::AlertSettings { account_failures, network_accounts, window_minutes }) => {
                prop_assert!(torn.is_empty());
                let merged = [account_failures, network_accounts, window_minutes];
                for at in 0..3 {
                    for side in [yours, theirs] {
                        prop_assert!(side[at] == began[at] || merged[at] == side[at]);
                    }
                }
            }
            Ok(_) => prop_assert!(false),
        }
        // Whatever is chosen throughout, it is exactly that side.
        for (side, wanted) in [(Side::Yours, yours), (Side::Theirs, theirs)] {
            let choices: Vec<_> = parts.iter().map(|it| Choice { part: it.part, side }).collect();
            prop_assert_eq!(draft.merged(&now, &choices).unwrap(), alert_edit(wanted));
        }
        let verdict = meanwhile(&parts);
        prop_assert_eq!(verdict == Meanwhile::Conflict, !torn.is_empty());
        if theirs == began && yours != began {
            prop_assert_eq!(verdict, Meanwhile::Nothing);
        }
    }
}
