//! What may be asked of a syslog server's entry: a request becomes a [`Sink`] or a refusal.

use super::{Format, Transport};
use crate::api::syslog::SyslogRequest;
use crate::error::{Error, Kind, Result};
use crate::text::host;

/// Where syslog servers listen when nothing is said.
const PORT: u16 = 514;

/// The largest certificate that is kept, in bytes.
const CA_LIMIT: usize = 64 * 1024;

/// Where messages go and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sink {
    /// A name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How messages travel.
    pub transport: Transport,
    /// How they are written.
    pub format: Format,
    /// With TLS: the certificates that are believed, in PEM.
    pub ca_cert: Option<String>,
}

impl TryFrom<SyslogRequest> for Sink {
    type Error = Error;

    fn try_from(asked: SyslogRequest) -> Result<Self> {
        let host = asked.host.ok_or_else(|| Error::invalid_param("host is missing"))?;
        let host = host::checked("host", host)?;
        let transport = transport(asked.transport.as_deref().unwrap_or("udp"))?;
        let ca_cert = asked.ca_cert;
        if transport == Transport::Tls && ca_cert.is_none() {
            return Err(Error::invalid_param("transport tls needs caCert")
                .with_hint("give the certificate of the authority that signed the server's, in PEM"));
        }
        if ca_cert.as_ref().is_some_and(|pem| pem.len() > CA_LIMIT) {
            return Err(Error::invalid_param("caCert is larger than 64 KiB"));
        }
        Ok(Self {
            host,
            port: asked.port.unwrap_or(PORT),
            transport,
            format: format(asked.message_format.as_deref().unwrap_or("rfc5424"))?,
            ca_cert,
        })
    }
}

impl Sink {
    /// This entry with what a request changes; what the request leaves out stays.
    pub fn changed_by(self, asked: SyslogRequest) -> Result<Self> {
        SyslogRequest {
            host: asked.host.or(Some(self.host)),
            port: asked.port.or(Some(self.port)),
            transport: asked.transport.or_else(|| Some(self.transport.name().to_owned())),
            message_format: asked.message_format.or_else(|| Some(self.format.name().to_owned())),
            ca_cert: asked.ca_cert.or(self.ca_cert),
        }
        .try_into()
    }
}

/// The transport of this name, in any case.
pub fn transport(name: &str) -> Result<Transport> {
    let known = Transport::ALL
        .into_iter()
        .find(|one| name.eq_ignore_ascii_case(one.name()));
    known.ok_or_else(|| Error::invalid_param(format!("transport is udp, tcp or tls, not {name:.40}")))
}

/// The format of this name, in any case.
pub fn format(name: &str) -> Result<Format> {
    if name.eq_ignore_ascii_case("leef") {
        return Err(
            Error::new(Kind::NotBuilt, "messageFormat leef is not built").with_hint("rfc5424, rfc3164 and cef are")
        );
    }
    let known = Format::ALL
        .into_iter()
        .find(|one| name.eq_ignore_ascii_case(one.name()));
    known.ok_or_else(|| Error::invalid_param(format!("messageFormat is rfc5424, rfc3164 or cef, not {name:.40}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(host: &str) -> SyslogRequest {
        SyslogRequest {
            host: Some(host.to_owned()),
            ..SyslogRequest::default()
        }
    }

    #[test]
    fn what_is_not_said_is_the_default() {
        let sink = Sink::try_from(asked("10.0.0.9")).unwrap();
        assert_eq!(
            (sink.port, sink.transport, sink.format),
            (514, Transport::Udp, Format::Rfc5424)
        );
    }

    #[test]
    fn tls_without_a_certificate_to_believe_is_refused() {
        let tls = SyslogRequest {
            transport: Some("TLS".to_owned()),
            ..asked("logs.example")
        };
        assert!(Sink::try_from(tls).unwrap_err().to_string().contains("caCert"));
    }

    #[test]
    fn what_is_no_host_and_what_nobody_knows_is_refused() {
        for host in ["", "a b", "http://x", "a\nb"] {
            assert!(Sink::try_from(asked(host)).is_err(), "{host:?}");
        }
        assert!(transport("relp").is_err() && format("xml").is_err());
        assert_eq!(format("leef").unwrap_err().kind(), Kind::NotBuilt);
    }

    #[test]
    fn a_change_leaves_what_it_does_not_name() {
        let sink = Sink::try_from(asked("10.0.0.9")).unwrap();
        let port = SyslogRequest {
            port: Some(6514),
            ..SyslogRequest::default()
        };
        let changed = sink.clone().changed_by(port).unwrap();
        assert_eq!(changed, Sink { port: 6514, ..sink });
    }
}
