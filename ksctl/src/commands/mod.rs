//! One file for each command, in folders as in the tree. None of them sees clap, files of settings or the environment.
//!
//! This file decides what every command is given. Next: [`cluster::fulljoin`], the longest of them.

pub(crate) mod alarms;
pub(crate) mod backup;
pub(crate) mod backupkeys;
pub(crate) mod cluster;
pub(crate) mod completions;
pub(crate) mod deploy;
pub(crate) mod keys;
pub(crate) mod login;
pub(crate) mod man;
pub(crate) mod metrics;
pub(crate) mod nodes;
mod renewal;
mod resolve;
pub(crate) mod services;
pub(crate) mod system;
pub(crate) mod version;
pub(crate) mod watch;

use crate::client::{Answer, Call, Client};
use crate::confirm::Asker;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::settings::Settings;

/// What every command is given.
#[derive(Debug)]
pub(crate) struct Context {
    /// Flags, files and environment, resolved.
    pub(crate) settings: Settings,
    /// Where output goes.
    pub(crate) printer: Printer,
    /// Who answers questions.
    pub(crate) asker: Asker,
}

/// Which part of a list to show.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Page {
    /// How many at the most.
    pub(crate) limit: Option<u64>,
    /// How many to leave out at the front.
    pub(crate) skip: Option<u64>,
}

impl Context {
    /// What settings say, ready to use.
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            printer: Printer::new(settings.format),
            asker: Asker::new(settings.yes),
            settings,
        }
    }

    /// The same for a terminal that is written over again and again.
    #[must_use]
    pub(crate) fn in_place(self) -> Self {
        Self {
            printer: Printer::in_place(),
            ..self
        }
    }

    /// A client of the appliance that the settings name.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        Client::new(&self.settings.endpoint, self.asker)
    }

    /// Sends one request to that appliance.
    pub(crate) async fn ask(&self, call: &Call) -> Result<Answer, Failure> {
        self.client()?.send(call).await
    }

    /// Sends one request and shows the answer as it comes.
    pub(crate) async fn ask_and_show(&self, call: &Call) -> Result<(), Failure> {
        self.printer.answer(&self.ask(call).await?)
    }
}

impl Context {
    /// Sends a request about one thing of the list at `path`, whose id may be shortened, and shows the answer.
    pub(crate) async fn ask_of(&self, path: &'static str, id: &str, call: Call) -> Result<(), Failure> {
        let mut client = self.client()?;
        let id = resolve::id(&mut client, path, id).await?;
        self.printer.answer(&client.send(&call.of(&id)?).await?)
    }
}

impl Page {
    /// The call for this part of a list.
    pub(crate) fn of(self, call: Call) -> Call {
        call.with_some("skip", self.skip).with_some("limit", self.limit)
    }
}
