// SPDX-License-Identifier: Apache-2.0
/// What shall run, and what happens when it fails: plain values, given to a Tree.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "supervision/node.hpp"

namespace weft::supervision {

enum class Restart : std::uint8_t {
  permanent,  ///< always
  transient,  ///< after a failure, not after a normal end or a shutdown
  temporary,  ///< never; its place is removed when it ends
};
std::string_view to_string(Restart restart) noexcept;

enum class Strategy : std::uint8_t {
  one_for_one,   ///< only the child that failed
  one_for_all,   ///< all children
  rest_for_one,  ///< it and those after it
};
std::string_view to_string(Strategy strategy) noexcept;

/// A child's first start fails.
enum class FirstStart : std::uint8_t {
  required,  ///< as in OTP: its supervisor does not start; a child that is being added is not added
  retried,   ///< as after any other failure
};

/// How far a child must be before the next one starts, and whoever waits for its start is told. Its first start has
/// then succeeded: one that fails later is restarted.
enum class Gate : std::uint8_t { ready, started };

/// One child that is not a supervisor.
struct ChildSpec {
  std::string name;  ///< unique among its siblings; no '/'
  std::string kind;  ///< for people: "http-server", "component", "process"
  /// Makes an incarnation, unstarted. Null is a failure to start.
  std::function<std::unique_ptr<Node>()> make{};
  Restart restart = Restart::permanent;
  FirstStart first_start = FirstStart::required;
  Gate gate = Gate::ready;
  Duration start_budget{30'000};  ///< from start() to ready; 0: as long as it takes
  Duration stop_budget{5'000};    ///< from stop() to kill(); 0: kill() at once
  Duration kill_budget{5'000};    ///< from kill() until it is destroyed without having ended
  /// Set: the child outlives those it is linked with, and is told of their end (also a normal one) instead.
  std::function<void(NodeId linked, const Exit& exit)> on_linked_exit{};
};

/// At most `restarts` within `within`; one more and the supervisor gives up.
struct Intensity {
  std::size_t restarts = 3;
  Duration within{5'000};
};

enum class WhenExceeded : std::uint8_t {
  escalate,  ///< as in OTP: all children are stopped, and the supervisor fails
  /// The child stays `failed` until somebody starts it; the others live on. Restarts are then counted per child, and
  /// all stop at once. For children that have nothing to do with each other.
  give_up,
};

/// Pauses between restarts of a child that keeps failing: none, initial, initial * factor ... maximum.
struct Backoff {
  Duration initial{1'000};
  double factor = 2;
  Duration maximum{60'000};
  double jitter = 0.1;           ///< a pause is up to this part longer or shorter
  Duration reset_after{60'000};  ///< ready for so long: the next failure is the first again
};

struct AnySpec;

/// A supervisor and the children it begins with. They start in this order and stop in the reverse.
struct SupervisorSpec {
  std::string name;
  std::string kind = "supervisor";
  Strategy strategy = Strategy::one_for_one;
  Restart restart = Restart::permanent;
  FirstStart first_start = FirstStart::required;
  Intensity intensity{};
  WhenExceeded when_exceeded = WhenExceeded::escalate;
  Backoff backoff{};
  std::vector<AnySpec> children;
};

struct AnySpec {
  AnySpec(ChildSpec spec) : value(std::move(spec)) {}       // NOLINT(google-explicit-constructor): lists of both
  AnySpec(SupervisorSpec spec) : value(std::move(spec)) {}  // NOLINT(google-explicit-constructor): lists of both
  [[nodiscard]] const std::string& name() const {
    return std::visit([](const auto& spec) -> const std::string& { return spec.name; }, value);
  }
  std::variant<ChildSpec, SupervisorSpec> value;
};

}  // namespace weft::supervision
