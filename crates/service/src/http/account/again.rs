//! The password once more, before a change.

use std::sync::Arc;

use axum::{
    extract::{Form, Query, State},
    response::Response,
};
use maud::html;
use secrecy::SecretString;
use serde::Deserialize;

use super::{Answer, Fault, Inside, home_link, own_path};
use crate::{
    app::App,
    http::{
        page::page,
        web_sign_in::{
            Submitted, go,
            pages::{Trouble, status, told},
            trouble,
        },
    },
    web_sign_in::{ReturnPath, again},
};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wish {
    r#return: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct PasswordForm {
    token: String,
    #[serde(default)]
    r#return: String,
    password: SecretString,
}

pub(super) async fn show(State(app): State<Arc<App>>, inside: Inside, Query(wish): Query<Wish>) -> Response {
    ask(&app, &inside, &own_path(&wish.r#return), None)
}

pub(super) async fn give(
    State(app): State<Arc<App>>,
    inside: Inside,
    form: Submitted<PasswordForm>,
) -> Answer {
    let Form(form) = form?;
    inside.own(&app, &form.token)?;
    let there = own_path(&form.r#return);
    match again::give_password(&app, &inside.visit.browser, &inside.session, &form.password).await {
        Ok(()) => Ok(go(there.as_str(), [])),
        Err(problem) => match Fault::from(problem) {
            Fault::Problem(problem) => Ok(ask(&app, &inside, &there, Some(&trouble(&problem)))),
            fault => Err(fault),
        },
    }
}

fn ask(app: &App, inside: &Inside, there: &ReturnPath, trouble: Option<&Trouble>) -> Response {
    let content = html! {
        (told(trouble))
        p { "Before anything is changed that opens your account or shuts somebody out, give the password of " b { (inside.account().0) } " once more." }
        form method="post" action="/account/password" {
            input type="hidden" name="token" value=(inside.form_token(app));
            input type="hidden" name="return" value=(there.as_str());
            label for="password" { "Password" }
            input #password name="password" type="password" autocomplete="current-password" required maxlength="1024";
            button { "Go on" }
        }
        (home_link())
    };
    page(status(trouble), "Your password once more", &content)
}
