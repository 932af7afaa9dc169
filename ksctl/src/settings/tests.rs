//! What the rules of precedence promise.

use secrecy::ExposeSecret;

use super::*;

fn layer(pairs: &[(&str, &str)]) -> Layer {
    let lookup = |name: &str| {
        pairs
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| (*value).to_owned())
    };
    Layer::from_keys("the test", lookup).unwrap()
}

fn shown(secret: Option<&SecretString>) -> Option<&str> {
    secret.map(ExposeSecret::expose_secret)
}

#[test]
fn each_setting_comes_from_the_highest_place_that_has_it() {
    let flags = layer(&[("KSCTL_TIMEOUT", "5")]);
    let named = layer(&[("KSCTL_TIMEOUT", "6"), ("KSCTL_URL", "named")]);
    let environment = layer(&[("KSCTL_URL", "environment"), ("KSCTL_NOSSLVERIFY", "true")]);
    let home = layer(&[
        ("KSCTL_NOSSLVERIFY", "false"),
        ("KSCTL_USERNAME", "admin"),
        ("KSCTL_DOMAIN", "root"),
    ]);
    let endpoint = endpoint(&[flags, named, environment, home]).unwrap();
    assert_eq!(endpoint.timeout, Duration::from_secs(5));
    assert_eq!(endpoint.url.unwrap().as_str(), "https://named/");
    assert!(endpoint.nosslverify);
    assert_eq!(endpoint.identity.username.as_deref(), Some("admin"));
    assert_eq!(endpoint.identity.domains.domain.as_deref(), Some("root"));
}

#[test]
fn without_anything_the_timeout_is_half_a_minute_and_certificates_are_checked() {
    let endpoint = endpoint(&[Layer::default()]).unwrap();
    assert_eq!(endpoint.timeout, Duration::from_secs(30));
    assert!(!endpoint.nosslverify);
    assert!(endpoint.url.is_none());
}

#[test]
fn an_empty_value_says_nothing() {
    let home = layer(&[("KSCTL_PASSWORD", ""), ("KSCTL_JWT", ""), ("KSCTL_TIMEOUT", "")]);
    assert!(home.password.is_none() && home.jwt.is_none() && home.timeout_seconds.is_none());
}

#[test]
fn the_user_may_be_called_user() {
    assert_eq!(layer(&[("KSCTL_USER", "bob")]).username.as_deref(), Some("bob"));
    let both = layer(&[("KSCTL_USER", "bob"), ("KSCTL_USERNAME", "alice")]);
    assert_eq!(both.username.as_deref(), Some("alice"));
}

#[test]
fn a_stored_token_is_used_with_the_url_it_was_stored_with() {
    let home = layer(&[
        ("KSCTL_URL", "https://one/"),
        ("KSCTL_USERNAME", "admin"),
        ("KSCTL_JWT", "j"),
    ]);
    let same = layer(&[("KSCTL_URL", "one"), ("KSCTL_USERNAME", "admin")]);
    assert_eq!(shown(identity(&[same, home]).jwt.as_ref()), Some("j"));
}

#[test]
fn a_stored_token_is_never_sent_to_another_appliance() {
    let home = layer(&[
        ("KSCTL_URL", "https://one"),
        ("KSCTL_JWT", "j"),
        ("KSCTL_REFRESH_TOKEN", "r"),
    ]);
    let identity = identity(&[layer(&[("KSCTL_URL", "https://two")]), home]);
    assert!(identity.jwt.is_none() && identity.refresh_token.is_none());
}

#[test]
fn a_stored_token_is_not_used_when_other_credentials_are_given() {
    let home = layer(&[("KSCTL_USERNAME", "admin"), ("KSCTL_JWT", "j")]);
    for given in [("KSCTL_USERNAME", "bob"), ("KSCTL_PASSWORD", "p")] {
        assert!(
            identity(&[layer(&[given]), home.clone()]).jwt.is_none(),
            "{given:?} did not win"
        );
    }
}

