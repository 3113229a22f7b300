//! Entity tags: an editable resource carries its version, and a write says which version it means.

use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, header, request::Parts},
    response::{IntoResponse, Response},
};
use mailcup_wire::{Code, Details, Problem};
use serde::Serialize;

use super::{body::Json, problem::HttpProblem};

/// A resource with the version that its entity tag names.
#[derive(Debug, Clone)]
pub struct Versioned<T> {
    pub value: T,
    pub version: u32,
}

/// The version that a write means, from `If-Match`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IfMatch(pub u32);

impl<T: Serialize> IntoResponse for Versioned<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.value).into_response();
        if let Ok(etag) = HeaderValue::from_str(&etag_of(self.version)) {
            response.headers_mut().insert(header::ETAG, etag);
        }
        response
    }
}

impl IfMatch {
    /// Refuses a write that means an older version than `current`'s.
    pub fn check<T: Serialize>(self, version: u32, current: &T) -> Result<(), HttpProblem> {
        if self.0 == version { Ok(()) } else { Err(stale(version, current).into()) }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = HttpProblem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else {
            return Err(Problem::new(
                Code::PreconditionRequired,
                "Send the ETag that you read as If-Match, so that nobody's change is overwritten unseen.",
            )
            .into());
        };
        let version = value.to_str().ok().and_then(|text| text.trim_matches('"').parse().ok());
        version.map(Self).ok_or_else(|| {
            Problem::new(Code::BadRequest, "If-Match must be an ETag of this resource, like \"3\".").into()
        })
    }
}

/// The entity tag of a version.
pub fn etag_of(version: u32) -> String {
    format!("\"{version}\"")
}

/// Somebody changed it meanwhile; carries how it stands now.
pub fn stale<T: Serialize>(version: u32, current: &T) -> Problem {
    Problem::new(Code::Stale, "Somebody changed this meanwhile. Look at it as it stands now, and try again.")
        .with(Details::Current {
            etag: etag_of(version),
            value: serde_json::to_value(current).unwrap_or_default(),
        })
}
