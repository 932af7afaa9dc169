//! Values from the path and from the query string, refused in JSON when they cannot be read.

use axum::extract::FromRequestParts;
use axum::extract::rejection::{PathRejection, QueryRejection};
use keystead::Error;

use super::error::Refusal;

/// What stands after the `?`. Names that are not known are passed over.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Refusal))]
pub(crate) struct Query<T>(pub(crate) T);

/// What stands in the path's `{…}`, decoded.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Refusal))]
pub(crate) struct Path<T>(pub(crate) T);

impl From<QueryRejection> for Refusal {
    fn from(rejection: QueryRejection) -> Self {
        Error::bad_request("the query string cannot be read")
            .caused_by(rejection)
            .into()
    }
}

impl From<PathRejection> for Refusal {
    fn from(rejection: PathRejection) -> Self {
        Error::bad_request("the path cannot be read")
            .caused_by(rejection)
            .into()
    }
}
