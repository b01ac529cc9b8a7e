//! What the demo says to try.

use super::{FOLDER, KEY, KEY_STORE, KMS_SETTINGS, NAME, SECRET, free_port};
use crate::quickstart::{program, quoted};
use crate::xks_proxy::settings::{PATH, Settings};
use std::net::SocketAddr;
use vhsm_pkcs11::config::Config;

/// That of `vhsm serve`, where it is free.
const KMS_PORT: u16 = 4566;

/// As a shell takes it. The proxy answers at `address`.
pub fn lines(config: &Config, settings: &Settings, address: SocketAddr) -> String {
    let id = settings.key_stores.iter().flat_map(|store| &store.credentials).next();
    let id = id.map_or("", |credential| credential.access_key_id.as_str());
    let endpoint = format!("https://localhost:{}", address.port());
    let (home, vhsm, region) = (quoted(&config.home.display().to_string()), program(), &config.region);
    let kms = format!("127.0.0.1:{}", free_port(KMS_PORT));
    format!(
        "\
A demo: the cluster {NAME:?} with two HSMs, on it the external key store proxy, and behind that the key {KEY:?}.

Try in another shell whether it is as the specification says:

  export VHSM_HOME={home}
  XKS=$VHSM_HOME/{FOLDER}
  {vhsm} xks-check {endpoint}/{NAME}{PATH} --ca-file \"$XKS/ca.crt\" \\
      --key {KEY} --access-key-id {id} --secret-file \"$XKS/{SECRET}\"

And as KMS's key, by `vhsm serve`, with a configuration that trusts the demo's certificate:

  VHSM_CONF=$XKS/{KMS_SETTINGS} {vhsm} serve --listen {kms} 2>\"$XKS/serve.log\" &
  export AWS_ENDPOINT_URL=http://{kms} AWS_DEFAULT_REGION={region} AWS_DEFAULT_OUTPUT=text
  export AWS_SHARED_CREDENTIALS_FILE=$VHSM_HOME/credentials
  STORE=$(aws kms create-custom-key-store --cli-input-json \"file://$XKS/{KEY_STORE}\")
  aws kms connect-custom-key-store --custom-key-store-id $STORE
  KEY=$(aws kms create-key --custom-key-store-id $STORE --origin EXTERNAL_KEY_STORE --xks-key-id {KEY} \\
      --query KeyMetadata.KeyId)
  aws kms encrypt --key-id $KEY --plaintext fileb://<(echo hello) --query CiphertextBlob | base64 -d >sealed
  aws kms decrypt --ciphertext-blob fileb://sealed --query Plaintext | base64 -d

The access log of every request: $VHSM_HOME/{FOLDER}/access.log. ^C ends it.
"
    )
}
