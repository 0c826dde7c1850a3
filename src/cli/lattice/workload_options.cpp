// SPDX-License-Identifier: Apache-2.0
#include "cli/lattice/workload_options.hpp"

#include "cli/option_value.hpp"
#include "cli/parse_number.hpp"

#include <fmt/format.h>

#include <array>

namespace weft::cli {
namespace {

constexpr OptionSpec kCount{
    .name = "count", .value = "N", .help = "calls that it may serve at once; max: any number", .fallback = "1"};
constexpr OptionSpec kConfig{
    .name = "config", .value = "CONFIG", .help = "a configuration that it is given", .repeat = Repeat::many};
constexpr OptionSpec kAnnotation{.name = "annotation", .value = "K=V", .help = "a note on it", .repeat = Repeat::many};
constexpr OptionSpec kConstraint{
    .name = "constraint", .value = "K=V", .help = "a label that the host must have", .repeat = Repeat::many};
constexpr OptionSpec kMaxMemory{
    .name = "max-memory", .value = "SIZE", .help = "memory of one instance", .fallback = "the host's limit"};
constexpr OptionSpec kMaxTime{.name = "max-time",
                              .value = "TIME",
                              .help = "deadline of one call, in whole seconds",
                              .fallback = "the host's limit"};

constexpr std::array kComponentStart{kCount, kConfig, kAnnotation, kConstraint, kMaxMemory, kMaxTime};
constexpr std::array kComponentScale{kConfig, kAnnotation, kMaxMemory, kMaxTime};
constexpr std::array kProviderStart{kConfig, kAnnotation, kConstraint};

}  // namespace

std::span<const OptionSpec> component_start_options() noexcept { return kComponentStart; }
std::span<const OptionSpec> component_scale_options() noexcept { return kComponentScale; }
std::span<const OptionSpec> provider_start_options() noexcept { return kProviderStart; }

Result<std::uint32_t> instance_count(std::string_view text) {
  if (text == "max") return UINT32_MAX;
  const auto number = parse_whole(text, UINT32_MAX);
  if (number) return static_cast<std::uint32_t>(*number);
  return Error(Errc::invalid_argument, fmt::format("'{}' is not a number of calls.", text),
               fmt::format("Write a whole number up to {}, or max.", UINT32_MAX), Blame::operator_);
}

Result<std::optional<wire::StringMap>> component_limits(const Arguments& arguments) {
  wire::StringMap limits;
  if (arguments.flag("max-memory")) {
    std::uint64_t bytes = 0;
    WEFT_CHECK(read_size(arguments, "max-memory", bytes));
    limits["max_memory_limit"] = fmt::format("{}", bytes);
  }
  if (arguments.flag("max-time")) {
    std::chrono::milliseconds time{0};
    WEFT_CHECK(read_duration(arguments, "max-time", time));
    // The wire knows seconds only; a deadline is never made shorter than what was asked for.
    limits["max_execution_time"] = fmt::format("{}", std::chrono::ceil<std::chrono::seconds>(time).count());
  }
  if (limits.empty()) return std::optional<wire::StringMap>();
  return std::optional(std::move(limits));
}

}  // namespace weft::cli
