//! Why there is no serving, or no more.

use std::io;
use std::net::SocketAddr;

use super::tls::TlsError;

/// Why there is no serving, or no more.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Neither certificates nor `--insecure`.
    #[error(
        "cannot serve without certificates: give --tls-certs-dir a folder with tls.crt, tls.key and ca.crt, or --insecure to serve without TLS"
    )]
    NoCertificates,
    /// The certificates are no good.
    #[error(transparent)]
    Certificates(#[from] TlsError),
    /// An address cannot be listened at.
    #[error("cannot listen at {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The protocol's descriptors cannot be reflected.
    #[error("cannot serve reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The system denies threads, timers or signals.
    #[error("cannot start: {0}")]
    System(#[source] io::Error),
    /// Serving ended with an error, or although nobody asked for it.
    #[error("serving ended: {0}")]
    Ended(String),
}

impl ServerError {
    /// The process's exit code: 2 for a wrong command line and certificates that cannot be used, 1 for anything else.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NoCertificates | Self::Certificates(_) => 2,
            Self::Listen { .. } | Self::Reflection(_) | Self::System(_) | Self::Ended(_) => 1,
        }
    }
}
