//! A serde deserializer over the wire form.

use std::vec;

use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::error::{Fault, Step};
use super::omitted::Omitted;
use super::wire::{BOOL, Content, ENTRY_KEY, ENTRY_VALUE, Fields, LIST, LIST_VALUES, MAX_DEPTH, MAX_INTEGER, NULL, NUMBER, STRING};
use super::wire::{STRUCT, STRUCT_FIELDS, text};

/// Reads a message of type Struct.
pub(super) fn object<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, Fault> {
    object_without(bytes, None)
}

/// Reads a message of type Struct as if some of it were not there.
pub(super) fn object_without<'de, T: Deserialize<'de>>(bytes: &'de [u8], omitted: Option<&'de Omitted>) -> Result<T, Fault> {
    T::deserialize(Node { source: Source::Read(Kind::Struct(bytes)), around: Around { depth: 0, lossless: false, omitted } })
}

/// The newtype struct within which nothing may be ignored.
const LOSSLESS: &str = "Lossless";

/// Something to be read, if anyone wants it.
struct Node<'de> {
    source: Source<'de>,
    around: Around<'de>,
}

/// What is to be known of the place of a Node.
#[derive(Clone, Copy)]
struct Around<'de> {
    /// How many objects and lists it lies in.
    depth: u32,
    /// Whether what is ignored is an error.
    lossless: bool,
    /// What of it is not there.
    omitted: Option<&'de Omitted>,
}

impl Around<'_> {
    /// What lies in an object or list that is here.
    fn inside(self) -> Result<Self, Fault> {
        if self.depth >= MAX_DEPTH {
            return Err(Fault::new(format!("nested too deep: more than {MAX_DEPTH} objects and lists inside each other")));
        }
        Ok(Self { depth: self.depth.saturating_add(1), ..self })
    }

    /// One step further, where that is not left out.
    fn at(self, step: impl FnOnce() -> Step) -> Option<Self> {
        let Some(omitted) = self.omitted else { return Some(self) };
        let omitted = omitted.at(&step());
        (!omitted.is_some_and(Omitted::is_whole)).then_some(Self { omitted, ..self })
    }
}

/// How far a Node is read.
enum Source<'de> {
    /// Not at all: a message of type Value.
    Unread(&'de [u8]),
    /// Its kind is known.
    Read(Kind<'de>),
}

/// What a Value holds.
#[derive(Clone, Copy)]
enum Kind<'de> {
    Null,
    Bool(bool),
    Number(f64),
    String(&'de str),
    Struct(&'de [u8]),
    List(&'de [u8]),
}

impl<'de> Kind<'de> {
    /// Of several the last one counts; none is null.
    fn of_value(message: &'de [u8]) -> Result<Self, Fault> {
        let mut kind = Kind::Null;
        let mut fields = Fields::of(message);
        while let Some(field) = fields.next()? {
            kind = match field {
                (NULL, Content::Varint(_)) => Kind::Null,
                (BOOL, Content::Varint(value)) => Kind::Bool(value != 0),
                (NUMBER, Content::Fixed64(value)) => Kind::Number(f64::from_le_bytes(value)),
                (STRING, Content::Bytes(value)) => Kind::String(text(value)?),
                (STRUCT, Content::Bytes(value)) => Kind::Struct(value),
                (LIST, Content::Bytes(value)) => Kind::List(value),
                _ => kind,
            };
        }
        Ok(kind)
    }

    fn as_unexpected(self) -> Unexpected<'de> {
        match self {
            Kind::Null => Unexpected::Unit,
            Kind::Bool(value) => Unexpected::Bool(value),
            Kind::Number(number) => Integer::of(number).map_or(Unexpected::Float(number), Integer::as_unexpected),
            Kind::String(text) => Unexpected::Str(text),
            Kind::Struct(_) => Unexpected::Map,
            Kind::List(_) => Unexpected::Seq,
        }
    }
}

/// A number that is a whole one, and small enough that its neighbours are, too.
#[derive(Clone, Copy)]
enum Integer {
    Negative(i64),
    Positive(u64),
}

impl Integer {
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "the conversions are exact for whole numbers of at most 2^53 and the sign looked at"
    )]
    fn of(number: f64) -> Option<Self> {
        let exact = number.fract() == 0.0 && number.abs() <= MAX_INTEGER as f64;
        exact.then_some(if number < 0.0 { Self::Negative(number as i64) } else { Self::Positive(number as u64) })
    }

    fn as_unexpected<'a>(self) -> Unexpected<'a> {
        match self {
            Self::Negative(value) => Unexpected::Signed(value),
            Self::Positive(value) => Unexpected::Unsigned(value),
        }
    }
}

impl<'de> Node<'de> {
    fn kind(&self) -> Result<Kind<'de>, Fault> {
        match self.source {
            Source::Unread(message) => Kind::of_value(message),
            Source::Read(kind) => Ok(kind),
        }
    }

    fn visit<V: Visitor<'de>>(&self, kind: Kind<'de>, visitor: V) -> Result<V::Value, Fault> {
        match kind {
            Kind::Null => visitor.visit_unit(),
            Kind::Bool(value) => visitor.visit_bool(value),
            Kind::Number(number) => visit_number(number, visitor),
            Kind::String(text) => visitor.visit_borrowed_str(text),
            Kind::Struct(message) => visitor.visit_map(Object::read(message, self.around.inside()?)?),
            Kind::List(message) => {
                let mut items = Items { fields: Fields::of(message), index: 0, inside: self.around.inside()? };
                let value = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(value)
            }
        }
    }
}

