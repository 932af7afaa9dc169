//! `ksctl man`: writes the man pages into a folder.

use std::path::Path;

use crate::cli::generate::Page;
use crate::failure::Failure;
use crate::printer::Printer;

/// Writes the pages, making the folder if there is none.
pub(crate) fn run(printer: Printer, pages: &[Page], folder: &Path) -> Result<(), Failure> {
    let cannot = |path: &Path, cause| Failure::usage(format!("cannot write {}: {cause}", path.display()));
    std::fs::create_dir_all(folder).map_err(|cause| cannot(folder, cause))?;
    for page in pages {
        let path = folder.join(&page.file_name);
        std::fs::write(&path, &page.text).map_err(|cause| cannot(&path, cause))?;
    }
    printer.note(&format!("{} man pages are in {}", pages.len(), folder.display()));
    Ok(())
}
