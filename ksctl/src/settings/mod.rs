//! Flags, files and environment resolved into one struct.
//!
//! This file decides what counts: flag, then the file named by `--configfile`, then the environment, then
//! `~/.ksctl/config.yaml`. It is pure: reading those places is [`crate::sources`], and no command looks at them again.
//!
//! Two rules go beyond "the first that has it". A stored token is only ever sent to the appliance it came from, as the
//! user it was given to. A password is not used for another user than the one it stands beside.

pub(crate) mod proxy;

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;

use self::proxy::Proxies;
use crate::failure::Failure;

/// How long one request may take unless the user says otherwise; the wire contract's default.
const DEFAULT_TIMEOUT_SECONDS: u64 = 30;

/// The names of settings in files and in the environment.
pub(crate) mod key {
    /// The appliance.
    pub(crate) const URL: &str = "KSCTL_URL";
    /// The account.
    pub(crate) const USERNAME: &str = "KSCTL_USERNAME";
    /// The account, as some wrappers call it.
    pub(crate) const USER: &str = "KSCTL_USER";
    /// Its password.
    pub(crate) const PASSWORD: &str = "KSCTL_PASSWORD";
    /// A bearer token.
    pub(crate) const JWT: &str = "KSCTL_JWT";
    /// What gets further bearer tokens.
    pub(crate) const REFRESH_TOKEN: &str = "KSCTL_REFRESH_TOKEN";
    /// Skip the check of the appliance's certificate.
    pub(crate) const NOSSLVERIFY: &str = "KSCTL_NOSSLVERIFY";
    /// The CA to check it against.
    pub(crate) const CACERT: &str = "KSCTL_CACERT";
    /// Seconds a request may take.
    pub(crate) const TIMEOUT: &str = "KSCTL_TIMEOUT";
    /// The domain to work in.
    pub(crate) const DOMAIN: &str = "KSCTL_DOMAIN";
    /// The domain the account belongs to.
    pub(crate) const AUTH_DOMAIN: &str = "KSCTL_AUTH_DOMAIN";
    /// The connection the account comes from.
    pub(crate) const CONNECTION: &str = "KSCTL_CONNECTION";
    /// `json` or `table`.
    pub(crate) const RESP: &str = "KSCTL_RESP";
    /// The file to use in place of `~/.ksctl/config.yaml`; environment only.
    pub(crate) const CONFIGFILE: &str = "KSCTL_CONFIGFILE";
}

/// How answers are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Format {
    /// As the appliance gave them, indented.
    #[default]
    Json,
    /// As tables, where there is one.
    Table,
}

/// What one place says. Whatever it does not say is `None`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layer {
    /// What to call the place in an error; absent for the command line, whose flags have names of their own.
    pub(crate) place: Option<String>,
    /// See [`key::URL`], as typed.
    pub(crate) url: Option<String>,
    /// See [`key::USERNAME`].
    pub(crate) username: Option<String>,
    /// See [`key::PASSWORD`].
    pub(crate) password: Option<SecretString>,
    /// See [`key::JWT`].
    pub(crate) jwt: Option<SecretString>,
    /// See [`key::REFRESH_TOKEN`].
    pub(crate) refresh_token: Option<SecretString>,
    /// See [`key::NOSSLVERIFY`].
    pub(crate) nosslverify: Option<bool>,
    /// See [`key::CACERT`].
    pub(crate) cacert: Option<PathBuf>,
    /// See [`key::TIMEOUT`].
    pub(crate) timeout_seconds: Option<u64>,
    /// See [`key::DOMAIN`].
    pub(crate) domain: Option<String>,
    /// See [`key::AUTH_DOMAIN`].
    pub(crate) auth_domain: Option<String>,
    /// See [`key::CONNECTION`].
    pub(crate) connection: Option<String>,
    /// See [`key::RESP`].
    pub(crate) format: Option<Format>,
}

/// Who asks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Identity {
    /// The account.
    pub(crate) username: Option<String>,
    /// Its password.
    pub(crate) password: Option<SecretString>,
    /// A bearer token, perhaps too old.
    pub(crate) jwt: Option<SecretString>,
    /// What gets further bearer tokens.
    pub(crate) refresh_token: Option<SecretString>,
    /// Which domain the account works in and comes from.
    pub(crate) domains: Domains,
    /// Where the account and the password came from.
    pub(crate) origin: Origin,
}

/// Where the parts of a log-in came from, in words for an error: `--user`, `KSCTL_USERNAME in the environment`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Where the account did.
    pub(crate) username: Option<String>,
    /// Where the password did; absent when it was asked for.
    pub(crate) password: Option<String>,
}

