// SPDX-License-Identifier: Apache-2.0
/// How a NatsBus reaches its servers. Threads: a plain value. `log` is called from threads of nats.c and must be quick.
/// Secrets (passwords, tokens, seeds, JWTs) are never logged and never part of an error.
/// Source: control-plane facts 1.6 and 2; the defaults of the times are weft's own.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <weft/lattice.hpp>
#include <weft/log.hpp>
#include <weft/result.hpp>

namespace weft::bus {

/// A user JWT and the seed ("SU...") that signs the server's nonce.
struct UserJwt {
  std::string jwt;
  std::string seed;
};

/// A credentials file; read again at every connect, so that a renewed one is taken.
struct CredentialsFile {
  std::filesystem::path path;
};

/// An nkey user: the seed ("SU...") and its public key ("U..."), which is not derived here: Ed25519 is not this
/// module's business.
struct NkeySeed {
  std::string public_key;
  std::string seed;
};

struct UserPassword {
  std::string user;
  std::string password;
};

struct Token {
  std::string token;
};

/// std::monostate: none, or user and password (or a token) in the URL.
using Credentials = std::variant<std::monostate, UserJwt, CredentialsFile, NkeySeed, UserPassword, Token>;

struct NatsTls {
  /// Refuse a server without TLS. A server that asks for TLS gets it in any case.
  bool require = false;
  /// Certificates to trust; empty: the system's.
  std::filesystem::path ca_file;
  /// The same as PEM text; goes before `ca_file`.
  std::string ca_certificates = {};
  /// The client's own; both or none.
  std::filesystem::path certificate_file;
  std::filesystem::path key_file;
};

enum class FirstConnect : std::uint8_t {
  must_succeed,     ///< NatsBus::connect() fails when no server answers
  wait_for_server,  ///< it gives a disconnected bus, which goes on trying in the background
};

struct NatsOptions {
  std::vector<std::string> urls{"nats://127.0.0.1:4222"};
  std::string name = "wasmbus";
  Credentials credentials;
  NatsTls tls;
  std::string jetstream_domain;
  std::string inbox_prefix = "_INBOX";
  FirstConnect first_connect = FirstConnect::must_succeed;

  std::chrono::milliseconds connect_timeout{2000};
  /// One request of the JetStream API or of a bucket.
  std::chrono::milliseconds jetstream_timeout{10'000};
  /// A server that has left two pings without an answer is gone: a cut wire is noticed within three intervals. Until
  /// then whatever needs the server waits, local commands too.
  std::chrono::milliseconds ping_interval{3'000};
  /// The wait before an attempt to reconnect doubles from `first` up to `most`; each is cut by up to half at random.
  std::chrono::milliseconds reconnect_first{100};
  std::chrono::milliseconds reconnect_most{1000};
  /// What may be published while disconnected, in bytes.
  std::size_t reconnect_buffer = std::size_t{8} << 20;
  /// A socket that takes nothing for so long is broken.
  std::chrono::milliseconds write_deadline{5000};
  /// A watch hears from its consumer this often, and takes it for lost after three silent ones.
  std::chrono::milliseconds watch_heartbeat{400};

  /// One line on what an operator should know: lost connections (warning), regained ones (info), dropped messages and
  /// refused permissions (warning).
  std::function<void(LogLevel level, std::string_view line)> log;
};

/// What an embedder or a command line says of its servers, as options; all else stays as it is by default.
NatsOptions nats_options(const NatsConfig& config);

/// The first JWT and the first seed of a credentials file. Errors: invalid_argument, which never quotes the text.
Result<UserJwt> parse_credentials(std::string_view text);
Result<UserJwt> read_credentials_file(const std::filesystem::path& path);

/// The URL without user, password or token.
std::string without_credentials(std::string_view url);

}  // namespace weft::bus
