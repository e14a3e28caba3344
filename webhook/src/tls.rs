//! TLS of `serve`, from the command line.

use std::{sync::Arc, time::Duration};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::sync::watch;

use crate::{run::StartError, serve::Tls, settings::CertificateArgs};

/// Reads the certificate.
///
/// # Errors
/// When there is none, or none that can be used.
pub async fn start(
    args: &CertificateArgs,
    _every: Duration,
    _stop: watch::Receiver<bool>,
) -> Result<Tls, StartError> {
    let (Some(cert), Some(key)) = (&args.tls_cert, &args.tls_key) else {
        return Err(StartError::Settings("say --tls-cert and --tls-key".into()));
    };
    let wrong = |path: &std::path::Path, why: String| StartError::File { path: path.into(), why };
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(cert).map_err(|error| wrong(cert, error.to_string()))?.collect();
    let chain = chain.map_err(|error| wrong(cert, error.to_string()))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, error.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| StartError::Settings(error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| wrong(cert, error.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let config = Arc::new(config);
    Ok(Tls { config: Arc::new(move || Arc::clone(&config)), admits: Arc::new(|_| true) })
}
