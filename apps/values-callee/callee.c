// SPDX-License-Identifier: Apache-2.0
// Gives back what it gets. Parameters belong to the callee and results to the caller, so giving back is moving.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "callee.h"

#define GIVE_BACK(name, type) \
  type exports_weft_values_echo_echo_##name(type v) { return v; }
#define MOVE_BACK(name, type) \
  void exports_weft_values_echo_echo_##name(type* v, type* ret) { *ret = *v; }
// Null is none; the answer true is some.
#define MOVE_BACK_OPTION(name, type)                                     \
  bool exports_weft_values_echo_echo_option_##name(type* v, type* ret) { \
    if (v != NULL) *ret = *v;                                            \
    return v != NULL;                                                    \
  }

void exports_weft_values_echo_nothing(void) {}

GIVE_BACK(bool, bool)
GIVE_BACK(u8, uint8_t)
GIVE_BACK(s8, int8_t)
GIVE_BACK(u16, uint16_t)
GIVE_BACK(s16, int16_t)
GIVE_BACK(u32, uint32_t)
GIVE_BACK(s32, int32_t)
GIVE_BACK(u64, uint64_t)
GIVE_BACK(s64, int64_t)
GIVE_BACK(f32, float)
GIVE_BACK(f64, double)
GIVE_BACK(char, uint32_t)
GIVE_BACK(color, exports_weft_values_echo_color_t)
GIVE_BACK(rights, exports_weft_values_echo_rights_t)
GIVE_BACK(nine, exports_weft_values_echo_nine_t)
GIVE_BACK(twenty, exports_weft_values_echo_twenty_t)
GIVE_BACK(thirty_two, exports_weft_values_echo_thirty_two_t)

MOVE_BACK(string, callee_string_t)
MOVE_BACK(list_bool, callee_list_bool_t)
MOVE_BACK(list_u8, callee_list_u8_t)
MOVE_BACK(list_s8, callee_list_s8_t)
MOVE_BACK(list_u16, callee_list_u16_t)
MOVE_BACK(list_s16, callee_list_s16_t)
MOVE_BACK(list_u32, callee_list_u32_t)
MOVE_BACK(list_s32, callee_list_s32_t)
MOVE_BACK(list_u64, callee_list_u64_t)
MOVE_BACK(list_s64, callee_list_s64_t)
MOVE_BACK(list_f32, callee_list_f32_t)
MOVE_BACK(list_f64, callee_list_f64_t)
MOVE_BACK(list_char, callee_list_char32_t)
MOVE_BACK(list_string, callee_list_string_t)
MOVE_BACK(list_list_string, callee_list_list_string_t)
MOVE_BACK(list_point, exports_weft_values_echo_list_point_t)
MOVE_BACK(list_empty_tail, exports_weft_values_echo_list_empty_tail_t)
MOVE_BACK(list_shape, exports_weft_values_echo_list_shape_t)
MOVE_BACK(list_color, exports_weft_values_echo_list_color_t)
MOVE_BACK(list_nine, exports_weft_values_echo_list_nine_t)
MOVE_BACK(list_option_u64, callee_list_option_u64_t)
MOVE_BACK(list_result, exports_weft_values_echo_list_result_u8_string_t)
MOVE_BACK(list_tuple, callee_list_tuple2_string_u8_t)
MOVE_BACK(list_everything, exports_weft_values_echo_list_everything_t)
MOVE_BACK(point, exports_weft_values_echo_point_t)
MOVE_BACK(empty_tail, exports_weft_values_echo_empty_tail_t)
MOVE_BACK(everything, exports_weft_values_echo_everything_t)
MOVE_BACK(shape, exports_weft_values_echo_shape_t)
MOVE_BACK(tuple1, callee_tuple1_u8_t)
MOVE_BACK(tuple3, callee_tuple3_u8_string_f64_t)
MOVE_BACK(nested_tuple, callee_tuple2_tuple2_u8_u16_tuple1_string_t)

