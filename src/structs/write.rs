//! A serde serializer into the wire form.

use std::fmt::Display;
use std::ops::Range;

use bytes::Bytes;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple};
use serde::ser::{SerializeTupleStruct, SerializeTupleVariant, Serializer};

use super::error::{Fault, Step};
use super::wire::{BOOL, Content, ENTRY_KEY, ENTRY_VALUE, Fields, LIST, LIST_VALUES, MAX_DEPTH, MAX_INTEGER, NULL, NUMBER};
use super::wire::{STRING, STRUCT, STRUCT_FIELDS, Writer, text};

/// Writes a message of type Struct.
pub(super) fn object<T: Serialize + ?Sized>(value: &T) -> Result<Bytes, Fault> {
    let mut writer = Writer::default();
    value.serialize(Slot { writer: &mut writer, place: Place::Root, depth: 0 })?;
    writer.finish()
}

/// Where a value is to be written.
struct Slot<'w> {
    writer: &'w mut Writer,
    place: Place,
    /// How many objects and lists it lies in.
    depth: u32,
}

#[derive(Clone, Copy)]
enum Place {
    /// The whole, which is a Struct and not a Value.
    Root,
    /// The key of an entry.
    Key,
    /// A Value, behind this tag.
    Value(u8),
}

impl<'w> Slot<'w> {
    /// Writes a Value of a fixed size: the tag of its kind and what follows.
    fn scalar(self, what: &str, kind: u8, content: &[u8]) -> Result<(), Fault> {
        let tag = self.value_tag(what)?;
        self.writer.flat.push(tag);
        self.writer.length(content.len().saturating_add(1))?;
        self.writer.flat.push(kind);
        self.writer.flat.extend_from_slice(content);
        Ok(())
    }

    fn integer(self, integer: impl Display, magnitude: u64, double: f64) -> Result<(), Fault> {
        if magnitude > MAX_INTEGER {
            return Err(Fault::new(format!("the integer {integer} is too large: a number here is a double, exact up to 2^53")));
        }
        self.double(double)
    }

    fn double(self, number: f64) -> Result<(), Fault> {
        if !number.is_finite() {
            return Err(Fault::new(format!("invalid value: {number}, expected a finite number")));
        }
        self.scalar("number", NUMBER, &number.to_le_bytes())
    }

    /// The tag before a Value; any other place takes no `what`.
    fn value_tag(&self, what: &str) -> Result<u8, Fault> {
        match self.place {
            Place::Value(tag) => Ok(tag),
            Place::Root => Err(Fault::new(format!("invalid type: {what}, expected an object"))),
            Place::Key => Err(Fault::new(format!("invalid type: {what}, expected a string as key"))),
        }
    }

    /// Begins an object or list.
    fn compound(self, kind: u8, what: &str) -> Result<Compound<'w>, Fault> {
        if self.depth >= MAX_DEPTH {
            return Err(Fault::new(format!("nested too deep: more than {MAX_DEPTH} objects and lists inside each other")));
        }
        let open = self.writer.open_messages();
        if !matches!((self.place, kind), (Place::Root, STRUCT)) {
            let tag = self.value_tag(what)?;
            self.writer.open(tag);
            self.writer.open(kind);
        }
        Ok(Compound { writer: self.writer, open, depth: self.depth.saturating_add(1), index: 0, key: 0..0, variant: None })
    }

    /// Begins an object with one field that is an object or list: how serde writes the variant of an enum by default.
    fn variant(self, name: &'static str, kind: u8, what: &str) -> Result<Compound<'w>, Fault> {
        let mut outer = self.compound(STRUCT, what)?;
        outer.writer.open(STRUCT_FIELDS);
        name.serialize(outer.slot(Place::Key))?;
        let (open, depth) = (outer.open, outer.depth);
        let inner = Slot { writer: outer.writer, place: Place::Value(ENTRY_VALUE), depth }.compound(kind, what)?;
        Ok(Compound { open, variant: Some(name), ..inner })
    }
}

/// Numbers that a double holds exactly.
macro_rules! exact {
    ($($serialize:ident: $number:ty),*) => {
        $(fn $serialize(self, value: $number) -> Result<(), Fault> {
            self.double(value.into())
        })*
    };
}

impl<'w> Serializer for Slot<'w> {
    type Ok = ();
    type Error = Fault;
    type SerializeSeq = Compound<'w>;
    type SerializeTuple = Compound<'w>;
    type SerializeTupleStruct = Compound<'w>;
    type SerializeTupleVariant = Compound<'w>;
    type SerializeMap = Compound<'w>;
    type SerializeStruct = Compound<'w>;
    type SerializeStructVariant = Compound<'w>;

    exact!(serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_f32: f32);

    fn serialize_bool(self, value: bool) -> Result<(), Fault> {
        self.scalar("boolean", BOOL, &[u8::from(value)])
    }

    #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "only what is exact is written")]
    fn serialize_i64(self, value: i64) -> Result<(), Fault> {
        self.integer(value, value.unsigned_abs(), value as f64)
    }

