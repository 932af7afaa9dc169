//! Makes the paths that clients send equal to the ones there are, before routing and without redirects.
//!
//! Double and trailing slashes go, and so does everything before `/api/v1/`: one client sends a whole URL as its path. A
//! redirect would lose the body with several clients.

use std::task::{Context, Poll};

use axum::http::Request;
use axum::http::uri::{PathAndQuery, Uri};
use tower::Service;

/// What every call begins with.
pub(crate) const BASE: &str = "/api/v1";

/// A service that sees plain paths. It goes around the router, because a router's own layers come after the routing.
#[derive(Debug, Clone)]
pub(crate) struct PlainPaths<S>(pub(crate) S);

impl<S: Service<Request<B>>, B> Service<Request<B>> for PlainPaths<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        *request.uri_mut() = plain(std::mem::take(request.uri_mut()));
        self.0.call(request)
    }
}

/// `uri` with its plain path. One that has it already is answered as it is.
fn plain(uri: Uri) -> Uri {
    let Some(path) = plain_path(uri.path()) else {
        return uri;
    };
    let text = uri.query().map_or(path.clone(), |query| format!("{path}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(text).ok();
    Uri::from_parts(parts).unwrap_or(uri)
}

/// The plain form of a path, or `None` when it has it.
fn plain_path(path: &str) -> Option<String> {
    let is_plain = !path.contains("//") && (path == "/" || !path.ends_with('/'));
    if is_plain && path.starts_with(BASE) {
        return None;
    }
    let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
    let path = format!("/{}", names.join("/"));
    let begin = path.find(&format!("{BASE}/")).unwrap_or_default();
    path.get(begin..).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain_of(uri: &str) -> String {
        plain(uri.parse().unwrap()).to_string()
    }

    #[test]
    fn double_and_trailing_slashes_do_not_matter() {
        for (sent, expected) in [
            ("/api/v1/cluster", "/api/v1/cluster"),
            ("/api/v1/cluster/", "/api/v1/cluster"),
            ("/api//v1/cluster//", "/api/v1/cluster"),
            (
                "//api/v1/vault/keys2/?skip=0&name=a//b/",
                "/api/v1/vault/keys2?skip=0&name=a//b/",
            ),
            ("/", "/"),
            ("//", "/"),
            ("/healthz/", "/healthz"),
        ] {
            assert_eq!(plain_of(sent), expected, "{sent}");
        }
    }

    #[test]
    fn what_stands_before_the_base_is_dropped() {
        assert_eq!(plain_of("/https://10.0.0.1/api/v1/cluster"), "/api/v1/cluster");
        assert_eq!(plain_of("/proxy/api/v1/nodes/?limit=1"), "/api/v1/nodes?limit=1");
        assert_eq!(plain_of("/api/v1/vault/keys2/api/v1/x"), "/api/v1/vault/keys2/api/v1/x");
        assert_eq!(plain_of("/elsewhere"), "/elsewhere");
    }

    #[test]
    fn what_is_in_a_name_stays_as_it_was_sent() {
        let sent = "/api/v1/usermgmt/users/local|ab40e178?x=%7C";
        assert_eq!(plain_of(sent), sent);
        assert_eq!(
            plain_of("/api/v1//vault/keys2/a%2F%2Fb%20c/"),
            "/api/v1/vault/keys2/a%2F%2Fb%20c"
        );
    }
}
