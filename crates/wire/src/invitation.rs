use crate::{Factor, InvitationId, Login, Role, Session, Time, wire};

wire! {
    /// Somebody who may become an admin by setting a password. The code is not in it.
    pub struct Invitation {
        pub id: InvitationId,
        pub login: Login,
        pub name: String,
        /// Where the code and later one-time codes go.
        pub email: String,
        pub role: Role,
        pub created_at: Time,
        pub created_by_login: Option<Login>,
        pub expires_at: Time,
    }

    /// `POST /v1/invitations`
    pub struct NewInvitation {
        pub login: Login,
        pub name: String,
        pub email: String,
        pub role: Role,
    }

    /// Made or sent again. The code before it works no more.
    pub struct InvitationGrant {
        pub invitation: Invitation,
        /// Shown once, and only where mail does not leave the service's own disk.
        pub code: Option<String>,
    }

    /// `POST /v1/invitations/accept`
    pub struct InvitationAnswer {
        pub code: String,
        pub password: String,
    }

    /// `GET /v1/admins/{id}/access`: how an admin signs in, and where they are signed in.
    pub struct AdminAccess {
        pub factors: Vec<Factor>,
        pub sessions: Vec<Session>,
    }
}
