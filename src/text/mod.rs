//! Texts for people, wherever they are made: not longer than anyone reads, visible, and with the spelling that somebody meant.

pub(crate) mod bounded;
pub(crate) mod spelling;
pub mod visible;
