//! The services that the console is connected to, and signing in to them.

use mailcup_wire::{
    Alert, AlertState, Challenge, ChallengeAnswer, Code, Details, Problem, RecoveryCodes, ServiceId, Setup,
    desktop::{ConnectRequest, ConnectStep, Credentials, ServiceAlert, SetUpRequest, SignInStep},
};
use secrecy::ExposeSecret as _;
use url::Url;

use super::Console;
use crate::{
    api::Api,
    controller::{Contact, Request, locked},
};

const LONGEST_NAME: usize = 60;

impl Console {
    pub async fn start_embedded(&self) -> Result<(), Problem> {
        self.ask(Request::StartEmbedded).await?
    }

    /// Connects to a service elsewhere. A certificate that nobody vouches for is shown first; `trust` says that an
    /// admin has looked at it.
    pub async fn connect(&self, request: ConnectRequest) -> Result<ConnectStep, Problem> {
        let url = service_url(&request.url)?;
        let asked = Api::new(url.clone(), false, None)?;
        let answer = asked.service_info(None).await;
        let mut pinned = None;
        match (answer, asked.untrusted(), request.trust) {
            (Ok(_), _, _) => {}
            (Err(_), Some(untrusted), Some(sha256)) if untrusted.found.sha256 == sha256 => {
                pinned = Some(untrusted.found);
                Api::new(url.clone(), false, pinned.clone())?.service_info(None).await?;
            }
            (Err(_), Some(untrusted), _) => {
                return Ok(ConnectStep::Untrusted { certificate: Box::new(untrusted.found) });
            }
            (Err(problem), None, _) => return Err(problem),
        }
        self.ask(|reply| Request::Connect(url, pinned, reply)).await??;
        Ok(ConnectStep::Connected)
    }

    /// Trusts the certificate that a service shows now in the place of the former one.
    pub async fn trust_certificate(&self, service: ServiceId, sha256: String) -> Result<(), Problem> {
        self.ask(|reply| Request::Trust(service, sha256, reply)).await?
    }

    pub async fn set_up(&self, request: SetUpRequest) -> Result<RecoveryCodes, Problem> {
        let contact = self.here()?;
        let token = match (request.token, &contact.setup_token) {
            (Some(token), _) => token,
            (None, Some(token)) => token.expose_secret().to_owned(),
            (None, None) => {
                let needed = "The service's setup token is needed. It stands in the file setup-token of the \
                              service's data folder: sudo cat /var/lib/mailcup/setup-token";
                return Err(Problem::field("token", needed));
            }
        };
        let setup = Setup {
            token,
            organization: request.organization,
            domains: request.domains,
            owner: request.owner,
            device: contact.device.clone(),
        };
        let done = contact.reach()?.setup(&setup).await?;
        self.ask(|reply| Request::SignedIn(contact.service.clone(), Box::new(done.grant), reply)).await??;
        Ok(done.recovery_codes)
    }

    pub async fn sign_in(&self, credentials: Credentials) -> Result<SignInStep, Problem> {
        let contact = self.here()?;
        let challenge = contact.reach()?.sign_in(credentials, contact.device.clone()).await?;
        self.challenged(&contact, Some(challenge.clone())).await?;
        Ok(SignInStep::Challenge(challenge))
    }

    pub async fn answer_challenge(&self, answer: ChallengeAnswer) -> Result<SignInStep, Problem> {
        let contact = self.here()?;
        let mut challenge = self.challenge(&contact).await?;
        match contact.reach()?.answer(&challenge.id, &answer).await {
            Ok(grant) => {
                self.ask(|reply| Request::SignedIn(contact.service.clone(), Box::new(grant), reply))
                    .await??;
                Ok(SignInStep::SignedIn)
            }
            Err(problem) => {
                let next = match (problem.code, &problem.details) {
                    (Code::ChallengeOver, _) => Some(None),
                    (_, Some(Details::TriesLeft { tries })) => {
                        challenge.tries_left = *tries;
                        Some(Some(challenge))
                    }
                    _ => None,
                };
                if let Some(next) = next {
                    self.challenged(&contact, next).await?;
                }
                Err(problem)
            }
        }
    }

    pub async fn resend_code(&self) -> Result<SignInStep, Problem> {
        let contact = self.here()?;
        let challenge = self.challenge(&contact).await?;
        let challenge = contact.reach()?.resend_code(&challenge.id).await?;
        self.challenged(&contact, Some(challenge.clone())).await?;
        Ok(SignInStep::Challenge(challenge))
    }

