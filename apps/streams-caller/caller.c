// SPDX-License-Identifier: Apache-2.0
// The work of each function is done in its first turn, which waits where it must: that is easier to read than
// callbacks.
#include <stdlib.h>
#include <string.h>

#include "caller.h"

#define PIECE 65536

// What comes next of `waitable`.
static uint32_t wait_for(uint32_t waitable) {
  const caller_waitable_set_t set = caller_waitable_set_new();
  caller_waitable_join(waitable, set);
  caller_event_t event;
  caller_waitable_set_wait(set, &event);
  caller_waitable_join(waitable, 0);
  caller_waitable_set_drop(set);
  return event.code;
}

// What an operation that was begun on `waitable` came to.
static caller_waitable_status_t settle(uint32_t waitable, caller_waitable_status_t status) {
  return status == CALLER_WAITABLE_STATUS_BLOCKED ? wait_for(waitable) : status;
}

// Waits until the call has returned.
static void finish(caller_subtask_status_t status) {
  const caller_subtask_t subtask = CALLER_SUBTASK_HANDLE(status);
  if (CALLER_SUBTASK_STATE(status) == CALLER_SUBTASK_RETURNED) return;
  while (wait_for(subtask) != CALLER_SUBTASK_RETURNED) {
  }
  caller_subtask_drop(subtask);
}

#define NO_CALLBACK(name)                                                                      \
  caller_callback_code_t exports_weft_streams_drive_##name##_callback(caller_event_t* event) { \
    (void)event;                                                                               \
    return CALLER_CALLBACK_CODE_EXIT;                                                          \
  }

NO_CALLBACK(send)
NO_CALLBACK(fetch)
NO_CALLBACK(send_until_dropped)
NO_CALLBACK(fetch_some)
NO_CALLBACK(double)
NO_CALLBACK(label)
NO_CALLBACK(words)
NO_CALLBACK(echo)
NO_CALLBACK(pass)
NO_CALLBACK(broken)

typedef weft_streams_pipes_stream_u8_t bytes_t;
typedef weft_streams_pipes_stream_u8_writer_t bytes_writer_t;

static uint8_t piece[PIECE];

// How many of the bytes were taken; fewer: nobody reads any more.
static uint32_t write_bytes(bytes_writer_t writer, const uint8_t* bytes, uint32_t count) {
  uint32_t written = 0;
  while (written < count) {
    const caller_waitable_status_t status =
        settle(writer, weft_streams_pipes_stream_u8_write(writer, bytes + written, count - written));
    written += CALLER_WAITABLE_COUNT(status);
    if (CALLER_WAITABLE_STATE(status) == CALLER_WAITABLE_DROPPED) break;
  }
  return written;
}

static uint32_t read_bytes(bytes_t data, uint32_t most, bool* is_over) {
  const caller_waitable_status_t status =
      settle(data, weft_streams_pipes_stream_u8_read(data, piece, most < PIECE ? most : PIECE));
  *is_over = CALLER_WAITABLE_STATE(status) == CALLER_WAITABLE_DROPPED;
  return CALLER_WAITABLE_COUNT(status);
}

static void fill_piece(void) {
  for (uint32_t at = 0; at < PIECE; ++at) piece[at] = (uint8_t)at;
}

caller_callback_code_t exports_weft_streams_drive_send(uint64_t count) {
  bytes_writer_t writer;
  caller_tuple2_u64_u64_t found;
  const bytes_t data = weft_streams_pipes_stream_u8_new(&writer);
  const caller_subtask_status_t call = weft_streams_pipes_sum(data, &found);
  fill_piece();
  while (count > 0) {
    const uint32_t size = count < PIECE ? (uint32_t)count : PIECE;
    if (write_bytes(writer, piece, size) < size) break;
    count -= size;
  }
  weft_streams_pipes_stream_u8_drop_writable(writer);
  finish(call);
  exports_weft_streams_drive_send_return(found);
  return CALLER_CALLBACK_CODE_EXIT;
}

