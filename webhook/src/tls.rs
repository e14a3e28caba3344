//! TLS of `serve`, from the command line: certificates from files or from the cluster, and which clients are answered.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::{
    certs::{Certificates, files::Files, tls::Acceptor},
    metrics::Metrics,
    run::StartError,
    settings::CertificateArgs,
};

/// Begins to serve the certificate of the command line, and to follow its files, looking every `poll`. With `--self-signed`
/// there is none yet: [`crate::configure::Keeper`] brings it.
///
/// # Errors
/// When there is none, or none that can be used.
pub fn start(
    args: &CertificateArgs,
    poll: Duration,
    metrics: &Arc<Metrics>,
) -> Result<(Acceptor, Certificates), StartError> {
    let certificates = Certificates::new();
    match (&args.tls_cert, &args.tls_key) {
        (Some(cert), Some(key)) => {
            let mut files = Files::new(cert.clone(), key.clone());
            files.load(&certificates, metrics, SystemTime::now()).map_err(|error| StartError::File {
                path: cert.clone(),
                why: format!("{error} (with the key in {})", key.display()),
            })?;
            tokio::spawn(files.follow(certificates.clone(), poll, Arc::clone(metrics)));
        }
        _ if args.self_signed => {}
        _ => {
            let why =
                "there is no certificate: give --tls-cert and --tls-key, or --self-signed to have one made";
            return Err(StartError::Settings(why.into()));
        }
    }
    let acceptor = Acceptor::new(certificates.clone(), args.client_ca.clone(), args.client_name.clone())
        .map_err(|error| StartError::Settings(error.to_string()))?;
    tokio::spawn(acceptor.clone().follow(poll, Arc::clone(metrics)));
    Ok((acceptor, certificates))
}
