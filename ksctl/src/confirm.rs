//! Asking the user: yes or no, and passwords.
//!
//! This file decides what counts as a yes. A command that destroys something takes a [`Confirmed`], and only this file
//! can make one, so none can forget to ask. Answers are read from standard input whether or not it is a terminal; an
//! input that ends without an answer is a no that says how to say yes.

use std::io::{BufRead, IsTerminal};

use secrecy::SecretString;

use crate::failure::Failure;
use crate::printer;

/// Proof that the user agreed, by `--yes` or at a prompt.
#[derive(Debug)]
pub(crate) struct Confirmed(());

/// Who can be asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker {
    yes: bool,
    terminal: bool,
}

/// What a question got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reply {
    Yes,
    No,
    Nothing,
}

impl Asker {
    /// The user at standard input. `yes` answers every question with yes.
    pub(crate) fn new(yes: bool) -> Self {
        Self {
            yes,
            terminal: std::io::stdin().is_terminal() && std::io::stderr().is_terminal(),
        }
    }

    /// Nobody: passwords are never asked for.
    pub(crate) fn silent() -> Self {
        Self {
            yes: false,
            terminal: false,
        }
    }

    /// Is there a terminal to type a password at?
    pub(crate) fn can_ask(self) -> bool {
        self.terminal
    }

    /// Was `--yes` given?
    pub(crate) fn says_yes(self) -> bool {
        self.yes
    }

    /// Asks before something is destroyed: a warning, an empty line, the question with `[y/N]`.
    pub(crate) fn confirm(self, warning: &str, question: &str) -> Result<Confirmed, Failure> {
        self.confirm_from(&mut std::io::stdin().lock(), warning, question)
    }

    /// Asks whether to do something that does no harm. No answer is a no.
    pub(crate) fn agrees(self, question: &str) -> Result<bool, Failure> {
        printer::prompt(&format!("{question} [y/N] "));
        Ok(self.reply(&mut std::io::stdin().lock())? == Reply::Yes)
    }

    /// Asks for a password without showing it.
    pub(crate) fn password(self, prompt: &str) -> Result<SecretString, Failure> {
        self.password_prompt(dialoguer::Password::new().with_prompt(prompt))
    }

    /// Asks for a password that is to be, twice, and again until `check` has nothing against it.
    pub(crate) fn new_password(self, check: fn(&str) -> Result<(), String>) -> Result<SecretString, Failure> {
        let prompt = dialoguer::Password::new().with_prompt("new password");
        let prompt = prompt.with_confirmation("new password again", "the two are not the same");
        self.password_prompt(prompt.validate_with(move |typed: &String| check(typed)))
    }

    fn confirm_from(self, input: &mut impl BufRead, warning: &str, question: &str) -> Result<Confirmed, Failure> {
        if self.yes {
            return Ok(Confirmed(()));
        }
        printer::prompt(&format!("{warning}\n\n{question} [y/N] "));
        match self.reply(input)? {
            Reply::Yes => Ok(Confirmed(())),
            Reply::No => Err(Failure::refused("not confirmed, nothing was done")),
            Reply::Nothing => Err(
                Failure::refused("this needs a yes, and standard input ended without an answer")
                    .with_hint("-y answers yes"),
            ),
        }
    }

    fn password_prompt(self, prompt: dialoguer::Password<'_>) -> Result<SecretString, Failure> {
        if !self.terminal {
            return Err(
                Failure::usage("no password is given, and there is no terminal to ask at")
                    .with_hint("give --password, set KSCTL_PASSWORD, or run `ksctl login` once"),
            );
        }
        let typed = prompt
            .interact()
            .map_err(|cause| Failure::internal(format!("cannot read a password: {cause}")))?;
        Ok(SecretString::from(typed))
    }

    fn reply(self, input: &mut impl BufRead) -> Result<Reply, Failure> {
        let mut line = String::new();
        let read = input.read_line(&mut line);
        let read = read.map_err(|cause| Failure::internal(format!("cannot read the answer: {cause}")))?;
        // Only what is typed at a terminal shows, and so ends the line of the question.
        if !(self.terminal && line.ends_with('\n')) {
            printer::prompt("\n");
        }
        Ok(match line.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Reply::Yes,
            _ if read == 0 => Reply::Nothing,
            _ => Reply::No,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: Asker = Asker {
        yes: false,
        terminal: false,
    };

    fn ask(asker: Asker, typed: &str) -> Result<Confirmed, Failure> {
        asker.confirm_from(&mut typed.as_bytes(), "All is lost.", "Are you sure?")
    }

    #[test]
    fn a_yes_in_any_case_is_a_yes_with_or_without_a_terminal() {
        for typed in ["y\n", "Y\n", "yes\n", " YES \r\n", "y"] {
            assert!(ask(NOBODY, typed).is_ok(), "{typed:?} was not a yes");
        }
    }

    #[test]
    fn anything_else_is_a_no() {
        for typed in ["n\n", "N\n", "\n", "yep\n", "yesno\n", "no\ny\n"] {
            let failure = ask(NOBODY, typed).unwrap_err();
            assert_eq!(failure.to_string(), "not confirmed, nothing was done", "for {typed:?}");
        }
    }

    #[test]
    fn an_input_that_ends_is_a_no_that_names_the_flag() {
        assert_eq!(ask(NOBODY, "").unwrap_err().hint(), Some("-y answers yes"));
    }

    #[test]
    fn the_flag_answers_without_reading() {
        let mut input = "n\n".as_bytes();
        let asker = Asker {
            yes: true,
            terminal: false,
        };
        assert!(asker.confirm_from(&mut input, "All is lost.", "Are you sure?").is_ok());
        assert_eq!(input, b"n\n");
    }

    #[test]
    fn without_a_terminal_a_missing_password_is_an_error_that_says_what_to_give() {
        let failure = NOBODY.password("password").unwrap_err();
        assert!(failure.hint().is_some_and(|hint| hint.contains("KSCTL_PASSWORD")));
    }
}
