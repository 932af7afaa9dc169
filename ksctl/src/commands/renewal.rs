//! An account whose password has to be changed before anything else: the change, given or asked for at a terminal.
//!
//! `login` does it, and `fulljoin` for a joining node that is new. What a password must be is decided in
//! [`keystead::password`], and by the appliance.

use keystead::password::check_new;
use secrecy::SecretString;

use super::Context;
use crate::client::{Answer, Call, Client};
use crate::failure::Failure;

/// Logs in, with a new password where one is demanded. Was the password changed?
pub(crate) async fn log_in(
    context: &Context,
    client: &mut Client,
    given: Option<SecretString>,
) -> Result<bool, Failure> {
    match client.log_in().await {
        Err(failure) if failure.wants_new_password() && (given.is_some() || context.asker.can_ask()) => {
            change(context, client, &failure, given).await?;
            let again = client.log_in().await.map(|_| true);
            again.map_err(|failure| failure.with_before(&changed(client)))
        }
        logged_in => logged_in.map(|_| false),
    }
}

/// Sends a request; at a terminal also where a new password is demanded first.
pub(crate) async fn send(context: &Context, client: &mut Client, call: &Call) -> Result<Answer, Failure> {
    match client.send(call).await {
        Err(failure) if failure.wants_new_password() && context.asker.can_ask() => {
            change(context, client, &failure, None).await?;
            context.printer.note(&changed(client));
            client.send(call).await
        }
        answer => answer,
    }
}

/// What is true from then on, whatever comes after it.
pub(crate) fn changed(client: &Client) -> String {
    let account = client.identity().username.as_deref().unwrap_or_default();
    format!("the password of {account} at {} was changed", client.url())
}

async fn change(
    context: &Context,
    client: &mut Client,
    why: &Failure,
    given: Option<SecretString>,
) -> Result<(), Failure> {
    context.printer.note(&why.to_string());
    let new = if let Some(new) = given {
        new
    } else {
        context.printer.note(&demand());
        let check = |password: &str| check_new(password).map_err(|refused| refused.to_string());
        context.asker.new_password(check)?
    };
    client.change_password(new).await
}

/// What a new password must be, in the words of the check itself.
fn demand() -> String {
    check_new("")
        .err()
        .map(|refused| refused.to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_new_password_must_be_is_said_before_it_is_asked_for() {
        assert!(
            demand().starts_with("the new password must have 8 to 1024 characters"),
            "{}",
            demand()
        );
    }
}
