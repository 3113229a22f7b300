//! What pages have of passkeys: the script that asks the browser for one, and forms for what it says.

use std::sync::Arc;

use axum::{
    extract::{Form, State},
    response::{IntoResponse, Response},
};
use data_encoding::BASE64URL_NOPAD;
use maud::{Markup, html};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

use super::{Submitted, Visit, captcha::script, code_page, enter, pages, trouble};
use crate::{
    app::App,
    http::page::Allowed,
    passkey::{Assertion, Creation, RelyingParty},
    web_sign_in::{self, Given},
};

const SCRIPT: &str = include_str!("passkey.js");

/// What a page with passkeys may have.
pub(in crate::http) const ALLOWED: Allowed = Allowed { scripts: true, pictures: false, elsewhere: None };

/// What a browser says of a passkey that signed.
#[derive(Debug, Deserialize)]
pub(super) struct AssertionForm {
    token: String,
    credential: Bytes,
    client_data: Bytes,
    authenticator_data: Bytes,
    signature: Bytes,
    /// Empty where its device does not say.
    user: Bytes,
}

/// What a browser says of a passkey that it made.
#[derive(Debug, Deserialize)]
pub(in crate::http) struct CreationForm {
    client_data: Bytes,
    attestation_object: Bytes,
}

/// Bytes in base64url without padding.
#[derive(Debug)]
struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        BASE64URL_NOPAD.decode(text.as_bytes()).map(Self).map_err(D::Error::custom)
    }
}

impl From<CreationForm> for Creation {
    fn from(CreationForm { client_data, attestation_object }: CreationForm) -> Self {
        Self { client_data: client_data.0, attestation_object: attestation_object.0 }
    }
}

/// The script of pages with passkeys.
pub(super) async fn passkey_script() -> impl IntoResponse {
    script(SCRIPT)
}

/// Signs in with a passkey.
pub(super) async fn answer(
    State(app): State<Arc<App>>,
    visit: Visit,
    form: Submitted<AssertionForm>,
) -> Response {
    let Ok(Form(form)) = form else { return pages::unreadable() };
    let way = Some(pages::Way::Passkey);
    let Some(key) = visit.own_form(&app, &form.token) else {
        return code_page(&app, &visit, way, Some(&pages::Trouble::OLD_FORM)).await;
    };
    let AssertionForm { credential, client_data, authenticator_data, signature, user, .. } = form;
    let said = Assertion {
        credential: credential.0,
        client_data: client_data.0,
        authenticator_data: authenticator_data.0,
        signature: signature.0,
        user: Some(user.0).filter(|user| !user.is_empty()),
    };
    match web_sign_in::answer(&app, &visit.browser, key, Given::Passkey(&said)).await {
        Ok(grant) => enter(&app, &grant),
        Err(problem) => code_page(&app, &visit, way, Some(&trouble(&problem))).await,
    }
}

/// A form whose `fields` are filled in by the script, which asks the browser for what `options` say. It is there where
/// scripts run; where none do, `without` is said.
pub(in crate::http) fn form(
    action: &str,
    (party, options): (&RelyingParty, &Value),
    fields: &[&str],
    content: &Markup,
    without: &str,
) -> Markup {
    html! {
        form #passkey method="post" action=(action) data-options=(options.to_string()) data-origin=(party.origin)
            hidden {
            @for name in fields { input type="hidden" name=(name); }
            (content)
        }
        p #passkey-said role="status" {}
        noscript { p { (without) } }
        script src="/sign-in/passkey.js" defer {}
    }
}

/// The fields of an [`AssertionForm`] that the script fills in.
pub(super) const ASSERTION: [&str; 5] =
    ["credential", "client_data", "authenticator_data", "signature", "user"];

/// The fields of a [`CreationForm`].
pub(in crate::http) const CREATION: [&str; 2] = ["client_data", "attestation_object"];
