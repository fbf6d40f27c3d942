//! Certificates in the shape that Crossplane core generates: 2048-bit RSA keys in PKCS#1, ten years, every serial 2022, and one
//! name as subject and issuer of all (`internal/initializer/tls.go`).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test's own functions may panic as the test may")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_RSA_SHA256, RsaKeySize, SerialNumber,
};
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

/// Of a key in PKCS#8 what comes before the same key in PKCS#1, where it has 2048 bits.
const PKCS8_HEADER: usize = 26;

/// The year in which what is made expires.
const END: i32 = 2126;

/// An authority, as `crossplane core init` makes one.
pub(super) struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key, both in PEM.
pub(super) struct Pair {
    certificate: String,
    key: String,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = params("crossplane-root-ca");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::CrlSign, KeyUsagePurpose::KeyCertSign];
        let key = rsa();
        Self { pem: params.self_signed(&key).unwrap().pem(), issuer: Issuer::new(params, key) }
    }

    pub(super) fn server(&self) -> Pair {
        self.server_until(END)
    }

    /// One that expires with the beginning of a year.
    pub(super) fn server_until(&self, year: i32) -> Pair {
        self.sign(ExtendedKeyUsagePurpose::ServerAuth, year)
    }

    pub(super) fn client(&self) -> Pair {
        self.sign(ExtendedKeyUsagePurpose::ClientAuth, END)
    }

    fn sign(&self, purpose: ExtendedKeyUsagePurpose, year: i32) -> Pair {
        let mut params = params("localhost");
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages = vec![purpose];
        let key = rsa();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        let key = pem::encode(&pem::Pem::new("RSA PRIVATE KEY", &key.serialize_der()[PKCS8_HEADER..]));
        Pair { certificate, key }
    }

    /// How a client trusts this authority's servers; with a pair it shows who it is.
    pub(super) fn trusted(&self, client: Option<&Pair>) -> ClientTlsConfig {
        let config = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&self.pem)).domain_name("localhost");
        match client {
            Some(pair) => config.identity(Identity::from_pem(&pair.certificate, &pair.key)),
            None => config,
        }
    }

    /// Writes the three files as a kubelet does when it mounts or updates a Secret: into a folder of their own, to which `..data`
    /// then points; the files that people see are links through it.
    pub(super) fn mount(&self, folder: &Path, version: &str, pair: &Pair) {
        let files = folder.join(version);
        fs::create_dir(&files).unwrap();
        for (name, text) in [("tls.crt", &pair.certificate), ("tls.key", &pair.key), ("ca.crt", &self.pem)] {
            fs::write(files.join(name), text).unwrap();
            let link = folder.join(name);
            if !link.is_symlink() {
                symlink(Path::new("..data").join(name), link).unwrap();
            }
        }
        symlink(version, folder.join("..data_tmp")).unwrap();
        fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    }
}

impl Pair {
    /// This certificate with another's key.
    pub(super) fn mixed_with(self, other: Self) -> Self {
        Self { certificate: self.certificate, key: other.key }
    }
}

fn rsa() -> KeyPair {
    KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap()
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, "Crossplane");
    subject.push(DnType::OrganizationName, "Crossplane");
    subject.push(DnType::CountryName, "Earth");
    params.distinguished_name = subject;
    params.serial_number = Some(SerialNumber::from(2022_u64));
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(END, 1, 1);
    params
}
