// SPDX-License-Identifier: Apache-2.0
// A web front of a blob store, see README.md.
#include <algorithm>
#include <cstdint>
#include <guest/http.hpp>
#include <string>
#include <string_view>

namespace {

using Container = guest::Owned<wasi_blobstore_container_own_container_t, wasi_blobstore_container_container_drop_own>;
using Names = guest::Owned<wasi_blobstore_container_own_stream_object_names_t,
                           wasi_blobstore_container_stream_object_names_drop_own>;
using Text = http_service_string_t;

/// Where and what: "/container/object?option=value".
struct Target {
  std::string container, object, option, value;

  explicit Target(std::string_view target) {
    const auto query = target.find('?');
    if (query != std::string_view::npos) {
      const auto pair = target.substr(query + 1);
      const auto equal = pair.find('=');
      option = pair.substr(0, equal);
      value = equal == std::string_view::npos ? std::string_view() : pair.substr(equal + 1);
    }
    set_path(target.substr(0, query));
  }
  void set_path(std::string_view path) {
    if (path.starts_with('/')) path.remove_prefix(1);
    const auto slash = path.find('/');
    container = path.substr(0, slash);
    object = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
};

std::uint64_t number(std::string_view digits) {
  std::uint64_t value = 0;
  for (const char digit : digits) value = value * 10 + static_cast<std::uint64_t>(digit - '0');
  return value;
}

/// What the store refused.
bool refuse(guest::Responder& responder, Text why) {
  responder.send_text(500, guest::take(why) + "\n");
  return false;
}

bool send_done(guest::Responder& responder, bool done, Text why, std::uint16_t status = 200) {
  return done ? responder.send_text(status, "done\n") : refuse(responder, why);
}

/// All of `in`, at most `limit` bytes, as fast as `out` takes it. False: one of the two broke off.
bool pump(wasi_io_streams_borrow_input_stream_t in, wasi_io_streams_borrow_output_stream_t out,
          std::uint64_t limit = UINT64_MAX) {
  wasi_io_streams_stream_error_t error;
  while (limit > 0) {
    http_service_list_u8_t piece;
    if (!wasi_io_streams_method_input_stream_blocking_read(in, std::min<std::uint64_t>(limit, 65536), &piece, &error)) {
      const bool ended = error.tag == WASI_IO_STREAMS_STREAM_ERROR_CLOSED;
      wasi_io_streams_stream_error_free(&error);
      return ended;
    }
    limit -= piece.len;
    for (std::size_t at = 0; at < piece.len;) {
      std::uint64_t room = 0;
      if (!wasi_io_streams_method_output_stream_check_write(out, &room, &error)) {
        wasi_io_streams_stream_error_free(&error);
        return false;
      }
      if (room == 0) {
        guest::wait(guest::Pollable(wasi_io_streams_method_output_stream_subscribe(out)));
        continue;
      }
      http_service_list_u8_t part{piece.ptr + at, std::min<std::size_t>(piece.len - at, room)};
      if (!wasi_io_streams_method_output_stream_write(out, &part, &error)) {
        wasi_io_streams_stream_error_free(&error);
        return false;
      }
      at += part.len;
    }
    http_service_list_u8_free(&piece);
  }
  return true;
}

class Service {
 public:
  Service(guest::Request& request, guest::Responder& responder, Target target)
      : request_(request), responder_(responder), target_(std::move(target)) {}

  void on_container(std::string_view method) {
    auto name = guest::borrow(target_.container);
    Text why;
    if (method == "PUT") {
      wasi_blobstore_blobstore_own_container_t made;
      const bool done = wasi_blobstore_blobstore_create_container(&name, &made, &why);
      const Container container = done ? Container(made) : Container();
      send_done(responder_, done, why, 201);
    } else if (target_.option == "exists") {
      bool exists = false;
      if (!wasi_blobstore_blobstore_container_exists(&name, &exists, &why)) return void(refuse(responder_, why));
      responder_.send_text(200, exists ? "yes\n" : "no\n");
    } else if (target_.option == "clear") {
      if (!open()) return;
      send_done(responder_, wasi_blobstore_container_method_container_clear(container(), &why), why);
    } else if (method == "DELETE") {
      send_done(responder_, wasi_blobstore_blobstore_delete_container(&name, &why), why);
    } else if (target_.option == "info") {
      show_container();
    } else {
      list();
    }
  }

