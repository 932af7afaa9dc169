//! The OpenAPI document: its frame, and what no attribute of a type can say.
//!
//! Routes and types describe themselves. Here stand the rules between fields, and the words that a field may have: those that
//! programs which make or check requests go by. `make fuzz-api` asks a node by this document, so a rule that is not kept fails
//! there.

use keystead::api::error::ErrorBody;
use keystead::{Error, Result};
use serde_json::{Value, json};
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Keystead",
        description = "A multi-master cluster of key managers. Every node takes every call.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(ErrorBody)),
    security(("bearer" = [])),
    modifiers(&Bearer)
)]
struct Document;

/// The token of `POST /api/v1/auth/tokens`.
struct Bearer;

impl utoipa::Modify for Bearer {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    }
}

/// What the routes are put into.
pub(super) fn frame() -> OpenApi {
    <Document as utoipa::OpenApi>::openapi()
}

/// The document with all its rules, as text.
pub(super) fn written(document: OpenApi) -> Result<String> {
    let failed = |cause| Error::internal("writing the OpenAPI document", cause);
    let mut document = serde_json::to_value(document).map_err(failed)?;
    state_rules(&mut document);
    let text = serde_json::to_string_pretty(&document).map_err(failed)?;
    Ok(text + "\n")
}

fn state_rules(document: &mut Value) {
    let items = document.get_mut("paths").and_then(Value::as_object_mut);
    let items = items.into_iter().flat_map(|paths| paths.values_mut());
    let operations = items
        .filter_map(Value::as_object_mut)
        .flat_map(|item| item.values_mut());
    let parameters = operations.filter_map(|operation| operation.get_mut("parameters")?.as_array_mut());
    parameters.flatten().for_each(without_null);
    for (place, rule) in rules() {
        if let (Some(Value::Object(there)), Value::Object(rule)) = (document.pointer_mut(place), rule) {
            there.extend(rule);
        }
    }
    // What only the other nodes have is left out of a node's own entry, all of it.
    let link = document.pointer_mut("/components/schemas/NodeInfo/allOf/0");
    if let Some(link) = link {
        *link = json!({"anyOf": [{"$ref": "#/components/schemas/LinkInfo"}, {"type": "object"}],
            "description": "How replication to it goes; absent for the viewer itself."});
    }
}

/// There is no `null` in an address: a parameter that may be left out is left out.
fn without_null(parameter: &mut Value) {
    if let Some(Value::Array(kinds)) = parameter.pointer_mut("/schema/type") {
        kinds.retain(|kind| kind != "null");
    }
}

/// What is added where.
fn rules() -> Vec<(&'static str, Value)> {
    let texts = |names: &[&str]| {
        names
            .iter()
            .map(|name| json!(name))
            .chain([json!(""), Value::Null])
            .collect::<Value>()
    };
    vec![
        ("/components/schemas/NewKeyRequest", key_material()),
        (
            "/components/schemas/NewKeyRequest/properties/size",
            json!({"enum": [128, 192, 256, null]}),
        ),
        (
            "/components/schemas/NewVersionRequest/properties/material",
            json!({"pattern": format!("^({})?$", [32, 48, 64].map(hex).join("|"))}),
        ),
        (
            "/components/schemas/RevokeKeyRequest/properties/reason",
            json!({"enum": ["Unspecified", "KeyCompromise", "CACompromise", "AffiliationChanged", "Superseded",
                "CessationOfOperation", "PrivilegeWithdrawn"]}),
        ),
        (
            "/components/schemas/SyslogRequest/properties/transport",
            json!({"enum": texts(&["udp", "tcp", "tls"])}),
        ),
        (
            "/components/schemas/SyslogRequest/properties/messageFormat",
            json!({"enum": texts(&["rfc5424", "rfc3164", "cef", "leef"])}),
        ),
        (
            "/paths/~1api~1v1~1configs~1syslogs/post/requestBody/content/application~1json/schema",
            new_syslog(),
        ),
        (
            "/components/schemas/BackupKeyFile/properties/format",
            json!({"const": "keystead-backup-key 1"}),
        ),
        ("/components/schemas/TokenRequest", credentials()),
    ]
}

/// So many hexadecimal digits.
fn hex(digits: u8) -> String {
    format!("[0-9a-fA-F]{{{digits}}}")
}

/// A text that is given: neither absent nor blank.
fn given(field: &str) -> Value {
    json!({"required": [field], "properties": {field: {"type": "string", "minLength": 1, "pattern": "\\S"}}})
}

/// Material is left out, or has as many bits as `size` says when that is there.
fn key_material() -> Value {
    let imported = |bits: u16, digits: u8| {
        json!({"required": ["material"], "properties": {
            "material": {"type": "string", "pattern": format!("^{}$", hex(digits))}, "size": {"enum": [bits, null]}}})
    };
    json!({"anyOf": [
        {"properties": {"material": {"enum": ["", null]}}},
        imported(128, 32), imported(192, 48), imported(256, 64),
    ]})
}

/// A new server has a host, and with TLS a certificate to believe.
fn new_syslog() -> Value {
    json!({"allOf": [
        given("host"),
        {"anyOf": [{"properties": {"transport": {"enum": ["udp", "tcp", "", null]}}}, given("caCert")]},
    ]})
}

/// A password with the account's name, which some clients call `name`; or a refresh token.
fn credentials() -> Value {
    let password = |name: &str| {
        json!({"allOf": [given(name), given("password"),
            {"properties": {"grant_type": {"enum": ["password", "", null]}}}]})
    };
    let refresh = json!({"allOf": [given("refresh_token"), given("grant_type"),
        {"properties": {"grant_type": {"const": "refresh_token"}}}]});
    json!({"anyOf": [password("username"), password("name"), refresh], "not": {"required": ["username", "name"]}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_about_something_that_is_there() {
        let plain = serde_json::to_value(super::super::described().into_openapi()).unwrap();
        for (place, _) in rules() {
            assert!(plain.pointer(place).is_some_and(Value::is_object), "{place}");
        }
        let link = plain.pointer("/components/schemas/NodeInfo/allOf/0/oneOf");
        assert!(
            link.is_some(),
            "an optional part of a node's entry is described as it is meant"
        );
    }
}
