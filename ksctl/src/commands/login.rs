//! `ksctl login`: logs in and keeps the session, so that later commands need no credentials.
//!
//! This file decides what the session is: URL, account, tokens and how certificates are checked; never the password.
//! When the node demands a new password it is changed on the way ([`super::renewal`]).

use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

use super::{Context, renewal};
use crate::client::Client;
use crate::config_file::ConfigFile;
use crate::failure::Failure;
use crate::settings::{Endpoint, Identity, key};

/// Logs in and writes the session.
pub(crate) async fn run(context: &Context, new_password: Option<SecretString>) -> Result<(), Failure> {
    let path = context.settings.session_file.as_deref().ok_or_else(|| {
        Failure::usage("this user has no home folder to keep the session in").with_hint("give --configfile FILE")
    })?;
    let endpoint = with_password_only(&context.settings.endpoint);
    let mut client = Client::new(&endpoint, context.asker)?;
    may_overwrite(context, path, &client)?;
    let changed = renewal::log_in(context, &mut client, new_password).await?;
    keep(path, &client, &endpoint).map_err(|failure| {
        if changed {
            failure.with_before(&renewal::changed(&client))
        } else {
            failure
        }
    })?;
    context.printer.note(&format!(
        "logged in to {}; the session is in {}",
        client.url(),
        path.display()
    ));
    Ok(())
}

/// A stored session must not stand in for the log-in that is asked for.
fn with_password_only(endpoint: &Endpoint) -> Endpoint {
    let identity = Identity {
        jwt: None,
        refresh_token: None,
        ..endpoint.identity.clone()
    };
    Endpoint {
        identity,
        ..endpoint.clone()
    }
}

/// Asks before the session of another appliance is lost.
fn may_overwrite(context: &Context, path: &Path, client: &Client) -> Result<(), Failure> {
    let file = ConfigFile::open(path)?;
    let holds_token = [key::JWT, key::REFRESH_TOKEN]
        .iter()
        .any(|name| file.text(name).is_some());
    let Some(old) = file.text(key::URL).filter(|_| holds_token) else {
        return Ok(());
    };
    if crate::settings::address(&old).is_ok_and(|old| old == *client.url()) {
        return Ok(());
    }
    let warning = format!("{} holds the session of {old}.", path.display());
    context.asker.confirm(&warning, "Overwrite it?").map(drop)
}

fn keep(path: &Path, client: &Client, endpoint: &Endpoint) -> Result<(), Failure> {
    // Read again: other commands may have written while the user was typing.
    let mut file = ConfigFile::open(path)?;
    write(&mut file, client, endpoint);
    file.save()
}

fn write(file: &mut ConfigFile, client: &Client, endpoint: &Endpoint) {
    let identity = client.identity();
    let shown = |secret: Option<&SecretString>| secret.map(|secret| secret.expose_secret().to_owned());
    let url = client.url().as_str().trim_end_matches('/');
    // A password of another account or of before stays no longer than it is true.
    if file.text(key::PASSWORD) != shown(identity.password.as_ref()) || file.text(key::USERNAME) != identity.username {
        file.set(key::PASSWORD, None);
    }
    file.set(key::URL, Some(url.into()));
    file.set(key::USERNAME, identity.username.as_deref().map(Into::into));
    file.set(key::JWT, shown(identity.jwt.as_ref()).map(Into::into));
    file.set(
        key::REFRESH_TOKEN,
        shown(identity.refresh_token.as_ref()).map(Into::into),
    );
    file.set(key::NOSSLVERIFY, Some(endpoint.nosslverify.into()));
    let cacert = endpoint
        .cacert
        .as_deref()
        .map(|path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
    file.set(key::CACERT, cacert.as_deref().and_then(Path::to_str).map(Into::into));
    let domains = &identity.domains;
    file.set(key::DOMAIN, domains.domain.as_deref().map(Into::into));
    file.set(key::AUTH_DOMAIN, domains.auth_domain.as_deref().map(Into::into));
    file.set(key::CONNECTION, domains.connection.as_deref().map(Into::into));
}
