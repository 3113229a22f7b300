//! The service's machine is lost and comes back from its backup; the console goes on by itself.

use std::time::Instant;

use super::*;
use crate::{of, reports};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_console_goes_on_with_a_service_that_was_lost_and_restored() {
    let mut backed = Backed::start(40).await;
    backed.back_up().await;
    let mail = backed.folder.path().join("mail");
    let before = all_bytes(&mail);
    backed.service.kill();
    backed.desk.view_with(|view| view.service.as_ref().is_some_and(|it| it.link != Link::Live)).await;
    let data_dir = backed.service.data_dir().to_owned();
    fs::remove_dir_all(&data_dir).unwrap();
    fs::remove_dir_all(&mail).unwrap();

    let begun = Instant::now();
    let repository = backed.folder.path().join("repository");
    let restore =
        ["backup", "restore", "--from", repository.to_str().unwrap(), "--to", data_dir.to_str().unwrap()];
    backed.service.command_with(&restore, &format!("{}\n", backed.phrase)).await.unwrap();
    assert!(all_bytes(&mail) == before);
    backed.service.run().await.unwrap();
    backed.desk.view_with(|view| view.service.as_ref().is_some_and(|it| it.link == Link::Live)).await;
    eprintln!("the console is connected {:.1?} after the restore began", begun.elapsed());

    // What happens from now on comes, without a new sign-in.
    reports(&backed.console).await.failure("anna@example.org", "203.0.113.9", 1).await;
    let filter = of("anna@example.org");
    let found = wait::until("the new event", LONG, async || {
        (backed.console.count_events(filter.clone(), None).await.unwrap().events == 1).then_some(())
    });
    found.await.unwrap();
    backed.console.shut_down().await.unwrap();
}
