// SPDX-License-Identifier: Apache-2.0
#include "cli/lattice/remote_call.hpp"

#include "cli/lattice/connection.hpp"
#include "cli/lattice/json_value.hpp"
#include "cli/lattice/workloads.hpp"
#include "cli/option_value.hpp"
#include "wire/control_subject.hpp"

#include <boost/json.hpp>

#include <filesystem>
#include <system_error>

namespace weft::cli {
namespace {

std::string encode(const RemoteCall& call) {
  boost::json::array arguments;
  for (const auto& argument : call.arguments) arguments.emplace_back(argument);
  return boost::json::serialize(boost::json::object{{"component", call.component},
                                                    {"function", call.function},
                                                    {"arguments", std::move(arguments)},
                                                    {"format", call.format == ValueFormat::json ? "json" : "wave"}});
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
  if (connection->names_host()) {
    WEFT_TRY(host_id, connection->host_id());
  } else {
    WEFT_TRY(auto placed, find_component(*connection, call.component));
    host_id = std::move(placed.host_id);
  }
  WEFT_TRY(const auto answer, connection->wait(connection->client().call(std::move(host_id), encode(call), timeout)));
  WEFT_TRY(const auto value, parse_json(answer, "The host's answer"));
  const auto* result = member(value, "result");
  if (result == nullptr) return std::string();
  if (result->is_string() && call.format == ValueFormat::wave) return std::string(result->get_string());
  return boost::json::serialize(*result);
}

}  // namespace weft::cli
