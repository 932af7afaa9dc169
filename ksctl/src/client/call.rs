//! One request: its verb, its path below `/api/v1`, its query and its body.
//!
//! This file decides how values become part of a URL. Who sends it is [`super::Client`].

use std::fmt::Write as _;

use reqwest::{Method, Url};
use serde::Serialize;

use crate::failure::Failure;

/// A request that has not been sent.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    method: Method,
    path: &'static str,
    thing: Option<String>,
    action: Option<&'static str>,
    query: Vec<(&'static str, String)>,
    body: Option<String>,
    ack: Option<String>,
}

impl Call {
    /// Reads `path`, which is below `/api/v1/`.
    pub(crate) fn get(path: &'static str) -> Self {
        Self {
            method: Method::GET,
            path,
            thing: None,
            action: None,
            query: Vec::new(),
            body: None,
            ack: None,
        }
    }

    /// Deletes `path`.
    pub(crate) fn delete(path: &'static str) -> Self {
        Self {
            method: Method::DELETE,
            ..Self::get(path)
        }
    }

    /// Sends `body` to `path`.
    pub(crate) fn post(path: &'static str, body: &impl Serialize) -> Result<Self, Failure> {
        let body = serde_json::to_string(body)
            .map_err(|cause| Failure::internal(format!("cannot write the request as JSON: {cause}")))?;
        Ok(Self::post_text(path, body))
    }

    /// Sends `body`, which is JSON already, to `path`.
    pub(crate) fn post_text(path: &'static str, body: String) -> Self {
        Self {
            method: Method::POST,
            body: Some(body),
            ..Self::get(path)
        }
    }

    /// Sends the changes in `body` to `path`.
    pub(crate) fn patch(path: &'static str, body: &impl Serialize) -> Result<Self, Failure> {
        Ok(Self {
            method: Method::PATCH,
            ..Self::post(path, body)?
        })
    }

    /// Means one thing below the path: its id or its name, whatever characters it has.
    ///
    /// # Errors
    /// Names that URLs give another meaning: without this check a delete of `..` would be a delete of the folder.
    pub(crate) fn of(mut self, thing: &str) -> Result<Self, Failure> {
        if matches!(thing, "" | "." | "..") {
            return Err(Failure::usage(format!("{thing:?} cannot be an id or a name")));
        }
        self.thing = Some(thing.to_owned());
        Ok(self)
    }

    /// Does something with the thing instead of reading or changing it.
    #[must_use]
    pub(crate) fn action(mut self, action: &'static str) -> Self {
        self.action = Some(action);
        self
    }

    /// Adds a query parameter.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// Adds a query parameter if there is a value.
    #[must_use]
    pub(crate) fn with_some(self, name: &'static str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(name, value.to_string()),
            None => self,
        }
    }

    /// Asks for an acknowledgement, in the words of the appliance; for its own choice when there are none.
    #[must_use]
    pub(crate) fn acknowledged(self, ack: Option<&str>) -> Self {
        Self {
            ack: ack.map(str::to_owned),
            ..self
        }
    }

    pub(super) fn ack(&self) -> Option<&str> {
        self.ack.as_deref()
    }

    pub(super) fn method(&self) -> Method {
        self.method.clone()
    }

    pub(super) fn body(&self) -> Option<&str> {
        self.body.as_deref()
    }

    /// The whole URL at the appliance `base`.
    pub(super) fn url(&self, base: &Url) -> Result<Url, Failure> {
        let mut url = base.clone();
        {
            let mut path = url
                .path_segments_mut()
                .map_err(|()| Failure::usage(format!("{base} is not the URL of an appliance")))?;
            path.pop_if_empty().extend(["api", "v1"]).extend(self.path.split('/'));
        }
        if let Some(thing) = &self.thing {
            let path = format!("{}/{}", url.path(), part(thing));
            url.set_path(&path);
        }
        if let (Some(action), Ok(mut path)) = (self.action, url.path_segments_mut()) {
            path.push(action);
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(url)
    }
}

/// Any text as one part of a path. URLs lose tabs and line ends that are not written as numbers, and a key of before may have
/// one in its name.
fn part(text: &str) -> String {
    let mut part = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !br##""#<>?`{}/\%"##.contains(&byte) {
            part.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            write!(part, "%{byte:02X}").ok();
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(base: &str, call: &Call) -> String {
        call.url(&base.parse().unwrap()).unwrap().to_string()
    }

    #[test]
    fn the_path_goes_below_the_appliance() {
        let call = Call::get("cluster/summary");
        assert_eq!(url("https://node-1", &call), "https://node-1/api/v1/cluster/summary");
        assert_eq!(
            url("https://proxy/node-1", &call),
            "https://proxy/node-1/api/v1/cluster/summary"
        );
    }

    #[test]
    fn names_with_odd_characters_stay_one_part_of_the_path() {
        let call = Call::delete("vault/keys2")
            .of("a/b?c#d%|é")
            .unwrap()
            .with("type", "name");
        assert_eq!(
            url("https://node-1/", &call),
            "https://node-1/api/v1/vault/keys2/a%2Fb%3Fc%23d%25|%C3%A9?type=name"
        );
        let call = Call::get("vault/keys2")
            .of("a\n\t\r\u{1b}\\ b")
            .unwrap()
            .action("versions");
        assert_eq!(
            url("https://node-1", &call),
            "https://node-1/api/v1/vault/keys2/a%0A%09%0D%1B%5C%20b/versions"
        );
    }

    #[test]
    fn a_name_that_would_mean_the_folder_is_refused() {
        for name in ["", ".", ".."] {
            assert!(Call::delete("vault/keys2").of(name).is_err(), "{name:?} was taken");
        }
    }

    #[test]
    fn only_values_that_are_there_become_parameters() {
        let call = Call::get("nodes")
            .with_some("skip", None::<u64>)
            .with_some("limit", Some(5));
        assert_eq!(url("https://node-1", &call), "https://node-1/api/v1/nodes?limit=5");
    }
}
