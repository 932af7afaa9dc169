//! Is it this node that a request to delete everything means?

use crate::error::{Error, Result};

/// Checks what was sent to confirm a reset of the node called `name`, which has the id `id` in a cluster.
///
/// # Errors
/// `InvalidParam` when nothing was sent, or the name of another one.
pub fn must_mean(confirm: Option<&str>, name: &str, id: Option<&str>) -> Result<()> {
    match confirm {
        Some(confirm) if confirm == name || Some(confirm) == id => Ok(()),
        Some(_) => {
            Err(Error::invalid_param("`confirm` does not name this node, which was not reset").with_hint(hint(name)))
        }
        None => Err(Error::invalid_param(
            "a reset deletes everything on this node, so the request has to name the node in `confirm`",
        )
        .with_hint(hint(name))),
    }
}

fn hint(name: &str) -> String {
    format!(
        "send {} or the node's id, or use `ksctl services reset`; for clients that cannot, set \
         rest.reset_without_confirmation = true in the node's configuration",
        serde_json::json!({"confirm": name})
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_names_the_node_by_its_name_or_its_id() {
        must_mean(Some("north"), "north", None).unwrap();
        must_mean(Some("78f3"), "north", Some("78f3")).unwrap();
        for (confirm, id) in [
            (Some("south"), Some("78f3")),
            (Some("78f3"), None),
            (Some("North"), None),
            (None, None),
        ] {
            let refused = must_mean(confirm, "north", id).unwrap_err();
            let hint = refused.hint().unwrap_or_default();
            assert!(hint.contains(r#"{"confirm":"north"}"#), "{hint}");
            assert!(hint.contains("rest.reset_without_confirmation"), "{hint}");
        }
    }
}
