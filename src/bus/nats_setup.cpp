// SPDX-License-Identifier: Apache-2.0
#include "bus/nats_setup.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace weft::bus {
namespace {

// Calls one function after the other until one fails.
class Setup {
 public:
  template <class Function, class... Arguments>
  void operator()(Function function, Arguments... arguments) {
    if (status_ == NATS_OK) {
      status_ = function(options_, arguments...);
    }
  }
  explicit Setup(natsOptions* options) : options_(options) {}
  [[nodiscard]] natsStatus status() const noexcept { return status_; }

 private:
  natsOptions* options_;
  natsStatus status_ = NATS_OK;
};

Result<void> check(const NatsOptions& options) {
  if (options.urls.empty()) {
    return Error(Errc::invalid_argument, "no NATS server is named", "give a URL such as nats://127.0.0.1:4222",
                 Blame::operator_);
  }
  if (options.tls.certificate_file.empty() != options.tls.key_file.empty()) {
    return Error(Errc::invalid_argument, "a client certificate needs its key, and a key its certificate",
                 "give both files or none", Blame::operator_);
  }
  if (const auto* user = std::get_if<UserJwt>(&options.credentials);
      user != nullptr && (user->jwt.empty() || user->seed.empty())) {
    return Error(Errc::invalid_argument, "a user JWT needs its seed, and a seed its JWT", "give both or none",
                 Blame::operator_);
  }
  if (const auto* file = std::get_if<CredentialsFile>(&options.credentials)) {
    const auto readable = read_credentials_file(file->path);
    return readable ? Result<void>() : Result<void>(readable.error());
  }
  return {};
}

void set_credentials(Setup& set, const Credentials& credentials, ConnectionCallbacks& callbacks) {
  if (const auto* password = std::get_if<UserPassword>(&credentials)) {
    set(&natsOptions_SetUserInfo, password->user.c_str(), password->password.c_str());
  } else if (const auto* token = std::get_if<Token>(&credentials)) {
    set(&natsOptions_SetToken, token->token.c_str());
  } else if (const auto* nkey = std::get_if<NkeySeed>(&credentials)) {
    set(&natsOptions_SetNKey, nkey->public_key.c_str(), &ConnectionCallbacks::sign, static_cast<void*>(&callbacks));
  } else if (!std::holds_alternative<std::monostate>(credentials)) {
    set(&natsOptions_SetUserCredentialsCallbacks, &ConnectionCallbacks::give_jwt, static_cast<void*>(&callbacks),
        &ConnectionCallbacks::sign, static_cast<void*>(&callbacks));
  }
}

// OpenSSL's words for a file it cannot use are long and name the wrong thing.
Result<void> set_tls(natsOptions* handle, const NatsOptions& options) {
  const auto& tls = options.tls;
  const bool asked = std::ranges::any_of(options.urls, [](const auto& url) { return url.starts_with("tls://"); });
  if ((tls.require || asked) && natsOptions_SetSecure(handle, true) != NATS_OK) {
    return Error(Errc::internal, "cannot switch TLS on");
  }
  if (!tls.ca_certificates.empty()) {
    if (natsOptions_SetCATrustedCertificates(handle, tls.ca_certificates.c_str()) != NATS_OK) {
      return Error(Errc::invalid_argument, "cannot use the CA certificates that are given as text",
                   "they are PEM, with their BEGIN and END lines", Blame::operator_);
    }
  } else if (!tls.ca_file.empty() && natsOptions_LoadCATrustedCertificates(handle, tls.ca_file.c_str()) != NATS_OK) {
    return Error(Errc::io, fmt::format("cannot use the CA certificates in {}", tls.ca_file.string()),
                 "the file holds PEM certificates and must be readable", Blame::operator_);
  }
  if (!tls.certificate_file.empty() &&
      natsOptions_LoadCertificatesChain(handle, tls.certificate_file.c_str(), tls.key_file.c_str()) != NATS_OK) {
    return Error(Errc::io,
                 fmt::format("cannot use the client certificate {} with the key {}", tls.certificate_file.string(),
                             tls.key_file.string()),
                 "both files hold PEM and belong together", Blame::operator_);
  }
  return {};
}

void set_servers(Setup& set, const NatsOptions& options) {
  std::vector<const char*> urls;
  urls.reserve(options.urls.size());
  for (const auto& url : options.urls) {
    urls.push_back(url.c_str());
  }
  set(&natsOptions_SetServers, urls.data(), static_cast<int>(urls.size()));
  set(&natsOptions_SetName, options.name.c_str());
  set(&natsOptions_SetTimeout, options.connect_timeout.count());
  set(&natsOptions_SetPingInterval, options.ping_interval.count());
  set(&natsOptions_SetWriteDeadline, options.write_deadline.count());
  set(&natsOptions_SetSendAsap, !NatsWrites::are_timed());
  // One thread of nats.c for all subscriptions: the callbacks only move a message on, and a thread each is too many.
  set(&natsOptions_UseGlobalMessageDelivery, true);
}

void set_reconnect(Setup& set, const NatsOptions& options, ConnectionCallbacks& callbacks) {
  void* const closure = &callbacks;
  const auto buffer = std::clamp<std::size_t>(options.reconnect_buffer, 1024, std::size_t{1} << 30);
  set(&natsOptions_SetAllowReconnect, true);
  set(&natsOptions_SetMaxReconnect, -1);
  set(&natsOptions_SetCustomReconnectDelay, &ConnectionCallbacks::choose_delay, closure);
  set(&natsOptions_SetReconnectBufSize, static_cast<int>(buffer));
  set(&natsOptions_SetDisconnectedCB, &ConnectionCallbacks::on_disconnected, closure);
  set(&natsOptions_SetReconnectedCB, &ConnectionCallbacks::on_connected, closure);
  set(&natsOptions_SetClosedCB, &ConnectionCallbacks::on_closed, closure);
  set(&natsOptions_SetErrorHandler, &ConnectionCallbacks::on_error, closure);
  if (options.first_connect == FirstConnect::wait_for_server) {
    set(&natsOptions_SetRetryOnFailedConnect, true, &ConnectionCallbacks::on_connected, closure);
  }
}

// nats.c frees what it is given, so the memory has to be malloc's.
char* duplicate(const std::string& text) {
  auto* copy = static_cast<char*>(std::malloc(text.size() + 1));  // NOLINT(cppcoreguidelines-no-malloc)
  if (copy != nullptr) {
    std::memcpy(copy, text.c_str(), text.size() + 1);
  }
  return copy;
}

Result<UserJwt> current_jwt(const Credentials& credentials) {
  if (const auto* user = std::get_if<UserJwt>(&credentials)) {
    return *user;
  }
  if (const auto* file = std::get_if<CredentialsFile>(&credentials)) {
    return read_credentials_file(file->path);
  }
  return Error(Errc::internal, "these credentials have no JWT");
}

Result<std::string> current_seed(const Credentials& credentials) {
  if (const auto* nkey = std::get_if<NkeySeed>(&credentials)) {
    return nkey->seed;
  }
  WEFT_TRY(const UserJwt user, current_jwt(credentials));
  return user.seed;
}

}  // namespace

