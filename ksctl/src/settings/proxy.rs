//! Which proxy stands between this program and an appliance, as curl decides it.
//!
//! Pure: the environment is read by [`crate::sources`]. A name in lower case counts for more than one in upper case, as
//! with curl.

use std::net::IpAddr;

use reqwest::Url;

use crate::failure::Failure;

/// Where a proxy listens that does not say; curl's number.
const PORT: u16 = 1080;

/// What the environment says of proxies.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proxies {
    given: Option<(&'static str, String)>,
    except: Option<String>,
}

/// The proxy to one appliance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proxy {
    /// Where it is, with the user and the password it wants.
    pub(crate) url: Url,
    /// What names it.
    pub(crate) variable: &'static str,
}

impl Proxies {
    /// Reads them from a place that knows variables by name.
    pub(crate) fn from_variables(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let text = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let first = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
        Self {
            given: first.into_iter().find_map(|name| Some((name, text(name)?))),
            except: text("no_proxy").or_else(|| text("NO_PROXY")),
        }
    }

    /// The proxy on the way to `url`, if there is one.
    pub(crate) fn to(&self, url: &Url) -> Result<Option<Proxy>, Failure> {
        let Some((variable, given)) = &self.given else {
            return Ok(None);
        };
        let host = url.host_str().unwrap_or_default();
        if self.except.as_deref().is_some_and(|except| is_excepted(host, except)) {
            return Ok(None);
        }
        proxy(variable, given).map(Some)
    }
}

impl Proxy {
    /// What to call it in an error: without its password.
    pub(crate) fn described(&self) -> String {
        let scheme = self.url.scheme();
        let host = self.url.host_str().unwrap_or_default();
        let port = self.url.port_or_known_default().unwrap_or(PORT);
        format!("{scheme}://{host}:{port}, which {} names", self.variable)
    }
}

fn proxy(variable: &'static str, given: &str) -> Result<Proxy, Failure> {
    let wrong = |why: &str| {
        Failure::usage(format!(
            "{variable} in the environment is not the URL of a proxy: {why}"
        ))
        .with_hint("a proxy is given as http://HOST:PORT; NO_PROXY names hosts that are reached without one")
    };
    let whole = if given.contains("://") {
        given.to_owned()
    } else {
        format!("http://{given}")
    };
    let mut url: Url = whole.parse().map_err(|_| wrong("it cannot be read"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("only proxies that speak http or https are supported"));
    }
    // The usual port of a scheme is not told apart from none in the URL.
    let says_port = whole
        .trim_end_matches('/')
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if url.scheme() == "http" && !says_port {
        url.set_port(Some(PORT)).map_err(|()| wrong("it has no host"))?;
    }
    Ok(Proxy { url, variable })
}

/// Is `host` reached without a proxy? `except` is a list of hosts, domains and networks, or `*`.
fn is_excepted(host: &str, except: &str) -> bool {
    let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
    let address: Option<IpAddr> = host.parse().ok();
    let names = except.split([',', ' ', '\t']).filter(|name| !name.is_empty());
    except.trim() == "*"
        || names.into_iter().any(|name| match address {
            Some(address) => is_in(address, name),
            None => is_of_domain(&host, name),
        })
}

fn is_of_domain(host: &str, name: &str) -> bool {
    let name = name.trim_start_matches('.').trim_end_matches('.').to_ascii_lowercase();
    let before = host.strip_suffix(&name);
    !name.is_empty() && before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

fn is_in(address: IpAddr, name: &str) -> bool {
    let (network, length) = name.split_once('/').unwrap_or((name, ""));
    let bits = |address: IpAddr| match address {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), 32),
        IpAddr::V6(v6) => (u128::from(v6), 128),
    };
    let Ok(network) = network.trim_matches(['[', ']']).parse::<IpAddr>() else {
        return false;
    };
    let ((one, size), (other, other_size)) = (bits(address), bits(network));
    let length: u32 = if length.is_empty() {
        size
    } else {
        length.parse().unwrap_or(u32::MAX)
    };
    let differing = (one ^ other).checked_shr(size.saturating_sub(length)).unwrap_or(0);
    size == other_size && length <= size && differing == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(variables: &[(&str, &str)], url: &str) -> Result<Option<String>, String> {
        let lookup = |name: &str| {
            let found = variables.iter().find(|(variable, _)| *variable == name)?;
            Some(found.1.to_owned())
        };
        let way = Proxies::from_variables(lookup).to(&url.parse().unwrap());
        way.map(|proxy| proxy.map(|proxy| proxy.described()))
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn the_first_variable_that_is_set_counts_and_a_port_is_curls() {
        let both = [
            ("HTTPS_PROXY", "http://upper:3128"),
            ("https_proxy", "lower"),
            ("http_proxy", "http://plain"),
        ];
        assert_eq!(
            way(&both, "https://node-1").unwrap().unwrap(),
            "http://lower:1080, which https_proxy names"
        );
        let secret = [("ALL_PROXY", "http://user:pass@proxy:80/")];
        assert_eq!(
            way(&secret, "https://node-1").unwrap().unwrap(),
            "http://proxy:80, which ALL_PROXY names"
        );
        assert_eq!(
            way(&[("http_proxy", "http://plain"), ("https_proxy", "")], "https://node-1"),
            Ok(None)
        );
    }

    #[test]
    fn no_proxy_names_hosts_domains_networks_or_all() {
        let excepted = [
            ("*", "https://127.0.0.1"),
            (" * ", "https://node-1"),
            ("example.com", "https://node-1.EXAMPLE.com"),
            (".example.com", "https://example.com"),
            ("a, node-1 b", "https://node-1"),
            ("10.0.0.0/8", "https://10.1.2.3"),
            ("10.1.2.3", "https://10.1.2.3"),
            ("fd00::/16", "https://[fd00::1]"),
            ("0.0.0.0/0", "https://10.1.2.3"),
        ];
        for (except, url) in excepted {
            assert_eq!(
                way(&[("https_proxy", "http://p"), ("NO_PROXY", except)], url),
                Ok(None),
                "{except} {url}"
            );
        }
        let not = [
            ("ample.com", "https://example.com"),
            ("*.com", "https://example.com"),
            ("11.0.0.0/8", "https://10.1.2.3"),
            ("10.0.0.0/99", "https://10.0.0.0"),
            ("::/0", "https://10.1.2.3"),
        ];
        for (except, url) in not {
            let found = way(
                &[("https_proxy", "http://p"), ("no_proxy", except), ("NO_PROXY", "*")],
                url,
            )
            .unwrap();
            assert!(found.is_some(), "{except} {url}");
        }
    }

    #[test]
    fn a_proxy_that_is_not_supported_is_told_with_its_variable() {
        let told = way(&[("all_proxy", "socks5://p")], "https://node-1").unwrap_err();
        assert!(
            told.starts_with("all_proxy in the environment is not the URL of a proxy"),
            "{told}"
        );
    }
}
