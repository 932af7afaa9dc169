//! `--watch`: a command that shows something shows it again and again, in place, until `q` or Ctrl-C.
//!
//! This file decides when to look and how a watch ends: `q` with what the last look came to, Ctrl-C as interrupted.
//! A look that fails after a good one is shown and the watch goes on: the node may be back at the next. The first one
//! must be good, as a mistake in the command would be shown for ever.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::Context;
use crate::failure::Failure;
use crate::printer::screen::{self, Screen};

/// How a wait ended.
enum Woken {
    Again,
    Quit,
    Interrupted,
}

/// Runs `look` once, or with `every` again and again.
pub(crate) async fn watch(
    context: Context,
    every: Option<u64>,
    look: impl AsyncFn(&Context) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let Some(every) = every else {
        return look(&context).await;
    };
    let every = Duration::from_secs(every.max(1));
    let mut screen = Screen::open()?;
    let mut context = context.in_place();
    // One log-in for all looks.
    let mut client = context.client()?;
    client.be_logged_in().await?;
    context.settings.endpoint.identity = client.identity().clone();
    screen.wipe()?;
    let mut seen = look(&context).await;
    seen.as_ref().map_err(Clone::clone)?;
    loop {
        match wait(every, &mut screen).await {
            Woken::Quit => return seen,
            Woken::Interrupted => return Err(Failure::interrupted("")),
            Woken::Again => {}
        }
        seen = match client.be_logged_in().await {
            Ok(()) => {
                context.settings.endpoint.identity = client.identity().clone();
                look(&context).await
            }
            Err(failure) => Err(failure),
        };
        if let Err(failure) = &seen {
            screen::replace_by(failure)?;
        }
    }
}

/// Waits for the end of something that goes on without us, shown by it as it likes. `left` is said when the user leaves.
pub(crate) async fn until_done<T>(work: impl Future<Output = Result<T, Failure>>, left: &str) -> Result<T, Failure> {
    let mut screen = Screen::open()?;
    tokio::select! {
        done = work => done,
        () = leaving(&mut screen) => Err(Failure::interrupted(format!("{left}\n"))),
    }
}

async fn wait(pause: Duration, screen: &mut Screen) -> Woken {
    let end = Instant::now() + pause;
    loop {
        tokio::select! {
            () = sleep_until(end) => return Woken::Again,
            _ = tokio::signal::ctrl_c() => return Woken::Interrupted,
            key = screen.key() => match key {
                'q' | 'Q' => return Woken::Quit,
                ' ' => return Woken::Again,
                _ => {}
            },
        }
    }
}

async fn leaving(screen: &mut Screen) {
    loop {
        match wait(Duration::from_hours(1), screen).await {
            Woken::Again => {}
            Woken::Quit | Woken::Interrupted => return,
        }
    }
}
