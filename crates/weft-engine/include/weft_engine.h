/* SPDX-License-Identifier: Apache-2.0 */
/* wasmtime behind a C ABI. Written by hand; src/ffi.rs and src/ffi/ are its other half, and src/ffi/layout.rs tests that both
 * agree with it.
 *
 * Rules
 * - Every object has one owner and one _free function, which takes NULL. Free children before parents: calls, lanes, prepared, components, engine.
 * - A function that can fail returns NULL on success, else a weft_error that the caller frees. Nothing panics across this border.
 * - weft_bytes borrow: as a parameter for the length of the call; as a result until the next call on the same object.
 * - Threads: engine, component, prepared, func and signature may be used from any thread at once. A lane and its calls belong to one thread at a time.
 * - C code never runs on a guest's stack: what a guest asks of its host is parked and handed over after weft_call_poll has returned.
 */
#ifndef WEFT_ENGINE_H
#define WEFT_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weft_engine weft_engine;       /* compiler, instance pool and epoch ticker */
typedef struct weft_component weft_component; /* compiled code */
typedef struct weft_prepared weft_prepared;   /* a component linked with its grants: instances are made from it */
typedef struct weft_func weft_func;           /* one export, its types checked */
typedef struct weft_signature weft_signature; /* the types of a function, to show values by */
typedef struct weft_lane weft_lane;           /* one thread's place to make calls from; holds the warm instances of --reuse */
typedef struct weft_call weft_call;           /* one call in flight */
typedef struct weft_error weft_error;
typedef struct weft_string weft_string; /* bytes that the caller frees */

typedef struct weft_bytes {
  const uint8_t* data; /* may be NULL when len is 0 */
  size_t len;
} weft_bytes;

typedef struct weft_header {
  weft_bytes name;
  weft_bytes value;
} weft_header;

/* ---- errors and strings ---- */
uint16_t weft_error_code(const weft_error* error); /* the numbers of weft::Errc */
weft_bytes weft_error_message(const weft_error* error);
weft_bytes weft_error_hint(const weft_error* error);
weft_bytes weft_error_detail(const weft_error* error); /* a symbolised wasm backtrace, or empty */
void weft_error_free(weft_error* error);
weft_bytes weft_string_bytes(const weft_string* string);
void weft_string_free(weft_string* string);

/* wasmtime's version: a static, NUL-terminated string. */
const char* weft_engine_wasmtime_version(void);

/* ---- engine ---- */
typedef struct weft_engine_config {
  uint32_t max_instances;    /* core instances, memories and stacks in the pool; 0: 1024 */
  uint64_t max_memory_bytes; /* of one linear memory; 0: 4 GiB */
  weft_bytes cache_dir;      /* compiled artifacts; empty: none */
} weft_engine_config;

weft_error* weft_engine_new(const weft_engine_config* config, weft_engine** out);
void weft_engine_free(weft_engine* engine);
/* False where address space was too short for the pool and instances are made on demand. */
bool weft_engine_is_pooling(const weft_engine* engine);

/* ---- components ---- */
/* Facts of a component as JSON, without compiling it. */
weft_error* weft_describe(weft_bytes wasm, weft_string** json);
/* Compiles, or loads the artifact that was cached for these very bytes, this engine and this CPU. */
weft_error* weft_component_load(weft_engine* engine, weft_bytes wasm, weft_component** out);
bool weft_component_was_cached(const weft_component* component);
void weft_component_free(weft_component* component);

/* config: JSON {"id","env":[[k,v]],"args":[],"dirs":[{"host","guest","write"}],"network":["host:port"],"stdio":"log|inherit|discard",
 * "imports":["ns:pkg/iface@1.0.0"] (or ["*"]: all that the engine does not provide itself),"max_memory_bytes","max_table_elements","reuse"}; each may be left out. */
weft_error* weft_prepare(weft_engine* engine, const weft_component* component, weft_bytes config, weft_prepared** out);
void weft_prepared_free(weft_prepared* prepared);

