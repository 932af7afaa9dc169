//! Whether PostgreSQL could listen where it is told to, found out before it is started.
//!
//! PostgreSQL itself starts when only one of several addresses is free, and then the cluster wonders. This file binds
//! each address for a moment; it never listens.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpListener};

use keystead::{Error, Result};

/// Refuses the first address that is taken, or that this machine does not have.
pub(crate) fn check_free(addresses: &[IpAddr], port: u16) -> Result<()> {
    addresses.iter().try_for_each(|address| {
        let address = SocketAddr::new(*address, port);
        TcpListener::bind(address)
            .map(drop)
            .map_err(|error| refusal(address, error))
    })
}

fn refusal(address: SocketAddr, error: std::io::Error) -> Error {
    let what = format!("PostgreSQL cannot listen at {address}");
    let refusal = match error.kind() {
        ErrorKind::AddrInUse => Error::conflict(format!("{what}: another program does")).with_hint(format!(
            "find it with `ss -ltnp sport = :{}`, and stop it or choose another postgres.port; a distribution's own \
             PostgreSQL is stopped with `systemctl disable --now postgresql`",
            address.port()
        )),
        ErrorKind::AddrNotAvailable => Error::invalid_param(format!("{what}: this machine does not have that address"))
            .with_hint("name addresses of this machine in postgres.listen; `ip address` shows them"),
        _ => Error::unavailable(what),
    };
    refusal.caused_by(error)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_taken_port_is_refused_by_address_and_port_also_through_the_address_of_all() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        for address in [Ipv4Addr::LOCALHOST, Ipv4Addr::UNSPECIFIED] {
            let error = check_free(&[address.into()], port).unwrap_err();
            assert!(
                error
                    .to_string()
                    .contains(&format!("{address}:{port}: another program does")),
                "{error}"
            );
        }
        drop(taken);
        check_free(&[Ipv4Addr::LOCALHOST.into()], port).unwrap();
    }

    #[test]
    fn an_address_of_another_machine_is_refused() {
        // 192.0.2.0/24 is given to no machine (RFC 5737).
        let error = check_free(&[Ipv4Addr::new(192, 0, 2, 1).into()], 5432).unwrap_err();
        assert!(error.to_string().contains("does not have that address"), "{error}");
    }
}
