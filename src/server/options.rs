//! What the command line says about serving.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use clap::builder::{BoolishValueParser, OsStringValueParser, TypedValueParser as _};

use super::{error::ServerError, memory};

const PROBES: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 8080);

/// The flags of a composition function; each may be an environment variable instead.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Where to serve gRPC; ":9443" is every IPv4 address, "[::]:9443" every address
    #[arg(long, env = "FUNCTION_MODELPLANE_ADDRESS", default_value = "0.0.0.0:9443", value_parser = address)]
    pub address: SocketAddr,

    /// Folder with tls.crt, tls.key and ca.crt; a client needs a certificate of that authority, changed files are picked up
    #[arg(long, env = "TLS_SERVER_CERTS_DIR", value_name = "FOLDER", value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub tls_certs_dir: Option<PathBuf>,

    /// Serve without TLS, whatever --tls-certs-dir says
    #[arg(long, env = "FUNCTION_MODELPLANE_INSECURE", value_parser = BoolishValueParser::new())]
    pub insecure: bool,

    /// The largest request accepted, in MB
    #[arg(
        long,
        env = "FUNCTION_MODELPLANE_MAX_RECV_MESSAGE_SIZE",
        default_value_t = 64,
        value_name = "MB",
        value_parser = clap::value_parser!(u32).range(1..=4095)
    )]
    pub max_recv_message_size: u32,

    /// How much memory calls may take together, in MB [default: three quarters of the memory limit]
    #[arg(
        long,
        env = "FUNCTION_MODELPLANE_MEMORY_BUDGET",
        value_name = "MB",
        value_parser = clap::value_parser!(u32).range(1..=1_048_576)
    )]
    pub memory_budget: Option<u32>,

    /// Where to serve /livez, /readyz and /metrics over plain HTTP [default: 0.0.0.0:8080, with --insecure nowhere]
    #[arg(long, env = "FUNCTION_MODELPLANE_METRICS_ADDRESS", value_name = "ADDRESS", value_parser = address)]
    pub metrics_address: Option<SocketAddr>,

    /// Log more
    #[arg(short, long, env = "FUNCTION_MODELPLANE_DEBUG", value_parser = BoolishValueParser::new())]
    pub debug: bool,
}

impl Options {
    /// The folder with the certificates, none without TLS.
    pub(super) fn certificates(&self) -> Result<Option<&Path>, ServerError> {
        match &self.tls_certs_dir {
            _ if self.insecure => Ok(None),
            // An empty environment variable is how manifests leave one unset.
            Some(folder) if !folder.as_os_str().is_empty() => Ok(Some(folder)),
            Some(_) | None => Err(ServerError::NoCertificates),
        }
    }

    /// Where to serve probes and metrics, if anywhere: a function started by hand must not fail because 8080 is taken.
    pub(super) fn probes(&self) -> Option<SocketAddr> {
        self.metrics_address.or((!self.insecure).then_some(PROBES))
    }

    /// The largest request accepted, in bytes.
    pub(super) fn max_request(&self) -> usize {
        bytes(self.max_recv_message_size)
    }

    /// How much memory calls may take together, in bytes.
    pub(super) fn budget(&self) -> usize {
        // A quarter is for the process itself, for what connections buffer and for what an allocator cannot give back at once.
        self.memory_budget.map_or_else(
            || {
                let limit = memory::limit(Path::new("/"));
                usize::try_from(limit.saturating_sub(limit / 4)).unwrap_or(usize::MAX)
            },
            bytes,
        )
    }
}

fn bytes(megabytes: u32) -> usize {
    usize::try_from(megabytes).unwrap_or(usize::MAX).saturating_mul(1 << 20)
}

/// Reads `host:port`, or `:port` as programs in Go write it.
fn address(text: &str) -> Result<SocketAddr, String> {
    let full = if text.starts_with(':') { format!("0.0.0.0{text}") } else { text.to_owned() };
    let found = full.to_socket_addrs().map_err(|error| format!("{error}; write host:port or :port"))?.next();
    found.ok_or_else(|| "the host has no address".to_owned())
}
