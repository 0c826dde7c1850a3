// SPDX-License-Identifier: Apache-2.0
//! The functions of `wasi:blobstore` as a guest calls them.

use super::{Container, IncomingValue, ObjectNames, OutgoingValue, Status};
use crate::asking::{Asker, Family, Numbers, Store, answer, params, resource};
use crate::state::State;
use crate::transcode::wire;
use wasmtime::Result;
use wasmtime::component::{ComponentType, Lift, Linker, LinkerInstance, Lower, Resource};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream};

const BLOBSTORE: &str = "wasi:blobstore/blobstore@0.2.0-draft";
const CONTAINER: &str = "wasi:blobstore/container@0.2.0-draft";
const TYPES: &str = "wasi:blobstore/types@0.2.0-draft";

/// What is asked of C are functions of the one interface that links name.
pub const FAMILY: Family = Family {
    name: "wasi:blobstore",
    interfaces: &[BLOBSTORE, CONTAINER, TYPES],
    asked: &[
        "wasi:blobstore/blobstore@0.2.0-draft#clear-container",
        "wasi:blobstore/blobstore@0.2.0-draft#create-container",
        "wasi:blobstore/blobstore@0.2.0-draft#container-exists",
        "wasi:blobstore/blobstore@0.2.0-draft#delete-container",
        "wasi:blobstore/blobstore@0.2.0-draft#copy-object",
        "wasi:blobstore/blobstore@0.2.0-draft#move-object",
        "wasi:blobstore/blobstore@0.2.0-draft#get-container-info",
        "wasi:blobstore/blobstore@0.2.0-draft#get-container-data",
        "wasi:blobstore/blobstore@0.2.0-draft#write-container-data",
        "wasi:blobstore/blobstore@0.2.0-draft#list-container-objects",
        "wasi:blobstore/blobstore@0.2.0-draft#delete-objects",
        "wasi:blobstore/blobstore@0.2.0-draft#has-object",
        "wasi:blobstore/blobstore@0.2.0-draft#get-object-info",
    ],
    link,
};

#[derive(ComponentType, Lift)]
#[component(record)]
struct ObjectId {
    container: String,
    object: String,
}

#[derive(ComponentType, Lower)]
#[component(record)]
struct ContainerMetadata {
    name: String,
    #[component(name = "created-at")]
    created_at: u64,
}

#[derive(ComponentType, Lower)]
#[component(record)]
struct ObjectMetadata {
    name: String,
    container: String,
    #[component(name = "created-at")]
    created_at: u64,
    size: u64,
}

type Answer<T> = std::result::Result<T, String>;
fn name_of(store: &mut Store<'_>, container: &Resource<Container>) -> Result<String> {
    Ok(store.data_mut().table().get(container)?.0.clone())
}

fn link(linker: &mut Linker<State>, numbers: Numbers) -> Result<()> {
    link_types(&mut linker.instance(TYPES)?)?;
    link_container(&mut linker.instance(CONTAINER)?, numbers)?;
    link_blobstore(&mut linker.instance(BLOBSTORE)?, numbers)
}

fn link_types(instance: &mut LinkerInstance<'_, State>) -> Result<()> {
    resource::<OutgoingValue>(instance, "outgoing-value")?;
    resource::<IncomingValue>(instance, "incoming-value")?;
    instance.func_wrap(
        "[static]outgoing-value.new-outgoing-value",
        |mut store: Store<'_>, (): ()| {
            let value = store.data_mut().table().push(OutgoingValue::default())?;
            Ok((value,))
        },
    )?;
    instance.func_wrap(
        "[method]outgoing-value.outgoing-value-write-body",
        |mut store: Store<'_>, (value,): (Resource<OutgoingValue>,)| {
            let table = store.data_mut().table();
            let Some(body) = table.get_mut(&value)?.body() else {
                return Ok((Err(()),));
            };
            let body: DynOutputStream = Box::new(body);
            Ok((Ok::<_, ()>(table.push_child(body, &value)?),))
        },
    )?;
    instance.func_wrap_async(
        "[static]outgoing-value.finish",
        |mut store: Store<'_>, (value,): (Resource<OutgoingValue>,)| {
            Box::new(async move {
                let value = store.data_mut().table().delete(value)?;
                Ok((value.finish().await,))
            })
        },
    )?;
    instance.func_wrap_async(
        "[static]incoming-value.incoming-value-consume-sync",
        |mut store: Store<'_>, (value,): (Resource<IncomingValue>,)| {
            Box::new(async move {
                let max = store.data_mut().limits.max_memory_bytes();
                let value = store.data_mut().table().delete(value)?;
                Ok((value.all(max).await,))
            })
        },
    )?;
    instance.func_wrap(
        "[static]incoming-value.incoming-value-consume-async",
        |mut store: Store<'_>, (value,): (Resource<IncomingValue>,)| {
            let table = store.data_mut().table();
            let stream: DynInputStream = Box::new(table.delete(value)?);
            Ok((Ok::<_, String>(table.push(stream)?),))
        },
    )?;
    instance.func_wrap(
        "[method]incoming-value.size",
        |_store: Store<'_>, (_value,): (Resource<IncomingValue>,)| -> Result<(u64,)> {
            wasmtime::bail!(
                "the size of an incoming value is not known before it has come: ask object-info"
            )
        },
    )
}