    #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "only what is exact is written")]
    fn serialize_u64(self, value: u64) -> Result<(), Fault> {
        self.integer(value, value, value as f64)
    }

    fn serialize_f64(self, value: f64) -> Result<(), Fault> {
        self.double(value)
    }

    fn serialize_char(self, value: char) -> Result<(), Fault> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Fault> {
        if let Place::Key = self.place {
            return self.writer.field(ENTRY_KEY, value.as_bytes());
        }
        let tag = self.value_tag("string")?;
        self.writer.flat.push(tag);
        self.writer.length(prost::length_delimiter_len(value.len()).saturating_add(value.len()).saturating_add(1))?;
        self.writer.field(STRING, value.as_bytes())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Fault> {
        self.collect_seq(value)
    }

    fn serialize_none(self) -> Result<(), Fault> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Fault> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Fault> {
        self.scalar("null", NULL, &[0])
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Fault> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _name: &'static str, _index: u32, variant: &'static str) -> Result<(), Fault> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _name: &'static str, value: &T) -> Result<(), Fault> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Fault> {
        let mut object = self.compound(STRUCT, "object")?;
        SerializeMap::serialize_entry(&mut object, variant, value)?;
        SerializeMap::end(object)
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Compound<'w>, Fault> {
        self.compound(LIST, "list")
    }

    fn serialize_tuple(self, _length: usize) -> Result<Compound<'w>, Fault> {
        self.compound(LIST, "list")
    }

    fn serialize_tuple_struct(self, _name: &'static str, _length: usize) -> Result<Compound<'w>, Fault> {
        self.compound(LIST, "list")
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Compound<'w>, Fault> {
        self.variant(variant, LIST, "list")
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Compound<'w>, Fault> {
        self.compound(STRUCT, "object")
    }

    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Compound<'w>, Fault> {
        self.compound(STRUCT, "object")
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Compound<'w>, Fault> {
        self.variant(variant, STRUCT, "object")
    }
}

/// An object or list that is being written.
struct Compound<'w> {
    writer: &'w mut Writer,
    /// How many messages were open before it.
    open: usize,
    /// The depth of what lies in it.
    depth: u32,
    /// Of a list: how many elements it has.
    index: usize,
    /// Of an object: where the entry's key, with tag and length, is in `flat`.
    key: Range<usize>,
    /// The field that it is the value of, if that was written along with it.
    variant: Option<&'static str>,
}

impl Compound<'_> {
    fn slot(&mut self, place: Place) -> Slot<'_> {
        Slot { writer: self.writer, place, depth: self.depth }
    }

    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Fault> {
        self.writer.open(STRUCT_FIELDS);
        let start = self.writer.flat.len();
        key.serialize(self.slot(Place::Key)).map_err(|fault| self.within(fault))?;
        self.key = start..self.writer.flat.len();
        Ok(())
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        let entry = self.writer.open_messages().saturating_sub(1);
        value.serialize(self.slot(Place::Value(ENTRY_VALUE))).map_err(|fault| self.within(fault.below(Step::Key(self.last_key()))))?;
        self.writer.close(entry);
        Ok(())
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        let index = self.index;
        self.index = index.saturating_add(1);
        value.serialize(self.slot(Place::Value(LIST_VALUES))).map_err(|fault| self.within(fault.below(Step::Index(index))))
    }

    fn end(self) {
        self.writer.close(self.open);
    }

    /// The key whose value is being written.
    fn last_key(&self) -> String {
        let written = self.writer.flat.get(self.key.clone()).unwrap_or_default();
        match Fields::of(written).next() {
            Ok(Some((ENTRY_KEY, Content::Bytes(key)))) => text(key).unwrap_or_default().to_owned(),
            _ => String::new(),
        }
    }

    fn within(&self, fault: Fault) -> Fault {
        match self.variant {
            Some(variant) => fault.below(Step::Key(variant.to_owned())),
            None => fault,
        }
    }
}

/// Lists.
macro_rules! list {
    ($($access:ident :: $element:ident),*) => {$(
        impl $access for Compound<'_> {
            type Ok = ();
            type Error = Fault;

            fn $element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
                self.element(value)
            }

            fn end(self) -> Result<(), Fault> {
                Compound::end(self);
                Ok(())
            }
        }
    )*};
}

list!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

/// Objects with known keys.
macro_rules! object {
    ($($access:ident),*) => {$(
        impl $access for Compound<'_> {
            type Ok = ();
            type Error = Fault;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Fault> {
                self.key(key)?;
                self.value(value)
            }

            fn end(self) -> Result<(), Fault> {
                Compound::end(self);
                Ok(())
            }
        }
    )*};
}

object!(SerializeStruct, SerializeStructVariant);

impl SerializeMap for Compound<'_> {
    type Ok = ();
    type Error = Fault;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Fault> {
        self.key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        self.value(value)
    }

    fn end(self) -> Result<(), Fault> {
        Compound::end(self);
        Ok(())
    }
}
