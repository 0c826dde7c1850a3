// SPDX-License-Identifier: Apache-2.0
#include "builtins/messaging-nats/messaging_nats.hpp"

#include <algorithm>
#include <utility>

#include "builtins/guest_text.hpp"
#include "builtins/link_map.hpp"
#include "builtins/messaging-nats/delivery.hpp"

namespace weft::builtins::messaging_nats {
namespace {

constexpr std::string_view kConsumer = "wasmcloud:messaging/consumer";
/// Subjects of the server's own, which take no headers of ours.
constexpr std::string_view kSystem = "$SYS";

template <class T>
using Outcome = std::expected<T, std::string>;
using LinkKey = std::pair<std::string, std::string>;

std::unexpected<std::string> told(const Error& error) { return std::unexpected(guest_text(error)); }

/// A message as a component gives it.
bus::Message outgoing(const CallInfo& call, BrokerMessage given) {
  bus::Message message{.subject = std::move(given.subject),
                       .reply = std::move(given.reply_to).value_or(std::string()),
                       .headers = {},
                       .payload = std::move(given.body.text)};
  if (!message.subject.starts_with(kSystem)) {
    if (!call.trace_parent.empty()) message.headers.push_back({"traceparent", std::string(call.trace_parent)});
    if (!call.trace_state.empty()) message.headers.push_back({"tracestate", std::string(call.trace_state)});
  }
  return message;
}

async::Task<void> publish(std::shared_ptr<nats::Line> line, Reply<Outcome<void>> reply, bus::Message message) {
  const auto done = line->bus().publish(std::move(message));
  reply.send(done ? Outcome<void>() : Outcome<void>(told(done.error())));
  co_return Result<void>();
}

async::Task<void> request(std::shared_ptr<nats::Line> line, Reply<Outcome<BrokerMessage>> reply, bus::Message message,
                          std::chrono::milliseconds timeout) {
  auto answer = co_await line->bus().request(std::move(message), timeout);
  if (!answer) {
    reply.send(Outcome<BrokerMessage>(told(answer.error())));
    co_return Result<void>();
  }
  auto got = *std::move(answer);
  reply.send(Outcome<BrokerMessage>(
      BrokerMessage{.subject = std::move(got.subject),
                    .body = {std::move(got.payload)},
                    .reply_to = got.reply.empty() ? std::nullopt : std::optional(std::move(got.reply))}));
  co_return Result<void>();
}

class MessagingNats final : public Builtin {
 public:
  explicit MessagingNats(BuiltinContext context)
      : id_(context.id),
        config_(std::move(context.config)),
        log_(std::move(context.log)),
        caller_(std::move(context.caller)),
        lines_("builtin NATS Messaging Provider", id_, log_),
        senders_(context.shards) {
    function(kConsumer, "publish", [this](const CallInfo& call, Reply<Outcome<void>> reply, BrokerMessage given) {
      with<void>(call, std::move(reply), [&](const std::shared_ptr<nats::Line>& line, auto to) {
        line->spawn("a message", publish(line, std::move(to), outgoing(call, std::move(given))));
      });
    });
    function(kConsumer, "request",
             [this](const CallInfo& call, Reply<Outcome<BrokerMessage>> reply, std::string subject, ByteText body,
                    std::uint32_t timeout_ms) {
               with<BrokerMessage>(call, std::move(reply), [&](const std::shared_ptr<nats::Line>& line, auto to) {
                 line->spawn(
                     "a request",
                     request(line, std::move(to),
                             outgoing(call, {.subject = std::move(subject), .body = std::move(body), .reply_to = {}}),
                             std::chrono::milliseconds(std::max(timeout_ms, 1U))));
               });
             });
  }

