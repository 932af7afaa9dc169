//! `ksctl keys create`: makes a key, or brings one in.

use std::path::PathBuf;

use keystead::api::key::NewKeyRequest;
use serde::de::IgnoredAny;

use super::PATH;
use crate::client::Call;
use crate::commands::Context;
use crate::failure::Failure;
use crate::input;

/// What to send.
#[derive(Debug)]
pub(crate) enum Order {
    /// What the flags say.
    Flags(Box<NewKeyRequest>),
    /// A file of JSON, as it is.
    File(PathBuf),
}

/// Makes the key and shows it, without its material.
pub(crate) async fn run(context: &Context, order: &Order, ack: Option<&str>) -> Result<(), Failure> {
    let call = match order {
        Order::Flags(request) => Call::post(PATH, request)?,
        Order::File(path) => {
            let text = input::read(path)?;
            serde_json::from_str::<IgnoredAny>(&text)
                .map_err(|cause| Failure::usage(format!("{} is not JSON: {cause}", input::name(path))))?;
            Call::post_text(PATH, text)
        }
    };
    context.ask_and_show(&call.acknowledged(ack)).await
}