caller_callback_code_t exports_weft_streams_drive_fetch(uint64_t count) {
  bytes_t data;
  finish(weft_streams_pipes_bytes(count, &data));
  uint64_t place = 0;
  uint64_t right = 0;
  bool is_over = false;
  while (!is_over) {
    const uint32_t size = read_bytes(data, PIECE, &is_over);
    for (uint32_t at = 0; at < size; ++at) right += piece[at] == (uint8_t)(place + at);
    place += size;
  }
  weft_streams_pipes_stream_u8_drop_readable(data);
  exports_weft_streams_drive_fetch_return(right);
  return CALLER_CALLBACK_CODE_EXIT;
}

caller_callback_code_t exports_weft_streams_drive_send_until_dropped(uint32_t count) {
  bytes_writer_t writer;
  uint32_t read = 0;
  const bytes_t data = weft_streams_pipes_stream_u8_new(&writer);
  const caller_subtask_status_t call = weft_streams_pipes_some(data, count, &read);
  uint64_t sent = 0;
  for (uint32_t taken = PIECE; taken == PIECE; sent += taken) taken = write_bytes(writer, piece, PIECE);
  weft_streams_pipes_stream_u8_drop_writable(writer);
  finish(call);
  // What was sent beyond what was read went nowhere.
  exports_weft_streams_drive_send_until_dropped_return(sent >= read ? read : 0);
  return CALLER_CALLBACK_CODE_EXIT;
}

caller_callback_code_t exports_weft_streams_drive_fetch_some(uint32_t count) {
  bytes_t data;
  finish(weft_streams_pipes_bytes(UINT64_MAX, &data));
  uint32_t found = 0;
  bool is_over = false;
  while (!is_over && found < count) found += read_bytes(data, count - found, &is_over);
  weft_streams_pipes_stream_u8_drop_readable(data);
  exports_weft_streams_drive_fetch_some_return(found);
  return CALLER_CALLBACK_CODE_EXIT;
}

caller_callback_code_t exports_weft_streams_drive_double(uint32_t number) {
  weft_streams_pipes_future_u32_writer_t writer;
  weft_streams_pipes_future_u32_t twice;
  const weft_streams_pipes_future_u32_t once = weft_streams_pipes_future_u32_new(&writer);
  finish(weft_streams_pipes_double(once, &twice));
  settle(writer, weft_streams_pipes_future_u32_write(writer, &number));
  weft_streams_pipes_future_u32_drop_writable(writer);
  uint32_t found = 0;
  settle(twice, weft_streams_pipes_future_u32_read(twice, &found));
  weft_streams_pipes_future_u32_drop_readable(twice);
  exports_weft_streams_drive_double_return(found);
  return CALLER_CALLBACK_CODE_EXIT;
}

// All that come, in memory of their own.
static caller_list_string_t read_texts(weft_streams_pipes_stream_string_t texts) {
  caller_list_string_t found = {NULL, 0};
  bool is_over = false;
  while (!is_over) {
    found.ptr = realloc(found.ptr, (found.len + 5) * sizeof *found.ptr);
    const caller_waitable_status_t status =
        settle(texts, weft_streams_pipes_stream_string_read(texts, found.ptr + found.len, 5));
    is_over = CALLER_WAITABLE_STATE(status) == CALLER_WAITABLE_DROPPED;
    found.len += CALLER_WAITABLE_COUNT(status);
  }
  weft_streams_pipes_stream_string_drop_readable(texts);
  return found;
}

caller_callback_code_t exports_weft_streams_drive_label(uint32_t count) {
  weft_streams_pipes_stream_point_writer_t writer;
  weft_streams_pipes_stream_string_t labels;
  const weft_streams_pipes_stream_point_t points = weft_streams_pipes_stream_point_new(&writer);
  finish(weft_streams_pipes_label(points, &labels));
  // All at once: the other side takes what it can. So it is written while the labels are read.
  weft_streams_pipes_point_t* all = calloc(count + 1, sizeof *all);
  for (uint32_t at = 0; at < count; ++at) {
    all[at].x = (int32_t)at - 1;
    caller_string_dup(&all[at].name, "p");
  }
  caller_list_string_t found = {malloc((count + 1) * sizeof *found.ptr), 0};
  for (uint32_t at = 0; at < count; ++at) {
    settle(writer, weft_streams_pipes_stream_point_write(writer, all + at, 1));
    settle(labels, weft_streams_pipes_stream_string_read(labels, found.ptr + found.len++, 1));
  }
  weft_streams_pipes_stream_point_drop_writable(writer);
  const caller_list_string_t more = read_texts(labels);
  found.len += more.len;
  exports_weft_streams_drive_label_return(found);
  return CALLER_CALLBACK_CODE_EXIT;
}