#[test]
fn a_given_token_is_not_replaced_by_a_stored_password() {
    let home = layer(&[("KSCTL_USERNAME", "admin"), ("KSCTL_PASSWORD", "p")]);
    let identity = identity(&[layer(&[("KSCTL_JWT", "j")]), home]);
    assert_eq!(shown(identity.jwt.as_ref()), Some("j"));
    assert!(identity.password.is_none());
}

#[test]
fn a_stored_password_is_not_used_for_another_user() {
    let home = layer(&[("KSCTL_USERNAME", "admin"), ("KSCTL_PASSWORD", "p")]);
    assert_eq!(
        shown(identity(std::slice::from_ref(&home)).password.as_ref()),
        Some("p")
    );
    let other = identity(&[layer(&[("KSCTL_USERNAME", "bob")]), home.clone()]);
    assert!(other.password.is_none());
    let elsewhere = identity(&[layer(&[("KSCTL_URL", "two")]), home]);
    assert_eq!(
        shown(elsewhere.password.as_ref()),
        Some("p"),
        "another node of the cluster takes the same password"
    );
}

#[test]
fn an_address_without_scheme_means_https_and_plain_http_is_refused() {
    assert_eq!(address("127.0.0.2:8443").unwrap().as_str(), "https://127.0.0.2:8443/");
    assert_eq!(address("https://node-1//").unwrap().as_str(), "https://node-1/");
    assert_eq!(address("[::1]:8443").unwrap().as_str(), "https://[::1]:8443/");
    for wrong in ["http://node-1", "ftp://node-1", "https://", "a b"] {
        assert!(address(wrong).is_err(), "{wrong:?} was taken");
    }
}

#[test]
fn a_value_that_cannot_be_read_names_its_key_and_its_place() {
    for (name, value) in [
        ("KSCTL_TIMEOUT", "soon"),
        ("KSCTL_NOSSLVERIFY", "maybe"),
        ("KSCTL_RESP", "xml"),
    ] {
        let lookup = |asked: &str| (asked == name).then(|| value.to_owned());
        let failure = Layer::from_keys("the environment", lookup).unwrap_err();
        let text = failure.to_string();
        assert!(
            text.starts_with(&format!("{name} in the environment must be ")),
            "{text}"
        );
    }
}

#[test]
fn a_timeout_of_nothing_is_refused() {
    assert!(endpoint(&[layer(&[("KSCTL_TIMEOUT", "0")])]).is_err());
}

#[test]
fn secrets_do_not_show_when_settings_are_printed() {
    let endpoint = endpoint(&[layer(&[("KSCTL_PASSWORD", "hunter2"), ("KSCTL_JWT", "hunter3")])]).unwrap();
    let printed = format!("{endpoint:?}");
    assert!(!printed.contains("hunter"), "{printed}");
}

#[test]
fn a_user_in_the_url_is_the_user_and_not_a_part_of_the_address() {
    let user = layer(&[("KSCTL_URL", "https://ad%40min:p%3Aw@node-1:8443/x")]).with_user_of_url();
    let beside = layer(&[("KSCTL_URL", "admin@node-1"), ("KSCTL_USERNAME", "other")]).with_user_of_url();
    let lower = layer(&[("KSCTL_USERNAME", "lower"), ("KSCTL_PASSWORD", "lower")]);
    let found = endpoint(&[user, lower.clone()]).unwrap();
    assert_eq!(found.url.unwrap().as_str(), "https://node-1:8443/x");
    assert_eq!(found.identity.username.as_deref(), Some("ad@min"));
    assert_eq!(shown(found.identity.password.as_ref()), Some("p:w"));
    assert_eq!(found.identity.origin.password.as_deref(), Some("the URL"));
    let found = endpoint(&[beside, lower]).unwrap();
    assert_eq!(found.url.unwrap().as_str(), "https://node-1/");
    assert_eq!(found.identity.username.as_deref(), Some("other"));
    assert_eq!(
        found.identity.password.map(|_| ()),
        None,
        "a password went to another user"
    );
}
