//! The joining node's part in `fulljoin`: how to reach it, whether it can join, and what its file says afterwards.

use std::path::{Path, PathBuf};

use keystead::api::cluster::ClusterInfo;
use secrecy::{ExposeSecret, SecretString};

use super::FullJoin;
use crate::client::{Call, Client};
use crate::commands::{Context, renewal};
use crate::config_file::ConfigFile;
use crate::failure::Failure;
use crate::settings::{self, Endpoint, Identity, Origin, key};
use crate::sources;

const WRITE_QUESTION: &str = "When a node joins a cluster, the node adopts the credentials of the cluster. Would you like \
                              to write the new cluster credentials\nto the provided configuration file?";

/// How to reach the joining node.
#[derive(Debug)]
pub(crate) enum Access {
    /// As its configuration file says.
    File(PathBuf),
    /// As the command line says.
    Account {
        /// Its URL.
        url: String,
        /// The account on it.
        user: Option<String>,
        /// Its password.
        password: Option<SecretString>,
    },
}

/// A client of the joining node. Certificates are checked as the member's are, unless the node's file says otherwise.
pub(super) fn client(context: &Context, access: &Access) -> Result<Client, Failure> {
    let member = &context.settings.endpoint;
    let endpoint = match access {
        Access::File(path) => of_file(path, member)?,
        Access::Account { url, user, password } => account((url, user.as_ref(), password.as_ref()), member)?,
    };
    if endpoint.url.is_some() && endpoint.url == member.url {
        return Err(Failure::usage("the joining node and the member have the same URL"));
    }
    Ok(Client::new(&endpoint, context.asker)?.asking_for("password of the joining node"))
}

fn account(
    (url, user, password): (&str, Option<&String>, Option<&SecretString>),
    member: &Endpoint,
) -> Result<Endpoint, Failure> {
    let (user_of_url, password_of_url) = settings::user_of(url);
    let origin = |flag: &str, is_flag: bool| Some(if is_flag { flag } else { "--newnodeurl" }.to_owned());
    Ok(Endpoint {
        url: Some(settings::address(url)?),
        url_origin: origin("--newnodeurl", true),
        identity: Identity {
            origin: Origin {
                username: origin("--newnodeuser", user.is_some()),
                password: origin("--newnodepass", password.is_some())
                    .filter(|_| password.is_some() || password_of_url.is_some()),
            },
            username: user.cloned().or(user_of_url),
            password: password.cloned().or(password_of_url),
            ..Identity::default()
        },
        ..member.clone()
    })
}

fn of_file(path: &Path, member: &Endpoint) -> Result<Endpoint, Failure> {
    let endpoint = sources::endpoint_of_file(path, member)?;
    if endpoint.url.is_none() {
        return Err(Failure::usage(format!("{} does not say KSCTL_URL", path.display())));
    }
    Ok(endpoint)
}

/// Can the node join? What a node says after a join that failed is left to the node to judge.
pub(super) async fn check(context: &Context, node: &mut Client) -> Result<(), Failure> {
    let info: ClusterInfo = renewal::send(context, node, &Call::get("cluster")).await?.parse()?;
    if matches!(info.status.code.as_str(), "none" | "k") {
        return Ok(());
    }
    let text = format!(
        "the joining node {} cannot join: its status is {}",
        node.url(),
        info.status.description
    );
    Err(Failure::refused(text).with_hint(info.status.reason.unwrap_or_else(|| {
        "a node that is in a cluster is removed with `ksctl cluster nodes delete` on another member, then with \
         `ksctl cluster delete` on itself"
            .to_owned()
    })))
}

/// Who may ask the joining node once it has the accounts of the cluster: whoever asked the member.
pub(super) fn identity_in_cluster(member: &Client) -> Identity {
    let identity = member.identity().clone();
    if identity.password.is_none() {
        return identity;
    }
    Identity {
        jwt: None,
        refresh_token: None,
        ..identity
    }
}

/// Writes the cluster's credentials into the file of the joining node, if there is one and the user wants it.
pub(super) fn keep_credentials(context: &Context, order: &FullJoin, member: &Client) -> Result<(), Failure> {
    let Access::File(path) = &order.access else {
        return Ok(());
    };
    let wanted = order.write_to_config || (!context.asker.says_yes() && context.asker.agrees(WRITE_QUESTION)?);
    if !wanted {
        return Ok(());
    }
    let mut file = ConfigFile::open(path)?;
    write(&mut file, member.identity());
    file.save()?;
    context
        .printer
        .note(&format!("the credentials of the cluster are in {}", path.display()));
    Ok(())
}

/// A password is written if there is one. Else the tokens are: they are good on every node of the cluster.
fn write(file: &mut ConfigFile, identity: &Identity) {
    let shown = |secret: Option<&SecretString>| secret.map(|secret| secret.expose_secret().into());
    let tokens = identity.password.is_none();
    if let Some(username) = &identity.username {
        file.set(key::USERNAME, Some(username.as_str().into()));
    }
    file.set(key::PASSWORD, shown(identity.password.as_ref()));
    file.set(key::JWT, shown(identity.jwt.as_ref().filter(|_| tokens)));
    file.set(
        key::REFRESH_TOKEN,
        shown(identity.refresh_token.as_ref().filter(|_| tokens)),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(identity: &Identity) -> ConfigFile {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("joiner.yaml");
        let old = "KSCTL_URL: https://node-2\nKSCTL_USERNAME: old\nKSCTL_PASSWORD: old\nKSCTL_JWT: old\n";
        std::fs::write(&path, old).unwrap();
        let mut file = ConfigFile::open(&path).unwrap();
        write(&mut file, identity);
        file
    }

    #[test]
    fn the_old_credentials_of_the_node_do_not_stay_in_its_file() {
        let identity = Identity {
            username: Some("admin".to_owned()),
            password: Some("new".into()),
            jwt: Some("t".into()),
            ..Identity::default()
        };
        let file = written(&identity);
        let all = [key::URL, key::USERNAME, key::PASSWORD, key::JWT].map(|name| file.text(name));
        let wanted = [Some("https://node-2"), Some("admin"), Some("new"), None];
        assert_eq!(all, wanted.map(|text| text.map(str::to_owned)));
    }

    #[test]
    fn without_a_password_the_tokens_are_written() {
        let identity = Identity {
            jwt: Some("t".into()),
            refresh_token: Some("r".into()),
            ..Identity::default()
        };
        let file = written(&identity);
        let all = [key::PASSWORD, key::JWT, key::REFRESH_TOKEN].map(|name| file.text(name));
        assert_eq!(all, [None, Some("t".to_owned()), Some("r".to_owned())]);
    }
}