fn link_container(instance: &mut LinkerInstance<'_, State>, numbers: Numbers) -> Result<()> {
    resource::<Container>(instance, "container")?;
    resource::<ObjectNames>(instance, "stream-object-names")?;
    instance.func_wrap(
        "[method]container.name",
        |mut store: Store<'_>, (container,): (Resource<Container>,)| {
            Ok((Ok::<_, String>(name_of(&mut store, &container)?),))
        },
    )?;
    let info = numbers.of(BLOBSTORE, "get-container-info");
    instance.func_wrap_async(
        "[method]container.info",
        move |mut store: Store<'_>, (container,): (Resource<Container>,)| {
            Box::new(async move {
                let name = name_of(&mut store, &container)?;
                let given = Asker::new(&mut store).ask(info, params(&[&name])).await?;
                let created_at = answer(&given, |reader| reader.u64())?;
                Ok((created_at.map(|created_at| ContainerMetadata { name, created_at }),))
            })
        },
    )?;
    let clear = numbers.of(BLOBSTORE, "clear-container");
    instance.func_wrap_async(
        "[method]container.clear",
        move |mut store: Store<'_>, (container,): (Resource<Container>,)| {
            Box::new(async move {
                let name = name_of(&mut store, &container)?;
                let given = Asker::new(&mut store).ask(clear, params(&[&name])).await?;
                Ok((answer(&given, |_| Ok(()))?,))
            })
        },
    )?;
    link_objects(instance, numbers)?;
    link_data(instance, numbers)?;
    link_names(instance, numbers)
}

fn link_objects(instance: &mut LinkerInstance<'_, State>, numbers: Numbers) -> Result<()> {
    let info = numbers.of(BLOBSTORE, "get-object-info");
    instance.func_wrap_async(
        "[method]container.object-info",
        move |mut store: Store<'_>, (container, name): (Resource<Container>, String)| {
            Box::new(async move {
                let container = name_of(&mut store, &container)?;
                let asked = params(&[&container, &name]);
                let given = Asker::new(&mut store).ask(info, asked).await?;
                let found = answer(&given, |reader| Ok((reader.u64()?, reader.u64()?)))?;
                Ok((found.map(|(created_at, size)| ObjectMetadata {
                    name,
                    container,
                    created_at,
                    size,
                }),))
            })
        },
    )?;
    let has = numbers.of(BLOBSTORE, "has-object");
    instance.func_wrap_async(
        "[method]container.has-object",
        move |mut store: Store<'_>, (container, name): (Resource<Container>, String)| {
            Box::new(async move {
                let asked = params(&[&name_of(&mut store, &container)?, &name]);
                let given = Asker::new(&mut store).ask(has, asked).await?;
                Ok((answer(&given, |reader| reader.bool())?,))
            })
        },
    )?;
    let delete = numbers.of(BLOBSTORE, "delete-objects");
    instance.func_wrap_async(
        "[method]container.delete-object",
        move |store: Store<'_>, (container, name): (Resource<Container>, String)| {
            Box::new(async move { Ok((delete_all(store, &container, &[name], delete).await?,)) })
        },
    )?;
    instance.func_wrap_async(
        "[method]container.delete-objects",
        move |store: Store<'_>, (container, names): (Resource<Container>, Vec<String>)| {
            Box::new(async move { Ok((delete_all(store, &container, &names, delete).await?,)) })
        },
    )
}

/// One object is deleted as many are: that is how hosts of 1.x ask for it.
async fn delete_all(
    mut store: Store<'_>,
    container: &Resource<Container>,
    names: &[String],
    import: u32,
) -> Result<Answer<()>> {
    let mut asked = params(&[&name_of(&mut store, container)?]);
    wire::put_unsigned(&mut asked, names.len() as u64);
    for name in names {
        wire::put_byte_string(&mut asked, name.as_bytes());
    }
    let given = Asker::new(&mut store).ask(import, asked).await?;
    answer(&given, |_| Ok(()))
}