/* An export by "ns:pkg/iface#func" or "func". */
weft_error* weft_func_find(const weft_prepared* prepared, weft_bytes name, weft_func** out);
void weft_func_free(weft_func* func);
/* Text to parameter bytes and result bytes to text; format 0: WAVE, 1: JSON. */
weft_error* weft_func_encode(const weft_func* func, const weft_bytes* arguments, size_t count, uint32_t format, weft_string** out);
weft_error* weft_func_decode(const weft_func* func, weft_bytes results, uint32_t format, weft_string** out);

/* ---- what calls said ---- */
/* The types of an export, named as for weft_func_find, or of the import of that number (see weft_prepared_import), for text alone. */
weft_error* weft_signature_of_export(const weft_prepared* prepared, weft_bytes name, weft_signature** out);
weft_error* weft_signature_of_import(const weft_prepared* prepared, uint32_t import, weft_signature** out);
void weft_signature_free(weft_signature* signature);
/* Encoded parameters ("name: value, ...") or results as text of at most about max_bytes; of values that are cut, as far as they go. */
weft_error* weft_signature_show(const weft_signature* signature, uint32_t part, weft_bytes values, bool is_cut, size_t max_bytes, weft_string** out);
enum { WEFT_PART_PARAMS = 0, WEFT_PART_RESULTS = 1 };

/* ---- calls ---- */
weft_lane* weft_lane_new(const weft_prepared* prepared);
void weft_lane_free(weft_lane* lane);

/* How a call asks to be polled again. `wake` comes from any thread and must only post; `drop` comes once, after the last wake. */
typedef struct weft_waker {
  void* context;
  void (*wake)(void* context);
  void (*drop)(void* context);
} weft_waker;

typedef struct weft_http_request {
  weft_bytes method, scheme, authority, path_and_query;
  const weft_header* headers;
  size_t header_count;
  bool has_body;
} weft_http_request;

/* The waker is taken over in every case, also on failure. Nothing of the guest runs before the first poll. */
weft_error* weft_http_start(weft_lane* lane, const weft_http_request* request, weft_waker waker, weft_call** out);
weft_error* weft_command_start(weft_lane* lane, weft_waker waker, weft_call** out);
weft_error* weft_func_start(weft_lane* lane, const weft_func* func, weft_bytes params, weft_waker waker, weft_call** out);
/* The same with the parameters of the import call that weft_call_next_import gave last for `caller`, without a copy: they are taken over. */
weft_error* weft_func_start_from(weft_lane* lane, const weft_func* func, weft_call* caller, weft_waker waker, weft_call** out);
/* Drops a resource by the handle that a guest gave for it; its destructor runs as this call. Only an instance that is kept on this lane for
 * further calls can own one: any other has died with its call, and its resources with it. Errors: not_found. */
weft_error* weft_resource_drop_start(weft_lane* lane, weft_bytes handle, weft_waker waker, weft_call** out);

enum {
  WEFT_CALL_DONE = 1,       /* the guest has returned or failed: see weft_call_outcome */
  WEFT_CALL_AGAIN = 2,      /* poll again soon (it yielded, or was woken meanwhile); no wake will come */
  WEFT_CALL_HEAD = 4,       /* a response head waits for weft_call_take_head */
  WEFT_CALL_WANTS_BODY = 8, /* the guest waits for request body: push one piece */
  WEFT_CALL_LOG = 16,       /* lines wait for weft_call_next_log */
  WEFT_CALL_IMPORT = 32,    /* import calls wait for weft_call_next_import */
  WEFT_CALL_YIELDED = 64,   /* it computed for a whole slice: with AGAIN, let others go first */
  WEFT_CALL_HTTP = 128,     /* events of requests that the guest sends wait for weft_call_next_http */
  WEFT_CALL_STREAM = 256,   /* events of streams wait for weft_call_next_stream */
  WEFT_CALL_RESULT = 512    /* the guest has returned: weft_call_result. It goes on: DONE comes when none of its streams is open */
};
/* Runs the guest until it must wait or its time slice (some milliseconds) is over. Returns flags. */
uint32_t weft_call_poll(weft_call* call);
/* Cancels what still runs (the guest is unwound here) and frees everything the guest had. */
void weft_call_free(weft_call* call);