  void on_object(std::string_view method) {
    if (target_.option == "copy" || target_.option == "move") return copy(target_.option == "move");
    if (!open()) return;
    auto name = guest::borrow(target_.object);
    Text why;
    if (method == "PUT") return store();
    if (method == "DELETE") {
      return void(send_done(responder_,
                            wasi_blobstore_container_method_container_delete_object(container(), &name, &why), why));
    }
    if (target_.option == "exists") {
      bool has = false;
      if (!wasi_blobstore_container_method_container_has_object(container(), &name, &has, &why)) {
        return void(refuse(responder_, why));
      }
      return void(responder_.send_text(200, has ? "yes\n" : "no\n"));
    }
    target_.option == "info" ? show_object() : fetch();
  }

 private:
  bool open() {
    auto name = guest::borrow(target_.container);
    wasi_blobstore_blobstore_own_container_t opened;
    Text why;
    if (!wasi_blobstore_blobstore_get_container(&name, &opened, &why)) return refuse(responder_, why);
    container_ = Container(opened);
    return true;
  }
  wasi_blobstore_container_borrow_container_t container() const {
    return wasi_blobstore_container_borrow_container(container_.get());
  }

  void show_container() {
    wasi_blobstore_container_container_metadata_t info;
    Text why;
    if (!open()) return;
    if (!wasi_blobstore_container_method_container_info(container(), &info, &why)) {
      return void(refuse(responder_, why));
    }
    responder_.send_text(200, guest::take(info.name) + " " + std::to_string(info.created_at) + "\n");
  }

  void show_object() {
    wasi_blobstore_container_object_metadata_t info;
    auto name = guest::borrow(target_.object);
    Text why;
    if (!wasi_blobstore_container_method_container_object_info(container(), &name, &info, &why)) {
      return void(refuse(responder_, why));
    }
    responder_.send_text(200, guest::take(info.container) + " " + guest::take(info.name) + " " +
                                  std::to_string(info.size) + " " + std::to_string(info.created_at) + "\n");
  }

  void list() {
    wasi_blobstore_container_own_stream_object_names_t stream;
    Text why;
    if (!open()) return;
    if (!wasi_blobstore_container_method_container_list_objects(container(), &stream, &why)) {
      return void(refuse(responder_, why));
    }
    const Names names(stream);
    const auto borrowed = wasi_blobstore_container_borrow_stream_object_names(names.get());
    if (target_.option == "skip") {
      http_service_tuple2_u64_bool_t skipped;
      if (!wasi_blobstore_container_method_stream_object_names_skip_stream_object_names(borrowed, number(target_.value),
                                                                                        &skipped, &why)) {
        return void(refuse(responder_, why));
      }
    }
    std::string text;
    for (bool ended = false; !ended;) {
      wasi_blobstore_container_tuple2_list_object_name_bool_t some;
      if (!wasi_blobstore_container_method_stream_object_names_read_stream_object_names(borrowed, 100, &some, &why)) {
        return void(refuse(responder_, why));
      }
      for (std::size_t at = 0; at < some.f0.len; ++at) {
        text.append(reinterpret_cast<const char*>(some.f0.ptr[at].ptr), some.f0.ptr[at].len);
        text += '\n';
      }
      ended = some.f1;
    }
    responder_.send_text(200, text);
  }

  void copy(bool moves) {
    Target goal(target_.value);
    wasi_blobstore_blobstore_object_id_t from{guest::borrow(target_.container), guest::borrow(target_.object)};
    wasi_blobstore_blobstore_object_id_t to{guest::borrow(goal.container), guest::borrow(goal.object)};
    Text why;
    const bool done = moves ? wasi_blobstore_blobstore_move_object(&from, &to, &why)
                            : wasi_blobstore_blobstore_copy_object(&from, &to, &why);
    send_done(responder_, done, why);
  }

