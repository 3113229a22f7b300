use super::*;

fn given(altcha: String, ticket: String, letters: String) -> Given {
    Given { altcha, ticket, letters, ..Given::default() }
}

#[test]
fn each_challenge_is_used_once_and_a_full_memory_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let key = ServerKey::open(folder.path()).unwrap();
    let browser = SecretString::from("browser");
    let bound = Bound { purpose: SIGN_IN, browser: &browser };
    let at = |seconds: i64| Time::from_millis(seconds * 1_000);
    let captcha = Captcha::new(None, 2);
    let check = |given: &Given, now: i64| captcha.check(&key, bound, given, at(now));
    let proof = |now: i64| {
        let challenge = proof_of_work::challenge_up_to(1_000, &key, bound, at(now));
        given(challenge.solution(challenge.solve()), String::new(), String::new())
    };
    let picture = |now: i64, letters: Option<&str>| {
        let drawn = picture::draw().unwrap();
        let letters = letters.map_or_else(|| drawn.letters(), str::to_owned);
        given(String::new(), drawn.for_browser(&key, bound, at(now)).ticket, letters)
    };

    let first = proof(1_000);
    assert_eq!(check(&first, 1_000), Ok(()));
    assert_eq!(check(&first, 1_001), Err(Fault::Used));
    assert_eq!(check(&proof(1_010), 1_010), Ok(()));
    assert_eq!(check(&proof(1_020), 1_020), Err(Fault::Full));
    assert_eq!(check(&first, 1_299), Err(Fault::Used), "it is remembered for as long as it is good");
    assert_eq!(check(&first, 1_300), Err(Fault::Expired));
    assert_eq!(check(&proof(1_310), 1_310), Ok(()));

    // Pictures have a memory of their own, and a wrong answer uses one up.
    let mut wrong = picture(1_310, Some("000000"));
    assert_eq!(check(&wrong, 1_310), Err(Fault::Wrong));
    wrong.letters = "XXXXXX".to_owned();
    assert_eq!(check(&wrong, 1_310), Err(Fault::Used));
    let right = picture(1_310, None);
    assert_eq!(check(&right, 1_310), Ok(()));
    assert_eq!(check(&right, 1_310), Err(Fault::Used));
    assert_eq!(check(&picture(1_310, None), 1_310), Err(Fault::Full));
}
