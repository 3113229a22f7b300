//! Problems as HTTP carries them: RFC 9457 problem details.

use std::future::Future;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use mailcup_wire::{Code, Details, Problem, ProblemDetails};

tokio::task_local! {
    static REQUEST_ID: String;
}

/// Why a request was not carried out; handlers answer it as their error.
#[derive(Debug, Clone)]
pub struct HttpProblem {
    problem: Box<Problem>,
    status: Option<StatusCode>,
}

/// What handlers answer.
pub type Answer<T> = Result<T, HttpProblem>;

impl HttpProblem {
    /// Answers with another status than the code's own.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }

    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

impl<P: Into<Problem>> From<P> for HttpProblem {
    fn from(problem: P) -> Self {
        Self { problem: Box::new(problem.into()), status: None }
    }
}

impl IntoResponse for HttpProblem {
    fn into_response(self) -> Response {
        let Problem { code, message, details } = *self.problem;
        let status = self
            .status
            .or_else(|| StatusCode::from_u16(code.status()).ok())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = match &details {
            Some(Details::RetryAfter { seconds }) => Some(*seconds),
            _ => None,
        };
        let body = ProblemDetails {
            r#type: format!("urn:mailcup:problem:{}", code.as_str()),
            title: code.title().to_owned(),
            status: status.as_u16(),
            detail: message,
            code,
            details,
            request_id: REQUEST_ID.try_with(Clone::clone).ok(),
        };
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        let challenge = match code {
            Code::Unauthenticated => Some("DPoP algs=\"ES256\", Bearer"),
            Code::ProofRefused => Some("DPoP error=\"invalid_dpop_proof\", algs=\"ES256\""),
            _ => None,
        };
        if let Some(challenge) = challenge {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response
    }
}

/// Runs `inner` so that problems answered within it name the request.
pub(super) async fn named<F: Future>(request_id: String, inner: F) -> F::Output {
    REQUEST_ID.scope(request_id, inner).await
}