/// The parts of a log-in that say where an account belongs. All absent means the root domain and local accounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Domains {
    /// The domain to work in.
    pub(crate) domain: Option<String>,
    /// The domain the account belongs to.
    pub(crate) auth_domain: Option<String>,
    /// The connection the account comes from.
    pub(crate) connection: Option<String>,
}

/// How to reach an appliance.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    /// Where it is; absent until a command needs it.
    pub(crate) url: Option<Url>,
    /// Where the URL came from, in words for an error.
    pub(crate) url_origin: Option<String>,
    /// What stands between.
    pub(crate) proxies: Proxies,
    /// Skip the check of its certificate.
    pub(crate) nosslverify: bool,
    /// The CA to check it against, in place of the system's.
    pub(crate) cacert: Option<PathBuf>,
    /// How long one request may take.
    pub(crate) timeout: Duration,
    /// Who asks.
    pub(crate) identity: Identity,
}

/// Everything a command may know of flags, files and environment.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The appliance that is asked.
    pub(crate) endpoint: Endpoint,
    /// How answers are shown.
    pub(crate) format: Format,
    /// Questions are answered yes.
    pub(crate) yes: bool,
    /// The file that `login` writes; absent for a user without a home folder.
    pub(crate) session_file: Option<PathBuf>,
}

impl Layer {
    /// Reads a layer from a place that knows settings by name. `place` is for the error.
    pub(crate) fn from_keys(place: &str, lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let text = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let secret = |name: &str| text(name).map(SecretString::from);
        let wrong = |name: &str, wanted: &str| Failure::usage(format!("{name} in {place} must be {wanted}"));
        let parsed = |name: &str, wanted: &str| {
            let read = |value: String| value.parse().map_err(|_| wrong(name, wanted));
            text(name).map(read).transpose()
        };
        Ok(Self {
            place: Some(place.to_owned()),
            url: text(key::URL),
            username: text(key::USERNAME).or_else(|| text(key::USER)),
            password: secret(key::PASSWORD),
            jwt: secret(key::JWT),
            refresh_token: secret(key::REFRESH_TOKEN),
            nosslverify: text(key::NOSSLVERIFY)
                .map(|value| switch(&value).ok_or_else(|| wrong(key::NOSSLVERIFY, "true or false")))
                .transpose()?,
            cacert: text(key::CACERT).map(PathBuf::from),
            timeout_seconds: parsed(key::TIMEOUT, "a whole number of seconds")?,
            domain: text(key::DOMAIN),
            auth_domain: text(key::AUTH_DOMAIN),
            connection: text(key::CONNECTION),
            format: text(key::RESP)
                .map(|value| format(&value).ok_or_else(|| wrong(key::RESP, "json or table")))
                .transpose()?,
        })
    }

    /// The same, with the user and the password that stand in the URL, where they do not stand beside it.
    #[must_use]
    pub(crate) fn with_user_of_url(mut self) -> Self {
        let (username, password) = self.url.as_deref().map(user_of).unwrap_or_default();
        self.username = self.username.or(username);
        self.password = self.password.or(password);
        self
    }

    fn origin(&self, key: &str, flag: &str) -> String {
        let in_url = match key {
            key::USERNAME => self.url.as_deref().is_some_and(|url| user_of(url).0 == self.username),
            key::PASSWORD => self.url.as_deref().is_some_and(|url| user_of(url).1.is_some()),
            _ => false,
        };
        match &self.place {
            _ if in_url => "the URL".to_owned(),
            None => flag.to_owned(),
            Some(place) => format!("{key} in {place}"),
        }
    }

    fn has_token(&self) -> bool {
        self.jwt.is_some() || self.refresh_token.is_some()
    }

    /// May the token of `lower` be used although this layer, which counts for more, says what it says?
    fn allows_token_of(&self, lower: &Self) -> bool {
        let same_user = self.username.is_none() || self.username == lower.username;
        let same_place = match (&self.url, &lower.url) {
            (Some(wanted), Some(issuer)) => is_same_place(wanted, issuer),
            _ => true,
        };
        self.password.is_none() && same_user && same_place
    }
}

/// Reads a switch as people write it.
pub(crate) fn switch(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" | "on" => Some(true),
        "false" | "no" | "0" | "off" => Some(false),
        _ => None,
    }
}

/// Reads a format by its name.
pub(crate) fn format(value: &str) -> Option<Format> {
    match value {
        "json" => Some(Format::Json),
        "table" => Some(Format::Table),
        _ => None,
    }
}

