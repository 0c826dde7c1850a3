// SPDX-License-Identifier: Apache-2.0
// Any bytes through every decoder of the control plane; the first byte chooses which. What decodes must encode to a
// text that decodes again and encodes to itself.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "wire/claims.hpp"
#include "wire/control.hpp"
#include "wire/event.hpp"
#include "wire/json.hpp"

namespace {

using namespace weft;
using namespace weft::wire;

void insist(bool condition) {
  if (!condition) std::abort();
}

void insist_clear(const Error& error) { insist(error.code() == Errc::malformed && !error.message().empty()); }

template <class Decode, class Encode>
void round_trip(std::string_view text, Decode decode, Encode encode_again) {
  const auto first = decode(text);
  if (!first) return insist_clear(first.error());
  const std::string once = encode_again(*first);
  const auto second = decode(once);
  insist(static_cast<bool>(second));
  insist(encode_again(*second) == once);
}

template <auto kDecode>
void plain(std::string_view text) {
  round_trip(text, kDecode, [](const auto& value) { return encode(value); });
}

template <auto kDecode, AuctionKind kKind>
void of_kind(std::string_view text) {
  round_trip(
      text, [](std::string_view each) { return kDecode(each, kKind); },
      [](const auto& value) { return encode(value, kKind); });
}

/// What is passed on as text may hold fractions, which Boost.JSON 1.81 does not print exactly: it must decode again.
template <auto kDecode, auto kMember>
void with_text(std::string_view text) {
  const auto first = kDecode(text);
  if (!first) return insist_clear(first.error());
  const auto second = kDecode(encode(*first));
  insist(static_cast<bool>(second));
  insist(((*first).*kMember).empty() == ((*second).*kMember).empty());
}

void stored_claims(std::string_view text) {
  round_trip(text, decode_stored_claims, encode_stored_claims);
  if (const auto claims = decode_stored_claims(text)) {
    const auto entry = claims_list_entry(*claims);
    insist(entry.at("sub") == claims_subject(*claims) && entry.at("revision") == entry.at("rev"));
  }
}

constexpr std::array kDecoders = {
    &plain<decode_scale_component>,
    &plain<decode_update_component>,
    &plain<decode_start_provider>,
    &plain<decode_stop_provider>,
    &plain<decode_stop_host>,
    &of_kind<decode_auction, AuctionKind::component>,
    &of_kind<decode_auction, AuctionKind::provider>,
    &of_kind<decode_auction_ack, AuctionKind::component>,
    &of_kind<decode_auction_ack, AuctionKind::provider>,
    &plain<decode_delete_link>,
    &plain<decode_label_put>,
    &plain<decode_label_del>,
    &plain<decode_registry_credentials>,
    &plain<decode_host_ping>,
    &plain<decode_host_inventory>,
    &plain<decode_links>,
    &plain<decode_claims_list>,
    &plain<decode_string_map>,
    &plain<decode_link>,
    &plain<decode_component_spec>,
    &with_text<decode_reply, &Reply::response>,
    &with_text<decode_event, &Event::data>,
    &stored_claims,
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  // From 'a' on, so that a corpus is text that people can read and write.
  const auto choice = static_cast<std::size_t>(static_cast<std::uint8_t>(data[0] - 'a'));
  kDecoders.at(choice % kDecoders.size())(bytes.substr(1));
  return 0;
}