  Result<void> put_link(const BuiltinLink& link) override {
    return link.target == id_ ? serve(link) : link.source == id_ ? deliver(link) : Result<void>();
  }
  void delete_link(const BuiltinLink& link) override {
    if (link.target == id_) {
      senders_.erase(link.source, link.name);
      release(served_, {link.source, link.name});
    } else {
      release(delivered_, {link.target, link.name});
    }
  }
  Result<void> update_config(const ConfigMap& config) override {
    // Whatever a link does not say itself changes with it: all are tried before any is changed.
    for (const auto& links : {&served_, &delivered_}) {
      for (const auto& [key, held] : *links) {
        WEFT_TRY(const auto settings, Settings::parse(config, config_of(held.link)));
        (void)settings;
      }
    }
    config_ = config;
    Result<void> outcome;
    for (const auto& links : {served_, delivered_}) {
      for (const auto& [key, held] : links) {
        if (auto put = put_link(held.link); !put) outcome = std::move(put);
      }
    }
    return outcome;
  }
  void stop() override {
    // All stop taking messages before any is waited for long.
    for (auto* links : {&delivered_, &served_}) {
      while (!links->empty()) release(*links, LinkKey(links->begin()->first));
    }
    lines_.close();
  }

 private:
  /// What a link holds of a line.
  struct Held {
    BuiltinLink link;
    std::shared_ptr<nats::Line> line;
    std::shared_ptr<Delivery> delivery;  ///< null: the provider is the link's target
  };
  using Links = std::map<LinkKey, Held>;

  [[nodiscard]] const ConfigMap& config_of(const BuiltinLink& link) const {
    return link.target == id_ ? link.target_config : link.source_config;
  }

  Result<void> serve(const BuiltinLink& link) {
    WEFT_TRY(const auto settings, Settings::parse(config_, link.target_config));
    WEFT_TRY(auto line, lines_.take(settings.access));
    senders_.put(link.source, link.name, line);
    release(served_, {link.source, link.name});
    served_.emplace(LinkKey(link.source, link.name), Held{.link = link, .line = std::move(line), .delivery = nullptr});
    return {};
  }

  Result<void> deliver(const BuiltinLink& link) {
    WEFT_TRY(auto settings, Settings::parse(config_, link.source_config));
    WEFT_TRY(auto line, lines_.take(settings.access));
    // The old one ends first: no message is delivered twice.
    release(delivered_, {link.target, link.name});
    auto delivery = std::make_shared<Delivery>(
        line, std::move(settings), Delivery::Options{.provider = id_, .component = link.target, .link_name = link.name},
        caller_, log_);
    if (auto started = delivery->start(); !started) {
      delivery->close();
      lines_.give_back(line);
      return started;
    }
    delivered_.emplace(LinkKey(link.target, link.name),
                       Held{.link = link, .line = std::move(line), .delivery = std::move(delivery)});
    return {};
  }

  void release(Links& links, const LinkKey& key) {
    auto node = links.extract(key);
    if (node.empty()) return;
    const auto& held = node.mapped();
    if (held.delivery) held.delivery->close();
    lines_.give_back(held.line);
  }

  /// Calls `work(line)` with the connection of the link that is called over, or answers that there is none.
  template <class T, class Work>
  void with(const CallInfo& call, Reply<Outcome<T>> reply, Work work) {
    const auto line = senders_.find(call.shard, call.source, call.link_name);
    if (line) return work(line, std::move(reply));
    reply.send(Outcome<T>(std::unexpected("\"" + std::string(call.source) + "\" has no connection over its link \"" +
                                          std::string(call.link_name) + "\": put the link again, and see the log of " +
                                          id_ + " if it is refused")));
  }

  const std::string id_;
  ConfigMap config_;
  const LogSink log_;
  const std::shared_ptr<Caller> caller_;
  nats::Lines lines_;
  LinkMap<nats::Line> senders_;
  Links served_;
  Links delivered_;
};

}  // namespace

BuiltinFactory factory() { return builtin_factory<MessagingNats>(); }

}  // namespace weft::builtins::messaging_nats
