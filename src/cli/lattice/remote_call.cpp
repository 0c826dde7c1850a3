// SPDX-License-Identifier: Apache-2.0
#include "cli/lattice/remote_call.hpp"

#include "cli/lattice/connection.hpp"
#include "cli/lattice/json_value.hpp"
#include "cli/lattice/workloads.hpp"
#include "cli/option_value.hpp"
#include "wire/control_subject.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include <filesystem>
#include <system_error>

namespace weft::cli {
namespace {

/// `reference`: of the component's code, for a host that does not run it.
std::string encode(const RemoteCall& call, const std::string& reference) {
  boost::json::array arguments;
  for (const auto& argument : call.arguments) arguments.emplace_back(argument);
  return boost::json::serialize(boost::json::object{{"component", call.component},
                                                    {"function", call.function},
                                                    {"arguments", std::move(arguments)},
                                                    {"format", call.format == ValueFormat::json ? "json" : "wave"},
                                                    {"reference", reference}});
}

/// Asks `host_id`, where the component runs; and if that host knows no such question, because it is none of weft's, any
/// other that calls for us over the lattice.
Result<std::string> ask(Connection& connection, const std::string& host_id, const RemoteCall& call,
                        const std::string& reference, std::chrono::milliseconds timeout) {
  const auto question = encode(call, reference);
  auto answer = connection.wait(connection.client().call(host_id, question, timeout));
  if (answer || answer.error().code() != Errc::unsupported || reference.empty()) return answer;
  WEFT_TRY(const auto hosts, connection.hosts());
  for (const auto& host : hosts) {
    if (host.id == host_id) continue;
    auto other = connection.wait(connection.client().call(host.id, question, timeout));
    if (other || other.error().code() != Errc::unsupported) return other;
  }
  return Error(Errc::unavailable,
               fmt::format("'{}' runs on {}, which is no host of weft, and no host of weft is there to call it.",
                           call.component, host_id),
               "Start one in this lattice with 'weft up'.", Blame::environment);
}

}  // namespace

bool names_component(const std::string& word) {
  std::error_code ignored;
  // A word with a dot or a slash was meant as a file, even if there is none.
  return wire::check_workload_id(word).has_value() && !std::filesystem::exists(word, ignored);
}

Result<std::string> call_remotely(const RemoteCall& call, const Arguments& arguments, const Context& context) {
  std::chrono::milliseconds timeout{30'000};
  WEFT_CHECK(read_duration(arguments, "timeout", timeout));
  WEFT_TRY(const auto connection, Connection::open(arguments, context));
  std::string host_id;
  std::string reference;
  if (connection->names_host()) {
    WEFT_TRY(host_id, connection->host_id());
  } else {
    WEFT_TRY(auto placed, find_component(*connection, call.component));
    host_id = std::move(placed.host_id);
    reference = std::move(placed.what.image_ref);
  }
  WEFT_TRY(const auto answer, ask(*connection, host_id, call, reference, timeout));
  WEFT_TRY(const auto value, parse_json(answer, "The host's answer"));
  const auto* result = member(value, "result");
  if (result == nullptr) return std::string();
  if (result->is_string() && call.format == ValueFormat::wave) return std::string(result->get_string());
  return boost::json::serialize(*result);
}

}  // namespace weft::cli
