//! RFC 5424: a header, structured data, and a text.

use super::text::{fit, name};
use super::{Message, PROGRAM, priority};

/// The name of the structured data. 32473 is the number of RFC 5612 for those who have none of their own.
pub(super) const DATA: &str = "alarm@32473";

/// The message as one line.
pub(super) fn write(message: &Message) -> String {
    let at = message.at.to_utc().unwrap_or_default();
    format!(
        "<{}>1 {} {} {PROGRAM} {} {} [{DATA} event=\"{}\" name=\"{}\" subject=\"{}\" account=\"{}\"] \u{feff}{}",
        priority(message),
        at.format("%Y-%m-%dT%H:%M:%S%.6fZ"),
        name(&message.host, 255),
        message.pid,
        name(&message.alarm, 32),
        message.event.name(),
        value(&message.name, 64),
        value(&message.subject, 512),
        value(&message.account, 128),
        fit(&message.text, 1024, |_| None),
    )
}

/// A value of structured data (6.3.3): three characters are escaped.
fn value(text: &str, limit: usize) -> String {
    fit(text, limit, |c| match c {
        '"' => Some("\\\""),
        '\\' => Some("\\\\"),
        ']' => Some("\\]"),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::message;
    use super::*;

    #[test]
    fn a_message_reads_as_the_standard_has_it() {
        assert_eq!(
            write(&message()),
            "<132>1 2023-11-14T22:13:20.123456Z node_1 keysteadd 42 name-clash [alarm@32473 event=\"raised\" \
             name=\"Name Clash\" subject=\"key a\\]\\\"\\\\|=b<0D><0A><130>1 forged<00>\" account=\"system\"] \
             \u{feff}2 keys<0A>are named so"
        );
    }
}
