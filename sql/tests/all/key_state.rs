//! The order of key states stands in Rust and in SQL; both must be one.

use anyhow::{Context as _, Result};
use keystead::key::state::KeyState;

use crate::node::Alone;

#[tokio::test]
async fn sql_joins_every_pair_of_states_as_rust_does() -> Result<()> {
    let node = Alone::start().await?;
    let join = "select public.join_key_state($1::text::public.key_state, $2::text::public.key_state)::text";
    for a in KeyState::ALL {
        for b in KeyState::ALL {
            let joined: String = node.db.query_one(join, &[&a.name(), &b.name()]).await?.get(0);
            let joined = KeyState::from_name(&joined).context(joined)?;
            assert_eq!(joined, a.join(b), "{a:?} and {b:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn sql_has_the_states_of_rust_in_their_order() -> Result<()> {
    let node = Alone::start().await?;
    let names = node
        .text("select array_to_string(enum_range(null::public.key_state), ',')")
        .await?;
    assert_eq!(names, KeyState::ALL.map(KeyState::name).join(","));
    Ok(())
}