  void store() {
    auto name = guest::borrow(target_.object);
    const auto value = wasi_blobstore_types_static_outgoing_value_new_outgoing_value();
    wasi_blobstore_types_own_output_stream_t stream;
    Text why;
    if (!wasi_blobstore_types_method_outgoing_value_outgoing_value_write_body(
            wasi_blobstore_types_borrow_outgoing_value(value), &stream)) {
      return void(responder_.send_text(500, "the value has no body\n"));
    }
    guest::OutputHandle out(stream);
    if (!wasi_blobstore_container_method_container_write_data(
            container(), &name, wasi_blobstore_types_borrow_outgoing_value(value), &why)) {
      out.reset();
      wasi_blobstore_types_outgoing_value_drop_own(value);
      return void(refuse(responder_, why));
    }
    const guest::Input body(request_.borrow());
    const bool abandons = target_.option == "abandon";
    const bool whole = pump(body.stream(), wasi_io_streams_borrow_output_stream(out.get()),
                            abandons ? number(target_.value) : UINT64_MAX);
    if (abandons) __builtin_trap();
    out.reset();
    const bool stored = wasi_blobstore_types_static_outgoing_value_finish(value, &why);
    if (stored && !whole) return void(responder_.send_text(500, "the body broke off\n"));
    send_done(responder_, stored, why, 201);
  }

  void fetch() {
    std::uint64_t start = 0;
    std::uint64_t end = UINT64_MAX;
    if (target_.option == "range") {
      const auto dash = target_.value.find('-');
      start = number(target_.value.substr(0, dash));
      end = number(target_.value.substr(dash + 1));
    }
    auto name = guest::borrow(target_.object);
    wasi_blobstore_container_own_incoming_value_t value;
    Text why;
    if (!wasi_blobstore_container_method_container_get_data(container(), &name, start, end, &value, &why)) {
      return void(refuse(responder_, why));
    }
    if (target_.option == "sync") {
      wasi_blobstore_types_incoming_value_sync_body_t all;
      if (!wasi_blobstore_types_static_incoming_value_incoming_value_consume_sync(value, &all, &why)) {
        return void(refuse(responder_, why));
      }
      return void(responder_.send_text(200, {reinterpret_cast<const char*>(all.ptr), all.len}));
    }
    wasi_blobstore_types_own_incoming_value_async_body_t stream;
    if (!wasi_blobstore_types_static_incoming_value_incoming_value_consume_async(value, &stream, &why)) {
      return void(refuse(responder_, why));
    }
    const guest::InputHandle in(stream);
    guest::Fields headers = guest::make_fields();
    guest::Output out = responder_.start(200, std::move(headers));
    const auto limit = target_.option == "drop" ? number(target_.value) : UINT64_MAX;
    // Not finished, the response breaks off: what has come must not look like all.
    if (pump(wasi_io_streams_borrow_input_stream(in.get()), out.stream(), limit)) out.finish();
  }

  guest::Request& request_;
  guest::Responder& responder_;
  Target target_;
  Container container_;
};

std::string method_of(const guest::Request& request) {
  wasi_http_types_method_t method;
  wasi_http_types_method_incoming_request_method(request.borrow(), &method);
  switch (method.tag) {
    case WASI_HTTP_TYPES_METHOD_PUT:
      return "PUT";
    case WASI_HTTP_TYPES_METHOD_POST:
      return "POST";
    case WASI_HTTP_TYPES_METHOD_DELETE:
      return "DELETE";
    default:
      return "GET";
  }
}

}  // namespace

void exports_wasi_http_incoming_handler_handle(exports_wasi_http_incoming_handler_own_incoming_request_t handle,
                                               exports_wasi_http_incoming_handler_own_response_outparam_t out) {
  guest::Request request(handle);
  guest::Responder responder(out);
  const Target target(request.target());
  const auto method = method_of(request);
  Service service(request, responder, target);
  target.object.empty() ? service.on_container(method) : service.on_object(method);
}
