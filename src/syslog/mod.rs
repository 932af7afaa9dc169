//! Messages for syslog servers: what one says, and how it is written in each format.
//!
//! Texts that users have chosen stand in them, so everything is escaped and cut to size: a message is one line, whatever
//! is in it. Sending and keeping is `appliance/src/syslog`; who consumes them reads `docs/syslog.md`.

mod cef;
#[cfg(test)]
mod docs;
pub mod request;
mod rfc3164;
mod rfc5424;
mod text;

use serde::{Deserialize, Serialize};

use crate::alarm::{Alarm, Finding, Severity};
use crate::clock::Micros;

/// The facility of all messages: local0.
const FACILITY: u8 = 16;

/// The program in all messages.
const PROGRAM: &str = "keysteadd";

/// What happened to an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It was raised, or got worse.
    Raised,
    /// Its cause is gone, or a user cleared it.
    Cleared,
    /// A user has taken notice of it.
    Acknowledged,
    /// Messages were dropped before this one, because the server was away for long.
    Dropped,
}

impl Event {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Raised, Self::Cleared, Self::Acknowledged, Self::Dropped];

    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Cleared => "cleared",
            Self::Acknowledged => "acknowledged",
            Self::Dropped => "dropped",
        }
    }
}

/// One message, in no format yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// When it happened.
    pub at: Micros,
    /// What the node is called.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// What programs call the alarm.
    pub alarm: String,
    /// What people call it.
    pub name: String,
    /// What happened.
    pub event: Event,
    /// How bad the alarm is, as syslog's number.
    pub severity: u8,
    /// What the alarm is about.
    pub subject: String,
    /// Who did it; `system` when nobody.
    pub account: String,
    /// For people.
    pub text: String,
}

/// Who speaks, and when.
#[derive(Debug, Clone)]
pub struct Speaker {
    /// What the node is called.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// Now.
    pub at: Micros,
}

impl Speaker {
    /// An alarm was raised.
    pub fn raised(self, finding: &Finding) -> Message {
        let (alarm, subject) = (finding.cause.alarm, &finding.cause.subject);
        let message = self.about(alarm.id(), alarm.entry().name, subject);
        Message {
            severity: finding.severity.code(),
            text: finding.text.clone(),
            ..message
        }
    }

    /// An alarm is over.
    pub fn cleared(self, alarm: Alarm, subject: &str) -> Message {
        Message {
            event: Event::Cleared,
            text: "its cause is gone".to_owned(),
            ..self.about(alarm.id(), alarm.entry().name, subject)
        }
    }

    /// A user said something to an alarm.
    pub fn said(self, event: Event, (alarm, name): (&str, &str), subject: &str, account: &str) -> Message {
        Message {
            event,
            account: account.to_owned(),
            text: format!("{} by {account}", event.name()),
            ..self.about(alarm, name, subject)
        }
    }

    /// So many messages for a server were dropped.
    pub fn dropped(self, sink: &str, count: u64) -> Message {
        let alarm = Alarm::SinkUnreachable;
        Message {
            event: Event::Dropped,
            severity: Severity::Error.code(),
            text: format!("{count} messages were dropped while the server took none"),
            ..self.about(alarm.id(), alarm.entry().name, sink)
        }
    }

    fn about(self, alarm: &str, name: &str, subject: &str) -> Message {
        Message {
            at: self.at,
            host: self.host,
            pid: self.pid,
            alarm: alarm.to_owned(),
            name: name.to_owned(),
            event: Event::Raised,
            severity: Severity::Notice.code(),
            subject: subject.to_owned(),
            account: "system".to_owned(),
            text: String::new(),
        }
    }
}

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RFC 5424, with structured data.
    Rfc5424,
    /// RFC 3164, for old servers.
    Rfc3164,
    /// CEF in the frame of RFC 3164.
    Cef,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Rfc5424, Self::Rfc3164, Self::Cef];

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rfc5424 => "rfc5424",
            Self::Rfc3164 => "rfc3164",
            Self::Cef => "cef",
        }
    }

    /// The message as one line without an end, of 4 KiB at the most.
    pub fn write(self, message: &Message) -> String {
        match self {
            Self::Rfc5424 => rfc5424::write(message),
            Self::Rfc3164 => rfc3164::write(message),
            Self::Cef => cef::write(message),
        }
    }
}

/// How messages travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// One datagram each (RFC 5426).
    Udp,
    /// One line each (RFC 6587, 3.4.2).
    Tcp,
    /// Each with its length before it, over TLS (RFC 5425).
    Tls,
}

impl Transport {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Udp, Self::Tcp, Self::Tls];

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }

    /// A line as it travels.
    pub fn frame(self, line: &str) -> Vec<u8> {
        match self {
            Self::Udp => line.as_bytes().to_vec(),
            Self::Tcp => format!("{line}\n").into_bytes(),
            Self::Tls => format!("{} {line}", line.len()).into_bytes(),
        }
    }
}

/// The number at the beginning of every message: facility and severity.
fn priority(message: &Message) -> u8 {
    FACILITY * 8 + message.severity.min(7)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A message with everything in it that means something somewhere.
    pub(crate) fn message() -> Message {
        Message {
            at: Micros(1_700_000_000_123_456),
            host: "node 1".to_owned(),
            pid: 42,
            alarm: "name-clash".to_owned(),
            name: "Name Clash".to_owned(),
            event: Event::Raised,
            severity: 4,
            subject: "key a]\"\\|=b\r\n<130>1 forged\0".to_owned(),
            account: "system".to_owned(),
            text: "2 keys\nare named so".to_owned(),
        }
    }

    #[test]
    fn a_message_is_one_line_of_a_bounded_size_whatever_is_in_it() {
        let mut long = message();
        long.subject = "]\"\\\n\u{1F511}".repeat(20_000);
        long.text = "\\|=\0".repeat(20_000);
        long.host = "h".repeat(5000);
        long.account = "\r".repeat(5000);
        for format in Format::ALL {
            for message in [&message(), &long] {
                let line = format.write(message);
                assert!(line.len() <= 4096, "{} bytes as {}", line.len(), format.name());
                assert!(!line.chars().any(char::is_control), "{line:?}");
            }
            assert!(format.write(&long).contains("<truncated>"), "{}", format.name());
        }
    }

    #[test]
    fn frames_are_those_of_the_transport_and_count_octets() {
        assert_eq!(Transport::Tls.frame("\u{e9}x"), "3 \u{e9}x".as_bytes());
        assert_eq!(Transport::Tcp.frame("x"), b"x\n");
        assert_eq!(Transport::Udp.frame("x"), b"x");
    }
}
