//! `ksctl man`: writes the man pages into a folder.

use std::path::Path;

use crate::cli::generate::Page;
use crate::failure::Failure;
use crate::output::{self, Reader};
use crate::printer::Printer;

/// Writes the pages, making the folder if there is none.
pub(crate) fn run(printer: Printer, pages: &[Page], folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|cause| output::unwritten(folder, &cause))?;
    for page in pages {
        output::write(&folder.join(&page.file_name), &page.text, Reader::Everybody)?;
    }
    printer.note(&format!("{} man pages are in {}", pages.len(), folder.display()));
    Ok(())
}
