// SPDX-License-Identifier: Apache-2.0
// Tries the one thing that its arguments name; see README.md.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command_imports.h"

extern char** environ;

typedef wasi_sockets_network_ip_socket_address_t address_t;
typedef wasi_sockets_network_error_code_t code_t;

static int ok(void) {
  puts("ok");
  return 0;
}

/// After a call of the C library: 0 or more is good.
static int told(int result) {
  if (result >= 0) return ok();
  fprintf(stderr, "refused: %s\n", strerror(errno));
  return 1;
}

static int refused(const char* step, code_t code) {
  static const char* const kNames[] = {
      "unknown",
      "access-denied",
      "not-supported",
      "invalid-argument",
      "out-of-memory",
      "timeout",
      "concurrency-conflict",
      "not-in-progress",
      "would-block",
      "invalid-state",
      "new-socket-limit",
      "address-not-bindable",
      "address-in-use",
      "remote-unreachable",
      "connection-refused",
      "connection-reset",
      "connection-aborted",
      "datagram-too-large",
      "name-unresolvable",
      "temporary-resolver-failure",
      "permanent-resolver-failure",
  };
  fprintf(stderr, "refused: %s: %s\n", step, code < sizeof kNames / sizeof *kNames ? kNames[code] : "?");
  return 1;
}

static address_t address(const char* ip, const char* port) {
  address_t made = {.tag = WASI_SOCKETS_NETWORK_IP_SOCKET_ADDRESS_IPV4};
  wasi_sockets_network_ipv4_address_t* bytes = &made.val.ipv4.address;
  sscanf(ip, "%hhu.%hhu.%hhu.%hhu", &bytes->f0, &bytes->f1, &bytes->f2, &bytes->f3);
  made.val.ipv4.port = (uint16_t)atoi(port);
  return made;
}

static wasi_sockets_network_borrow_network_t network(void) {
  return wasi_sockets_network_borrow_network(wasi_sockets_instance_network_instance_network());
}

static void wait(wasi_io_poll_own_pollable_t pollable) {
  wasi_io_poll_method_pollable_block(wasi_io_poll_borrow_pollable(pollable));
  wasi_io_poll_pollable_drop_own(pollable);
}

static int try_connect(const char* ip, const char* port, const char* text) {
  wasi_sockets_tcp_own_tcp_socket_t owned;
  code_t code;
  if (!wasi_sockets_tcp_create_socket_create_tcp_socket(WASI_SOCKETS_NETWORK_IP_ADDRESS_FAMILY_IPV4, &owned, &code)) {
    return refused("create", code);
  }
  const wasi_sockets_tcp_borrow_tcp_socket_t socket = wasi_sockets_tcp_borrow_tcp_socket(owned);
  address_t remote = address(ip, port);
  if (!wasi_sockets_tcp_method_tcp_socket_start_connect(socket, network(), &remote, &code)) {
    return refused("connect", code);
  }
  wait(wasi_sockets_tcp_method_tcp_socket_subscribe(socket));
  wasi_sockets_tcp_tuple2_own_input_stream_own_output_stream_t streams;
  if (!wasi_sockets_tcp_method_tcp_socket_finish_connect(socket, &streams, &code)) return refused("connect", code);
  command_imports_list_u8_t bytes = {(uint8_t*)text, strlen(text)};
  wasi_io_streams_stream_error_t error;
  if (!wasi_io_streams_method_output_stream_blocking_write_and_flush(wasi_io_streams_borrow_output_stream(streams.f1),
                                                                     &bytes, &error)) {
    return refused("write", WASI_SOCKETS_NETWORK_ERROR_CODE_CONNECTION_RESET);
  }
  return ok();
}

static int try_listen(const char* ip, const char* port) {
  wasi_sockets_tcp_own_tcp_socket_t owned;
  code_t code;
  if (!wasi_sockets_tcp_create_socket_create_tcp_socket(WASI_SOCKETS_NETWORK_IP_ADDRESS_FAMILY_IPV4, &owned, &code)) {
    return refused("create", code);
  }
  const wasi_sockets_tcp_borrow_tcp_socket_t socket = wasi_sockets_tcp_borrow_tcp_socket(owned);
  address_t local = address(ip, port);
  if (!wasi_sockets_tcp_method_tcp_socket_start_bind(socket, network(), &local, &code) ||
      !wasi_sockets_tcp_method_tcp_socket_finish_bind(socket, &code)) {
    return refused("bind", code);
  }
  if (!wasi_sockets_tcp_method_tcp_socket_start_listen(socket, &code)) return refused("listen", code);
  wait(wasi_sockets_tcp_method_tcp_socket_subscribe(socket));
  return wasi_sockets_tcp_method_tcp_socket_finish_listen(socket, &code) ? ok() : refused("listen", code);
}

