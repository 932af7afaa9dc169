//! `ksctl deploy nftables`: shows the rules of a node's packet filter, or the unit that loads them. It changes nothing on
//! this machine.

use keystead::firewall::{Firewall, UNIT};

use crate::failure::Failure;
use crate::printer::Printer;

/// Shows the rules.
pub(crate) fn rules(printer: Printer, firewall: &Firewall) -> Result<(), Failure> {
    if firewall.members.is_empty() {
        printer.note("no --members were given: everybody reaches the port between nodes, with a bound for each source");
    }
    printer.raw(&firewall.rules())
}

/// Shows the unit.
pub(crate) fn unit(printer: Printer) -> Result<(), Failure> {
    printer.raw(UNIT)
}
