//! Protobuf messages, read as slices of themselves and written, and the tags (field number and wire type) that Struct is made of
//! (google/protobuf/struct.proto; the encoding is described at <https://protobuf.dev/programming-guides/encoding/>).

use bytes::Bytes;

use super::error::Fault;

/// How many objects and lists may lie inside each other.
pub const MAX_DEPTH: u32 = 128;

/// `Struct.fields`: a repeated entry.
pub(super) const STRUCT_FIELDS: u8 = 0x0a;
/// `ListValue.values`.
pub(super) const LIST_VALUES: u8 = 0x0a;
/// A map entry's key.
pub(super) const ENTRY_KEY: u8 = 0x0a;
/// A map entry's value.
pub(super) const ENTRY_VALUE: u8 = 0x12;
/// `Value.null_value`, an enum.
pub(super) const NULL: u8 = 0x08;
/// `Value.number_value`, a double.
pub(super) const NUMBER: u8 = 0x11;
/// `Value.string_value`.
pub(super) const STRING: u8 = 0x1a;
/// `Value.bool_value`.
pub(super) const BOOL: u8 = 0x20;
/// `Value.struct_value`.
pub(super) const STRUCT: u8 = 0x2a;
/// `Value.list_value`.
pub(super) const LIST: u8 = 0x32;

/// 2^53: no integer up to here is lost in a double.
pub(super) const MAX_INTEGER: u64 = 1 << 53;

/// What a field holds, by its wire type.
pub(super) enum Content<'de> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'de [u8]),
    /// What Struct has no field of: a fixed32, or a group.
    Other,
}

/// Reads a message field by field. After an error there is nothing more to be read from it.
pub(super) struct Fields<'de>(&'de [u8]);

impl<'de> Fields<'de> {
    pub(super) fn of(message: &'de [u8]) -> Self {
        Self(message)
    }

    /// Bytes that have not been read.
    pub(super) fn remaining(&self) -> usize {
        self.0.len()
    }

    /// The next field's tag and content, or `None` at the end. A tag of 0 is one too large to be Struct's.
    pub(super) fn next(&mut self) -> Result<Option<(u8, Content<'de>)>, Fault> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.tag()?;
        Ok(Some((u8::try_from(tag).unwrap_or_default(), self.content(tag, 0)?)))
    }

    fn tag(&mut self) -> Result<u32, Fault> {
        let tag = u32::try_from(self.varint()?).map_err(|_| malformed("a field number is too large"))?;
        if tag >> 3 == 0 { Err(malformed("a field has the number 0")) } else { Ok(tag) }
    }

    /// The content that follows a tag; `depth` is how many groups it lies in.
    fn content(&mut self, tag: u32, depth: u32) -> Result<Content<'de>, Fault> {
        match tag & 7 {
            0 => Ok(Content::Varint(self.varint()?)),
            1 => Ok(Content::Fixed64(self.array()?)),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| beyond())?;
                let (bytes, rest) = self.0.split_at_checked(length).ok_or_else(beyond)?;
                self.0 = rest;
                Ok(Content::Bytes(bytes))
            }
            3 => self.skip_group(tag >> 3, depth),
            4 => Err(malformed("a group ends that has not begun")),
            5 => self.array::<4>().map(|_| Content::Other),
            other => Err(malformed(&format!("wire type {other} does not exist"))),
        }
    }

    /// A group has no length: its end is the end tag of its own number.
    fn skip_group(&mut self, number: u32, depth: u32) -> Result<Content<'de>, Fault> {
        if depth >= MAX_DEPTH {
            return Err(malformed(&format!("more than {MAX_DEPTH} groups inside each other")));
        }
        loop {
            let tag = self.tag()?;
            if tag & 7 == 4 && tag >> 3 == number {
                return Ok(Content::Other);
            }
            self.content(tag, depth.saturating_add(1))?;
        }
    }

    fn varint(&mut self) -> Result<u64, Fault> {
        let value = prost::decode_length_delimiter(&mut self.0).map_err(|error| malformed(&error.to_string()))?;
        u64::try_from(value).map_err(|_| beyond())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (array, rest) = self.0.split_first_chunk().ok_or_else(beyond)?;
        self.0 = rest;
        Ok(*array)
    }
}

/// Text, which protobuf holds as UTF-8.
pub(super) fn text(bytes: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(bytes).map_err(|_| malformed("a string is not valid UTF-8"))
}

/// A fault in the message itself, which no user can cause.
pub(super) fn malformed(what: &str) -> Fault {
    Fault::new(format!("malformed google.protobuf.Struct: {what}"))
}

fn beyond() -> Fault {
    malformed("a field reaches beyond the end of its message")
}

/// Writes a message. In the wire form a message inside is preceded by its length, which is known only after it is
/// written. So messages are written without, noting where each length belongs, and all are put in at the end: each byte
/// is moved once, however deep it lies.
#[derive(Default)]
pub(super) struct Writer {
    /// Everything but the lengths of messages.
    pub(super) flat: Vec<u8>,
    /// In the order in which they belong into `flat`.
    lengths: Vec<Length>,
    /// The messages that are being written, outermost first.
    open: Vec<Open>,
    /// How many bytes the known lengths take.
    known: usize,
}

/// The length of the message that begins at `at`.
struct Length {
    at: usize,
    length: usize,
}

/// A message that is being written.
struct Open {
    /// Where its length is in `lengths`.
    length: usize,
    /// `known` at its beginning.
    known: usize,
}

impl Writer {
    /// How many messages are open.
    pub(super) fn open_messages(&self) -> usize {
        self.open.len()
    }

    /// Begins a message.
    pub(super) fn open(&mut self, tag: u8) {
        self.flat.push(tag);
        self.open.push(Open { length: self.lengths.len(), known: self.known });
        self.lengths.push(Length { at: self.flat.len(), length: 0 });
    }

    /// Closes messages until only `open` of them are.
    pub(super) fn close(&mut self, open: usize) {
        while self.open.len() > open {
            let Some(closed) = self.open.pop() else { return };
            let Some(entry) = self.lengths.get_mut(closed.length) else { return };
            let inner = self.known.saturating_sub(closed.known);
            entry.length = self.flat.len().saturating_sub(entry.at).saturating_add(inner);
            self.known = self.known.saturating_add(prost::length_delimiter_len(entry.length));
        }
    }

    /// Writes a length that is known.
    pub(super) fn length(&mut self, length: usize) -> Result<(), Fault> {
        push_length(&mut self.flat, length)
    }

    /// Writes a field of which the content is known.
    pub(super) fn field(&mut self, tag: u8, content: &[u8]) -> Result<(), Fault> {
        self.flat.push(tag);
        self.length(content.len())?;
        self.flat.extend_from_slice(content);
        Ok(())
    }

    /// The whole message.
    pub(super) fn finish(self) -> Result<Bytes, Fault> {
        let mut out = Vec::with_capacity(self.flat.len().saturating_add(self.known));
        let mut done = 0;
        for Length { at, length } in self.lengths {
            out.extend_from_slice(self.flat.get(done..at).unwrap_or_default());
            push_length(&mut out, length)?;
            done = at;
        }
        out.extend_from_slice(self.flat.get(done..).unwrap_or_default());
        Ok(out.into())
    }
}

fn push_length(out: &mut Vec<u8>, length: usize) -> Result<(), Fault> {
    prost::encode_length_delimiter(length, out).map_err(|error| Fault::new(error.to_string()))
}
