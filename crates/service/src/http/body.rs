//! Bodies, paths and queries whose mistakes are answered as problems.

use axum::{
    extract::{FromRequest, FromRequestParts, Request, rejection::JsonRejection},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use mailcup_wire::{Code, Problem};
use serde::{Serialize, de::DeserializeOwned};

use super::problem::HttpProblem;

/// JSON, in and out.
#[derive(Debug, Clone)]
pub struct Json<T>(pub T);

/// Parts of the path.
#[derive(Debug, Clone)]
pub struct Path<T>(pub T);

/// The query.
#[derive(Debug, Clone)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = HttpProblem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        match axum::Json::from_request(request, state).await {
            Ok(axum::Json(value)) => Ok(Self(value)),
            Err(rejection) => Err(unreadable(&rejection).into()),
        }
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = HttpProblem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(Problem::new(Code::BadRequest, rejection.body_text()).into()),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = HttpProblem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(Problem::new(Code::BadRequest, rejection.body_text()).into()),
        }
    }
}

fn unreadable(rejection: &JsonRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(Code::TooLarge, "The body is larger than this endpoint takes.");
    }
    match rejection {
        JsonRejection::JsonDataError(error) => Problem::new(Code::BadRequest, cause(error)),
        JsonRejection::JsonSyntaxError(error) => {
            Problem::new(Code::BadRequest, format!("The body is not JSON: {}", cause(error)))
        }
        JsonRejection::MissingJsonContentType(_) => Problem::new(
            Code::BadRequest,
            "The body must be JSON, with the header Content-Type: application/json.",
        ),
        other => Problem::new(Code::BadRequest, other.body_text()),
    }
}

/// The innermost cause: what serde found, and where.
fn cause(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}
