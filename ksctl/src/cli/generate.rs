//! Shell completions and man pages, made from the clap types so that they cannot differ from the program.
//!
//! Texts only; writing them is `commands/completions.rs` and `commands/man.rs`.

use clap::{Command, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use crate::failure::Failure;

/// A man page and the name of its file.
pub(crate) struct Page {
    /// `ksctl-cluster-new.1`
    pub(crate) file_name: String,
    /// The page in roff.
    pub(crate) text: Vec<u8>,
}

/// The completions for a shell.
pub(crate) fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ksctl", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The man pages of all commands.
pub(crate) fn man_pages() -> Result<Vec<Page>, Failure> {
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    let mut pages = Vec::new();
    render(root, &mut pages).map_err(|cause| Failure::internal(format!("cannot make the man pages: {cause}")))?;
    Ok(pages)
}

fn render(command: Command, pages: &mut Vec<Page>) -> std::io::Result<()> {
    for child in command.get_subcommands() {
        render(child.clone(), pages)?;
    }
    let page = clap_mangen::Man::new(command);
    let mut text = Vec::new();
    page.render(&mut text)?;
    pages.push(Page {
        file_name: page.get_filename(),
        text,
    });
    Ok(())
}
