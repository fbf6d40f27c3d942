//! Mutual TLS from a folder whose files may change while we serve.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::CryptoProvider;
use rustls::server::{ParsedCertificate, VerifierBuilderError, WebPkiClientVerifier};
use rustls::{CertificateError, RootCertStore, ServerConfig};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};

use super::metrics::Metrics;

/// Certificates that cannot be served with.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file does not hold what it should in PEM.
    #[error("cannot use {file}: {reason}")]
    Pem {
        /// The file's name.
        file: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The certificate and the key do not make a server.
    #[error("cannot use tls.crt with tls.key: {0}")]
    Pair(#[from] rustls::Error),
    /// The certificate was not issued by the authority, as the one in use was.
    #[error("cannot use tls.crt with ca.crt: it was not issued by that authority")]
    Issuer,
    /// Nobody could be verified with the authority.
    #[error("cannot verify clients with ca.crt: {0}")]
    Verifier(#[from] VerifierBuilderError),
}

/// The files of a folder as read together.
#[derive(PartialEq, Eq)]
struct Files {
    certificate: Vec<u8>,
    key: Vec<u8>,
    authority: Vec<u8>,
}

/// The certificates in use.
pub(super) struct Certificates {
    folder: PathBuf,
    /// What was found in the folder last, good or not.
    last: Result<Files, String>,
    current: Arc<ArcSwap<ServerConfig>>,
    metrics: Metrics,
    /// Whether `tls.crt` was issued by `ca.crt`.
    issued: bool,
}

impl Certificates {
    /// Reads the folder's `tls.crt`, `tls.key` and `ca.crt`.
    pub(super) fn load(folder: &Path, metrics: Metrics) -> Result<Self, TlsError> {
        let files = read(folder)?;
        let (config, issued) = config(&files)?;
        tell_expiry(&files, &metrics);
        if !issued {
            tracing::warn!(folder = %folder.display(), "tls.crt was not issued by the authority in ca.crt, which is to verify clients");
        }
        Ok(Self { folder: folder.to_owned(), last: Ok(files), current: Arc::new(ArcSwap::from_pointee(config)), metrics, issued })
    }

    /// What a handshake that starts now is to use.
    pub(super) fn current(&self) -> Arc<ArcSwap<ServerConfig>> {
        Arc::clone(&self.current)
    }

    /// Looks for changes for ever. A set that cannot be served with is reported once, and the one before stays in use.
    pub(super) async fn watch(mut self, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            let now = read(&self.folder).map_err(|error| error.to_string());
            if now == self.last {
                continue;
            }
            let files = now.as_ref().map_err(Clone::clone);
            match files.and_then(|files| self.replace(files).map_err(|error| error.to_string())) {
                Ok(()) => {
                    self.metrics.reloaded(Ok(()));
                    tracing::info!(folder = %self.folder.display(), "new certificates are in use");
                }
                Err(error) => {
                    self.metrics.reloaded(Err(()));
                    tracing::error!(folder = %self.folder.display(), error, "new certificates are no good, the old ones stay in use");
                }
            }
            self.last = now;
        }
    }

    fn replace(&mut self, files: &Files) -> Result<(), TlsError> {
        let (config, issued) = config(files)?;
        // Clients may well have an authority of their own, but one that comes with a change is a rotation half done.
        if self.issued && !issued {
            return Err(TlsError::Issuer);
        }
        self.issued = issued;
        tell_expiry(files, &self.metrics);
        self.current.store(Arc::new(config));
        Ok(())
    }
}

/// Tells when the server's own certificate expires: Crossplane does not renew one, it makes all anew when somebody deletes the Secrets.
fn tell_expiry(files: &Files, metrics: &Metrics) {
    let chain = certificates("tls.crt", &files.certificate).unwrap_or_default();
    let certificate = chain.first().and_then(|first| x509_parser::parse_x509_certificate(first).ok());
    if let Some((_, certificate)) = certificate {
        metrics.expires(certificate.validity().not_after.timestamp());
    }
}

fn read(folder: &Path) -> Result<Files, TlsError> {
    // A kubelet updates a mounted Secret by pointing `..data` at another folder: resolved once, the three files are of one update.
    let folder = folder.join("..data").canonicalize().unwrap_or_else(|_| folder.to_owned());
    let file = |name| {
        let path = folder.join(name);
        std::fs::read(&path).map_err(|source| TlsError::Read { path, source })
    };
    Ok(Files { certificate: file("tls.crt")?, key: file("tls.key")?, authority: file("ca.crt")? })
}

/// Checks the files together: the key is the certificate's, and the authority can verify clients. Also says whether
/// that authority issued the certificate.
fn config(files: &Files) -> Result<(ServerConfig, bool), TlsError> {
    // Named, because a process may have more than one provider and then has no default.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    for root in certificates("ca.crt", &files.authority)? {
        roots.add(root).map_err(|error| TlsError::Pem { file: "ca.crt", reason: error.to_string() })?;
    }
    let chain = certificates("tls.crt", &files.certificate)?;
    let issued = is_issued(&chain, &roots, &provider);
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build()?;
    let key = PrivateKeyDer::from_pem_slice(&files.key).map_err(|error| unusable("tls.key", &error))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok((config, issued))
}

/// Whether one of the authorities issued a certificate that comes with those in between.
fn is_issued(chain: &[CertificateDer<'_>], roots: &RootCertStore, provider: &CryptoProvider) -> bool {
    let Some((certificate, between)) = chain.split_first() else { return false };
    let algorithms = provider.signature_verification_algorithms.all;
    let verified = ParsedCertificate::try_from(certificate)
        .and_then(|parsed| verify_server_cert_signed_by_trust_anchor(&parsed, roots, between, UnixTime::now(), algorithms));
    // Whether it has expired, or is valid only in a second by our clock, is for its clients to judge.
    !matches!(verified, Err(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature)))
}

fn certificates(file: &'static str, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(text).collect::<Result<_, _>>().map_err(|error| unusable(file, &error))?;
    if found.is_empty() { Err(TlsError::Pem { file, reason: "it holds no certificate".to_owned() }) } else { Ok(found) }
}

fn unusable(file: &'static str, error: &pem::Error) -> TlsError {
    TlsError::Pem { file, reason: error.to_string() }
}
