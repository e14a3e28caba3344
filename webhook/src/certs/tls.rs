//! How connections are secured: TLS 1.2 and 1.3, HTTP/2 or HTTP/1.1, and, when asked for, only clients that show a certificate.
//!
//! ```text
//!   --client-ca    ──▶ verifier ──▶ ServerConfig ──▶ Acceptor (swapped when the file changes)
//!   --client-name  ──▶   names  ──▶
//! ```
//!
//! Sessions are not resumed: the API server keeps its connections open instead, and a resumed session would not see that the
//! certificate or the clients' CA has changed.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    pki_types::{CertificateDer, UnixTime},
    server::{
        NoServerSessionStorage, WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};
use tracing::{info, warn};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{Certificates, certificates, files::Watched, provider};
use crate::metrics::{Metrics, ReasonLabels};

/// Why connections cannot be secured as asked.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file of the CA cannot be read.
    #[error("cannot read the clients' CA {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is no PEM of certificates.
    #[error("the clients' CA is no PEM of X.509 certificates")]
    Ca,
    /// Certificates of clients could not be checked with it.
    #[error("the clients' CA cannot be used: {0}")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    /// TLS itself.
    #[error("{0}")]
    Tls(#[from] rustls::Error),
}

/// Which clients are answered.
#[derive(Clone, Copy, Debug)]
pub struct Clients<'c> {
    /// The PEM of the CAs that vouch for them.
    pub ca: &'c [u8],
    /// The common names that they may have; empty: any.
    pub names: &'c [String],
}

/// What every connection is accepted with. Without `clients`, whoever connects is answered.
///
/// # Errors
/// When the CA of the clients cannot be used.
pub fn server_config(served: &Certificates, clients: Option<Clients<'_>>) -> Result<ServerConfig, TlsError> {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?;
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => builder.with_client_cert_verifier(Named::new(clients)?),
    };
    let mut config = builder.with_cert_resolver(Arc::new(served.clone()));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// Whether the first certificate of a client has one of these common names. Without names, every certificate is good.
#[must_use]
pub fn is_named(peer: &CertificateDer<'_>, names: &[String]) -> bool {
    let common_name = |certificate: &X509Certificate<'_>| {
        let mut found = certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok());
        found.any(|found| names.iter().any(|name| name == found))
    };
    names.is_empty()
        || X509Certificate::from_der(peer).is_ok_and(|(_, certificate)| common_name(&certificate))
}

/// Checks what webpki checks, and the common name: a client with another one does not get past its handshake.
#[derive(Debug)]
struct Named {
    chain: Arc<dyn ClientCertVerifier>,
    names: Vec<String>,
}

impl Named {
    fn new(clients: Clients<'_>) -> Result<Arc<Named>, TlsError> {
        let mut roots = RootCertStore::empty();
        for root in certificates(clients.ca).ok_or(TlsError::Ca)? {
            roots.add(root).map_err(|_| TlsError::Ca)?;
        }
        let chain = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider()).build()?;
        Ok(Arc::new(Named { chain, names: clients.names.to_vec() }))
    }
}

impl ClientCertVerifier for Named {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self.chain.verify_client_cert(end_entity, intermediates, now)?;
        if !is_named(end_entity, &self.names) {
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

/// What connections are accepted with at the moment. Copies share it.
#[derive(Clone)]
pub struct Acceptor {
    current: Arc<ArcSwap<ServerConfig>>,
    served: Certificates,
    clients: Option<(PathBuf, Vec<String>)>,
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor")
            .field("served", &self.served)
            .field("clients", &self.clients)
            .finish_non_exhaustive()
    }
}

impl Acceptor {
    /// With the certificates that are served; answers only clients of the CA in this file, if there is one, and with one of
    /// these common names, if there are any.
    ///
    /// # Errors
    /// When the CA cannot be used: then nobody may be answered.
    pub fn new(
        served: Certificates,
        client_ca: Option<PathBuf>,
        client_names: Vec<String>,
    ) -> Result<Acceptor, TlsError> {
        let clients = client_ca.map(|path| (path, client_names));
        let config = match &clients {
            None => server_config(&served, None)?,
            Some((path, names)) => {
                let ca =
                    super::files::read(path).map_err(|error| TlsError::Read { path: path.clone(), error })?;
                server_config(&served, Some(Clients { ca: &ca, names }))?
            }
        };
        Ok(Acceptor { current: Arc::new(ArcSwap::from_pointee(config)), served, clients })
    }

    /// What the next connection is accepted with.
    #[must_use]
    pub fn current(&self) -> Arc<ServerConfig> {
        self.current.load_full()
    }

    /// Reads the CA of the clients again when it changes, looking this often. Returns at once when there is none; else never.
    /// May be dropped at any time.
    pub async fn follow(self, poll: Duration, metrics: Arc<Metrics>) {
        let Some((path, _)) = &self.clients else { return };
        let mut watched = Watched::new(vec![path.clone()]);
        loop {
            let this = self.clone();
            let report = metrics.clone();
            let looked = tokio::task::spawn_blocking(move || {
                this.look(&mut watched, &report);
                watched
            });
            watched = match looked.await {
                Ok(watched) => watched,
                Err(_) => Watched::new(vec![path.clone()]),
            };
            tokio::time::sleep(poll).await;
        }
    }

    /// Takes the CA as it is now, if it has changed and is good.
    fn look(&self, watched: &mut Watched, metrics: &Metrics) {
        let Some((path, names)) = &self.clients else { return };
        let Some(read) = watched.read() else { return };
        let made = read
            .map_err(|error| TlsError::Read { path: path.clone(), error })
            .and_then(|files| files.into_iter().next().ok_or(TlsError::Ca))
            .and_then(|ca| server_config(&self.served, Some(Clients { ca: &ca, names })));
        match made {
            Ok(config) => {
                self.current.store(Arc::new(config));
                watched.accept();
                info!(path = %path.display(), "clients are checked with this CA from now on");
            }
            Err(error) => {
                if watched.refuse() {
                    let reason = "client-ca";
                    metrics.certificates_refused.get_or_create(&ReasonLabels { reason }).inc();
                    warn!(path = %path.display(), %error, "the clients' CA is not taken; the one before stays");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
