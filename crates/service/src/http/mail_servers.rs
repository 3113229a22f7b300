//! The mail servers that ask us.

use std::sync::Arc;

use axum::extract::State;
use mailcup_wire::{MailServer, Page};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{auth::Reader, body::Json};
use crate::app::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Mail servers as their requests show them, up to now; all on one page.
#[utoipa::path(
    get, path = "/v1/mail-servers", tag = "mail servers", responses((status = 200, body = Page<MailServer>)),
    extensions(("x-permission" = json!("read"))),
)]
async fn list(State(app): State<Arc<App>>, _: Reader) -> Json<Page<MailServer>> {
    Json(Page { items: app.mail_servers.all(), next: None })
}