caller_callback_code_t exports_weft_streams_drive_words(caller_string_t* text) {
  weft_streams_pipes_result_tuple2_stream_string_future_u64_string_t found;
  finish(weft_streams_pipes_words(*text, &found));
  exports_weft_streams_drive_result_tuple2_list_string_u64_string_t ret = {.is_err = found.is_err};
  if (found.is_err) {
    ret.val.err = found.val.err;
  } else {
    ret.val.ok.f0 = read_texts(found.val.ok.f0);
    settle(found.val.ok.f1, weft_streams_pipes_future_u64_read(found.val.ok.f1, &ret.val.ok.f1));
    weft_streams_pipes_future_u64_drop_readable(found.val.ok.f1);
  }
  exports_weft_streams_drive_words_return(ret);
  return CALLER_CALLBACK_CODE_EXIT;
}

// All of a short text.
static caller_string_t read_text(bytes_t data) {
  caller_string_t text = {malloc(PIECE), 0};
  bool is_over = false;
  while (!is_over) {
    const uint32_t size = read_bytes(data, PIECE - text.len, &is_over);
    memcpy(text.ptr + text.len, piece, size);
    text.len += size;
  }
  weft_streams_pipes_stream_u8_drop_readable(data);
  return text;
}

caller_callback_code_t exports_weft_streams_drive_echo(caller_string_t* maybe_text) {
  weft_streams_pipes_option_stream_u8_t data = {.is_some = maybe_text != NULL};
  bytes_writer_t writer = 0;
  if (data.is_some) data.val = weft_streams_pipes_stream_u8_new(&writer);
  weft_streams_pipes_result_stream_u8_string_t found;
  finish(weft_streams_pipes_echo(data, &found));
  exports_weft_streams_drive_result_string_string_t ret = {.is_err = found.is_err};
  if (found.is_err) {
    ret.val.err = found.val.err;
  } else {
    write_bytes(writer, maybe_text->ptr, maybe_text->len);
    weft_streams_pipes_stream_u8_drop_writable(writer);
    ret.val.ok = read_text(found.val.ok);
  }
  exports_weft_streams_drive_echo_return(ret);
  return CALLER_CALLBACK_CODE_EXIT;
}

caller_callback_code_t exports_weft_streams_drive_pass(caller_string_t* text, uint32_t number) {
  bytes_writer_t writer;
  weft_streams_pipes_future_u32_writer_t setter;
  weft_streams_pipes_tuple2_stream_u8_future_u32_t found;
  const bytes_t data = weft_streams_pipes_stream_u8_new(&writer);
  weft_streams_pipes_pass(data, weft_streams_pipes_future_u32_new(&setter), &found);
  write_bytes(writer, text->ptr, text->len);
  weft_streams_pipes_stream_u8_drop_writable(writer);
  settle(setter, weft_streams_pipes_future_u32_write(setter, &number));
  weft_streams_pipes_future_u32_drop_writable(setter);
  caller_tuple2_string_u32_t ret = {.f0 = read_text(found.f0), .f1 = 0};
  settle(found.f1, weft_streams_pipes_future_u32_read(found.f1, &ret.f1));
  weft_streams_pipes_future_u32_drop_readable(found.f1);
  exports_weft_streams_drive_pass_return(ret);
  return CALLER_CALLBACK_CODE_EXIT;
}

caller_callback_code_t exports_weft_streams_drive_broken(void) {
  bytes_t data;
  finish(weft_streams_pipes_broken(&data));
  uint64_t found = 0;
  bool is_over = false;
  while (!is_over) found += read_bytes(data, PIECE, &is_over);
  weft_streams_pipes_stream_u8_drop_readable(data);
  exports_weft_streams_drive_broken_return(found);
  return CALLER_CALLBACK_CODE_EXIT;
}