MOVE_BACK_OPTION(u8, uint8_t)
MOVE_BACK_OPTION(string, callee_string_t)
MOVE_BACK_OPTION(option_u8, callee_option_u8_t)
MOVE_BACK_OPTION(point, exports_weft_values_echo_point_t)

// The answer true is ok.
bool exports_weft_values_echo_echo_result_both(weft_values_types_result_u32_string_t* v, uint32_t* ret,
                                               callee_string_t* err) {
  if (v->is_err) {
    *err = v->val.err;
  } else {
    *ret = v->val.ok;
  }
  return !v->is_err;
}

bool exports_weft_values_echo_echo_result_ok(exports_weft_values_echo_result_string_void_t* v, callee_string_t* ret) {
  if (!v->is_err) *ret = v->val.ok;
  return !v->is_err;
}

bool exports_weft_values_echo_echo_result_err(exports_weft_values_echo_result_void_string_t* v, callee_string_t* err) {
  if (v->is_err) *err = v->val.err;
  return !v->is_err;
}

bool exports_weft_values_echo_echo_result_none(exports_weft_values_echo_result_void_void_t* v) { return !v->is_err; }

bool exports_weft_values_echo_echo_result_float(exports_weft_values_echo_result_f32_u64_t* v, float* ret,
                                                uint64_t* err) {
  if (v->is_err) {
    *err = v->val.err;
  } else {
    *ret = v->val.ok;
  }
  return !v->is_err;
}

uint32_t exports_weft_values_echo_sum17(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f,
                                        uint32_t g, uint32_t h, uint32_t i, uint32_t j, uint32_t k, uint32_t l,
                                        uint32_t m, uint32_t n, uint32_t o, uint32_t p, uint32_t q) {
  return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j + 11 * k + 12 * l + 13 * m +
         14 * n + 15 * o + 16 * p + 17 * q;
}

uint32_t exports_weft_values_echo_sum16(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f,
                                        uint32_t g, uint32_t h, uint32_t i, uint32_t j, uint32_t k, uint32_t l,
                                        uint32_t m, uint32_t n, uint32_t o, uint32_t p) {
  return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j + 11 * k + 12 * l + 13 * m +
         14 * n + 15 * o + 16 * p;
}

static void append(callee_string_t* text, const void* bytes, size_t len) {
  text->ptr = realloc(text->ptr, text->len + len + 1);
  memcpy(text->ptr + text->len, bytes, len);
  text->len += len;
}

static void append_number(callee_string_t* text, int64_t number) {
  // Not printf: it would import half of WASI.
  char digits[24];
  size_t at = sizeof digits;
  uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
  do {
    digits[--at] = (char)('0' + rest % 10);
    rest /= 10;
  } while (rest > 0);
  if (number < 0) digits[--at] = '-';
  append(text, digits + at, sizeof digits - at);
}

void exports_weft_values_echo_join_many(callee_string_t* a, callee_string_t* b, callee_string_t* c, callee_list_u8_t* d,
                                        exports_weft_values_echo_point_t* e, callee_string_t* f,
                                        exports_weft_values_echo_shape_t* g, callee_string_t* h, callee_string_t* i,
                                        callee_string_t* ret) {
  callee_string_t text = {NULL, 0};
  callee_string_t* strings[] = {a, b, c};
  for (size_t at = 0; at < 3; ++at) {
    append(&text, strings[at]->ptr, strings[at]->len);
    append(&text, ",", 1);
  }
  // Bytes are no text: of a guest that keeps all rules only those that are may go into one.
  for (size_t at = 0; at < d->len; ++at) append(&text, d->ptr[at] < 0x80 ? (const void*)&d->ptr[at] : "?", 1);
  append(&text, ",", 1);
  append_number(&text, e->x);
  append(&text, ",", 1);
  append_number(&text, e->y);
  append(&text, ",", 1);
  if (f != NULL) append(&text, f->ptr, f->len);
  append(&text, ",", 1);
  append_number(&text, g->tag);
  append(&text, ",", 1);
  append(&text, h->ptr, h->len);
  append(&text, ",", 1);
  append(&text, i->ptr, i->len);
  for (size_t at = 0; at < 3; ++at) callee_string_free(strings[at]);
  callee_list_u8_free(d);
  if (f != NULL) callee_string_free(f);
  exports_weft_values_echo_shape_free(g);
  callee_string_free(h);
  callee_string_free(i);
  *ret = text;
}

