//! Keys that are written without a value.
//!
//! The API server drops a null where a field has a default. Files and objects that never met it are read the same way.

use serde::{Deserialize, Deserializer};

/// Reads null as the type's default.
pub(super) fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads what cannot be read as nothing: others may have written it, and what stands around it must not be lost with it.
#[expect(clippy::unnecessary_wraps, reason = "serde asks for a result")]
pub(super) fn unreadable_is_none<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer).unwrap_or_default())
}

/// Defaults of fields, `Name: Type = value;` each: for `#[serde(default = "Name::value", deserialize_with = "Name::or_null")]`.
macro_rules! defaults {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $value:expr;)*) => {$(
        $(#[$doc])*
        struct $name;

        impl $name {
            fn value() -> $type {
                $value
            }

            fn or_null<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                let written: Option<$type> = serde::Deserialize::deserialize(deserializer)?;
                Ok(written.unwrap_or_else(Self::value))
            }
        }
    )*};
}

pub(super) use defaults;
