//! The browser that somebody signs in with, as far as it tells.

use mailcup_wire::DeviceId;

use crate::{clients::Clients, http::client::Client};

/// Longest User-Agent that is kept, in characters.
const LONGEST: usize = 256;

/// A browser at the other end of a request.
#[derive(Debug, Clone, Default)]
pub struct Browser {
    pub client: Client,
    /// Its User-Agent.
    pub agent: Option<String>,
    /// As its cookie says, which is ours.
    pub device: Option<DeviceId>,
}

impl Browser {
    pub fn new(client: Client, agent: Option<&str>) -> Self {
        let agent = agent.map(|agent| agent.chars().filter(|c| !c.is_control()).take(LONGEST).collect());
        Self { client, agent, device: None }
    }

    /// What a person calls it: “Firefox on Windows”. It may say anything of itself.
    pub fn name(&self, clients: &Clients) -> Option<String> {
        self.agent.as_deref().map(|agent| clients.name(agent))
    }
}
