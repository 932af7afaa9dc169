//! Any answer as a table, where there is none of its own: one row a field, or one row a thing where the answer is a list.
//!
//! The order is that of the answer, which its readers know from the JSON. Fields within fields have a dot in their name.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::NONE;
use crate::failure::Failure;
use crate::printer::layout::{Column, Fit, Table, column};

/// A JSON value that keeps the order of its fields.
#[derive(Debug, Clone)]
enum Tree {
    Plain(String),
    List(Vec<Tree>),
    Fields(Vec<(String, Tree)>),
}

/// The table of a JSON text.
pub(crate) fn fields(text: &str) -> Result<Table, Failure> {
    let tree: Tree = serde_json::from_str(text)
        .map_err(|cause| Failure::internal(format!("the answer cannot be shown as a table: {cause}")))?;
    Ok(match &tree {
        Tree::List(things) => list(things),
        Tree::Fields(members) => match members.iter().find(|(name, _)| name == "resources") {
            Some((_, Tree::List(things))) => list(things),
            _ => one(&tree),
        },
        Tree::Plain(_) => one(&tree),
    })
}

fn one(tree: &Tree) -> Table {
    let mut table = Table::new([column("field", Fit::Whole, 0), column("value", Fit::Text, 0)]);
    let mut leaves = Vec::new();
    tree.leaves("", &mut leaves);
    for (name, value) in leaves {
        table.row([name, value]);
    }
    table
}

fn list(things: &[Tree]) -> Table {
    let mut titles: Vec<String> = Vec::new();
    let mut rows = Vec::new();
    for thing in things {
        let mut leaves = Vec::new();
        thing.leaves("", &mut leaves);
        for (name, _) in &leaves {
            if !titles.contains(name) {
                titles.push(name.clone());
            }
        }
        rows.push(leaves);
    }
    let columns: Vec<Column> = titles
        .iter()
        .enumerate()
        .map(|(place, title)| titled(place, title))
        .collect();
    let mut table = Table::new(columns);
    for leaves in rows {
        let value = |title: &String| {
            leaves
                .iter()
                .find(|(name, _)| name == title)
                .map_or(NONE, |(_, value)| value)
        };
        table.row(titles.iter().map(value));
    }
    table
}

/// What comes first counts for more.
fn titled(place: usize, title: &str) -> Column {
    let fit = if title.to_lowercase().ends_with("id") {
        Fit::Id
    } else {
        Fit::Text
    };
    column(title.to_owned(), fit, place.try_into().unwrap_or(u8::MAX))
}

impl Tree {
    fn leaves(&self, name: &str, leaves: &mut Vec<(String, String)>) {
        let below = |part: &str| {
            if name.is_empty() {
                part.to_owned()
            } else {
                format!("{name}.{part}")
            }
        };
        match self {
            Self::Plain(text) => leaves.push((name.to_owned(), text.clone())),
            Self::Fields(members) => members
                .iter()
                .for_each(|(part, value)| value.leaves(&below(part), leaves)),
            Self::List(things) => match things.iter().map(Self::plain).collect::<Option<Vec<&str>>>() {
                Some(texts) => leaves.push((name.to_owned(), texts.join(", "))),
                None => (1..)
                    .zip(things)
                    .for_each(|(number, thing)| thing.leaves(&below(&number.to_string()), leaves)),
            },
        }
    }

    fn plain(&self) -> Option<&str> {
        match self {
            Self::Plain(text) => Some(text),
            Self::List(_) | Self::Fields(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Plain(if value { "yes" } else { "no" }.to_owned()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Plain(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Plain(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Plain(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Plain(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Plain(NONE.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut things = Vec::new();
        while let Some(thing) = items.next_element()? {
            things.push(thing);
        }
        Ok(Tree::List(things))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Tree, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = members.next_entry()? {
            fields.push(field);
        }
        Ok(Tree::Fields(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_row_a_field_in_its_own_order() {
        let text = r#"{"nodeID":"78f3","status":{"code":"r","description":"ready"},"nodeCount":3,"clustered":true,
            "reason":null,"waitsFor":["a","b"],"authorities":[{"serial":"01"},{"serial":"02"}]}"#;
        insta::assert_snapshot!(fields(text).unwrap().plain(Some(60)), @"
        FIELD                 VALUE
        nodeID                78f3
        status.code           r
        status.description    ready
        nodeCount             3
        clustered             yes
        reason                -
        waitsFor              a, b
        authorities.1.serial  01
        authorities.2.serial  02
        ");
    }

    #[test]
    fn a_list_is_a_row_a_thing() {
        let text = r#"{"skip":0,"limit":0,"total":2,"resources":[{"name":"a","ids":["1","2"]},{"name":"b","more":7}]}"#;
        insta::assert_snapshot!(fields(text).unwrap().plain(None), @"
        NAME  IDS   MORE
        a     1, 2  -
        b     -     7
        ");
        assert_eq!(fields("[]").unwrap().plain(None), "\n");
    }
}