/* Request body, after WEFT_CALL_WANTS_BODY. Copies. Each wakes the guest: poll afterwards. */
void weft_call_body_push(weft_call* call, weft_bytes piece);
void weft_call_body_end(weft_call* call, const weft_header* trailers, size_t count);
void weft_call_body_fail(weft_call* call);

/* The response head; headers are valid until the call is freed. False: the guest set an error instead of a response (text in *error). */
bool weft_call_take_head(weft_call* call, uint16_t* status, const weft_header** headers, size_t* count, weft_bytes* error);
/* The index in wasi:http's error-code of the error that the guest set, after weft_call_take_head was false; else UINT32_MAX. */
uint32_t weft_call_head_error(const weft_call* call);
enum { WEFT_BODY_PENDING = 0, WEFT_BODY_DATA = 1, WEFT_BODY_TRAILERS = 2, WEFT_BODY_END = 3, WEFT_BODY_ERROR = 4 };
/* The next piece of the response body; valid until the next call to this function. Taking one lets the guest write on: check weft_call_woken. */
uint32_t weft_call_body_next(weft_call* call, weft_bytes* data, const weft_header** trailers, size_t* count);
/* True (once) if the call was woken since the last poll began: poll it. */
bool weft_call_woken(weft_call* call);

/* The next whole line of output; stream 1: stdout, 2: stderr. False: none. */
bool weft_call_next_log(weft_call* call, uint32_t* stream, weft_bytes* line);

/* Import calls that C answers. `import` counts the functions in the order of weft_prepared_import. "iface#[resource-drop]name" tells that the
 * guest has dropped a handle of an imported resource that it owned (params: the handle), in order with its calls; it needs no answer. */
bool weft_call_next_import(weft_call* call, uint64_t* token, uint32_t* import, weft_bytes* params);
/* Neither calls the waker for the guest's sake: check weft_call_woken after. A token that is not waited for any more is ignored. */
void weft_call_import_complete(weft_call* call, uint64_t token, weft_bytes results);
void weft_call_import_fail(weft_call* call, uint64_t token, weft_bytes message);
/* Completes with the result of another call that has succeeded, which is taken over without a copy. */
void weft_call_import_complete_from(weft_call* call, uint64_t token, weft_call* from);
/* Its only result is result<_, own<error>> of wrpc:rpc/error; it is async, so that others may be called before it is answered. */
enum { WEFT_IMPORT_RPC_ERROR = 1, WEFT_IMPORT_ASYNC = 2 };
/* Name of import function number `import`: "ns:pkg/iface@1.0.0#func", and what is to be known of it. False past the last. */
bool weft_prepared_import(const weft_prepared* prepared, uint32_t import, weft_bytes* name, uint32_t* flags);

/* Streams and futures of calls: each is a channel beside the values, whose bytes are those of a channel of the value encoding. The token is that
 * of the import call, also after it was completed, or 0 for the call that the guest itself answers; with one that means nothing any more the
 * functions below do nothing. What the guest writes (parameters of imports, its own results) and what it reads (results of imports, its own
 * parameters) is counted apart, each in the order of its paths. All but weft_call_next_stream may wake the guest: check weft_call_woken after, or
 * wakes are lost. */
/* Where the streams and futures of a function are among its parameters or results (WEFT_PART_...), as below .params or .results: "1", "0.1". False
 * past the last; the text is valid as long as the object. */
bool weft_func_path(const weft_func* func, uint32_t part, uint32_t index, weft_bytes* path);
bool weft_import_path(const weft_prepared* prepared, uint32_t import, uint32_t part, uint32_t index, weft_bytes* path);
/* Some function of the component is async, or has streams or futures. */
bool weft_prepared_has_streams(const weft_prepared* prepared);
/* Calls of it end with WEFT_CALL_RESULT, and with WEFT_CALL_DONE later: it is of a component that has streams, futures or async functions. */
bool weft_func_is_streamed(const weft_func* func);
enum { WEFT_STREAM_NONE = 0, WEFT_STREAM_READABLE = 1, WEFT_STREAM_WANTED = 2, WEFT_STREAM_DROPPED = 3, WEFT_STREAM_LEFT = 4 };
/* The next event: after a read that was pending the guest has written, ended or broken off; the guest waits for more of what it reads (push one
 * piece); no channel of that call is open any more; or the guest reads that channel no more. */