fn link_data(instance: &mut LinkerInstance<'_, State>, numbers: Numbers) -> Result<()> {
    let get = numbers.of(BLOBSTORE, "get-container-data");
    instance.func_wrap_async(
        "[method]container.get-data",
        move |mut store: Store<'_>,
              (container, name, start, end): (Resource<Container>, String, u64, u64)| {
            Box::new(async move {
                let mut asked = params(&[&name_of(&mut store, &container)?, &name]);
                wire::put_unsigned(&mut asked, start);
                wire::put_unsigned(&mut asked, end);
                let (given, held) = Asker::new(&mut store).open(get, asked, None).await?;
                let value = answer(&given, |reader| IncomingValue::read(reader, held))?;
                let table = store.data_mut().table();
                Ok((match value {
                    Ok(value) => Ok(table.push(value)?),
                    Err(why) => Err(why),
                },))
            })
        },
    )?;
    let write = numbers.of(BLOBSTORE, "write-container-data");
    instance.func_wrap_async(
        "[method]container.write-data",
        move |mut store: Store<'_>,
              (container, name, value): (
            Resource<Container>,
            String,
            Resource<OutgoingValue>,
        )| {
            Box::new(async move {
                let mut asked = params(&[&name_of(&mut store, &container)?, &name]);
                asked.push(0); // the stream follows
                let known = store.data_mut().table().get_mut(&value)?;
                if known.sent.is_some() {
                    wasmtime::bail!("write-data was called with this outgoing-value already");
                }
                let pipe = known.pipe.clone();
                let (given, held) = Asker::new(&mut store).open(write, asked, Some(pipe)).await?;
                let status = answer(&given, |reader| Status::read(reader, 0))?;
                let known = store.data_mut().table().get_mut(&value)?;
                Ok((status.map(|status| known.sent = Some((held, status))),))
            })
        },
    )
}

fn link_names(instance: &mut LinkerInstance<'_, State>, numbers: Numbers) -> Result<()> {
    let list = numbers.of(BLOBSTORE, "list-container-objects");
    instance.func_wrap_async(
        "[method]container.list-objects",
        move |mut store: Store<'_>, (container,): (Resource<Container>,)| {
            Box::new(async move {
                let mut asked = params(&[&name_of(&mut store, &container)?]);
                asked.extend([0, 0]); // no limit, no offset
                let (given, held) = Asker::new(&mut store).open(list, asked, None).await?;
                let names = answer(&given, |reader| ObjectNames::read(reader, held))?;
                let table = store.data_mut().table();
                Ok((match names {
                    Ok(names) => Ok(table.push(names)?),
                    Err(why) => Err(why),
                },))
            })
        },
    )?;
    instance.func_wrap_async(
        "[method]stream-object-names.read-stream-object-names",
        |mut store: Store<'_>, (names, count): (Resource<ObjectNames>, u64)| {
            Box::new(async move {
                let names = store.data_mut().table().get_mut(&names)?;
                let mut out = Vec::new();
                let ended = names.take(count, |name| out.push(name)).await;
                Ok((ended.map(|ended| (out, ended)),))
            })
        },
    )?;
    instance.func_wrap_async(
        "[method]stream-object-names.skip-stream-object-names",
        |mut store: Store<'_>, (names, count): (Resource<ObjectNames>, u64)| {
            Box::new(async move {
                let names = store.data_mut().table().get_mut(&names)?;
                let mut skipped = 0u64;
                let ended = names.take(count, |_| skipped += 1).await;
                Ok((ended.map(|ended| (skipped, ended)),))
            })
        },
    )
}

fn link_blobstore(instance: &mut LinkerInstance<'_, State>, numbers: Numbers) -> Result<()> {
    let create = numbers.of(BLOBSTORE, "create-container");
    instance.func_wrap_async(
        "create-container",
        move |mut store: Store<'_>, (name,): (String,)| {
            Box::new(async move {
                let given = Asker::new(&mut store).ask(create, params(&[&name])).await?;
                let table = store.data_mut().table();
                Ok((match answer(&given, |_| Ok(()))? {
                    Ok(()) => Ok(table.push(Container(name))?),
                    Err(why) => Err(why),
                },))
            })
        },
    )?;
    let exists = numbers.of(BLOBSTORE, "container-exists");
    instance.func_wrap_async(
        "get-container",
        move |mut store: Store<'_>, (name,): (String,)| {
            Box::new(async move {
                let given = Asker::new(&mut store).ask(exists, params(&[&name])).await?;
                let table = store.data_mut().table();
                Ok((match answer(&given, |reader| reader.bool())? {
                    Ok(true) => Ok(table.push(Container(name))?),
                    Ok(false) => Err(format!("container `{name}` does not exist")),
                    Err(why) => Err(why),
                },))
            })
        },
    )?;
    instance.func_wrap_async(
        "container-exists",
        move |mut store: Store<'_>, (name,): (String,)| {
            Box::new(async move {
                let given = Asker::new(&mut store).ask(exists, params(&[&name])).await?;
                Ok((answer(&given, |reader| reader.bool())?,))
            })
        },
    )?;
    let delete = numbers.of(BLOBSTORE, "delete-container");
    instance.func_wrap_async(
        "delete-container",
        move |mut store: Store<'_>, (name,): (String,)| {
            Box::new(async move {
                let given = Asker::new(&mut store).ask(delete, params(&[&name])).await?;
                Ok((answer(&given, |_| Ok(()))?,))
            })
        },
    )?;
    for function in ["copy-object", "move-object"] {
        let number = numbers.of(BLOBSTORE, function);
        instance.func_wrap_async(
            function,
            move |mut store: Store<'_>, (from, to): (ObjectId, ObjectId)| {
                Box::new(async move {
                    let asked = params(&[&from.container, &from.object, &to.container, &to.object]);
                    let given = Asker::new(&mut store).ask(number, asked).await?;
                    Ok((answer(&given, |_| Ok(()))?,))
                })
            },
        )?;
    }
    Ok(())
}
