//! When a bearer token runs out, read from the token itself.
//!
//! This file only reads the claim `exp`; it never trusts a token for anything, that is the appliance's work.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keystead::clock::Micros;
use serde::Deserialize;

/// A token that ends sooner than this is not worth sending: the request would arrive after its end.
const MARGIN_SECONDS: i64 = 5;

#[derive(Deserialize)]
struct Claims {
    exp: i64,
}

/// Is the token good for long enough? A token that cannot be read is tried: only the appliance can tell.
pub(crate) fn is_fresh(jwt: &str, now: Micros) -> bool {
    expiry(jwt).is_none_or(|exp| exp.saturating_sub(MARGIN_SECONDS) > now.0 / 1_000_000)
}

/// Seconds since 1970 at which the token ends.
fn expiry(jwt: &str) -> Option<i64> {
    let claims = jwt.split('.').nth(1)?;
    let json = URL_SAFE_NO_PAD.decode(claims).ok()?;
    serde_json::from_slice::<Claims>(&json).ok().map(|claims| claims.exp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(exp: i64) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(format!("{{\"exp\":{exp}}}")))
    }

    #[test]
    fn a_token_counts_as_ended_a_little_before_its_end() {
        let now = Micros(1_000_000_000);
        assert!(is_fresh(&jwt(1006), now));
        assert!(!is_fresh(&jwt(1005), now));
        assert!(!is_fresh(&jwt(i64::MIN), now));
    }

    #[test]
    fn a_token_that_cannot_be_read_is_tried() {
        for odd in ["", "opaque", "a.b.c", "e30.e30.c2ln"] {
            assert!(is_fresh(odd, Micros(i64::MAX)), "{odd:?} was not tried");
        }
    }
}
