// SPDX-License-Identifier: Apache-2.0
//! `wasmcloud:messaging` 0.3.0 as a guest knows it. On the wire there is but 0.2.0 ("values", 3.4 and 3.11): the messages of 0.3.0 live here, what they
//! come to is asked of C with the values of 0.2.0, and a message that comes is made one of them for `incoming-handler`.

pub mod link;

use crate::state::State;
use crate::transcode::wire::{self, Reader, WireResult};
use crate::transcode::{self, ExportPlan};
use wasmtime::Store;
use wasmtime::component::{ComponentType, Instance, Lift, Lower, Resource, TypedFunc};

/// The export that takes messages.
pub const HANDLER: &str = "wasmcloud:messaging/incoming-handler@0.3.0#handle";

/// A connection: the name of the link that it goes over.
pub struct Client(String);

impl Client {
    /// Whether this is the connection of the link that is selected for the call.
    fn goes_over(&self, link: &str) -> bool {
        link == match self.0.as_str() {
            "" => "default",
            name => name,
        }
    }
}

#[derive(Default)]
pub struct Message {
    /// None: the guest made it.
    came: Option<Came>,
    content_type: Option<String>,
    data: Vec<u8>,
    metadata: Option<Vec<(String, String)>>,
}

struct Came {
    topic: String,
    reply_to: Option<String>,
}

impl Message {
    /// Of a `broker-message`.
    fn read(reader: &mut Reader<'_>) -> WireResult<Self> {
        let topic = reader.string()?.to_owned();
        let data = reader.byte_string()?.to_vec();
        let reply_to = match reader.either()? {
            false => None,
            true => Some(reader.string()?.to_owned()),
        };
        Ok(Message {
            came: Some(Came { topic, reply_to }),
            data,
            ..Message::default()
        })
    }

    /// What 0.2.0 has no place for must not be lost without a word.
    fn check(&self) -> Result<(), Error> {
        match &self.metadata {
            Some(metadata) if !metadata.is_empty() => Err(Error::Other(
                "metadata cannot be sent: messages have none on the wire; remove it, or put it into the data".into(),
            )),
            _ => Ok(()),
        }
    }

    /// Where an answer to it goes.
    fn reply_topic(&self) -> Result<&str, Error> {
        match &self.came {
            Some(Came {
                reply_to: Some(topic),
                ..
            }) => Ok(topic),
            Some(_) => Err(Error::Other(
                "who sent the message expects no reply: it names no topic for one".into(),
            )),
            None => Err(Error::Other(
                "a message that this component made cannot be replied to".into(),
            )),
        }
    }
}

#[derive(Default)]
pub struct RequestOptions {
    timeout_ms: Option<u32>,
    expected_replies: Option<u32>,
}

impl RequestOptions {
    fn check(&self) -> Result<(), Error> {
        match self.expected_replies {
            None | Some(1) => Ok(()),
            Some(count) => Err(Error::Other(format!(
                "{count} replies cannot be had: a request is answered by one message"
            ))),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(variant)]
pub enum Error {
    #[component(name = "timeout")]
    Timeout,
    #[component(name = "connection")]
    Connection(String),
    #[component(name = "permission-denied")]
    PermissionDenied(String),
    #[component(name = "other")]
    Other(String),
}

impl Error {
    /// As `handler` of 0.2.0 says it.
    fn into_text(self) -> String {
        match self {
            Error::Timeout => "timeout".into(),
            Error::Connection(why) => format!("connection: {why}"),
            Error::PermissionDenied(why) => format!("permission denied: {why}"),
            Error::Other(why) => why,
        }
    }
}

/// The parameter of `publish`: a `broker-message`.
fn broker_message(topic: &str, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(topic.len() + data.len() + 12);
    wire::put_byte_string(&mut out, topic.as_bytes());
    wire::put_byte_string(&mut out, data);
    out.push(0); // no subject for answers
    out
}

type Handler = TypedFunc<(Resource<Message>,), (Handled,)>;
type Handled = Result<(), Error>;

/// The handler of an instance, and its argument.
fn handler(
    store: &mut Store<State>,
    instance: &Instance,
    plan: &ExportPlan,
    params: &[u8],
) -> wasmtime::Result<(Handler, Resource<Message>)> {
    let message = Message::read(&mut Reader::new(params)).map_err(|error| {
        wasmtime::Error::from(error).context("the parameters of handle-message do not decode")
    })?;
    let handler = plan.func(&mut *store, instance)?.typed(&store)?;
    Ok((handler, store.data_mut().table().push(message)?))
}

/// As the result of `handle-message`.
fn encoded(handled: Handled) -> Vec<u8> {
    let mut out = vec![u8::from(handled.is_err())];
    if let Err(error) = handled {
        wire::put_byte_string(&mut out, error.into_text().as_bytes());
    }
    out
}

/// Calls the handler of an instance with the parameter of `handle-message`, and gives the result of that.
pub async fn handle(
    store: &mut Store<State>,
    instance: &Instance,
    plan: &ExportPlan,
    params: &[u8],
) -> wasmtime::Result<Vec<u8>> {
    let (handler, message) = handler(store, instance, plan, params)?;
    let (handled,) = handler.call_async(store, (message,)).await?;
    Ok(encoded(handled))
}

/// The same for a guest that goes on when it has returned.
pub async fn handle_streamed(
    store: &mut Store<State>,
    instance: &Instance,
    plan: &ExportPlan,
    params: &[u8],
    give: impl FnOnce(Vec<u8>) + Send,
) -> wasmtime::Result<()> {
    let (handler, message) = handler(store, instance, plan, params)?;
    transcode::run_until_idle(store, 0, give, async |accessor| {
        let (handled,) = handler.call_concurrent(accessor, (message,)).await?;
        Ok(encoded(handled))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_the_wire_is_read_within_bounds() {
        let whole = b"\x02in\x03abc\x01\x05reply";
        let message = Message::read(&mut Reader::new(whole)).expect("it is one");
        let came = message.came.expect("it came");
        assert_eq!(
            (came.topic.as_str(), came.reply_to.as_deref()),
            ("in", Some("reply"))
        );
        assert_eq!(message.data, b"abc");
        for cut in 0..whole.len() {
            assert!(
                Message::read(&mut Reader::new(&whole[..cut])).is_err(),
                "{cut}"
            );
        }
        assert_eq!(broker_message("in", b"abc"), b"\x02in\x03abc\x00");
    }

    #[test]
    fn what_cannot_be_sent_is_said() {
        let mut message = Message::default();
        assert_eq!(message.check(), Ok(()));
        message.metadata = Some(Vec::new());
        assert_eq!(message.check(), Ok(()));
        message.metadata = Some(vec![("a".into(), "b".into())]);
        assert!(matches!(message.check(), Err(Error::Other(why)) if why.contains("metadata")));
    }

    #[test]
    fn a_connection_is_that_of_the_link_it_is_named_after() {
        assert!(Client(String::new()).goes_over("default"));
        assert!(Client("default".into()).goes_over("default"));
        assert!(Client("shop".into()).goes_over("shop"));
        assert!(!Client("shop".into()).goes_over("default"));
        assert!(!Client(String::new()).goes_over("shop"));
    }
}
