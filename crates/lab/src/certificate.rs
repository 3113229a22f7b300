//! Certificates that no root of the system vouches for.

use std::{fs, path::Path};

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

use crate::error::{Doing as _, LabError};

/// A certificate for this computer's own names that signs itself.
#[derive(Debug)]
pub struct SelfSigned {
    params: CertificateParams,
}

impl SelfSigned {
    pub fn named(name: &str) -> Result<Self, LabError> {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).map_err(|error| unmade(&error))?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        Ok(Self { params })
    }

    /// The same, long past its end.
    #[must_use]
    pub fn expired(mut self) -> Self {
        self.params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        self.params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        self
    }

    /// Writes it with a new key to where [`served_from`] looks.
    pub fn write(self, folder: &Path) -> Result<(), LabError> {
        let doing = || "writing a certificate".into();
        let key = KeyPair::generate().map_err(|error| unmade(&error))?;
        let certificate = self.params.self_signed(&key).map_err(|error| unmade(&error))?;
        fs::write(folder.join(CERTIFICATE), certificate.pem()).doing(doing)?;
        fs::write(folder.join(KEY), key.serialize_pem()).doing(doing)
    }
}

/// The environment of a service that serves the certificate of a folder.
pub fn served_from(folder: &Path) -> Vec<(String, String)> {
    let path = |name: &str| folder.join(name).display().to_string();
    vec![("MAILCUP_TLS_CERTIFICATE".to_owned(), path(CERTIFICATE)), ("MAILCUP_TLS_KEY".to_owned(), path(KEY))]
}

const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";

fn unmade(error: &rcgen::Error) -> LabError {
    LabError::unexpected("a certificate", error.to_string())
}
