// SPDX-License-Identifier: Apache-2.0
#include "lattice/control_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <utility>

namespace weft::lattice {
namespace {

using wire::ControlOperation;

constexpr std::chrono::milliseconds kFlushTimeout{10'000};

/// The sentence that 1.9 answers a malformed body with, ours after it.
template <class T>
Result<T> decoded(Result<T> result, std::string_view sentence) {
  if (result) {
    return result;
  }
  return Error(Errc::malformed, fmt::format("{}: {}", sentence, result.error().message()), result.error().hint(),
               Blame::peer);
}

wire::Reply failure(const Error& error) {
  auto text = error.message();
  if (!error.hint().empty()) {
    text += ": " + error.hint();
  }
  return {.success = false, .message = std::move(text), .response = {}};
}

wire::Reply data(std::string json) { return {.success = true, .message = {}, .response = std::move(json)}; }

/// Who carries an operation out.
enum class Kind : std::uint8_t {
  query,    ///< nothing changes, nothing goes into the journal
  lattice,  ///< changes what hosts share
  host,     ///< changes this host
};

Kind kind_of(ControlOperation operation) {
  switch (operation) {
    case ControlOperation::host_ping:
    case ControlOperation::host_get:
    case ControlOperation::component_auction:
    case ControlOperation::provider_auction:
    case ControlOperation::link_get:
    case ControlOperation::claims_get:
    case ControlOperation::config_get:
      return Kind::query;
    case ControlOperation::link_put:
    case ControlOperation::link_del:
    case ControlOperation::config_put:
    case ControlOperation::config_del:
      return Kind::lattice;
    case ControlOperation::host_stop:
    case ControlOperation::component_scale:
    case ControlOperation::component_update:
    case ControlOperation::provider_start:
    case ControlOperation::provider_stop:
    case ControlOperation::label_put:
    case ControlOperation::label_del:
    case ControlOperation::registry_put:
      return Kind::host;
  }
  return Kind::query;
}

bool is_core_label(std::string_view key) {
  constexpr std::string_view prefix = "hostcore.";
  return key.size() >= prefix.size() &&
         std::ranges::equal(key.substr(0, prefix.size()), prefix,
                            [](unsigned char a, unsigned char b) { return std::tolower(a) == b; });
}

/// "component.scale" out of its subject, for the journal.
std::string name_of(const wire::ControlRoot& root, ControlOperation operation) {
  auto subject = wire::control_subject(root, operation, "-").substr(root.base().size() + 1);
  if (subject.ends_with(".-")) {
    subject.resize(subject.size() - 2);
  }
  return subject;
}

}  // namespace

struct ControlServer::Request {
  ControlOperation operation = ControlOperation::host_ping;
  std::string argument;
  std::string payload;
  std::string id;  ///< in the journal; empty for a query
};

std::string question_subject(std::string_view lattice, std::string_view host_id, std::string_view question) {
  return fmt::format("weft.ctl.{}.{}.{}", lattice, host_id, question);
}

wire::Reply question_reply(Result<std::string> answered) {
  return answered ? data(*std::move(answered)) : failure(answered.error());
}

ControlServer::ControlServer(bus::Bus& bus, async::Shard& shard, ControlServerConfig config, LatticeStore& store,
                             EventPublisher& events, Operations& operations, HostCommands& host)
    : bus_(bus),
      shard_(shard),
      config_(std::move(config)),
      store_(store),
      events_(events),
      operations_(operations),
      host_(host),
      tasks_(shard) {}

ControlServer::~ControlServer() = default;

async::Task<void> ControlServer::subscribe() {
  const auto base = config_.root.base();
  const auto& host = config_.host_id;
  struct Topic {
    std::string pattern;
    std::string queue_group;
  };
  std::vector<Topic> topics{
      {base + ".registry.put", ""},           {base + ".host.ping", ""},
      {base + ".component.*." + host, ""},    {base + ".provider.*." + host, ""},
      {base + ".label.*." + host, ""},        {base + ".host.*." + host, ""},
      {base + ".link.*", base + ".link"},     {base + ".claims.get", base + ".claims"},
      {base + ".config.>", base + ".config"}, {question_subject(config_.root.lattice, host, "*"), ""},
  };
  if (config_.component_auctions) {
    topics.push_back({base + ".component.auction", ""});
  }
  if (config_.provider_auctions) {
    topics.push_back({base + ".provider.auction", ""});
  }
  for (auto& topic : topics) {
    bus::SubscribeOptions options;
    options.queue_group = std::move(topic.queue_group);
    WEFT_CO_TRY(auto subscription, bus_.subscribe(shard_, std::move(topic.pattern), std::move(options),
                                                  [this](bus::Message message) { on_message(std::move(message)); }));
    subscriptions_.push_back(std::move(subscription));
  }
  co_return co_await bus_.flush(kFlushTimeout);
}

void ControlServer::serve() {
  serving_ = true;
  for (auto& message : std::exchange(waiting_, {})) {
    run(std::move(message));
  }
}

boost::asio::awaitable<void> ControlServer::close() {
  subscriptions_.clear();
  co_await tasks_.close();
}

void ControlServer::on_message(bus::Message message) {
  if (serving_) {
    return run(std::move(message));
  }
  if (waiting_.size() < config_.max_running) {
    waiting_.push_back(std::move(message));
  }
}

void ControlServer::run(bus::Message message) {
  if (tasks_.size() >= config_.max_running) {
    return reply(message,
                 failure(Error(Errc::resource_exhausted,
                               fmt::format("this host carries out {} commands already", config_.max_running),
                               "try again later", Blame::environment)),
                 {});
  }
  auto name = message.subject;
  tasks_.spawn(std::move(name), answer(std::move(message)));
}

async::Task<void> ControlServer::answer(bus::Message message) {
  const auto questions = question_subject(config_.root.lattice, config_.host_id, "");
  if (message.subject.starts_with(questions)) {
    auto answered = co_await host_.ask(message.subject.substr(questions.size()), message.payload);
    reply(message, question_reply(std::move(answered)), {});
    co_return Result<void>();
  }
  const auto subject = wire::parse_control_subject(config_.root, message.subject);
  if (!subject) {
    reply(message, {.success = false, .message = "unsupported subject", .response = {}}, {});
    co_return Result<void>();
  }
  Request request{subject->operation, std::string(subject->argument), std::move(message.payload), {}};
  if (kind_of(request.operation) != Kind::query) {
    request.id = operations_.begin(name_of(config_.root, request.operation));
  }
  const auto id = request.id;
  if (request.operation == ControlOperation::host_stop) {
    message.payload = std::move(request.payload);
    stop_host(message, id);
    co_return Result<void>();
  }
  if (auto answered = co_await carry_out(std::move(request)); !answered) {
    operations_.failed(id, answered.error());
    reply(message, failure(answered.error()), id);
  } else if (*answered) {
    reply(message, **answered, id);
  }
  co_return Result<void>();
}

Result<std::string> ControlServer::put_registries(const std::string& payload) {
  WEFT_TRY(auto credentials,
           decoded(wire::decode_registry_credentials(payload), "failed to deserialize registries put command"));
  host_.put_registries(std::move(credentials));
  return std::string("successfully put registries");
}

// A host stops after it has said so.
void ControlServer::stop_host(const bus::Message& message, const std::string& id) {
  const auto command = decoded(wire::decode_stop_host(message.payload), "failed to deserialize stop command");
  if (!command) {
    operations_.failed(id, command.error());
    return reply(message, failure(command.error()), id);
  }
  if (!command->host_id.empty() && command->host_id != config_.host_id) {
    const Error other(Errc::invalid_argument,
                      fmt::format("received stop request for another host: {}", command->host_id),
                      "leave host_id out, or name the host of the subject", Blame::peer);
    operations_.failed(id, other);
    return reply(message, failure(other), id);
  }
  operations_.done(id, "stopping");
  reply(message, {.success = true, .message = "successfully handled stop host", .response = {}}, id);
  host_.stop_host(command->timeout_ms);
}

void ControlServer::reply(const bus::Message& request, const wire::Reply& reply, std::string_view operation) {
  if (request.reply.empty()) {
    return;
  }
  bus::Message message{.subject = request.reply, .reply = {}, .headers = {}, .payload = wire::encode(reply)};
  if (!operation.empty()) {
    message.headers.push_back({std::string(kOperationHeader), std::string(operation)});
  }
  if (const auto most = bus_.info().max_payload; message.payload.size() > most) {
    // Whoever asked learns that, and does not wait.
    message.payload = wire::encode(
        failure(Error(Errc::resource_exhausted, fmt::format("the answer has {} bytes, and a message may have {}",
                                                            message.payload.size(), most))));
  }
  // One that cannot be sent is the requester's timeout.
  (void)bus_.publish(std::move(message));
}

async::Task<std::optional<wire::Reply>> ControlServer::carry_out(Request request) {
  if (kind_of(request.operation) == Kind::query) {
    co_return co_await query(std::move(request));
  }
  const bool lattice = kind_of(request.operation) == Kind::lattice;
  const auto id = request.id;
  auto message = lattice ? co_await change_lattice(std::move(request)) : co_await command_host(std::move(request));
  if (!message) {
    co_return message.error();
  }
  if (lattice) {
    co_await host_.settle();
    operations_.done(id, *message);
  }
  co_return std::optional(wire::Reply{.success = true, .message = *std::move(message), .response = {}});
}

async::Task<std::optional<wire::Reply>> ControlServer::query(Request request) {
  const auto operation = request.operation;
  if (operation == ControlOperation::host_ping) {
    co_return std::optional(data(wire::encode(host_.ping())));
  }
  if (operation == ControlOperation::host_get) {
    co_return std::optional(data(wire::encode(host_.inventory())));
  }
  if (operation == ControlOperation::component_auction) {
    co_return auction(wire::AuctionKind::component, request.payload);
  }
  if (operation == ControlOperation::provider_auction) {
    co_return auction(wire::AuctionKind::provider, request.payload);
  }
  if (operation == ControlOperation::link_get) {
    co_return std::optional(data(wire::encode(store_.links())));
  }
  if (operation == ControlOperation::claims_get) {
    co_return std::optional(data(wire::encode(store_.claims())));
  }
  WEFT_CO_TRY(const auto config, co_await store_.get_config(request.argument));
  if (!config) {
    co_return std::optional(wire::Reply{.success = true, .message = "Configuration not found", .response = {}});
  }
  co_return std::optional(data(wire::encode(*config)));
}

Result<std::optional<wire::Reply>> ControlServer::auction(wire::AuctionKind kind, const std::string& payload) {
  const bool component = kind == wire::AuctionKind::component;
  WEFT_TRY(const auto auction,
           decoded(wire::decode_auction(payload, kind), component ? "failed to deserialize component auction command"
                                                                  : "failed to deserialize provider auction command"));
  const auto& labels = host_.labels();
  const bool fits = std::ranges::all_of(auction.constraints, [&labels](const auto& wanted) {
    const auto found = labels.find(wanted.first);
    return found != labels.end() && found->second == wanted.second;
  });
  if (!fits || (component ? host_.runs_component(auction.id) : host_.runs_provider(auction.id))) {
    return std::optional<wire::Reply>();
  }
  const wire::AuctionAck ack{
      .host_id = config_.host_id, .ref = auction.ref, .id = auction.id, .constraints = auction.constraints};
  return std::optional(data(wire::encode(ack, kind)));
}

async::Task<std::string> ControlServer::command_host(Request request) {
  const auto operation = request.operation;
  if (operation == ControlOperation::component_scale) {
    WEFT_CO_TRY(auto command, decoded(wire::decode_scale_component(request.payload),
                                      "failed to deserialize component scale command"));
    operations_.about(request.id, command.component_id);
    co_return co_await host_.scale(std::move(command), request.id);
  }
  if (operation == ControlOperation::component_update) {
    WEFT_CO_TRY(auto command, decoded(wire::decode_update_component(request.payload),
                                      "failed to deserialize component update command"));
    operations_.about(request.id, command.component_id);
    co_return co_await host_.update(std::move(command), request.id);
  }
  if (operation == ControlOperation::provider_start) {
    WEFT_CO_TRY(auto command,
                decoded(wire::decode_start_provider(request.payload), "failed to deserialize provider start command"));
    operations_.about(request.id, command.provider_id);
    co_return co_await host_.start_provider(std::move(command), request.id);
  }
  if (operation == ControlOperation::provider_stop) {
    WEFT_CO_TRY(auto command,
                decoded(wire::decode_stop_provider(request.payload), "failed to deserialize provider stop command"));
    operations_.about(request.id, command.provider_id);
    co_return co_await host_.stop_provider(std::move(command), request.id);
  }
  auto message = operation == ControlOperation::label_put   ? put_label(request.payload)
                 : operation == ControlOperation::label_del ? delete_label(request.payload)
                                                            : put_registries(request.payload);
  if (message) {
    operations_.done(request.id, *message);
  }
  co_return message;
}

async::Task<std::string> ControlServer::change_lattice(Request request) {
  if (request.operation == ControlOperation::link_put) {
    return put_link(std::move(request.payload), std::move(request.id));
  }
  if (request.operation == ControlOperation::link_del) {
    return delete_link(std::move(request.payload), std::move(request.id));
  }
  operations_.about(request.id, request.argument);
  if (request.operation == ControlOperation::config_put) {
    return put_config(std::move(request.argument), std::move(request.payload));
  }
  return delete_config(std::move(request.argument));
}

// ---- commands to this host ----

Result<std::string> ControlServer::put_label(const std::string& payload) {
  WEFT_TRY(const auto label, decoded(wire::decode_label_put(payload), "failed to deserialize put label request"));
  if (is_core_label(label.key)) {
    return Error(Errc::permission_denied, "hostcore.* labels cannot be set dynamically", "use a key of your own",
                 Blame::operator_);
  }
  host_.put_label(label);
  events_.publish("labels_changed", wire::labels_changed_data(config_.host_id, host_.labels()));
  return std::string("successfully put label");
}

Result<std::string> ControlServer::delete_label(const std::string& payload) {
  WEFT_TRY(const auto label, decoded(wire::decode_label_del(payload), "failed to deserialize delete label request"));
  if (!host_.delete_label(label.key)) {
    return std::string("successfully deleted label (no such label)");
  }
  events_.publish("labels_changed", wire::labels_changed_data(config_.host_id, host_.labels()));
  return std::string("successfully deleted label");
}

// ---- what the lattice shares ----

// Providers older than 1.1 listen under their ids; newer ones and their hosts follow the bucket. An id that is no
// subject has nobody who could listen.
void ControlServer::tell_old_providers(const wire::LinkDefinition& link, wire::ProviderSubject verb) {
  auto& bus = config_.provider_bus == nullptr ? bus_ : *config_.provider_bus;
  const auto json = wire::encode(link);
  for (const auto* id : {&link.source_id, &link.target}) {
    (void)bus.publish({.subject = wire::provider_subject(config_.root.lattice, *id, verb),
                       .reply = {},
                       .headers = {},
                       .payload = json});
  }
}

async::Task<std::string> ControlServer::put_link(std::string payload, std::string id) {
  WEFT_CO_TRY(const auto link, decoded(wire::decode_link(payload), "failed to deserialize wrpc link definition"));
  operations_.about(id,
                    fmt::format("{} -> {} ({}:{})", link.source_id, link.target, link.wit_namespace, link.wit_package));
  const auto stored = co_await store_.put_link(link);
  if (!stored) {
    events_.publish("linkdef_set_failed", wire::linkdef_set_failed_data(link, stored.error().message()));
    co_return stored.error();
  }
  if (!wire::names_secrets(link)) {
    tell_old_providers(
        wire::define_link(link, store_.live_bundle(link.source_config), store_.live_bundle(link.target_config)),
        wire::ProviderSubject::link_put);
  }
  events_.publish("linkdef_set", wire::linkdef_set_data(link));
  co_return std::string("successfully set link");
}

async::Task<std::string> ControlServer::delete_link(std::string payload, std::string id) {
  WEFT_CO_TRY(const auto command,
              decoded(wire::decode_delete_link(payload), "failed to deserialize wrpc link definition"));
  operations_.about(id, fmt::format("{} ({}:{})", command.source_id, command.wit_namespace, command.wit_package));
  WEFT_CO_TRY(const auto deleted, co_await store_.delete_link(command));
  if (!deleted.spec_existed) {
    co_return std::string("successfully deleted link (spec doesn't exist)");
  }
  if (deleted.removed) {
    tell_old_providers(wire::define_link(*deleted.removed, {}, {}), wire::ProviderSubject::link_del);
  }
  events_.publish("linkdef_deleted",
                  wire::linkdef_deleted_data(command, deleted.removed ? &*deleted.removed : nullptr));
  co_return std::string("successfully deleted link");
}

async::Task<std::string> ControlServer::put_config(std::string name, std::string payload) {
  WEFT_CO_CHECK(decoded(wire::decode_string_map(payload), "config data should be a map of string -> string"));
  if (const auto stored = co_await store_.put_config(name, std::move(payload)); !stored) {
    co_return Error(stored.error().code(), fmt::format("unable to store config data: {}", stored.error().message()),
                    stored.error().hint());
  }
  events_.publish("config_set", wire::config_data(name));
  co_return std::string("successfully put config");
}

async::Task<std::string> ControlServer::delete_config(std::string name) {
  if (const auto deleted = co_await store_.delete_config(name); !deleted) {
    co_return Error(deleted.error().code(), fmt::format("Unable to delete config data: {}", deleted.error().message()),
                    deleted.error().hint());
  }
  events_.publish("config_deleted", wire::config_data(name));
  co_return std::string("successfully deleted config");
}

}  // namespace weft::lattice
