//! Work that waits for a disk: it holds up the task that asked for it and no other.
//!
//! Two threads run all tasks of the agent. A write that is made safe takes as long as the disk does, on a sick one for
//! minutes: meanwhile what else these threads run goes on another one.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

/// Does work that may block, also outside of a runtime.
pub(crate) fn in_place<T>(work: impl FnOnce() -> T) -> T {
    // Only a runtime with several threads has others to go on with.
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => block_in_place(work),
        _ => work(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, RecvTimeoutError};
    use std::time::Duration;

    use tokio::task::JoinSet;

    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    /// Every thread of the runtime waits for a disk, which only another task sets free.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn other_tasks_run_while_all_threads_wait_for_a_disk() {
        let (mut waiting, mut free) = (JoinSet::new(), Vec::new());
        for _ in 0..2 {
            let (go, gone) = mpsc::channel::<()>();
            free.push(go);
            waiting.spawn(async move { in_place(|| gone.recv_timeout(SOON)) });
        }
        waiting.spawn(async move {
            free.iter()
                .try_for_each(|go| go.send(()))
                .map_err(|_| RecvTimeoutError::Disconnected)
        });
        while let Some(waited) = waiting.join_next().await {
            waited.unwrap().expect("another task ran meanwhile");
        }
    }

    #[test]
    fn outside_of_a_runtime_it_is_work_as_any() {
        assert_eq!(in_place(|| 1), 1);
    }

    #[tokio::test]
    async fn with_one_thread_it_is_work_as_any() {
        assert_eq!(in_place(|| 1), 1);
    }
}