Result<OptionsHandle> make_nats_options(const NatsOptions& options, ConnectionCallbacks& callbacks) {
  WEFT_CHECK(check(options));
  natsOptions* made = nullptr;
  if (const auto status = natsOptions_Create(&made); status != NATS_OK) {
    return to_error(status, "make the options of a connection");
  }
  auto handle = OptionsHandle::adopt(made);
  Setup set(made);
  set_servers(set, options);
  if (set.status() != NATS_OK) {
    return Error(Errc::invalid_argument,
                 fmt::format("`{}` is no URL of a NATS server", without_credentials(options.urls.front())),
                 "it looks like nats://host:4222", Blame::operator_);
  }
  set_reconnect(set, options, callbacks);
  set_credentials(set, options.credentials, callbacks);
  if (set.status() != NATS_OK) {
    return to_error(set.status(), "set the options of a connection");
  }
  WEFT_CHECK(set_tls(made, options));
  return handle;
}

void ConnectionCallbacks::tell_state(natsConnection* handle, ConnectionCallbacks& callbacks, BusState state) noexcept {
  try {
    if (state == BusState::connected) {
      callbacks.connection->learn(handle);
    }
    callbacks.connection->change_state(state);
  } catch (...) {  // out of memory: the state itself is set before anything is allocated
    return;
  }
}

