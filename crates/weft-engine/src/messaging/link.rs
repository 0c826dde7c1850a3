// SPDX-License-Identifier: Apache-2.0
//! The functions of `wasmcloud:messaging` 0.3.0 as a guest calls them.

use super::{Client, Error, Message, RequestOptions, broker_message};
use crate::asking::{Asker, Family, Numbers, Store, answer, resource};
use crate::state::State;
use crate::transcode::wire::{self, Reader};
use wasmtime::Result;
use wasmtime::component::{Linker, LinkerInstance, Resource};

const TYPES: &str = "wasmcloud:messaging/types@0.3.0";
const PRODUCER: &str = "wasmcloud:messaging/producer@0.3.0";
const REQUEST_REPLY: &str = "wasmcloud:messaging/request-reply@0.3.0";

/// `publish` and `request` are those of 0.2.0; `link-name` gives the name of the link that is selected for the interface.
pub const FAMILY: Family = Family {
    name: "wasmcloud:messaging",
    interfaces: &[TYPES, PRODUCER, REQUEST_REPLY],
    asked: &[
        "wasmcloud:messaging/producer@0.3.0#publish",
        "wasmcloud:messaging/producer@0.3.0#link-name",
        "wasmcloud:messaging/request-reply@0.3.0#publish",
        "wasmcloud:messaging/request-reply@0.3.0#request",
        "wasmcloud:messaging/request-reply@0.3.0#link-name",
    ],
    link,
};

type Answer<T> = std::result::Result<T, Error>;

fn link(linker: &mut Linker<State>, numbers: Numbers) -> Result<()> {
    let mut types = linker.instance(TYPES)?;
    link_client(&mut types)?;
    link_message(&mut types)?;
    link_headers(&mut types)?;
    link_producer(&mut linker.instance(PRODUCER)?, numbers)?;
    link_request_reply(&mut linker.instance(REQUEST_REPLY)?, numbers)
}

fn link_client(instance: &mut LinkerInstance<'_, State>) -> Result<()> {
    resource::<Client>(instance, "client")?;
    instance.func_wrap(
        "[static]client.connect",
        |mut store: Store<'_>, (name,): (String,)| {
            let client = store.data_mut().table().push(Client(name))?;
            Ok((Ok::<_, Error>(client),))
        },
    )?;
    instance.func_wrap(
        "[method]client.disconnect",
        |_store: Store<'_>, (_client,): (Resource<Client>,)| Ok((Ok::<(), Error>(()),)),
    )
}

fn link_message(instance: &mut LinkerInstance<'_, State>) -> Result<()> {
    resource::<Message>(instance, "message")?;
    instance.func_wrap(
        "[constructor]message",
        |mut store: Store<'_>, (data,): (Vec<u8>,)| {
            let message = Message {
                data,
                ..Message::default()
            };
            Ok((store.data_mut().table().push(message)?,))
        },
    )?;
    instance.func_wrap(
        "[method]message.topic",
        |mut store: Store<'_>, (message,): (Resource<Message>,)| {
            let message = store.data_mut().table().get(&message)?;
            Ok((message.came.as_ref().map(|came| came.topic.clone()),))
        },
    )?;
    instance.func_wrap(
        "[method]message.data",
        |mut store: Store<'_>, (message,): (Resource<Message>,)| {
            Ok((store.data_mut().table().get(&message)?.data.clone(),))
        },
    )?;
    instance.func_wrap(
        "[method]message.set-data",
        |mut store: Store<'_>, (message, data): (Resource<Message>, Vec<u8>)| {
            store.data_mut().table().get_mut(&message)?.data = data;
            Ok(())
        },
    )
}

fn link_headers(instance: &mut LinkerInstance<'_, State>) -> Result<()> {
    instance.func_wrap(
        "[method]message.content-type",
        |mut store: Store<'_>, (message,): (Resource<Message>,)| {
            Ok((store.data_mut().table().get(&message)?.content_type.clone(),))
        },
    )?;
    instance.func_wrap(
        "[method]message.set-content-type",
        |mut store: Store<'_>, (message, text): (Resource<Message>, String)| {
            store.data_mut().table().get_mut(&message)?.content_type = Some(text);
            Ok(())
        },
    )?;
    instance.func_wrap(
        "[method]message.metadata",
        |mut store: Store<'_>, (message,): (Resource<Message>,)| {
            Ok((store.data_mut().table().get(&message)?.metadata.clone(),))
        },
    )?;
    instance.func_wrap(
        "[method]message.add-metadata",
        |mut store: Store<'_>, (message, key, value): (Resource<Message>, String, String)| {
            let message = store.data_mut().table().get_mut(&message)?;
            let metadata = message.metadata.get_or_insert_default();
            metadata.retain(|(known, _)| *known != key);
            metadata.push((key, value));
            Ok(())
        },
    )?;
    instance.func_wrap(
        "[method]message.set-metadata",
        |mut store: Store<'_>, (message, meta): (Resource<Message>, Vec<(String, String)>)| {
            store.data_mut().table().get_mut(&message)?.metadata = Some(meta);
            Ok(())
        },
    )?;
    instance.func_wrap(
        "[method]message.remove-metadata",
        |mut store: Store<'_>, (message, key): (Resource<Message>, String)| {
            let message = store.data_mut().table().get_mut(&message)?;
            if let Some(metadata) = &mut message.metadata {
                metadata.retain(|(known, _)| *known != key);
            }
            Ok(())
        },
    )
}

/// What a call of C came to; that it failed is for the guest to know, too.
fn told<T>(answered: Result<std::result::Result<T, String>>) -> Answer<T> {
    match answered {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(why)) => Err(Error::Other(why)),
        Err(error) => Err(Error::Other(format!("{error:#}"))),
    }
}