bool exports_weft_values_echo_divide(uint32_t dividend, uint32_t divisor, callee_tuple2_u32_u32_t* ret,
                                     callee_string_t* err) {
  if (divisor == 0) {
    callee_string_dup(err, "division by zero");
    return false;
  }
  ret->f0 = dividend / divisor;
  ret->f1 = dividend % divisor;
  return true;
}

struct exports_weft_values_counters_counter_t {
  uint32_t count;
};

static uint32_t alive = 0;

exports_weft_values_counters_own_counter_t exports_weft_values_counters_constructor_counter(uint32_t start) {
  exports_weft_values_counters_counter_t* counter = malloc(sizeof *counter);
  counter->count = start;
  ++alive;
  return exports_weft_values_counters_counter_new(counter);
}

void exports_weft_values_counters_counter_destructor(exports_weft_values_counters_counter_t* counter) {
  --alive;
  free(counter);
}

bool exports_weft_values_counters_static_counter_parse(callee_string_t* text,
                                                       exports_weft_values_counters_own_counter_t* ret,
                                                       callee_string_t* err) {
  uint32_t value = 0;
  bool good = text->len > 0 && text->len < 10;
  for (size_t at = 0; good && at < text->len; ++at) {
    const uint8_t digit = text->ptr[at];
    good = digit >= '0' && digit <= '9';
    value = value * 10 + (digit - '0');
  }
  callee_string_free(text);
  if (good) {
    *ret = exports_weft_values_counters_constructor_counter(value);
  } else {
    callee_string_dup(err, "not a number");
  }
  return good;
}

uint32_t exports_weft_values_counters_method_counter_add(exports_weft_values_counters_borrow_counter_t self,
                                                         uint32_t step) {
  return self->count += step;
}

uint32_t exports_weft_values_counters_method_counter_get(exports_weft_values_counters_borrow_counter_t self) {
  return self->count;
}

exports_weft_values_counters_own_counter_t exports_weft_values_counters_pass(
    exports_weft_values_counters_own_counter_t c) {
  return c;
}

uint32_t exports_weft_values_counters_consume(exports_weft_values_counters_own_counter_t c) {
  const uint32_t count = exports_weft_values_counters_counter_rep(c)->count;
  exports_weft_values_counters_counter_drop_own(c);
  return count;
}

uint32_t exports_weft_values_counters_total(exports_weft_values_counters_list_borrow_counter_t* all) {
  uint32_t sum = 0;
  for (size_t at = 0; at < all->len; ++at) sum += all->ptr[at]->count;
  exports_weft_values_counters_list_borrow_counter_free(all);
  return sum;
}

void exports_weft_values_counters_make(callee_list_u32_t* starts,
                                       exports_weft_values_counters_list_own_counter_t* ret) {
  ret->len = starts->len;
  ret->ptr = malloc(starts->len * sizeof *ret->ptr);
  for (size_t at = 0; at < starts->len; ++at) {
    ret->ptr[at] = exports_weft_values_counters_constructor_counter(starts->ptr[at]);
  }
  callee_list_u32_free(starts);
}

bool exports_weft_values_counters_maybe(bool wanted, exports_weft_values_counters_own_counter_t* ret) {
  if (wanted) *ret = exports_weft_values_counters_constructor_counter(1);
  return wanted;
}

uint32_t exports_weft_values_counters_alive(void) { return alive; }
