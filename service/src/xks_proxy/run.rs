//! `vhsm xks-proxy`: the process, from its start to its end.

use super::credential;
use super::settings::Settings;
use crate::cli::{XksProxyArgs, XksProxyCommand};
use crate::failure::Failure;
use crate::output;
use vhsm_pkcs11::config::Config;

/// In VHSM_HOME.
const OWN_FILE: &str = "xks-proxy.toml";

pub fn run(config: &Config, arguments: &XksProxyArgs) -> Result<(), Failure> {
    if let Some(XksProxyCommand::NewCredential(arguments)) = &arguments.command {
        return credential::make(arguments);
    }
    let file = arguments.config.clone().unwrap_or_else(|| config.home.join(OWN_FILE));
    let file =
        std::path::absolute(&file).map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
    let settings = Settings::read(&file)?;
    match arguments.check {
        true => output::text(&format!("{}: nothing is wrong with it\n", file.display())),
        false => unimplemented!("{}", settings.listen),
    }
}
