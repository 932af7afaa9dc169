//! CEF 0 (Common Event Format): a header between bars and named values, in the frame of RFC 3164.

use super::text::fit;
use super::{Message, rfc3164};
use crate::VERSION;

/// The message as one line.
pub(super) fn write(message: &Message) -> String {
    format!(
        "{}CEF:0|Keystead|Keystead|{VERSION}|{}|{}|{}|rt={} act={} dvchost={} suser={} cs1Label=subject cs1={} msg={}",
        rfc3164::header(message),
        header(&message.alarm, 32),
        header(&message.name, 64),
        severity(message.severity),
        message.at.0 / 1000,
        message.event.name(),
        value(&message.host, 255),
        value(&message.account, 128),
        value(&message.subject, 512),
        value(&message.text, 1024),
    )
}

/// CEF counts from 0 to 10, the worst last.
fn severity(syslog: u8) -> u8 {
    match syslog {
        0 | 1 => 10,
        2 => 9,
        3 => 7,
        4 => 5,
        5 => 3,
        _ => 1,
    }
}

fn header(text: &str, limit: usize) -> String {
    fit(text, limit, |c| match c {
        '|' => Some("\\|"),
        '\\' => Some("\\\\"),
        _ => None,
    })
}

fn value(text: &str, limit: usize) -> String {
    fit(text, limit, |c| match c {
        '=' => Some("\\="),
        '\\' => Some("\\\\"),
        '\n' => Some("\\n"),
        '\r' => Some("\\r"),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::message;
    use super::*;

    #[test]
    fn a_message_reads_as_the_format_has_it() {
        let expected = format!(
            "<132>Nov 14 22:13:20 node_1 CEF:0|Keystead|Keystead|{VERSION}|name-clash|Name Clash|5|rt=1700000000123 \
             act=raised dvchost=node 1 suser=system cs1Label=subject cs1=key a]\"\\\\|\\=b\\r\\n<130>1 forged<00> \
             msg=2 keys\\nare named so"
        );
        assert_eq!(write(&message()), expected);
    }
}