/// Refuses a connection that is not the one of the link over which the call will go.
async fn check_link(asker: &Asker, number: u32, client: &Client) -> Result<Answer<()>> {
    let given = asker.ask(number, Vec::new()).await?;
    let selected = Reader::new(&given).string()?.to_owned();
    Ok(match client.goes_over(&selected) {
        true => Ok(()),
        false => Err(Error::Other(format!(
            "the client is connected as `{}`, but the link that is selected is `{selected}`: connect with the name that was given to set-link-name",
            client.0
        ))),
    })
}

async fn publish(asker: &Asker, number: u32, topic: &str, message: &Message) -> Answer<()> {
    message.check()?;
    let asked = asker.ask(number, broker_message(topic, &message.data));
    told(asked.await.and_then(|given| answer(&given, |_| Ok(()))))
}

/// The guest is told on its standard error of what is left out.
fn note_content_type(store: &mut Store<'_>, message: &Message) {
    if let Some(text) = &message.content_type {
        let line = format!(
            "the content type `{text}` of a message is not sent: the wire has no place for it\n"
        );
        store.data_mut().logs.note(&line);
    }
}

fn link_producer(instance: &mut LinkerInstance<'_, State>, numbers: Numbers) -> Result<()> {
    let link_name = numbers.of(PRODUCER, "link-name");
    let number = numbers.of(PRODUCER, "publish");
    instance.func_wrap_async(
        "send",
        move |mut store: Store<'_>,
              (client, topic, message): (Resource<Client>, String, Resource<Message>)| {
            Box::new(async move {
                let asker = Asker::new(&mut store);
                let message = store.data_mut().table().delete(message)?;
                let client = store.data_mut().table().get(&client)?;
                if let Err(error) = check_link(&asker, link_name, client).await? {
                    return Ok((Err(error),));
                }
                note_content_type(&mut store, &message);
                Ok((publish(&asker, number, &topic, &message).await,))
            })
        },
    )
}

/// As long as the call itself may take.
const NO_TIMEOUT_MS: u32 = u32::MAX;

fn request_params(topic: &str, data: &[u8], timeout_ms: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(topic.len() + data.len() + 16);
    wire::put_byte_string(&mut out, topic.as_bytes());
    wire::put_byte_string(&mut out, data);
    wire::put_unsigned(&mut out, timeout_ms.into());
    out
}

fn link_request_reply(instance: &mut LinkerInstance<'_, State>, numbers: Numbers) -> Result<()> {
    link_options(instance)?;
    let link_name = numbers.of(REQUEST_REPLY, "link-name");
    let number = numbers.of(REQUEST_REPLY, "request");
    type Asked = (
        Resource<Client>,
        String,
        Resource<Message>,
        Option<Resource<RequestOptions>>,
    );
    instance.func_wrap_async(
        "request",
        move |mut store: Store<'_>, (client, topic, message, options): Asked| {
            Box::new(async move {
                let asker = Asker::new(&mut store);
                let options = match options {
                    Some(options) => store.data_mut().table().delete(options)?,
                    None => RequestOptions::default(),
                };
                let client = store.data_mut().table().get(&client)?;
                if let Err(error) = check_link(&asker, link_name, client).await? {
                    return Ok((Err(error),));
                }
                let message = store.data_mut().table().get(&message)?;
                let asked = message.check().and_then(|()| options.check()).map(|()| {
                    let timeout_ms = options.timeout_ms.unwrap_or(NO_TIMEOUT_MS);
                    request_params(&topic, &message.data, timeout_ms)
                });
                let asked = match asked {
                    Ok(asked) => asked,
                    Err(error) => return Ok((Err(error),)),
                };
                let given = asker.ask(number, asked).await;
                let reply = told(given.and_then(|given| answer(&given, Message::read)));
                Ok((match reply {
                    Ok(reply) => Ok(vec![store.data_mut().table().push(reply)?]),
                    Err(error) => Err(error),
                },))
            })
        },
    )?;
    let number = numbers.of(REQUEST_REPLY, "publish");
    instance.func_wrap_async(
        "reply",
        move |mut store: Store<'_>, (asked, message): (Resource<Message>, Resource<Message>)| {
            Box::new(async move {
                let asker = Asker::new(&mut store);
                let message = store.data_mut().table().delete(message)?;
                note_content_type(&mut store, &message);
                let asked = store.data_mut().table().get(&asked)?;
                Ok((match asked.reply_topic() {
                    Ok(topic) => publish(&asker, number, topic, &message).await,
                    Err(error) => Err(error),
                },))
            })
        },
    )
}

fn link_options(instance: &mut LinkerInstance<'_, State>) -> Result<()> {
    resource::<RequestOptions>(instance, "request-options")?;
    instance.func_wrap(
        "[constructor]request-options",
        |mut store: Store<'_>, (): ()| {
            Ok((store.data_mut().table().push(RequestOptions::default())?,))
        },
    )?;
    instance.func_wrap(
        "[method]request-options.set-timeout-ms",
        |mut store: Store<'_>, (options, value): (Resource<RequestOptions>, u32)| {
            store.data_mut().table().get_mut(&options)?.timeout_ms = Some(value);
            Ok(())
        },
    )?;
    instance.func_wrap(
        "[method]request-options.set-expected-replies",
        |mut store: Store<'_>, (options, value): (Resource<RequestOptions>, u32)| {
            store.data_mut().table().get_mut(&options)?.expected_replies = Some(value);
            Ok(())
        },
    )
}
