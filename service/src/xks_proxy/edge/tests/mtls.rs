//! Client certificates: each that is wrong ends the handshake by an alert (XKS Proxy API 1.0.3, "mTLS").

use super::certificates::{Identity, Wanted, config, connect};
use super::tls::{TlsWorld, ask};
use super::*;
use std::io::{Read, Write};
use std::time::Instant;
use tokio_rustls::rustls::AlertDescription::{self, CertificateRequired, HandshakeFailure};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, Error, HandshakeKind};

const KMS: &str = "cks.kms.eu-central-1.amazonaws.com";

struct Mutual {
    tls: TlsWorld,
    clients: Identity,
}

impl Mutual {
    fn new() -> Self {
        let clients = Identity::authority("client authority");
        let tls = TlsWorld::with(|folder, settings| {
            clients.write(&folder.join("clients.crt"), &folder.join("clients.key"));
            settings.client_ca = Some(folder.join("clients.crt"));
            settings.client_names = vec!["other.test".into(), KMS.into()];
        });
        Self { tls, clients }
    }

    fn configs(&self, shown: Option<&Identity>) -> [Arc<ClientConfig>; 2] {
        [&TLS12, &TLS13].map(|version| config(&[&self.tls.authority], version, &[], shown))
    }

    fn accepts(&self, shown: &Identity) {
        for config in self.configs(Some(shown)) {
            let client = self.tls.world.client();
            let mut stream = connect(client.address, &config);
            ask(&client, &mut stream).reached();
            // Whoever may connect still has to sign.
            let unsigned = Client { signer: None, ..client };
            ask(&unsigned, &mut stream).fails(401, "AuthenticationFailedException");
        }
    }

    /// Under TLS 1.2, and 1.3.
    fn refuses(&self, shown: Option<&Identity>, alerts: [AlertDescription; 2]) {
        for (config, alert) in self.configs(shown).iter().zip(alerts) {
            assert_eq!(self.alert(config), Some(Error::AlertReceived(alert)));
        }
    }

    /// What ends the connection. (In TLS 1.3 the client hears it after its own side of the handshake.)
    fn alert(&self, config: &Arc<ClientConfig>) -> Option<Error> {
        let client = self.tls.world.client();
        let mut stream = connect(client.address, config);
        let asked = stream.get_mut().write_all(client.request(HEALTH, "{}").as_bytes());
        let told = asked.and_then(|()| stream.read_to_end(&mut Vec::new())).err()?;
        told.into_inner()?.downcast::<Error>().ok().map(|error| *error)
    }
}

#[test]
fn whoever_bears_one_of_the_names_may_connect() {
    let world = Mutual::new();
    for (common_name, dns_names) in [
        ("kms", &[KMS][..]),
        ("kms", &["another.test", "CKS.KMS.eu-central-1.amazonaws.com"]),
        // Without alternative names the subject's own one counts.
        (KMS, &[]),
        ("other.test", &[]),
    ] {
        world.accepts(&world.clients.issue(&Wanted::named(common_name, dns_names)));
    }
}

#[test]
fn whoever_bears_another_name_may_not() {
    let world = Mutual::new();
    for (common_name, dns_names) in [
        ("another.test", &[][..]),
        ("kms", &["another.test"]),
        // It has alternative names, so the subject's own one is nothing.
        (KMS, &["another.test"]),
        ("kms", &["*.kms.eu-central-1.amazonaws.com"]),
        ("*.test", &[]),
        ("kms", &["x.cks.kms.eu-central-1.amazonaws.com"]),
    ] {
        let shown = world.clients.issue(&Wanted::named(common_name, dns_names));
        world.refuses(Some(&shown), [HandshakeFailure; 2]);
    }
}

#[test]
fn another_authority_and_none_at_all_are_refused() {
    let world = Mutual::new();
    let wanted = Wanted::named("kms", &[KMS]);
    world.refuses(Some(&Identity::authority("another authority").issue(&wanted)), [HandshakeFailure; 2]);
    // The name of the right authority is not its key.
    world.refuses(Some(&Identity::authority("client authority").issue(&wanted)), [HandshakeFailure; 2]);
    world.refuses(Some(&world.tls.authority.issue(&wanted)), [HandshakeFailure; 2]);
    world.refuses(Some(&Identity::self_signed(&wanted)), [HandshakeFailure; 2]);
}

#[test]
fn certificates_before_and_after_their_time_are_refused() {
    let world = Mutual::new();
    for seconds in [(-7200, -3600), (3600, 7200)] {
        let shown = world.clients.issue(&Wanted { seconds, ..Wanted::named("kms", &[KMS]) });
        world.refuses(Some(&shown), [HandshakeFailure; 2]);
    }
}

#[test]
fn who_shows_none_is_refused() {
    Mutual::new().refuses(None, [CertificateRequired; 2]);
}

/// A session that is resumed knows the certificate of its first handshake.
#[test]
fn a_certificate_that_has_expired_resumes_no_session() {
    let world = Mutual::new();
    let shown = world.clients.issue(&Wanted { seconds: (-60, 8), ..Wanted::named("kms", &[KMS]) });
    let client = world.tls.world.client();
    let configs = world.configs(Some(&shown));
    for config in &configs {
        ask(&client, &mut connect(client.address, config)).reached();
        let mut again = connect(client.address, config);
        ask(&client, &mut again).reached();
        assert_eq!(again.get_ref().conn.handshake_kind(), Some(HandshakeKind::Resumed));
    }
    let begun = Instant::now();
    for config in &configs {
        loop {
            let mut stream = connect(client.address, config);
            // Written or not: what counts is whether there is an answer.
            let _ = stream.get_mut().write_all(client.request(HEALTH, "{}").as_bytes());
            if super::client::read(&mut stream).is_none() {
                break;
            }
            assert!(begun.elapsed() < LONG);
        }
    }
}

/// Who was in order under an earlier configuration has to be in order under this one.
#[test]
fn another_authority_is_taken_over_by_a_reload() {
    let world = Mutual::new();
    let first = world.clients.issue(&Wanted::named("kms", &[KMS]));
    let [_, config] = world.configs(Some(&first));
    let client = world.tls.world.client();
    let mut lasting = connect(client.address, &config);
    ask(&client, &mut lasting).reached();
    let next = Identity::authority("next authority");
    let folder = world.tls.files.path();
    next.write(&folder.join("clients.crt"), &folder.join("clients.key"));
    world.tls.reload().unwrap();
    assert_eq!(world.alert(&config), Some(Error::AlertReceived(HandshakeFailure)));
    world.accepts(&next.issue(&Wanted::named("kms", &[KMS])));
    // What is connected stays so.
    ask(&client, &mut lasting).reached();
}
