// SPDX-License-Identifier: Apache-2.0
// The work of each function is done in its first turn, which waits where it must: that is easier to read than
// callbacks. So no function has anything left to do in its callback.
#include <stdlib.h>
#include <string.h>

#include "callee.h"

#define PIECE 65536

// What an operation that was begun on `waitable` came to.
static callee_waitable_status_t settle(uint32_t waitable, callee_waitable_status_t status) {
  if (status != CALLEE_WAITABLE_STATUS_BLOCKED) return status;
  const callee_waitable_set_t set = callee_waitable_set_new();
  callee_waitable_join(waitable, set);
  callee_event_t event;
  callee_waitable_set_wait(set, &event);
  callee_waitable_join(waitable, 0);
  callee_waitable_set_drop(set);
  return event.code;
}

#define NO_CALLBACK(name)                                                                      \
  callee_callback_code_t exports_weft_streams_pipes_##name##_callback(callee_event_t* event) { \
    (void)event;                                                                               \
    return CALLEE_CALLBACK_CODE_EXIT;                                                          \
  }

NO_CALLBACK(sum)
NO_CALLBACK(some)
NO_CALLBACK(bytes)
NO_CALLBACK(double)
NO_CALLBACK(label)
NO_CALLBACK(words)
NO_CALLBACK(echo)
NO_CALLBACK(broken)

typedef exports_weft_streams_pipes_stream_u8_t bytes_t;
typedef exports_weft_streams_pipes_stream_u8_writer_t bytes_writer_t;

static uint8_t piece[PIECE];

// How many bytes were read; *is_over: nothing follows.
static uint32_t read_bytes(bytes_t data, uint32_t most, bool* is_over) {
  const callee_waitable_status_t status =
      settle(data, exports_weft_streams_pipes_stream_u8_read(data, piece, most < PIECE ? most : PIECE));
  *is_over = CALLEE_WAITABLE_STATE(status) == CALLEE_WAITABLE_DROPPED;
  return CALLEE_WAITABLE_COUNT(status);
}

callee_callback_code_t exports_weft_streams_pipes_sum(bytes_t data) {
  callee_tuple2_u64_u64_t found = {0, 0};
  bool is_over = false;
  while (!is_over) {
    const uint32_t count = read_bytes(data, PIECE, &is_over);
    for (uint32_t at = 0; at < count; ++at) found.f1 += piece[at];
    found.f0 += count;
  }
  exports_weft_streams_pipes_stream_u8_drop_readable(data);
  exports_weft_streams_pipes_sum_return(found);
  return CALLEE_CALLBACK_CODE_EXIT;
}

callee_callback_code_t exports_weft_streams_pipes_some(bytes_t data, uint32_t count) {
  uint32_t found = 0;
  bool is_over = false;
  while (!is_over && found < count) found += read_bytes(data, count - found, &is_over);
  exports_weft_streams_pipes_stream_u8_drop_readable(data);
  exports_weft_streams_pipes_some_return(found);
  return CALLEE_CALLBACK_CODE_EXIT;
}

// False: nobody reads any more.
static bool write_bytes(bytes_writer_t writer, const uint8_t* bytes, uint32_t count) {
  while (count > 0) {
    const callee_waitable_status_t status =
        settle(writer, exports_weft_streams_pipes_stream_u8_write(writer, bytes, count));
    bytes += CALLEE_WAITABLE_COUNT(status);
    count -= CALLEE_WAITABLE_COUNT(status);
    if (CALLEE_WAITABLE_STATE(status) == CALLEE_WAITABLE_DROPPED) return false;
  }
  return true;
}

callee_callback_code_t exports_weft_streams_pipes_bytes(uint64_t count) {
  bytes_writer_t writer;
  exports_weft_streams_pipes_bytes_return(exports_weft_streams_pipes_stream_u8_new(&writer));
  // Its size is a multiple of 256, so every piece is the same.
  for (uint32_t at = 0; at < PIECE; ++at) piece[at] = (uint8_t)at;
  while (count > 0) {
    const uint32_t size = count < PIECE ? (uint32_t)count : PIECE;
    if (!write_bytes(writer, piece, size)) break;
    count -= size;
  }
  exports_weft_streams_pipes_stream_u8_drop_writable(writer);
  return CALLEE_CALLBACK_CODE_EXIT;
}

callee_callback_code_t exports_weft_streams_pipes_double(exports_weft_streams_pipes_future_u32_t number) {
  exports_weft_streams_pipes_future_u32_writer_t writer;
  exports_weft_streams_pipes_double_return(exports_weft_streams_pipes_future_u32_new(&writer));
  uint32_t value = 0;
  settle(number, exports_weft_streams_pipes_future_u32_read(number, &value));
  exports_weft_streams_pipes_future_u32_drop_readable(number);
  value *= 2;
  settle(writer, exports_weft_streams_pipes_future_u32_write(writer, &value));
  exports_weft_streams_pipes_future_u32_drop_writable(writer);
  return CALLEE_CALLBACK_CODE_EXIT;
}