void ConnectionCallbacks::on_connected(natsConnection* handle, void* closure) noexcept {
  tell_state(handle, *static_cast<ConnectionCallbacks*>(closure), BusState::connected);
}

void ConnectionCallbacks::on_disconnected(natsConnection* handle, void* closure) noexcept {
  tell_state(handle, *static_cast<ConnectionCallbacks*>(closure), BusState::disconnected);
}

void ConnectionCallbacks::on_closed(natsConnection* handle, void* closure) noexcept {
  const std::unique_ptr<ConnectionCallbacks> self(static_cast<ConnectionCallbacks*>(closure));
  tell_state(handle, *self, BusState::closed);
}

// nats.c does not keep the subscription alive for this callback: it is not looked at.
void ConnectionCallbacks::on_error(natsConnection* /*handle*/, natsSubscription* /*subscription*/, natsStatus status,
                                   void* closure) noexcept {
  const auto& connection = *static_cast<ConnectionCallbacks*>(closure)->connection;
  try {
    natsStatus ignored = NATS_OK;
    const char* words = nats_GetLastError(&ignored);
    connection.log(LogLevel::warning, fmt::format("nats: {}{}{}", natsStatus_GetText(status),
                                                  words == nullptr ? "" : ": ", words == nullptr ? "" : words));
  } catch (...) {  // a line less in the log
    return;
  }
}

std::int64_t ConnectionCallbacks::choose_delay(natsConnection* /*handle*/, int attempts, void* closure) noexcept {
  const auto& options = static_cast<ConnectionCallbacks*>(closure)->connection->options();
  const auto doublings = std::clamp(attempts - 1, 0, 20);
  const auto full = std::min(options.reconnect_first.count() << doublings, options.reconnect_most.count());
  // Jitter between hosts is all that is asked of this randomness.
  thread_local std::minstd_rand random(std::random_device{}());
  return full / 2 + std::uniform_int_distribution<std::int64_t>(0, std::max<std::int64_t>(full / 2, 0))(random);
}

natsStatus ConnectionCallbacks::give_jwt(char** jwt, char** fault, void* closure) noexcept {
  const auto& connection = *static_cast<ConnectionCallbacks*>(closure)->connection;
  try {
    const auto user = current_jwt(connection.options().credentials);
    if (!user) {
      *fault = duplicate(user.error().message());
      return NATS_ERR;
    }
    *jwt = duplicate((*user).jwt);
    return *jwt == nullptr ? NATS_NO_MEMORY : NATS_OK;
  } catch (...) {
    return NATS_NO_MEMORY;
  }
}

natsStatus ConnectionCallbacks::sign(char** fault, unsigned char** signature, int* length, const char* nonce,
                                     void* closure) noexcept {
  const auto& connection = *static_cast<ConnectionCallbacks*>(closure)->connection;
  try {
    const auto seed = current_seed(connection.options().credentials);
    if (!seed) {
      *fault = duplicate(seed.error().message());
      return NATS_ERR;
    }
    return nats_Sign((*seed).c_str(), nonce, signature, length);
  } catch (...) {
    return NATS_NO_MEMORY;
  }
}

}  // namespace weft::bus
