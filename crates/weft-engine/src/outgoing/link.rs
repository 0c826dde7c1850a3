// SPDX-License-Identifier: Apache-2.0
//! `wasi:http/outgoing-handler` and the future it gives, defined over wasmtime's own: those spawn a task of a runtime for each request.

use super::{FutureResponse, Head};
use crate::state::State;
use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, uri};
use http_body_util::BodyExt;
use std::time::Duration;
use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi::p2::{DynPollable, Pollable};
use wasmtime_wasi_http::p2::bindings::http::types::{self, ErrorCode};
use wasmtime_wasi_http::p2::body::HostIncomingBody;
use wasmtime_wasi_http::p2::types::{HostIncomingResponse, HostOutgoingRequest};
use wasmtime_wasi_http::{FieldMap, RequestOptions, WasiHttpView};

/// Of each of the three, where the guest sets none.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);

type Given =
    Option<std::result::Result<std::result::Result<Resource<HostIncomingResponse>, ErrorCode>, ()>>;

/// The linker must allow shadowing.
pub fn link(linker: &mut Linker<State>) -> Result<()> {
    let mut types = linker.instance("wasi:http/types@0.2.12")?;
    types.resource(
        "future-incoming-response",
        ResourceType::host::<FutureResponse>(),
        |mut store, rep| {
            let future = Resource::<FutureResponse>::new_own(rep);
            store.data_mut().http().table.delete(future)?;
            Ok(())
        },
    )?;
    types.func_wrap(
        "[method]future-incoming-response.subscribe",
        |mut store: StoreContextMut<'_, State>, (future,): (Resource<FutureResponse>,)| {
            let pollable: Resource<DynPollable> =
                wasmtime_wasi::p2::subscribe(store.data_mut().http().table, future)?;
            Ok((pollable,))
        },
    )?;
    types.func_wrap(
        "[method]future-incoming-response.get",
        |mut store: StoreContextMut<'_, State>, (future,): (Resource<FutureResponse>,)| {
            Ok((get(store.data_mut(), &future)?,))
        },
    )?;
    linker
        .instance("wasi:http/outgoing-handler@0.2.12")?
        .func_wrap(
            "handle",
            |mut store: StoreContextMut<'_, State>,
             (request, options): (
                Resource<HostOutgoingRequest>,
                Option<Resource<RequestOptions>>,
            )| { Ok((handle(store.data_mut(), request, options)?,)) },
        )
}

#[wasmtime_wasi::async_trait]
impl Pollable for FutureResponse {
    async fn ready(&mut self) {
        self.answered().await;
    }
}

fn get(state: &mut State, future: &Resource<FutureResponse>) -> Result<Given> {
    let view = state.http();
    let response = match view.table.get_mut(future)?.take() {
        None => return Ok(None),
        Some(None) => return Ok(Some(Err(()))),
        Some(Some(Err(error))) => return Ok(Some(Ok(Err(error)))),
        Some(Some(Ok(response))) => response,
    };
    let (parts, body) = response.into_parts();
    let response = HostIncomingResponse {
        status: parts.status.as_u16(),
        headers: FieldMap::new_immutable(view.hooks, parts.headers),
        body: Some(HostIncomingBody::new(body.boxed_unsync())),
    };
    Ok(Some(Ok(Ok(view.table.push(response)?))))
}

fn handle(
    state: &mut State,
    request: Resource<HostOutgoingRequest>,
    options: Option<Resource<RequestOptions>>,
) -> Result<std::result::Result<Resource<FutureResponse>, ErrorCode>> {
    let queue = state.outgoing.clone();
    let table = state.http().table;
    let options = match options {
        Some(options) => table.delete(options)?,
        None => RequestOptions::default(),
    };
    let mut request = table.delete(request)?;
    let body = request.body.take();
    let parts = match judge(request, body.is_some()) {
        Ok(parts) => parts,
        Err(error) => return Ok(Err(error)),
    };
    let head = Head {
        parts,
        connect_timeout: options.connect_timeout.unwrap_or(DEFAULT_TIMEOUT),
        first_byte_timeout: options.first_byte_timeout.unwrap_or(DEFAULT_TIMEOUT),
        between_bytes_timeout: options.between_bytes_timeout.unwrap_or(DEFAULT_TIMEOUT),
    };
    Ok(Ok(table.push(queue.park(head, body))?))
}

/// What the guest asks for as a request, or why it is none. The rules are those of wasmtime's own handler.
fn judge(
    request: HostOutgoingRequest,
    has_body: bool,
) -> std::result::Result<http::request::Parts, ErrorCode> {
    let length = content_length(&request.headers)?;
    if !has_body && length.is_some_and(|length| length != 0) {
        return Err(ErrorCode::HttpRequestBodySize(Some(0)));
    }
    let method: Method = request
        .method
        .try_into()
        .map_err(|_| ErrorCode::HttpRequestMethodInvalid)?;
    let scheme = match request.scheme {
        None | Some(types::Scheme::Https) => uri::Scheme::HTTPS,
        Some(types::Scheme::Http) => uri::Scheme::HTTP,
        Some(types::Scheme::Other(_)) => return Err(ErrorCode::HttpProtocolError),
    };
    let authority = request.authority.unwrap_or_default();
    let host = HeaderValue::from_str(&authority).map_err(|_| ErrorCode::HttpRequestUriInvalid)?;
    let uri = Uri::builder()
        .scheme(scheme)
        .authority(authority)
        .path_and_query(request.path_with_query.as_deref().unwrap_or("/"))
        .build()
        .map_err(|_| ErrorCode::HttpRequestUriInvalid)?;
    let mut out = Request::new(());
    *out.method_mut() = method;
    *out.uri_mut() = uri;
    let headers = out.headers_mut();
    headers.append(HOST, host);
    for (name, value) in request.headers.iter() {
        headers.append(name, value.clone());
    }
    Ok(out.into_parts().0)
}

fn content_length(headers: &HeaderMap) -> std::result::Result<Option<u64>, ErrorCode> {
    let mut values = headers.get_all(CONTENT_LENGTH).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(length) if digits && values.next().is_none() => Ok(Some(length)),
        _ => Err(ErrorCode::InternalError(Some(
            "the content-length of the request is not one number".into(),
        ))),
    }
}
