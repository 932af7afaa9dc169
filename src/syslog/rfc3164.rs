//! RFC 3164: what old servers read. All that is known is in the text.

use super::text::{fit, name};
use super::{Message, PROGRAM, priority};

/// The message as one line.
pub(super) fn write(message: &Message) -> String {
    format!(
        "{}{PROGRAM}[{}]: {} {} \"{}\" by {}: {}",
        header(message),
        message.pid,
        name(&message.alarm, 32),
        message.event.name(),
        fit(&message.subject, 512, |c| (c == '"').then_some("'")),
        fit(&message.account, 128, |_| None),
        fit(&message.text, 1024, |_| None),
    )
}

/// Priority, time (UTC) and host, with a space after them.
pub(super) fn header(message: &Message) -> String {
    let at = message.at.to_utc().unwrap_or_default();
    format!(
        "<{}>{} {} ",
        priority(message),
        at.format("%b %e %H:%M:%S"),
        name(&message.host, 255)
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::message;
    use super::*;

    #[test]
    fn a_message_reads_as_old_servers_have_it() {
        assert_eq!(
            write(&message()),
            "<132>Nov 14 22:13:20 node_1 keysteadd[42]: name-clash raised \"key a]'\\|=b<0D><0A><130>1 forged<00>\" by \
             system: 2 keys<0A>are named so"
        );
    }
}
