//! Where a request holds a NUL. PostgreSQL keeps none, and a C library ends a text at it, so none is let in, wherever it
//! stands: this looks at bodies and addresses as a whole, before anybody reads a field of them.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// What a NUL looks like in a JSON string: there is no other way to write one. After a backslash it may be something else.
const IN_JSON: &[u8] = b"\\u0000";

/// What a NUL looks like in a path or a query.
const IN_ADDRESS: &str = "%00";

/// The field of a JSON body that holds a NUL, as in `labels.owner`; `None` when there is none or this is no JSON. Nothing of
/// the body is kept: it may be a password.
pub fn in_json(body: &[u8]) -> Option<String> {
    if !body.windows(IN_JSON.len()).any(|bytes| bytes == IN_JSON) {
        return None;
    }
    let mut place = Place::default();
    let mut reader = serde_json::Deserializer::from_slice(body);
    // Whatever else is wrong with the body is for its reader to say.
    let _read = Search(&mut place).deserialize(&mut reader);
    place.found.then(|| place.name())
}

/// Does a path hold a NUL?
pub fn in_path(path: &str) -> bool {
    path.contains(IN_ADDRESS)
}

/// The parameter of a query that holds a NUL, as it was sent.
pub fn in_query(query: &str) -> Option<&str> {
    let parameter = query.split('&').find(|parameter| parameter.contains(IN_ADDRESS))?;
    Some(parameter.split_once('=').map_or(parameter, |(name, _)| name))
}

/// Where in a body the search is.
#[derive(Default)]
struct Place {
    path: Vec<String>,
    found: bool,
}

impl Place {
    fn name(&self) -> String {
        if self.path.is_empty() {
            "the body".to_owned()
        } else {
            self.path.join(".")
        }
    }
}

/// Reads any value up to its first NUL.
struct Search<'a>(&'a mut Place);

impl Search<'_> {
    /// Goes on, or ends the search here.
    fn look_at<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.0.found = text.contains('\0');
        if self.0.found { Err(E::custom("NUL")) } else { Ok(()) }
    }
}

impl<'de> DeserializeSeed<'de> for Search<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Search<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.look_at(text)
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        for index in 0_usize.. {
            self.0.path.push(index.to_string());
            if list.next_element_seed(Search(&mut *self.0))?.is_none() {
                break;
            }
            self.0.path.pop();
        }
        self.0.path.pop();
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some(name) = object.next_key::<String>()? {
            if name.contains('\0') {
                self.0.found = true;
                self.0.path.push("(the name of a field)".to_owned());
                return Err(A::Error::custom("NUL"));
            }
            self.0.path.push(name);
            object.next_value_seed(Search(&mut *self.0))?;
            self.0.path.pop();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_that_holds_a_nul_is_named_however_deep_it_is() {
        for (body, field) in [
            (r#"{"name":"a\u0000b"}"#, "name"),
            (
                r#"{"a":[1,null,true,-2,1.5,"x"],"labels":{"owner":"\u0000"}}"#,
                "labels.owner",
            ),
            (r#"{"a":[[],{},["","\u0000"]],"b":"\u0000"}"#, "a.2.1"),
            (r#"{"a\u0000":1}"#, "(the name of a field)"),
            (r#""\u0000""#, "the body"),
        ] {
            assert_eq!(in_json(body.as_bytes()).as_deref(), Some(field), "{body}");
        }
    }

    #[test]
    fn what_only_looks_like_a_nul_is_none() {
        for body in [
            r#"{"name":"a\\u0000b"}"#,
            r#"{"name":"u0000"}"#,
            r#"{"name":"\u0001"}"#,
            "{\"a\":\"\\u0000",
            "",
            "{}",
        ] {
            assert_eq!(in_json(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn addresses_are_looked_at_before_they_are_decoded() {
        assert!(in_path("/api/v1/nodes/a%00b") && !in_path("/api/v1/nodes/a%2500"));
        assert_eq!(in_query("skip=0&name=a%00&limit=1"), Some("name"));
        assert_eq!(in_query("a%00=1"), Some("a%00"));
        assert_eq!(in_query("%00"), Some("%00"));
        assert_eq!(in_query("name=%2500&x"), None);
    }
}
