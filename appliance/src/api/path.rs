//! Makes the paths that clients send equal to the ones there are, before routing and without redirects.
//!
//! Double and trailing slashes go. One client sends a whole URL as its path when it deletes a node's cluster configuration:
//! that call alone is understood, for a proxy in front decides by the path that it sees, and must not be led around it. A
//! redirect would lose the body with several clients.

use std::task::{Context, Poll};

use axum::http::uri::{PathAndQuery, Uri};
use axum::http::{Method, Request};
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
        let uri = std::mem::take(request.uri_mut());
        *request.uri_mut() = plain(request.method(), uri);
        self.0.call(request)
    }
}

/// `uri` with its plain path. One that has it already is answered as it is.
fn plain(method: &Method, uri: Uri) -> Uri {
    let Some(path) = plain_path(method, uri.path()) else {
        return uri;
    };
    let text = uri.query().map_or(path.clone(), |query| format!("{path}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(text).ok();
    Uri::from_parts(parts).unwrap_or(uri)
}

/// The plain form of a path, or `None` when it has it.
fn plain_path(method: &Method, path: &str) -> Option<String> {
    if !path.contains("//") && (path == "/" || !path.ends_with('/')) {
        return None;
    }
    let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
    match names.as_slice() {
        ["https:", _, "api", "v1", "cluster"] if *method == Method::DELETE => Some(format!("{BASE}/cluster")),
        names => Some(format!("/{}", names.join("/"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain_of(uri: &str) -> String {
        plain(&Method::DELETE, uri.parse().unwrap()).to_string()
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
    fn a_url_in_the_place_of_a_path_is_understood_where_a_cluster_is_deleted_and_nowhere_else() {
        for sent in [
            "/https://10.0.0.1/api/v1/cluster",
            "/https://node-1:443/api/v1/cluster/",
        ] {
            assert_eq!(plain_of(sent), "/api/v1/cluster");
        }
        let other_method = plain(&Method::GET, "/https://10.0.0.1/api/v1/cluster".parse().unwrap());
        assert_eq!(other_method.path(), "/https:/10.0.0.1/api/v1/cluster");
        for (sent, expected) in [
            ("/https://10.0.0.1/api/v1/backups", "/https:/10.0.0.1/api/v1/backups"),
            (
                "/https://10.0.0.1/x/api/v1/cluster",
                "/https:/10.0.0.1/x/api/v1/cluster",
            ),
            ("/proxy/api/v1/nodes/?limit=1", "/proxy/api/v1/nodes?limit=1"),
            ("/proxy/api/v1/cluster", "/proxy/api/v1/cluster"),
            ("/api/v1/vault/keys2/api/v1/x", "/api/v1/vault/keys2/api/v1/x"),
            ("/elsewhere", "/elsewhere"),
        ] {
            assert_eq!(plain_of(sent), expected, "{sent}");
        }
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
