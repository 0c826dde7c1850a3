// SPDX-License-Identifier: Apache-2.0
#include "wrpc/ingress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <list>
#include <map>
#include <optional>
#include <utility>

#include "wrpc/http_values.hpp"
#include "wrpc/incoming_call.hpp"
#include "wrpc/served_call.hpp"
#include "wrpc/served_http.hpp"
#include "wrpc/served_names.hpp"
#include "wrpc/subjects.hpp"

namespace weft::wrpc {

/// What one shard serves, and the calls that are under way there.
class ShardIngress final : private ServedCalls {
 public:
  explicit ShardIngress(ShardEndpoint& endpoint) : endpoint_(endpoint) {}
  virtual ~ShardIngress() = default;
  ShardIngress(const ShardIngress&) = delete;
  ShardIngress& operator=(const ShardIngress&) = delete;

  Result<void> serve(bus::Bus& bus, const std::shared_ptr<dispatch::Target>& target) {
    WEFT_CHECK(open_address(bus));
    auto served = std::make_shared<const Served>(target, functions_of(*target));
    const auto known = targets_.find(target->id());
    if (known != targets_.end() && known->second.served->names.subscribed() == served->names.subscribed()) {
      // The same functions: nothing changes for the lattice, and no call is lost on the way.
      known->second.served = std::move(served);
      return {};
    }
    ServedTarget now{.served = std::move(served)};
    for (const auto& name : now.served->names.subscribed()) {
      WEFT_TRY(auto subscription, subscribe(bus, target->id(), name));
      now.subscriptions.push_back(std::move(subscription));
    }
    std::vector<std::unique_ptr<bus::Subscription>> before;
    if (known != targets_.end()) {
      before = std::exchange(known->second.subscriptions, {});
      targets_.erase(known);
    }
    targets_.emplace(target->id(), std::move(now));
    leave(std::move(before), {});
    return {};
  }

  void withdraw(const std::string& id, ShardDone done) {
    const auto known = targets_.find(id);
    if (known == targets_.end()) {
      return done({});
    }
    // What was on its way still finds it.
    leave(std::exchange(known->second.subscriptions, {}), [this, id, done = std::move(done)]() mutable {
      if (const auto served = targets_.find(id); served != targets_.end() && served->second.subscriptions.empty()) {
        targets_.erase(served);
      }
      done({});
    });
  }

  void close() {
    targets_.clear();
    address_.reset();
    questions_.reset();
    for (const auto& leaving : std::exchange(leaving_, {})) {
      leaving->tell();
    }
    while (!calls_.empty()) {
      calls_.front()->on_lost(Error(Errc::unavailable, "the host stops", "call again: another may serve it"));
    }
  }

 private:
  struct Served {
    Served(std::shared_ptr<dispatch::Target> served, std::vector<dispatch::FunctionName> functions)
        : target(std::move(served)), names(std::move(functions)) {}
    std::shared_ptr<dispatch::Target> target;
    ServedNames names;
  };
  struct ServedTarget {
    std::shared_ptr<const Served> served;
    std::vector<std::unique_ptr<bus::Subscription>> subscriptions = {};
  };
  /// Subscriptions that end when what was on its way is handled.
  struct Leaving {
    Leaving(std::vector<std::unique_ptr<bus::Subscription>> leaving, std::move_only_function<void()> told)
        : subscriptions(std::move(leaving)), done(std::move(told)) {}
    void tell() {
      if (auto told = std::exchange(done, {})) {
        told();
      }
    }
    std::vector<std::unique_ptr<bus::Subscription>> subscriptions;
    std::size_t drained = 0;
    std::move_only_function<void()> done;
  };

  static std::vector<dispatch::FunctionName> functions_of(dispatch::Target& target) {
    auto functions = target.functions();
    if (target.http() != nullptr) {
      functions.push_back({.interface = std::string(kIncomingHandler), .function = std::string(kHandle)});
      functions.push_back({.interface = std::string(kOutgoingHandler), .function = std::string(kHandle)});
    }
    return functions;
  }

  Result<std::unique_ptr<bus::Subscription>> subscribe(bus::Bus& bus, const std::string& id, const std::string& name) {
    const auto& lattice = endpoint_.config().lattice;
    const auto prefix = invocation_subject(lattice, id, {}, {});
    return bus.subscribe(
        endpoint_.shard(), prefix + name, {.queue_group = queue_group(lattice, id)},
        [this, id, start = prefix.size()](bus::Message message) { on_call(id, start, std::move(message)); });
  }

  /// By which this member alone can be called: only when others have fallen silent, so one subscription does for all
  /// that it serves.
  Result<void> open_address(bus::Bus& bus) {
    const auto& config = endpoint_.config();
    if (config.member.empty() || address_) {
      return {};
    }
    const auto own = member_address(config.lattice, config.member);
    WEFT_TRY(address_, bus.subscribe(endpoint_.shard(), own + ".>", {.queue_group = own},
                                     [this, start = own.size() + 1](bus::Message message) {
                                       const auto rest = std::string_view(message.subject).substr(start);
                                       const std::string id(rest.substr(0, rest.find('.')));
                                       on_call(id, start + id.size() + 1, std::move(message));
                                     }));
    if (endpoint_.shard().index() != 0) {
      return {};
    }
    const auto who = who_subject(config.lattice, {});
    WEFT_TRY(
        questions_,
        bus.subscribe(endpoint_.shard(), who + "*", {}, [this, own, start = who.size()](const bus::Message& asked) {
          const auto id = asked.subject.substr(start);
          const auto known = targets_.find(id);
          if (known != targets_.end() && !known->second.subscriptions.empty() && !asked.reply.empty()) {
            // Who cannot be told asks again.
            (void)endpoint_.publish({.subject = asked.reply,
                                     .reply = fmt::format("{}.{}", own, id),
                                     .headers = {},
                                     .payload = endpoint_.config().member});
          }
        }));
    return {};
  }

