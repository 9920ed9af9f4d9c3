//! Which certificate a mail server may have: one that the system trusts, or of an authority that the product names besides.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_platform_verifier::Verifier;

/// The authorities that the product names are looked at first, by the same code on each system; the system is asked about servers of others.
///
/// Situation: given such authorities, the platform's verifier on Windows makes a chain engine of its own with them, of which Wine 8 knows an older, smaller
/// structure only. Handling: it is asked for the system's own alone.
#[derive(Debug)]
pub(super) struct Trust {
    named: Option<Arc<WebPkiServerVerifier>>,
    system: Verifier,
}

impl Trust {
    /// Of `roots` besides the system's.
    ///
    /// # Errors
    /// One of them is no certificate of an authority, or the system has no store of certificates.
    pub(super) fn new(roots: Vec<CertificateDer<'static>>, provider: Arc<CryptoProvider>) -> Result<Self, Error> {
        let system = Verifier::new(Arc::clone(&provider))?;
        let mut store = RootCertStore::empty();
        for root in roots {
            store.add(root)?;
        }
        if store.is_empty() {
            return Ok(Self { named: None, system });
        }
        let named = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider).build();
        let named = named.map_err(|error| Error::General(error.to_string()))?;
        Ok(Self { named: Some(named), system })
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(named) = &self.named {
            match named.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
                // Of another authority.
                Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {}
                verified => return verified,
            }
        }
        self.system.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.system.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.system.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.system.supported_verify_schemes()
    }
}
