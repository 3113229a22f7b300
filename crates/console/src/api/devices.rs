//! The devices and sessions of whoever is signed in.

use mailcup_wire::{
    Challenge, ChallengeAnswer, ChallengeId, Device, DeviceChange, DeviceId, Problem, Reauthentication,
    SessionId,
};
use reqwest::Method;

use super::{Api, people::segment};

impl Api {
    pub async fn devices(&self) -> Result<Vec<Device>, Problem> {
        self.get("me/devices").await
    }

    pub async fn rename_device(
        &self,
        id: &DeviceId,
        change: &DeviceChange,
        version: u32,
    ) -> Result<Device, Problem> {
        self.replace(Method::PATCH, &format!("me/devices/{}", segment(&id.0)), change, version).await
    }

    pub async fn revoke_device(&self, id: &DeviceId) -> Result<(), Problem> {
        self.delete(&format!("me/devices/{}", segment(&id.0))).await
    }

    pub async fn end_own_session(&self, id: &SessionId) -> Result<(), Problem> {
        self.delete(&format!("me/sessions/{}", segment(&id.0))).await
    }

    pub async fn end_other_sessions(&self) -> Result<(), Problem> {
        self.delete("me/sessions").await
    }

    pub async fn reauthenticate(&self, request: &Reauthentication) -> Result<Challenge, Problem> {
        self.send(Method::POST, "me/reauthentication", request).await
    }

    pub async fn send_reauthentication_code(&self, id: &ChallengeId) -> Result<Challenge, Problem> {
        let path = format!("me/reauthentication/{}/resend", segment(&id.0));
        self.send(Method::POST, &path, &()).await
    }

    pub async fn answer_reauthentication(
        &self,
        id: &ChallengeId,
        answer: &ChallengeAnswer,
    ) -> Result<(), Problem> {
        let path = format!("me/reauthentication/{}/answer", segment(&id.0));
        self.without_content(self.request(Method::POST, &path).json(answer)).await
    }
}
