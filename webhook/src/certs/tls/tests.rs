//! Real handshakes, over pipes in memory.

use std::time::SystemTime;

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair};
use rustls::{
    ClientConfig,
    pki_types::{PrivateKeyDer, ServerName, pem::PemObject},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;
use crate::certs::{
    managed::{issue, plan},
    pair,
};

const YEAR: Duration = Duration::from_secs(365 * 86_400);
const NAME: &str = "kpol-webhook.kpol-system.svc";

/// A CA, and what it signs.
struct Ca(issue::Issued);

impl Ca {
    fn new() -> Ca {
        Ca(issue::ca(10 * YEAR, SystemTime::now()).expect("a CA"))
    }

    fn serve(&self, certificates: &Certificates) -> CertificateDer<'static> {
        let now = SystemTime::now();
        let leaf = issue::leaf(&self.0.der, &self.0.key, &[NAME.to_owned()], YEAR, now).expect("a leaf");
        certificates.set(pair(leaf.pem.as_bytes(), leaf.key.as_bytes(), now).expect("a pair"));
        leaf.der
    }

    /// A client's certificate with this common name.
    fn client(&self, name: &str) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let key = KeyPair::from_pem(&self.0.key).expect("a key");
        let issuer = Issuer::from_ca_cert_der(&self.0.der, key).expect("an issuer");
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, &issuer).expect("a certificate");
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).expect("a key");
        (certificate.into(), key)
    }
}

struct Met {
    leaf: CertificateDer<'static>,
    alpn: Option<Vec<u8>>,
}

