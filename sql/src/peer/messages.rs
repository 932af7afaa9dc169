//! Where the messages of PostgreSQL's protocol begin in a stream, however it is cut into pieces. Keeps none of them.

/// How far into a message the stream is: a byte that names its type, four that say how long it is with themselves, the rest.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// Bytes of the head that are there.
    head: u8,
    kind: u8,
    length: u32,
    /// Bytes of the rest that are to come.
    rest: usize,
}

/// What the length of a message counts of its head.
const LENGTH: u32 = 4;

impl Messages {
    /// Reads on, calling `each` with the type and the length of every message that begins.
    ///
    /// # Errors
    /// The first of `each`.
    pub(super) fn read<E>(
        &mut self,
        mut bytes: &[u8],
        mut each: impl FnMut(u8, u64) -> Result<(), E>,
    ) -> Result<(), E> {
        loop {
            let (passed, left) = bytes.split_at(self.rest.min(bytes.len()));
            self.rest -= passed.len();
            let Some((byte, left)) = left.split_first() else {
                return Ok(());
            };
            bytes = left;
            match self.head {
                0 => (self.kind, self.length) = (*byte, 0),
                _ => self.length = (self.length << 8) | u32::from(*byte),
            }
            self.head += 1;
            if self.head == 5 {
                self.head = 0;
                // One that is shorter than its own head is for the client to refuse.
                let rest = self.length.saturating_sub(LENGTH);
                each(self.kind, u64::from(rest))?;
                self.rest = usize::try_from(rest).unwrap_or(usize::MAX);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len()).unwrap() + LENGTH;
        [&[kind], &length.to_be_bytes()[..], body].concat()
    }

    #[test]
    fn messages_are_found_however_the_stream_is_cut() {
        let stream = [message(b'R', &[0; 4]), message(b'Z', b""), message(b'D', &[1; 300])].concat();
        for piece in 1..stream.len() {
            let (mut messages, mut found) = (Messages::default(), Vec::new());
            for piece in stream.chunks(piece) {
                let read = messages.read(piece, |kind, bytes| {
                    found.push((kind, bytes));
                    Ok::<(), ()>(())
                });
                assert_eq!(read, Ok(()));
            }
            assert_eq!(found, [(b'R', 4), (b'Z', 0), (b'D', 300)], "pieces of {piece}");
        }
    }

    #[test]
    fn a_message_is_refused_before_any_of_it_is_there() {
        let head = [b'D', 0xff, 0xff, 0xff, 0xff];
        let mut told = None;
        let read = Messages::default().read(&head, |_, bytes| {
            told = Some(bytes);
            Err("refused")
        });
        assert_eq!((read, told), (Err("refused"), Some(u64::from(u32::MAX - LENGTH))));
    }
}
