//! vLLM's facts: how it reads its arguments, what its releases can do, and what carries its KV cache.

pub mod args;
pub(crate) mod attention;
pub(crate) mod connectors;
pub(crate) mod handshake;
pub mod metrics;
pub(crate) mod options;
pub(crate) mod refusals;
pub(crate) mod release;
pub(crate) mod replaced;
pub(crate) mod speculative;
pub mod template_text;
pub(crate) mod transfer;
pub(crate) mod values;
