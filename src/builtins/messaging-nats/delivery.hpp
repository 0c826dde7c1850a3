// SPDX-License-Identifier: Apache-2.0
/// Delivers messages to the handler of one linked component: those of its subscriptions, and those it pulls from
/// consumers of JetStream.
///
/// At most kMaxUnderWay calls are under way. Messages of subscriptions that come meanwhile wait, up to kMaxWaiting and
/// kMaxWaitingBytes; the newest are dropped then, as a NATS server does with a slow client, and the log says so. What a
/// handler fails is told in the log and not repeated. A consumer is asked for no more than can be under way. Its
/// messages are acknowledged AFTER the handler answered ok (wasmCloud's built-in does so on receipt); one that it
/// fails is given back and comes again after kRetryDelay, as often as the consumer allows; while a slow handler has
/// one, the server is told so before its time is over. A consumer that is not there, or is lost, is waited for.
///
/// Ownership: shared by the link and the calls under way. Threads: start() and close() any but the line's; the rest on
/// the line. close() waits up to kGrace for handlers, and gives back what of JetStream has not begun.
/// Source: data-plane facts 3.4, 3.11, 5.4; NATS ADR-13 (pulls) and ADR-15 (acknowledgements).
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>
#include <weft/caller.hpp>

#include "async/completion.hpp"
#include "builtins/byte_text.hpp"
#include "builtins/loss_log.hpp"
#include "builtins/messaging-nats/settings.hpp"
#include "builtins/nats/lines.hpp"

namespace weft::builtins::messaging_nats {

/// wasmcloud:messaging/types@0.2.0.
struct BrokerMessage {
  std::string subject;
  ByteText body;
  std::optional<std::string> reply_to;
  static constexpr auto fields = std::tuple{&BrokerMessage::subject, &BrokerMessage::body, &BrokerMessage::reply_to};
};

class Delivery : public std::enable_shared_from_this<Delivery> {
 public:
  static constexpr std::size_t kMaxUnderWay = 256;
  static constexpr std::size_t kMaxWaiting = 65'536;
  static constexpr std::size_t kMaxWaitingBytes = std::size_t{64} << 20;
  static constexpr std::chrono::milliseconds kCallTimeout{600'000};
  static constexpr std::chrono::milliseconds kRetryDelay{1'000};
  static constexpr std::chrono::milliseconds kGrace{5'000};

  struct Options {
    std::string provider;
    std::string component;
    std::string link_name;
  };
  Delivery(std::shared_ptr<nats::Line> line, Settings settings, Options options, std::shared_ptr<Caller> caller,
           const LogSink& log);

  [[nodiscard]] const std::shared_ptr<nats::Line>& line() const noexcept { return line_; }
  Result<void> start();
  void close();

 private:
  /// One consumer of JetStream.
  struct Pull {
    ConsumerSetting setting;
    std::set<std::string> under_way;  ///< where each is to be acknowledged
    std::size_t asked = 0;            ///< that the server may still send for the last pull
    bool is_lost = false;             ///< to be looked for again
    std::unique_ptr<bus::Subscription> inbox;
    std::optional<async::Completion<void>> wake;
    [[nodiscard]] std::size_t room() const noexcept { return setting.max_messages - under_way.size(); }
  };
  struct Item {
    bus::Message message;
    std::shared_ptr<Pull> pull;  ///< null: of a subscription
  };
  using Answer = Result<std::expected<void, std::string>>;

  void wait_until_listening();
  static async::Task<void> listening(std::shared_ptr<nats::Line> line, std::shared_ptr<std::promise<void>> told);
  void take(bus::Message message);
  void take_pulled(const std::shared_ptr<Pull>& pull, bus::Message message);
  void send(Item item);
  void finished(const std::shared_ptr<Pull>& pull, const std::string& acknowledge_at, const Answer& answer);
  void settle(const std::shared_ptr<Pull>& pull, const std::string& acknowledge_at, std::string verdict);
  void publish(std::string subject, std::string payload);

  static async::Task<void> follow(std::shared_ptr<Delivery> self, std::shared_ptr<Pull> pull);
  static async::Task<void> pull_from(std::shared_ptr<Delivery> self, std::shared_ptr<Pull> pull, std::string inbox);
  static async::Task<void> stay_in_progress(std::shared_ptr<Delivery> self, std::shared_ptr<Pull> pull,
                                            std::chrono::nanoseconds every);
  /// How long the server waits for an acknowledgement. Errors: not_found, unavailable.
  async::Task<std::chrono::nanoseconds> look_at(std::shared_ptr<Pull> pull);
  [[nodiscard]] std::string api(std::string_view verb, const ConsumerSetting& consumer) const;
  static void wake(Pull& pull);

  const std::shared_ptr<nats::Line> line_;
  const Settings settings_;
  const Options options_;
  const std::shared_ptr<Caller> caller_;
  LossLog dropped_;
  LossLog failed_;
  LossLog missing_;
  // The line's.
  std::vector<std::unique_ptr<bus::Subscription>> subscriptions_;
  std::vector<std::shared_ptr<Pull>> pulls_;
  std::deque<Item> waiting_;
  std::size_t waiting_bytes_ = 0;
  bool is_closing_ = false;
  bool is_over_ = false;  ///< the line is not to be used any more
  // Any thread's.
  std::mutex mutex_;
  std::condition_variable idle_;
  std::size_t under_way_ = 0;
};

}  // namespace weft::builtins::messaging_nats
