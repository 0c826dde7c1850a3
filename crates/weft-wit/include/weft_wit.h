/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEFT_WIT_H_
#define WEFT_WIT_H_

#include <stddef.h>
#include <stdint.h>

/* Guest tooling: C bindings from WIT, and components from core modules. Pure functions of their arguments and of the
 * files they name; every one may be called from any thread. Nothing is printed, no exception or panic leaves them.
 *
 * Errors: a function that can fail returns a weft_wit_status. On anything but WEFT_WIT_OK, `*error` (if `error` is not
 * null) is a message in UTF-8, ended by a zero byte, that the caller gives back with weft_wit_free_string; outputs are
 * left null and zero. On success `*error` is null.
 *
 * Text arguments are UTF-8, ended by a zero byte, and only read during the call. */

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t weft_wit_status;
#define WEFT_WIT_OK ((weft_wit_status)0)
/* What was asked for cannot be done with this input: bad WIT, no such world, not a core module, unreadable file ... */
#define WEFT_WIT_FAILED ((weft_wit_status)1)
/* An argument breaks this header's rules: a null pointer, text that is not UTF-8, an unknown adapter. */
#define WEFT_WIT_BAD_ARGUMENT ((weft_wit_status)2)
/* A defect of this library. */
#define WEFT_WIT_INTERNAL ((weft_wit_status)3)

/* Which adapter from WASI preview 1 goes into a component. */
typedef int32_t weft_wit_adapter;
/* None if the module imports nothing of preview 1; command if it exports `_start`; proxy if it exports an HTTP handler
 * and the proxy adapter has all it imports; else reactor. */
#define WEFT_WIT_ADAPTER_AUTO ((weft_wit_adapter)0)
#define WEFT_WIT_ADAPTER_NONE ((weft_wit_adapter)1)
#define WEFT_WIT_ADAPTER_REACTOR ((weft_wit_adapter)2)
#define WEFT_WIT_ADAPTER_COMMAND ((weft_wit_adapter)3)
#define WEFT_WIT_ADAPTER_PROXY ((weft_wit_adapter)4)

/* Writes <world>.h, <world>.c and <world>_component_type.o into `out_dir`, which is created. `wit` is a WIT file or a
 * folder with its `deps/`; `world` a name in it, or a full one such as "wasi:http/proxy@0.2.12" of any package in
 * `deps/`; null or empty if there is only one. */
weft_wit_status weft_wit_bindgen(const char* wit, const char* world, const char* out_dir, char** error);

/* Makes a validated component of the core module of `module_len` bytes at `module`. The world is read from the module
 * (the linker put it there from *_component_type.o), or, if `wit` is not null, taken from there as above. `*out` and
 * `*out_len` are the component; the caller gives it back with weft_wit_free_bytes(*out, *out_len). */
weft_wit_status weft_wit_new(const uint8_t* module, size_t module_len, weft_wit_adapter adapter, const char* wit,
                             const char* world, uint8_t** out, size_t* out_len, char** error);

/* Each takes what a function above gave, or null. */
void weft_wit_free_bytes(uint8_t* bytes, size_t len);
void weft_wit_free_string(char* text);

/* "0.60.0", the version of wit-bindgen inside. Lives as long as the program. */
const char* weft_wit_bindgen_version(void);

#ifdef __cplusplus
}
#endif

#endif /* WEFT_WIT_H_ */