  /// `start`: of the function's name in the subject.
  void on_call(const std::string& id, std::size_t start, bus::Message message) {
    const auto known = targets_.find(id);
    if (known == targets_.end()) {
      return;
    }
    const auto served = known->second.served;
    const auto called = std::string_view(message.subject).substr(std::min(start, message.subject.size()));
    on_call(served->target, served->names.find(called), std::move(message));
  }

  void leave(std::vector<std::unique_ptr<bus::Subscription>> subscriptions, std::move_only_function<void()> done) {
    if (subscriptions.empty()) {
      if (done) {
        done();
      }
      return;
    }
    const auto leaving = std::make_shared<Leaving>(std::move(subscriptions), std::move(done));
    leaving_.push_back(leaving);
    for (const auto& subscription : leaving->subscriptions) {
      subscription->drain([this, weak = std::weak_ptr(leaving)] {
        const auto known = weak.lock();
        if (known && ++known->drained == known->subscriptions.size()) {
          // Not from inside what calls this.
          endpoint_.shard().post([this, weak]() noexcept {
            if (const auto gone = weak.lock()) {
              std::erase(leaving_, gone);
              gone->tell();
            }
          });
        }
      });
    }
  }

  void on_call(const std::shared_ptr<dispatch::Target>& target, std::optional<dispatch::FunctionName> function,
               bus::Message message) {
    if (message.reply.empty()) {
      return;  // nobody to answer to
    }
    if (calls_.size() >= endpoint_.config().max_incoming) {
      refuse(std::move(message),
             Error(Errc::resource_exhausted,
                   fmt::format("this host answers {} calls already", endpoint_.config().max_incoming),
                   "run it on more hosts", Blame::operator_));
      return;
    }
    calls_.push_back(function ? make_call(target, *std::move(function), std::move(message))
                              : make_refusal(target, std::move(message)));
    calls_.back()->place(std::prev(calls_.end()));
    calls_.back()->begin();
  }

  std::unique_ptr<ServedCall> make_call(const std::shared_ptr<dispatch::Target>& target,
                                        dispatch::FunctionName function, bus::Message message) {
    auto& owner = static_cast<ServedCalls&>(*this);
    const bool is_incoming = function.interface == kIncomingHandler;
    if (is_incoming || function.interface == kOutgoingHandler) {
      const auto side = is_incoming ? ServedHttp::Side::incoming : ServedHttp::Side::outgoing;
      return std::make_unique<ServedHttp>(endpoint_, owner, target, side, std::move(message));
    }
    return std::make_unique<ServedFunction>(endpoint_, owner, target, std::move(function), std::move(message));
  }

  std::unique_ptr<ServedCall> make_refusal(const std::shared_ptr<dispatch::Target>& target, bus::Message message) {
    auto error = Error(Errc::not_found, fmt::format("\"{}\" does not serve {}", target->id(), message.subject),
                       "see what it exports with weft inspect; versions must be the same", Blame::operator_);
    return std::make_unique<RefusedCall>(endpoint_, static_cast<ServedCalls&>(*this), target, std::move(message),
                                         std::move(error));
  }

  /// At the limit nothing is kept of it, not even until all has come.
  void refuse(bus::Message message, const Error& error) {
    class Nobody final : public IncomingEvents {
      void on_params(std::string /*params*/) override {}
      void on_channel(std::string_view /*path*/, std::string_view /*piece*/) override {}
      void on_gone(Error /*error*/) override {}
    } nobody;
    // Of what may still come to that inbox nothing is for anybody.
    IncomingCall call(endpoint_, nobody, std::move(message), endpoint_.inbox(0), 0);
    (void)call.fail(error);
  }

  void ended(ServedCallPlace place) override { calls_.erase(place); }

  ShardEndpoint& endpoint_;
  std::map<std::string, ServedTarget, std::less<>> targets_;
  std::unique_ptr<bus::Subscription> address_;     ///< null: nobody can ask for this member
  std::unique_ptr<bus::Subscription> questions_;   ///< on the first shard
  std::vector<std::shared_ptr<Leaving>> leaving_;  ///< shared with what tells that they are drained
  std::list<std::unique_ptr<ServedCall>> calls_;
};

Ingress::Ingress(Endpoint& endpoint) : endpoint_(endpoint) {
  auto& shards = endpoint.shards();
  per_shard_.reserve(shards.size());
  for (std::size_t index = 0; index < shards.size(); ++index) {
    per_shard_.push_back(std::make_unique<ShardIngress>(endpoint.at(shards.at(index))));
  }
}

Ingress::~Ingress() = default;

async::Task<void> Ingress::serve(std::shared_ptr<dispatch::Target> target) {
  co_return co_await on_every_shard(endpoint_.shards(),
                                    [this, target = std::move(target)](std::size_t index, ShardDone done) {
                                      done(per_shard_[index]->serve(endpoint_.bus(), target));
                                    });
}

async::Task<void> Ingress::withdraw(std::string id) {
  co_return co_await on_every_shard(endpoint_.shards(), [this, id = std::move(id)](std::size_t index, ShardDone done) {
    per_shard_[index]->withdraw(id, std::move(done));
  });
}

async::Task<void> Ingress::close() {
  co_return co_await on_every_shard(endpoint_.shards(), [this](std::size_t index, ShardDone done) {
    per_shard_[index]->close();
    done({});
  });
}

}  // namespace weft::wrpc