uint32_t weft_call_next_stream(weft_call* call, uint64_t* token, uint32_t* channel);
enum { WEFT_CHANNEL_NONE = 0, WEFT_CHANNEL_STREAM = 1, WEFT_CHANNEL_FUTURE = 2 };
/* What the guest writes on that channel; NONE: its values have no such stream or future, or it is over. */
uint32_t weft_call_stream_kind(const weft_call* call, uint64_t token, uint32_t channel);
/* The next piece of what the guest writes, until the next call to this function: WEFT_BODY_PENDING, _DATA, _END, or _ERROR if it has broken off.
 * The bytes say if a stream is whole. */
uint32_t weft_call_stream_read(weft_call* call, uint64_t token, uint32_t channel, weft_bytes* data);
/* Nobody reads it any more: the guest's next write fails. */
void weft_call_stream_close(weft_call* call, uint64_t token, uint32_t channel);
void weft_call_stream_push(weft_call* call, uint64_t token, uint32_t channel, weft_bytes bytes);
void weft_call_stream_end(weft_call* call, uint64_t token, uint32_t channel);
void weft_call_stream_fail(weft_call* call, uint64_t token, uint32_t channel, weft_bytes message);

/* Requests that the guest sends (wasi:http/outgoing-handler), which C answers. A token names one of them until C has ended or failed its
 * response, until it was cancelled, or until the call is done; with any other the functions below do nothing.
 * Answering wakes the guest: the waker asks for a poll. */
enum { WEFT_HTTP_NONE = 0, WEFT_HTTP_REQUEST = 1, WEFT_HTTP_WANTS_BODY = 2, WEFT_HTTP_CANCELLED = 3 };
/* The next event: a new request, a guest that waits for more of a response's body (push one piece), or one that has lost interest. */
uint32_t weft_call_next_http(weft_call* call, uint64_t* token);
typedef struct weft_outgoing_request {
  weft_bytes method, scheme, authority, path_and_query; /* scheme: http or https */
  const weft_header* headers;                           /* the first is host */
  size_t header_count;
  uint64_t connect_timeout_nanos, first_byte_timeout_nanos, between_bytes_timeout_nanos; /* 600 s where the guest set none */
  bool has_body;
} weft_outgoing_request;
/* After WEFT_HTTP_REQUEST, once; looks at the body, so check weft_call_woken. False: cancelled meanwhile. */
bool weft_call_http_request(weft_call* call, uint64_t token, weft_outgoing_request* out);
/* The next piece of the request's body, as weft_call_body_next gives a response's: check weft_call_woken. After PENDING look again when the
 * call was polled. */
uint32_t weft_call_http_body_next(weft_call* call, uint64_t token, weft_bytes* data, const weft_header** trailers, size_t* count);
/* The response's head, once. False: a status, name or value that is not valid in HTTP; nothing was answered. */
bool weft_call_http_head(weft_call* call, uint64_t token, uint16_t status, const weft_header* headers, size_t count);
void weft_call_http_body_push(weft_call* call, uint64_t token, weft_bytes piece);
void weft_call_http_body_end(weft_call* call, uint64_t token, const weft_header* trailers, size_t count);
/* Before the head the request fails, after it the body. `error`: the index of a case of wasi:http's error-code (38: internal-error); the text
 * goes into the case if it has room for one. */
void weft_call_http_fail(weft_call* call, uint64_t token, uint32_t error, weft_bytes text);

/* After WEFT_CALL_DONE: NULL, or why it failed. A command that exits with a code gives NULL and the code. */
weft_error* weft_call_outcome(weft_call* call, int32_t* exit_code);
/* After success of weft_func_start, or after WEFT_CALL_RESULT: the encoded results, valid until the call is freed. */
weft_bytes weft_call_result(const weft_call* call);

typedef struct weft_call_stats {
  uint64_t cpu_nanos;         /* time spent inside poll */
  uint64_t peak_memory_bytes; /* linear memories, all together */
  uint64_t host_calls;        /* calls the guest made of its imports */
} weft_call_stats;
weft_call_stats weft_call_figures(const weft_call* call);

#ifdef __cplusplus
}
#endif
#endif /* WEFT_ENGINE_H */
