//! The first run: who has the setup token makes the organization and its owner, and is signed in.

use std::{io, path::PathBuf, sync::Arc};

use mailcup_wire::{
    Admin, AdminId, Code, EventBody, Login, Organization, Problem, RecoveryCodes, Role, Setup, SetupDone,
    SystemFact,
};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    app::App,
    audit::{self, Actor},
    event_log::LogTransaction,
    http::{client::Client, problem::HttpProblem, proof::Proven},
    passwords,
    secrets::{self, write_private},
    settings,
    sign_in::{self, Device, Newness},
    store::{self, StoreError, admins::AdminRow, second_factors::Person},
    throttle::Whose,
};

/// Recovery codes of an admin.
const RECOVERY_CODES: usize = 10;

/// The token that setup asks for.
#[derive(Debug)]
pub struct SetupToken {
    token: SecretString,
    /// Where it stands for whoever reads the server's disk; none when a console gave it.
    file: Option<PathBuf>,
}

impl SetupToken {
    /// A token that a console chose.
    pub fn given(token: SecretString) -> Self {
        Self { token, file: None }
    }

    /// A new token, written to `file`.
    pub fn write(file: PathBuf) -> io::Result<Self> {
        let token = secrets::new_readable_code();
        write_private(&file, format!("{}\n", token.expose_secret()).as_bytes())?;
        Ok(Self { token, file: Some(file) })
    }

    /// The token, to be told on the server's console.
    pub fn token(&self) -> &SecretString {
        &self.token
    }

    pub fn file(&self) -> Option<&PathBuf> {
        self.file.as_ref()
    }

    /// Removes the file once the token is of no more use.
    fn spend(&self) {
        if let Some(file) = &self.file {
            // A file that is gone already is as good.
            let _ = std::fs::remove_file(file);
        }
    }
}

/// Does the setup.
pub async fn set_up(
    app: &Arc<App>,
    client: Client,
    proven: Proven,
    setup: Setup,
) -> Result<SetupDone, HttpProblem> {
    if !app.needs_setup() {
        return Err(done_before());
    }
    app.throttle.take(Whose::Setup)?;
    let expected = app.setup_token.get();
    if !expected.is_some_and(|expected| secrets::same(&expected.token, setup.token.trim())) {
        return Err(Problem::new(
            Code::SetupToken,
            "The setup token is wrong. It stands in the file setup-token of the service's data folder: sudo cat \
             /var/lib/mailcup/setup-token",
        )
        .into());
    }
    app.throttle.give_back(Whose::Setup);
    let device = sign_in::acceptable_device(setup.device)?;
    let key = proven.take(app)?;
    let device = Device { name: sign_in::keyed(device, key), key };
    let organization = Organization {
        name: acceptable_name("organization", &setup.organization)?,
        domains: acceptable_domains(&setup.domains)?,
        accent: None,
        version: 1,
    };
    let owner = Admin {
        id: AdminId(secrets::new_id()),
        login: acceptable_login("owner.login", &setup.owner.login)?,
        name: acceptable_name("owner.name", &setup.owner.name)?,
        email: acceptable_email("owner.email", &setup.owner.email)?,
        role: Role::Owner,
        reads_mail: false,
        created_at: app.clock.now(),
        last_sign_in_at: None,
        version: 1,
    };
    passwords::acceptable("owner.password", &setup.owner.password, &owner.login.0)?;
    let password = app.passwords.hash(setup.owner.password.into()).await?;

    let mut tx = app.log.begin().await?;
    if store::settings::organization(tx.connection()).await?.is_some() {
        return Err(done_before());
    }
    store::settings::put_organization(tx.connection(), &organization).await?;
    let row = AdminRow { admin: owner.clone(), password };
    store::admins::insert(tx.connection(), &row).await?;
    let recovery_codes = new_recovery_codes(app, &mut tx, Person::Admin(&owner.id)).await?;
    let actor = Actor::admin(&owner, client.address);
    tx.append(&EventBody::System(SystemFact::SetUp { organization: organization.name.clone() }));
    audit::record(&mut tx, &actor, "service.set_up", &organization.name, &serde_json::json!({})).await?;
    let grant = sign_in::grant(app, &mut tx, client, owner, device, Newness::Silent).await?;
    let then = Arc::clone(app);
    tx.after_commit(move || {
        settings::swap(&then.settings.organization, Some(organization));
        if let Some(token) = then.setup_token.get() {
            token.spend();
        }
    });
    tx.commit().await?;
    app.reroute_mail()?;
    Ok(SetupDone { grant, recovery_codes })
}

/// New recovery codes for somebody in place of the old ones.
pub async fn new_recovery_codes(
    app: &App,
    tx: &mut LogTransaction,
    person: Person<'_>,
) -> Result<RecoveryCodes, StoreError> {
    let codes: Vec<SecretString> = (0..RECOVERY_CODES).map(|_| secrets::new_readable_code()).collect();
    let hashes: Vec<_> = codes.iter().map(|code| secrets::hash_readable_code(code.expose_secret())).collect();
    store::factors::replace_recovery_codes(tx.connection(), person, &hashes, app.clock.now()).await?;
    Ok(RecoveryCodes { codes: codes.iter().map(|code| code.expose_secret().to_owned()).collect() })
}

/// A name of 1 to 120 characters in one line.
pub fn acceptable_name(field: &str, name: &str) -> Result<String, HttpProblem> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 120 || name.chars().any(char::is_control) {
        return Err(Problem::field(field, "A name has 1 to 120 characters in one line.").into());
    }
    Ok(name.to_owned())
}

/// A login in lower case.
pub fn acceptable_login(field: &str, login: &str) -> Result<Login, HttpProblem> {
    let login = login.trim().to_lowercase();
    let wrong = |c: char| c.is_whitespace() || c.is_control();
    if login.is_empty() || login.chars().count() > 254 || login.chars().any(wrong) {
        return Err(Problem::field(
            field,
            "A login has 1 to 254 characters without blanks, like anna@example.org.",
        )
        .into());
    }
    Ok(Login(login))
}

/// An address that mail can be sent to.
pub fn acceptable_email(field: &str, email: &str) -> Result<String, HttpProblem> {
    match email.trim().parse::<lettre::Address>() {
        Ok(address) => Ok(address.to_string()),
        Err(_) => {
            Err(Problem::field(field, "This is not an e-mail address; write it like anna@example.org.")
                .into())
        }
    }
}

/// Domains in lower case, each once.
pub fn acceptable_domains(domains: &[String]) -> Result<Vec<String>, HttpProblem> {
    let plain = |c: char| c.is_alphanumeric() || c == '-' || c == '.';
    let mut accepted = Vec::with_capacity(domains.len());
    for (index, domain) in domains.iter().enumerate() {
        let domain = domain.trim().trim_end_matches('.').to_lowercase();
        let labels = domain.split('.').all(|label| !label.is_empty() && label.len() <= 63);
        if domain.is_empty() || domain.len() > 253 || !domain.chars().all(plain) || !labels {
            let field = format!("domains.{index}");
            return Err(Problem::field(&field, "This is not a domain; write it like example.org.").into());
        }
        if !accepted.contains(&domain) {
            accepted.push(domain);
        }
    }
    if accepted.is_empty() || accepted.len() > 1000 {
        return Err(Problem::field("domains", "Name at least one domain that the mail server serves.").into());
    }
    Ok(accepted)
}

fn done_before() -> HttpProblem {
    Problem::new(Code::SetupDone, "The service is set up already; sign in.").into()
}
