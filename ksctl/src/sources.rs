//! Where settings come from: the places themselves, read once.
//!
//! This file reads files and the environment; what counts for more is decided in [`crate::settings`].

use std::path::{Path, PathBuf};

use crate::config_file::ConfigFile;
use crate::failure::Failure;
use crate::settings::proxy::Proxies;
use crate::settings::{self, Endpoint, Layer, Settings, key};

/// What only the command line can say.
#[derive(Debug, Default)]
pub(crate) struct Flags {
    /// The flags that files and environment know too.
    pub(crate) layer: Layer,
    /// `--configfile`.
    pub(crate) configfile: Option<PathBuf>,
    /// `--yes`.
    pub(crate) yes: bool,
}

/// Reads all places and resolves them. `creates` says that the command makes the named file if it is not there.
pub(crate) fn gather(flags: Flags, creates: bool) -> Result<Settings, Failure> {
    let environment = |name: &str| std::env::var(name).ok();
    let named_by_environment = environment(key::CONFIGFILE)
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    let lowest = named_by_environment.or_else(home_file);
    let named = flags
        .configfile
        .as_deref()
        .map(|path| named_layer(path, creates))
        .transpose()?;
    let layers = [
        flags.layer.with_user_of_url(),
        named.unwrap_or_default(),
        Layer::from_keys("the environment", environment)?.with_user_of_url(),
        lowest.as_deref().map(file_layer).transpose()?.unwrap_or_default(),
    ];
    Ok(Settings {
        endpoint: Endpoint {
            proxies: Proxies::from_variables(environment),
            ..settings::endpoint(&layers)?
        },
        format: settings::shown_as(&layers),
        yes: flags.yes,
        session_file: flags.configfile.or(lowest),
    })
}

/// What one file alone says of an appliance, as for the joining node of `fulljoin`. What the file leaves open of
/// certificates and timeouts comes from `otherwise`.
pub(crate) fn endpoint_of_file(path: &Path, otherwise: &Endpoint) -> Result<Endpoint, Failure> {
    let open = Layer {
        nosslverify: Some(otherwise.nosslverify),
        cacert: otherwise.cacert.clone(),
        timeout_seconds: Some(otherwise.timeout.as_secs()),
        ..Layer::default()
    };
    Ok(Endpoint {
        proxies: otherwise.proxies.clone(),
        ..settings::endpoint(&[named_layer(path, false)?, open])?
    })
}

fn named_layer(path: &Path, may_be_missing: bool) -> Result<Layer, Failure> {
    if !may_be_missing && matches!(path.try_exists(), Ok(false)) {
        return Err(
            Failure::usage(format!("the configuration file {} does not exist", path.display()))
                .with_hint("`ksctl login --configfile FILE` makes one"),
        );
    }
    file_layer(path)
}

fn file_layer(path: &Path) -> Result<Layer, Failure> {
    let file = ConfigFile::open(path)?;
    let layer = Layer::from_keys(&path.display().to_string(), |name| file.text(name))?;
    Ok(layer.with_user_of_url())
}

fn home_file() -> Option<PathBuf> {
    std::env::home_dir().map(|home| home.join(".ksctl").join("config.yaml"))
}