fn visit_number<'de, V: Visitor<'de>>(number: f64, visitor: V) -> Result<V::Value, Fault> {
    match Integer::of(number) {
        Some(Integer::Negative(value)) => visitor.visit_i64(value),
        Some(Integer::Positive(value)) => visitor.visit_u64(value),
        None if number.is_finite() => visitor.visit_f64(number),
        None => Err(Fault::new(format!("invalid value: {number}, expected a finite number"))),
    }
}

impl<'de> Deserializer<'de> for Node<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.visit(self.kind()?, visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.kind()? {
            Kind::Null => visitor.visit_none(),
            kind @ (Kind::Bool(_) | Kind::Number(_) | Kind::String(_) | Kind::Struct(_) | Kind::List(_)) => {
                visitor.visit_some(Node { source: Source::Read(kind), ..self })
            }
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Fault> {
        let lossless = self.around.lossless || name == LOSSLESS;
        visitor.visit_newtype_struct(Node { around: Around { lossless, ..self.around }, ..self })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let kind = self.kind()?;
        if let Kind::List(_) = kind {
            // serde's derive would take a list as the fields in their order.
            return Err(Fault::invalid_type(kind.as_unexpected(), &visitor));
        }
        self.visit(kind, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let wanted = || format!("one of `{}`", variants.join("`, `"));
        let kind = self.kind()?;
        if let Kind::String(text) = kind {
            return visitor.visit_enum(BorrowedStrDeserializer::new(text));
        }
        if let Kind::Struct(message) = kind {
            let object = Object::read(message, self.around.inside()?)?;
            if object.entries.len() != 1 {
                return Err(Fault::new(format!("expected an object with one field, {}", wanted())));
            }
            return visitor.visit_enum(MapAccessDeserializer::new(object));
        }
        Err(Fault::invalid_type(kind.as_unexpected(), &wanted().as_str()))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.around.lossless {
            return Err(Fault::new("unknown field, which would be lost; correct its spelling or remove it"));
        }
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map identifier
    }
}

/// An object's fields, each key once, in the order of the keys.
struct Object<'de> {
    entries: vec::IntoIter<Entry<'de>>,
    /// The key that was read last, and its value until that is read.
    current: Option<(&'de str, Node<'de>)>,
    inside: Around<'de>,
}

/// An entry of the map, not looked into.
struct Entry<'de> {
    key: &'de [u8],
    value: &'de [u8],
}

impl<'de> Object<'de> {
    fn read(message: &'de [u8], inside: Around<'de>) -> Result<Self, Fault> {
        let mut entries = Vec::new();
        let mut fields = Fields::of(message);
        while let Some(field) = fields.next()? {
            if let (STRUCT_FIELDS, Content::Bytes(entry)) = field {
                entries.push(Entry::read(entry)?);
            }
        }
        // The sort keeps the order of equal keys and dedup the first of them, which is now the last on the wire.
        entries.reverse();
        entries.sort_by_key(|entry| entry.key);
        entries.dedup_by_key(|entry| entry.key);
        Ok(Self { entries: entries.into_iter(), current: None, inside })
    }
}

impl<'de> Entry<'de> {
    fn read(message: &'de [u8]) -> Result<Self, Fault> {
        let mut entry = Entry { key: &[], value: &[] };
        let mut fields = Fields::of(message);
        while let Some(field) = fields.next()? {
            match field {
                (ENTRY_KEY, Content::Bytes(key)) => entry.key = key,
                (ENTRY_VALUE, Content::Bytes(value)) => entry.value = value,
                _ => {}
            }
        }
        Ok(entry)
    }
}

impl<'de> MapAccess<'de> for Object<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        for entry in self.entries.by_ref() {
            let key = text(entry.key)?;
            let Some(around) = self.inside.at(|| Step::Key(key.to_owned())) else { continue };
            self.current = Some((key, Node { source: Source::Unread(entry.value), around }));
            return seed.deserialize(Node { source: Source::Read(Kind::String(key)), around }).map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let (key, value) = self.current.take().ok_or_else(|| Fault::new("a value was asked for before its key"))?;
        seed.deserialize(value).map_err(|fault| fault.below(Step::Key(key.to_owned())))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// A list's elements.
struct Items<'de> {
    fields: Fields<'de>,
    /// How many were read.
    index: usize,
    inside: Around<'de>,
}

impl<'de> Items<'de> {
    fn next(&mut self) -> Result<Option<&'de [u8]>, Fault> {
        while let Some(field) = self.fields.next()? {
            if let (LIST_VALUES, Content::Bytes(value)) = field {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// A type that takes a certain number of elements stops after them.
    fn end(&mut self) -> Result<(), Fault> {
        match self.next()? {
            Some(_) => Err(Fault::new(format!("invalid length: more than the {} elements expected", self.index))),
            None => Ok(()),
        }
    }
}

impl<'de> SeqAccess<'de> for &mut Items<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        while let Some(value) = self.next()? {
            let index = self.index;
            self.index = index.saturating_add(1);
            let Some(around) = self.inside.at(|| Step::Index(index)) else { continue };
            let element = seed.deserialize(Node { source: Source::Unread(value), around });
            return element.map(Some).map_err(|fault| fault.below(Step::Index(index)));
        }
        Ok(None)
    }
}