    /// Ends the session; the local copy stays for the next one. A service that can't be reached ends it by
    /// itself in time.
    pub async fn sign_out(&self) -> Result<(), Problem> {
        let contact = self.here()?;
        if let Some(api) = &contact.api {
            match api.sign_out().await {
                Ok(()) => {}
                Err(problem)
                    if matches!(
                        problem.code,
                        Code::Unauthenticated | Code::ProofRefused | Code::Unreachable
                    ) => {}
                Err(problem) => return Err(problem),
            }
        }
        self.ask(|reply| Request::SignedOut(contact.service, reply)).await?
    }

    pub async fn switch_service(&self, service: ServiceId) -> Result<(), Problem> {
        self.ask(|reply| Request::Switch(service, reply)).await?
    }

    /// Names a service; nothing gives it its organization's name again.
    pub async fn rename_service(&self, service: ServiceId, name: String) -> Result<(), Problem> {
        let name: String = name.split_whitespace().collect::<Vec<_>>().join(" ");
        if name.chars().count() > LONGEST_NAME {
            let message = format!("A name has at most {LONGEST_NAME} characters.");
            return Err(Problem::field("name", message));
        }
        let name = Some(name).filter(|name| !name.is_empty());
        self.ask(|reply| Request::Rename(service, name, reply)).await?
    }

    /// Deletes this console's copy and session; whoever runs the service keeps all of it.
    pub async fn forget_service(&self, service: ServiceId) -> Result<(), Problem> {
        self.ask(|reply| Request::Forget(service, reply)).await?
    }

    /// Alerts of all services with the console's own about them, newest first. A service whose copy can't be read
    /// has only the latter.
    pub async fn all_alerts(&self, states: Vec<AlertState>) -> Result<Vec<ServiceAlert>, Problem> {
        let contacts = self.contacts.borrow().clone();
        if contacts.locked {
            return Err(locked());
        }
        let with_open = states.is_empty() || states.contains(&AlertState::Open);
        let mut own = if with_open { self.ask(Request::OwnAlerts).await? } else { Vec::new() };
        let mut all = Vec::new();
        for contact in contacts.all {
            let its_own = own.extract_if(.., |(service, _)| *service == contact.service);
            let mut alerts: Vec<Alert> = its_own.flat_map(|(_, alerts)| alerts).collect();
            if let Some(readers) = contact.readers {
                match readers.alerts(states.clone()).await {
                    Ok(kept) => alerts.extend(kept),
                    Err(error) => {
                        tracing::warn!(%error, service = %contact.service, "a service's alerts can't be read");
                    }
                }
            }
            all.extend(alerts.into_iter().map(|alert| ServiceAlert {
                service: contact.service.clone(),
                service_name: contact.name.clone(),
                alert,
            }));
        }
        all.sort_by_key(|it| std::cmp::Reverse(it.alert.last_at));
        Ok(all)
    }

    async fn challenge(&self, contact: &Contact) -> Result<Challenge, Problem> {
        let service = contact.service.clone();
        self.ask(|reply| Request::Challenge(service, reply)).await?.ok_or_else(challenge_over)
    }

    async fn challenged(&self, contact: &Contact, challenge: Option<Challenge>) -> Result<(), Problem> {
        let service = contact.service.clone();
        self.ask(|reply| Request::Challenged(service, challenge, reply)).await
    }
}

fn challenge_over() -> Problem {
    Problem::new(Code::ChallengeOver, "This sign-in is over. Begin anew with your password.")
}

/// What somebody typed as a service's address: a host alone means HTTPS.
fn service_url(text: &str) -> Result<Url, Problem> {
    let wrong = || Problem::field("url", "Write the address like https://mail.example.org:8480.");
    let text = text.trim();
    let text = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let mut url = Url::parse(&text).map_err(|_| wrong())?;
    let is_local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match (url.scheme(), is_local) {
        ("https", _) | ("http", true) => {}
        ("http", false) => {
            let why =
                "Over the network the service is reached by https:// only; http:// would show your password.";
            return Err(Problem::field("url", why));
        }
        _ => return Err(wrong()),
    }
    if url.host_str().is_none() || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong());
    }
    url.set_path("/");
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_reached_by_https_or_on_this_computer() {
        let url = |text: &str| service_url(text).map(String::from).map_err(|problem| problem.code);
        assert_eq!(url("mail.example.org:8480"), Ok("https://mail.example.org:8480/".into()));
        assert_eq!(url(" http://127.0.0.1:8480/x?y#z "), Ok("http://127.0.0.1:8480/".into()));
        for wrong in ["http://mail.example.org", "ftp://a", "https://", "https://a:b@c", "", "ma il"] {
            assert_eq!(url(wrong), Err(Code::Invalid), "{wrong}");
        }
    }
}