/// Resolves layers, the one that counts most first, into what a client needs.
pub(crate) fn endpoint(layers: &[Layer]) -> Result<Endpoint, Failure> {
    let seconds = first(layers, |layer| layer.timeout_seconds).unwrap_or(DEFAULT_TIMEOUT_SECONDS);
    if seconds == 0 {
        return Err(Failure::usage("the timeout must be at least 1 second"));
    }
    Ok(Endpoint {
        url: first(layers, |layer| layer.url.clone())
            .as_deref()
            .map(address)
            .transpose()?,
        url_origin: first(layers, |layer| {
            layer.url.as_ref().map(|_| layer.origin(key::URL, "--url"))
        }),
        proxies: Proxies::default(),
        nosslverify: first(layers, |layer| layer.nosslverify).unwrap_or(false),
        cacert: first(layers, |layer| layer.cacert.clone()),
        timeout: Duration::from_secs(seconds),
        identity: identity(layers),
    })
}

/// The format that counts.
pub(crate) fn shown_as(layers: &[Layer]) -> Format {
    first(layers, |layer| layer.format).unwrap_or_default()
}

/// Reads an address as people type it. Without a scheme `https://` is meant; anything else is refused, as passwords
/// and tokens would travel in the clear.
pub(crate) fn address(text: &str) -> Result<Url, Failure> {
    let whole = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    let mut url: Url = whole
        .trim_end_matches('/')
        .parse()
        .map_err(|cause| Failure::usage(format!("{text:?} is not the URL of an appliance: {cause}")))?;
    if url.scheme() != "https" {
        return Err(Failure::usage(format!("{text:?} is not an https URL")).with_hint("appliances speak TLS only"));
    }
    url.set_query(None);
    url.set_fragment(None);
    // The user of the URL is one of the settings: see `user_of`. Neither can fail where there is a host.
    url.set_username("").ok();
    url.set_password(None).ok();
    Ok(url)
}

/// The user and the password that stand in a URL.
pub(crate) fn user_of(url: &str) -> (Option<String>, Option<SecretString>) {
    let after = url.split_once("://").map_or(url, |(_, after)| after);
    let authority = after.split(['/', '?', '#']).next().unwrap_or_default();
    let Some((user, _)) = authority.rsplit_once('@') else {
        return (None, None);
    };
    let (user, password) = user
        .split_once(':')
        .map_or((user, None), |(user, password)| (user, Some(password)));
    let given = |text: &str| Some(unescaped(text)).filter(|text| !text.is_empty());
    (given(user), password.and_then(given).map(SecretString::from))
}

/// A part of a URL as it was before it was made one.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.split_at_checked(2).filter(|_| *first == b'%');
        let byte = digits.and_then(|(digits, after)| {
            let digits = std::str::from_utf8(digits).ok()?;
            Some((u8::from_str_radix(digits, 16).ok()?, after))
        });
        let (byte, after) = byte.unwrap_or((*first, after));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn is_same_place(one: &str, other: &str) -> bool {
    matches!((address(one), address(other)), (Ok(one), Ok(other)) if one == other)
}

fn first<T>(layers: &[Layer], field: impl Fn(&Layer) -> Option<T>) -> Option<T> {
    layers.iter().find_map(field)
}

fn identity(layers: &[Layer]) -> Identity {
    let username = first(layers, |layer| layer.username.clone());
    let domains = Domains {
        domain: first(layers, |layer| layer.domain.clone()),
        auth_domain: first(layers, |layer| layer.auth_domain.clone()),
        connection: first(layers, |layer| layer.connection.clone()),
    };
    let username_origin = first(layers, |layer| {
        layer.username.as_ref().map(|_| layer.origin(key::USERNAME, "--user"))
    });
    let password_origin = first(layers, |layer| {
        layer
            .password
            .as_ref()
            .map(|_| layer.origin(key::PASSWORD, "--password"))
    });
    let base = Identity {
        username,
        domains,
        origin: Origin {
            username: username_origin,
            password: password_origin,
        },
        ..Identity::default()
    };
    for (place, layer) in layers.iter().enumerate() {
        let allowed = layers.iter().take(place).all(|higher| higher.allows_token_of(layer));
        if layer.has_token() && allowed {
            // Passwords of places that count for less than the token are left alone.
            let password = password(layers.get(..=place).unwrap_or_default(), base.username.as_deref());
            return Identity {
                password,
                jwt: layer.jwt.clone(),
                refresh_token: layer.refresh_token.clone(),
                ..base
            };
        }
    }
    Identity {
        password: password(layers, base.username.as_deref()),
        ..base
    }
}

/// The password that counts, unless it stands beside another user's name.
fn password(layers: &[Layer], username: Option<&str>) -> Option<SecretString> {
    let layer = layers.iter().find(|layer| layer.password.is_some())?;
    let fits = layer.username.is_none() || layer.username.as_deref() == username;
    layer.password.clone().filter(|_| fits)
}

#[cfg(test)]
mod tests;