/// A client that trusts a CA speaks to the server. `Err` when either side refuses the other.
async fn meet(
    acceptor: &Acceptor,
    ca: &Ca,
    client: Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> Result<Met, String> {
    let mut roots = RootCertStore::empty();
    roots.add(ca.0.der.clone()).expect("a root");
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .expect("versions")
        .with_root_certificates(roots);
    let mut config = match client {
        Some((certificate, key)) => config.with_client_auth_cert(vec![certificate], key).expect("a client"),
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    let (near, far) = tokio::io::duplex(1 << 14);
    let server = TlsAcceptor::from(acceptor.current());
    let serve = async move {
        let mut stream = server.accept(far).await.map_err(|error| error.to_string())?;
        stream.write_all(b"hi").await.map_err(|error| error.to_string())?;
        stream.shutdown().await.map_err(|error| error.to_string())
    };
    let ask = async move {
        let name = ServerName::try_from(NAME).expect("a name");
        let connector = TlsConnector::from(Arc::new(config));
        let mut stream = connector.connect(name, near).await.map_err(|error| error.to_string())?;
        // With TLS 1.3 a client learns only by reading that it was refused.
        stream.read_u16().await.map_err(|error| error.to_string())?;
        let (_, session) = stream.get_ref();
        let leaf = session.peer_certificates().and_then(|chain| chain.first()).expect("a leaf").clone();
        Ok(Met { leaf: leaf.into_owned(), alpn: session.alpn_protocol().map(<[u8]>::to_vec) })
    };
    let (served, met) = tokio::join!(serve, ask);
    served.and(met)
}

const BOTH: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];

#[tokio::test]
async fn a_new_certificate_is_for_connections_from_then_on() {
    let (ca, served) = (Ca::new(), Certificates::new());
    let acceptor = Acceptor::new(served.clone(), None, Vec::new()).expect("an acceptor");
    assert!(meet(&acceptor, &ca, None, BOTH).await.is_err(), "there is none yet");
    for _ in 0..2 {
        let leaf = ca.serve(&served);
        for version in BOTH {
            let met = meet(&acceptor, &ca, None, &[version]).await.expect("they meet");
            assert_eq!((met.leaf, met.alpn.as_deref()), (leaf.clone(), Some(&b"h2"[..])));
        }
    }
    let other = Ca::new();
    other.serve(&served);
    assert!(meet(&acceptor, &ca, None, BOTH).await.is_err(), "of a CA that the client does not know");
    assert!(meet(&acceptor, &other, None, BOTH).await.is_ok());
}

#[tokio::test]
async fn only_clients_with_a_certificate_of_the_ca_and_one_of_the_names_are_answered() {
    let (ca, clients, served) = (Ca::new(), Ca::new(), Certificates::new());
    ca.serve(&served);
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("ca.crt");
    std::fs::write(&path, &clients.0.pem).expect("a file");
    let names = vec!["kube-apiserver".to_owned(), "other".to_owned()];
    let named = Acceptor::new(served.clone(), Some(path.clone()), names).expect("an acceptor");
    let any = Acceptor::new(served, Some(path), Vec::new()).expect("an acceptor");
    for version in BOTH {
        let version = &[*version];
        assert!(meet(&named, &ca, None, version).await.is_err());
        assert!(meet(&any, &ca, None, version).await.is_err());
        assert!(meet(&named, &ca, Some(ca.client("kube-apiserver")), version).await.is_err(), "another CA");
        assert!(meet(&named, &ca, Some(clients.client("kube-apiserve")), version).await.is_err());
        assert!(meet(&named, &ca, Some(clients.client("kube-apiserver")), version).await.is_ok());
        assert!(meet(&any, &ca, Some(clients.client("anyone")), version).await.is_ok());
    }
}

#[tokio::test]
async fn the_clients_ca_is_read_again_and_a_bad_one_is_not_taken() {
    let (ca, old, new, served) = (Ca::new(), Ca::new(), Ca::new(), Certificates::new());
    ca.serve(&served);
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("ca.crt");
    std::fs::write(&path, &old.0.pem).expect("a file");
    let acceptor = Acceptor::new(served.clone(), Some(path.clone()), Vec::new()).expect("an acceptor");
    let (metrics, mut watched) = (Metrics::new(), Watched::new(vec![path.clone()]));
    let refused = || metrics.certificates_refused.get_or_create(&ReasonLabels { reason: "client-ca" }).get();

    std::fs::write(&path, "nonsense").expect("a file");
    for _ in 0..3 {
        acceptor.look(&mut watched, &metrics);
    }
    assert!(meet(&acceptor, &ca, Some(old.client("a")), BOTH).await.is_ok());
    assert_eq!(refused(), 1);
    std::fs::write(&path, &new.0.pem).expect("a file");
    acceptor.look(&mut watched, &metrics);
    assert!(meet(&acceptor, &ca, Some(old.client("a")), BOTH).await.is_err());
    assert!(meet(&acceptor, &ca, Some(new.client("a")), BOTH).await.is_ok());

    std::fs::write(&path, "").expect("a file");
    assert!(Acceptor::new(served.clone(), Some(path), Vec::new()).is_err(), "nobody is answered unchecked");
    assert!(Acceptor::new(served, Some("/nowhere".into()), Vec::new()).is_err());
}

#[tokio::test]
async fn what_the_plan_makes_is_trusted_by_a_client() {
    let (now, served) = (SystemTime::now(), Certificates::new());
    let terms = plan::Terms::new(YEAR, 10 * YEAR, None);
    let (nothing, state) = (plan::Material::default(), plan::State::default());
    let material = plan::take(plan::Step::Fresh, (&nothing, &state), &terms, &[NAME.to_owned()], now)
        .expect("certificates are made")
        .expect("something new");
    served.set(material.pair(now).expect("a pair"));
    let der = certificates(material.bundle.as_bytes()).expect("a bundle").remove(0);
    let ca = Ca(issue::Issued { der, pem: String::new(), key: String::new() });
    let acceptor = Acceptor::new(served, None, Vec::new()).expect("an acceptor");
    assert!(meet(&acceptor, &ca, None, BOTH).await.is_ok());
}
