//! Opening Activity, committing filters, scrolling.

use crate::{measured, page::Page, percentile, row};

const OPENINGS: usize = 10;

/// Typed as they stand into the filter's field.
const FILTERS: [&str; 40] = [
    "account:user-3@example.org",
    "account:user-700@example.org",
    "account:user-1999@example.org",
    "account:user-42@example.org outcome:failed",
    "account:user-42@example.org -outcome:failed protocol:pop3",
    "account:user-1",
    "account:user-19",
    "account:nobody@example.org",
    "domain:example.org outcome:failed",
    "outcome:failed",
    "outcome:failed protocol:imap",
    "outcome:failed protocol:submission",
    "outcome:refused",
    "outcome:challenged",
    "-outcome:allowed",
    "protocol:pop3",
    "protocol:sieve",
    "protocol:submission outcome:allowed",
    "-protocol:imap -protocol:submission",
    "kind:alert",
    "kind:admin",
    "kind:account",
    "kind:system",
    "kind:submission",
    "reason:wrong_password",
    "network:100.64.0.0/10",
    "network:203.0.113.0/24",
    "network:10.0.0.0/8",
    "network:2001:db8::/32",
    "-network:100.64.0.0/10 outcome:failed",
    "last:7d outcome:failed",
    "last:24h protocol:pop3",
    "last:30d account:user-3@example.org",
    "thunderbird",
    "wrong",
    "wrong user-17",
    "outlook outcome:failed",
    "xylophone",
    "lab right -outcome:failed protocol:sieve",
    "device:thunderbird outcome:failed",
];

pub async fn measure(page: &Page) {
    let idle = measured(page, "idleFrame(60)").await.as_f64().unwrap_or(f64::NAN);
    row("A frame in which nothing happens", &format!("{idle:.1} ms"), "part of what follows");
    let mut opened = Vec::new();
    for _ in 0..OPENINGS {
        opened.push(measured(page, "openActivity()").await.as_f64().unwrap_or(f64::NAN));
    }
    row(
        "Opening Activity: first rows painted (p50, slowest)",
        &format!("{:.0} ms, {:.0} ms", percentile(&mut opened, 50), percentile(&mut opened, 100)),
        "under 300 ms",
    );
    filters(page).await;
    scrolling(page).await;
}

async fn filters(page: &Page) {
    let (mut pages, mut exact, mut core) = (Vec::new(), Vec::new(), Vec::new());
    let mut slowest = [("", 0.0), ("", 0.0)];
    for typed in FILTERS {
        let answer = measured(page, &format!("filter({})", serde_json::json!(typed))).await;
        core.push(answer["core"].as_f64().unwrap_or(f64::NAN));
        if std::env::var_os("MAILCUP_EACH").is_some() {
            println!(
                "  {typed:<50} {:>6} ms, exact {:>6} ms: {}",
                answer["page"], answer["exact"], answer["status"]
            );
        }
        for ((figure, all), slowest) in
            [("page", &mut pages), ("exact", &mut exact)].into_iter().zip(&mut slowest)
        {
            let took = answer[figure].as_f64().unwrap_or(f64::NAN);
            if took < 0.0 {
                println!("  “{typed}”: no answer ({figure}): {}", answer["status"]);
            } else {
                if took > slowest.1 {
                    *slowest = (typed, took);
                }
                all.push(took);
            }
        }
    }
    let all = FILTERS.len();
    row(
        &format!("{all} filters: first page painted (p50, p95)"),
        &format!("{:.0} ms, {:.0} ms", percentile(&mut pages, 50), percentile(&mut pages, 95)),
        "p95 under 100 ms",
    );
    row("  the slowest", &format!("{:.0} ms", slowest[0].1), slowest[0].0);
    row(
        "  until the desktop core has answered (p50, p95)",
        &format!("{:.0} ms, {:.0} ms", percentile(&mut core, 50), percentile(&mut core, 95)),
        "the rest is drawing",
    );
    row(
        &format!("{all} filters: exact count (p50, p95)"),
        &format!("{:.0} ms, {:.0} ms", percentile(&mut exact, 50), percentile(&mut exact, 95)),
        "under 1 s",
    );
    row("  the slowest", &format!("{:.0} ms", slowest[1].1), slowest[1].0);
}

/// By the wheel, 32 rows a frame, and with the scrollbar from end to end in 300 frames.
async fn scrolling(page: &Page) {
    for (name, call) in [
        ("Scrolling 6 rows a frame", "scroll(300, 192)"),
        ("Scrolling a page a frame", "scroll(300, 800)"),
        ("Dragging end to end in 300 frames", "scroll(300, 'end')"),
    ] {
        let answer = measured(page, call).await;
        let figure = |name: &str| answer[name].as_f64().unwrap_or(f64::NAN);
        row(
            &format!("{name}: a row in sight blank (longest)"),
            &format!("{:.0} ms", figure("longest")),
            "a frame or two",
        );
        row(
            "  median; share of frames with one; frame",
            &format!(
                "{:.0} ms; {:.0} %; {:.1} ms",
                figure("median"),
                figure("share") * 100.0,
                figure("frame")
            ),
            "",
        );
    }
}
