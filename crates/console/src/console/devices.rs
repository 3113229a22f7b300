//! The devices and sessions of whoever is signed in; only the service knows them.

use mailcup_wire::{
    Challenge, ChallengeAnswer, ChallengeId, Device, DeviceChange, DeviceId, Problem, Reauthentication,
    SessionId,
};

use super::Console;

impl Console {
    pub async fn devices(&self) -> Result<Vec<Device>, Problem> {
        self.signed_in()?.devices().await
    }

    pub async fn rename_device(&self, id: DeviceId, name: String, version: u32) -> Result<Device, Problem> {
        self.signed_in()?.rename_device(&id, &DeviceChange { name }, version).await
    }

    /// Ends the device's sessions; it may sign in again, as a new one.
    pub async fn revoke_device(&self, id: DeviceId) -> Result<(), Problem> {
        self.signed_in()?.revoke_device(&id).await
    }

    /// Ends one session of one's own, or all but this console's.
    pub async fn end_own_sessions(&self, session: Option<SessionId>) -> Result<(), Problem> {
        let api = self.signed_in()?;
        match session {
            Some(session) => api.end_own_session(&session).await,
            None => api.end_other_sessions().await,
        }
    }

    /// Begins to give password and second factor again, which sensitive changes need.
    pub async fn reauthenticate(&self, password: String) -> Result<Challenge, Problem> {
        self.signed_in()?.reauthenticate(&Reauthentication { password }).await
    }

    pub async fn send_reauthentication_code(&self, id: ChallengeId) -> Result<Challenge, Problem> {
        self.signed_in()?.send_reauthentication_code(&id).await
    }

    pub async fn answer_reauthentication(
        &self,
        id: ChallengeId,
        answer: ChallengeAnswer,
    ) -> Result<(), Problem> {
        self.signed_in()?.answer_reauthentication(&id, &answer).await
    }
}