static int try_send(const char* ip, const char* port, const char* text) {
  wasi_sockets_udp_own_udp_socket_t owned;
  code_t code;
  if (!wasi_sockets_udp_create_socket_create_udp_socket(WASI_SOCKETS_NETWORK_IP_ADDRESS_FAMILY_IPV4, &owned, &code)) {
    return refused("create", code);
  }
  const wasi_sockets_udp_borrow_udp_socket_t socket = wasi_sockets_udp_borrow_udp_socket(owned);
  address_t local = address("0.0.0.0", "0");
  if (!wasi_sockets_udp_method_udp_socket_start_bind(socket, network(), &local, &code) ||
      !wasi_sockets_udp_method_udp_socket_finish_bind(socket, &code)) {
    return refused("bind", code);
  }
  wasi_sockets_udp_tuple2_own_incoming_datagram_stream_own_outgoing_datagram_stream_t streams;
  if (!wasi_sockets_udp_method_udp_socket_stream(socket, NULL, &streams, &code)) return refused("stream", code);
  const wasi_sockets_udp_borrow_outgoing_datagram_stream_t out =
      wasi_sockets_udp_borrow_outgoing_datagram_stream(streams.f1);
  uint64_t room = 0;
  while (wasi_sockets_udp_method_outgoing_datagram_stream_check_send(out, &room, &code) && room == 0) {
    wait(wasi_sockets_udp_method_outgoing_datagram_stream_subscribe(out));
  }
  wasi_sockets_udp_outgoing_datagram_t datagram = {.data = {(uint8_t*)text, strlen(text)}};
  datagram.remote_address.is_some = true;
  datagram.remote_address.val = address(ip, port);
  wasi_sockets_udp_list_outgoing_datagram_t list = {&datagram, 1};
  uint64_t sent = 0;
  if (!wasi_sockets_udp_method_outgoing_datagram_stream_send(out, &list, &sent, &code)) return refused("send", code);
  return sent == 1 ? ok() : refused("send", WASI_SOCKETS_NETWORK_ERROR_CODE_WOULD_BLOCK);
}

static int try_resolve(const char* name) {
  command_imports_string_t text = {(uint8_t*)name, strlen(name)};
  wasi_sockets_ip_name_lookup_own_resolve_address_stream_t owned;
  code_t code;
  if (!wasi_sockets_ip_name_lookup_resolve_addresses(network(), &text, &owned, &code)) return refused("resolve", code);
  const wasi_sockets_ip_name_lookup_borrow_resolve_address_stream_t stream =
      wasi_sockets_ip_name_lookup_borrow_resolve_address_stream(owned);
  wait(wasi_sockets_ip_name_lookup_method_resolve_address_stream_subscribe(stream));
  wasi_sockets_ip_name_lookup_option_ip_address_t found;
  return wasi_sockets_ip_name_lookup_method_resolve_address_stream_resolve_next_address(stream, &found, &code)
             ? ok()
             : refused("resolve", code);
}

static int try_open(const char* path, int flags) {
  const int file = open(path, flags, 0666);
  if (file < 0) return told(file);
  if ((flags & (O_CREAT | O_APPEND)) != 0) return told((int)write(file, "probe\n", 6));
  char buffer[1024];
  const ssize_t len = (flags & O_WRONLY) != 0 ? 0 : read(file, buffer, sizeof buffer);
  if (len > 0) fwrite(buffer, 1, (size_t)len, stdout);
  return told((int)len);
}

static int print_environment(void) {
  for (char** variable = environ; *variable != NULL; ++variable) puts(*variable);
  return 0;
}

static int try_one(int count, char** words) {
#define IS(name, parameters) (count == (parameters) + 1 && strcmp(words[0], name) == 0)
  if (IS("connect", 3)) return try_connect(words[1], words[2], words[3]);
  if (IS("send", 3)) return try_send(words[1], words[2], words[3]);
  if (IS("listen", 2)) return try_listen(words[1], words[2]);
  if (IS("resolve", 1)) return try_resolve(words[1]);
  if (IS("env", 0)) return print_environment();
  if (IS("read", 1)) return try_open(words[1], O_RDONLY);
  if (IS("create", 1)) return try_open(words[1], O_WRONLY | O_CREAT);
  if (IS("append", 1)) return try_open(words[1], O_WRONLY | O_APPEND);
  if (IS("truncate", 1)) return try_open(words[1], O_WRONLY | O_TRUNC);
  if (IS("mkdir", 1)) return told(mkdir(words[1], 0777));
  if (IS("rmdir", 1)) return told(rmdir(words[1]));
  if (IS("unlink", 1)) return told(unlink(words[1]));
  if (IS("touch", 1)) return told(utimensat(AT_FDCWD, words[1], NULL, 0));
  if (IS("rename", 2)) return told(rename(words[1], words[2]));
  if (IS("link", 2)) return told(link(words[1], words[2]));
  if (IS("symlink", 2)) return told(symlink(words[1], words[2]));
#undef IS
  puts(
      "connect, send, listen, resolve, env, read, create, append, truncate, mkdir, rmdir, unlink, touch, rename, link, "
      "symlink");
  return count == 0 ? 0 : 2;
}

int main(int argc, char** argv) { return try_one(argc - 1, argv + 1); }
