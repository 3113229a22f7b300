//! Whether a service's certificate is trusted: by the system's roots, or because an admin looked at this very
//! certificate once and trusted it. Where it is not, the connection ends before anything is sent, and the error
//! carries what the service showed.

use std::{error::Error as StdError, fmt, io, sync::Arc};

use data_encoding::HEXUPPER;
use mailcup_wire::{
    Time,
    desktop::{Certificate, CertificateFault, Link},
};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use rustls_platform_verifier::Verifier;
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

/// A certificate that is not trusted, and the one that is, if one was trusted by hand.
#[derive(Debug, Clone)]
pub struct Untrusted {
    pub found: Certificate,
    pub pinned: Option<Certificate>,
}

/// How TLS is spoken with a service whose certificate was trusted by hand, or with any other.
pub fn tls(pinned: Option<Certificate>) -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let roots = Verifier::new(Arc::clone(&provider)).inspect_err(|error| {
        tracing::warn!(%error, "the system's roots can't be read; no certificate is valid by them");
    });
    let verifier = Trust { roots: roots.ok(), pinned, provider: Arc::clone(&provider) };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}

/// What the service showed, where that is why a request failed.
pub fn untrusted<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Untrusted> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let tls = error.downcast_ref::<Error>();
        if let Some(Error::InvalidCertificate(CertificateError::Other(OtherError(inner)))) = tls {
            return inner.downcast_ref::<Untrusted>();
        }
        // What an I/O error wraps is not among its sources.
        cause = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

impl From<Untrusted> for Link {
    fn from(Untrusted { found, pinned }: Untrusted) -> Self {
        Self::CertificateChanged { pinned: pinned.map(Box::new), found: Box::new(found) }
    }
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pinned {
            Some(_) => f.write_str("the service shows another certificate than the one that was trusted"),
            None => f.write_str("the service's certificate is not trusted"),
        }
    }
}

impl StdError for Untrusted {}

#[derive(Debug)]
struct Trust {
    /// None where the system has no roots.
    roots: Option<Verifier>,
    pinned: Option<Certificate>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let by_roots = match &self.roots {
            Some(roots) => roots.verify_server_cert(end_entity, intermediates, name, ocsp, now),
            None => Err(CertificateError::UnknownIssuer.into()),
        };
        let is_pinned = self.pinned.as_ref().map(|pinned| pinned.sha256 == fingerprint(end_entity));
        let untrusted = match (is_pinned, by_roots) {
            (Some(true), _) | (None, Ok(_)) => None,
            (None | Some(false), by_roots) => {
                let faults = by_roots.err().map(|error| faults(end_entity, name, now, &error));
                let found = described(end_entity, faults.unwrap_or_default());
                Some(Untrusted { found, pinned: self.pinned.clone() })
            }
        };
        match untrusted {
            None => Ok(ServerCertVerified::assertion()),
            Some(untrusted) => Err(CertificateError::Other(OtherError(Arc::new(untrusted))).into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// SHA-256 over the whole certificate, as browsers and `openssl x509 -fingerprint` write it.
fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let hex = HEXUPPER.encode(&Sha256::digest(certificate));
    let pairs: Vec<&str> = (0..hex.len()).step_by(2).filter_map(|at| hex.get(at..at + 2)).collect();
    pairs.join(":")
}

fn faults(
    certificate: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
    by_roots: &Error,
) -> Vec<CertificateFault> {
    let mut faults = Vec::new();
    if let Ok((_, read)) = X509Certificate::from_der(certificate) {
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        if now > read.validity().not_after.timestamp() {
            faults.push(CertificateFault::Expired);
        } else if now < read.validity().not_before.timestamp() {
            faults.push(CertificateFault::NotYetValid);
        }
    }
    let named = ParsedCertificate::try_from(certificate).and_then(|read| verify_server_name(&read, name));
    if named.is_err() {
        faults.push(CertificateFault::OtherName);
    }
    let issuer = matches!(by_roots, Error::InvalidCertificate(CertificateError::UnknownIssuer));
    if issuer {
        faults.insert(0, CertificateFault::UnknownIssuer);
    } else if faults.is_empty() {
        faults.push(CertificateFault::Refused { why: by_roots.to_string() });
    }
    faults
}

fn described(certificate: &CertificateDer<'_>, faults: Vec<CertificateFault>) -> Certificate {
    let sha256 = fingerprint(certificate);
    match X509Certificate::from_der(certificate) {
        Ok((_, read)) => Certificate {
            subject: read.subject().to_string(),
            issuer: read.issuer().to_string(),
            names: names(&read),
            not_before: time(read.validity().not_before.timestamp()),
            not_after: time(read.validity().not_after.timestamp()),
            self_signed: read.subject() == read.issuer(),
            sha256,
            faults,
        },
        Err(error) => Certificate {
            subject: format!("(unreadable: {error})"),
            issuer: String::new(),
            names: Vec::new(),
            not_before: time(0),
            not_after: time(0),
            self_signed: false,
            sha256,
            faults,
        },
    }
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let named = names.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => <[u8; 4]>::try_from(*bytes)
            .map(|v4| std::net::IpAddr::from(v4).to_string())
            .or_else(|_| <[u8; 16]>::try_from(*bytes).map(|v6| std::net::IpAddr::from(v6).to_string()))
            .ok(),
        _ => None,
    });
    named.collect()
}

fn time(seconds: i64) -> Time {
    Time::from_millis(seconds.saturating_mul(1_000))
}
