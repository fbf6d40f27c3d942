//! Crossplane as far as manifests go: what it keeps, calls, writes back and makes of what is composed.

pub(crate) mod composed;
pub(crate) mod control_plane;
pub mod conversation;
pub(crate) mod kinds;
pub(crate) mod live;
pub(crate) mod object_key;
pub(crate) mod pipeline;
pub(crate) mod running;
pub(crate) mod session;
pub(crate) mod settling;
