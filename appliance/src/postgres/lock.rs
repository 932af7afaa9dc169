//! One agent on one data folder.
//!
//! The lock is the kernel's: it ends with the process that holds it, however that ends.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use keystead::{Error, Kind, Result};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

/// Held for as long as this value lives.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: Flock<File>,
}

impl Lock {
    /// Takes the lock or refuses at once, naming the process that holds it.
    pub(crate) fn take(path: &Path) -> Result<Self> {
        let cannot = |error| Error::new(Kind::Internal, format!("cannot lock {}", path.display())).caused_by(error);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path);
        match Flock::lock(file.map_err(cannot)?, FlockArg::LockExclusiveNonblock) {
            Ok(mut file) => {
                note_holder(&mut file).map_err(cannot)?;
                Ok(Self { _file: file })
            }
            Err((mut file, Errno::EWOULDBLOCK)) => {
                let mut holder = String::new();
                // Whoever holds the lock may not have written its id yet.
                file.read_to_string(&mut holder).ok();
                let text = format!("another agent runs on this data folder (process {})", holder.trim());
                Err(Error::conflict(text)
                    .with_hint(format!("stop it, or choose another data_dir; held: {}", path.display())))
            }
            Err((_, error)) => Err(cannot(error.into())),
        }
    }
}

fn note_holder(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_agent_on_one_folder_is_refused_until_the_first_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.lock");
        let first = Lock::take(&path).unwrap();
        let error = Lock::take(&path).unwrap_err();
        assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
        drop(first);
        Lock::take(&path).unwrap();
    }
}