// Makes "name=x".
static void label(callee_string_t* out, const exports_weft_streams_pipes_point_t* point) {
  char digits[16];
  size_t at = sizeof digits;
  uint32_t rest = point->x < 0 ? -(uint32_t)point->x : (uint32_t)point->x;
  do {
    digits[--at] = (char)('0' + rest % 10);
    rest /= 10;
  } while (rest > 0);
  if (point->x < 0) digits[--at] = '-';
  digits[--at] = '=';
  out->len = point->name.len + sizeof digits - at;
  out->ptr = malloc(out->len);
  memcpy(out->ptr, point->name.ptr, point->name.len);
  memcpy(out->ptr + point->name.len, digits + at, sizeof digits - at);
}

static bool write_text(exports_weft_streams_pipes_stream_string_writer_t writer, const callee_string_t* text) {
  const callee_waitable_status_t status =
      settle(writer, exports_weft_streams_pipes_stream_string_write(writer, text, 1));
  return CALLEE_WAITABLE_COUNT(status) == 1;
}

callee_callback_code_t exports_weft_streams_pipes_label(exports_weft_streams_pipes_stream_point_t points) {
  exports_weft_streams_pipes_stream_string_writer_t writer;
  exports_weft_streams_pipes_label_return(exports_weft_streams_pipes_stream_string_new(&writer));
  exports_weft_streams_pipes_point_t found[7];
  bool is_over = false;
  while (!is_over) {
    const callee_waitable_status_t status =
        settle(points, exports_weft_streams_pipes_stream_point_read(points, found, 7));
    is_over = CALLEE_WAITABLE_STATE(status) == CALLEE_WAITABLE_DROPPED;
    for (uint32_t at = 0; at < CALLEE_WAITABLE_COUNT(status); ++at) {
      callee_string_t text;
      label(&text, &found[at]);
      is_over = !write_text(writer, &text) || is_over;
      callee_string_free(&text);
      exports_weft_streams_pipes_point_free(&found[at]);
    }
  }
  exports_weft_streams_pipes_stream_point_drop_readable(points);
  exports_weft_streams_pipes_stream_string_drop_writable(writer);
  return CALLEE_CALLBACK_CODE_EXIT;
}

callee_callback_code_t exports_weft_streams_pipes_words(callee_string_t* text) {
  exports_weft_streams_pipes_result_tuple2_stream_string_future_u64_string_t ret = {.is_err = text->len == 0};
  if (ret.is_err) {
    callee_string_dup(&ret.val.err, "there are no words");
    exports_weft_streams_pipes_words_return(ret);
    callee_string_free(&ret.val.err);
    return CALLEE_CALLBACK_CODE_EXIT;
  }
  exports_weft_streams_pipes_stream_string_writer_t words;
  exports_weft_streams_pipes_future_u64_writer_t size;
  ret.val.ok.f0 = exports_weft_streams_pipes_stream_string_new(&words);
  ret.val.ok.f1 = exports_weft_streams_pipes_future_u64_new(&size);
  exports_weft_streams_pipes_words_return(ret);
  uint64_t total = 0;
  for (size_t at = 0; at < text->len;) {
    size_t end = at;
    while (end < text->len && text->ptr[end] != ' ') ++end;
    callee_string_t word = {.ptr = text->ptr + at, .len = end - at};
    if (word.len > 0 && !write_text(words, &word)) break;
    total += word.len;
    at = end + 1;
  }
  exports_weft_streams_pipes_stream_string_drop_writable(words);
  settle(size, exports_weft_streams_pipes_future_u64_write(size, &total));
  exports_weft_streams_pipes_future_u64_drop_writable(size);
  callee_string_free(text);
  return CALLEE_CALLBACK_CODE_EXIT;
}

callee_callback_code_t exports_weft_streams_pipes_echo(bytes_t* maybe_data) {
  exports_weft_streams_pipes_result_stream_u8_string_t ret = {.is_err = maybe_data == NULL};
  if (ret.is_err) {
    callee_string_set(&ret.val.err, "there is nothing to give back");
  } else {
    ret.val.ok = *maybe_data;
  }
  exports_weft_streams_pipes_echo_return(ret);
  return CALLEE_CALLBACK_CODE_EXIT;
}

void exports_weft_streams_pipes_pass(bytes_t data, exports_weft_streams_pipes_future_u32_t number,
                                     exports_weft_streams_pipes_tuple2_stream_u8_future_u32_t* ret) {
  ret->f0 = data;
  ret->f1 = number;
}

callee_callback_code_t exports_weft_streams_pipes_broken(void) {
  bytes_writer_t writer;
  exports_weft_streams_pipes_broken_return(exports_weft_streams_pipes_stream_u8_new(&writer));
  write_bytes(writer, piece, 1000);
  __builtin_trap();
}
