// SPDX-License-Identifier: Apache-2.0
// Any bytes through every decoder of the control plane.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "wire/claims.hpp"
#include "wire/control.hpp"
#include "wire/event.hpp"
#include "wire/json.hpp"
#include "wire/policy.hpp"
#include "wire/round_trip_fuzz.hpp"
#include "wire/secrets.hpp"
#include "wire/spy.hpp"

namespace {

using namespace weft;
using namespace weft::wire;

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

void config_answer(std::string_view text) {
  const auto logins = decode_config_answer(text);
  if (!logins) return insist_clear(logins.error());
  const auto again = decode_registry_credentials(encode(*logins));
  insist(again && encode(*again) == encode(*logins));
}

/// What is no secret says so, as one of few kinds of error.
void secret_response(std::string_view text) {
  const auto secret = decode_secret_response(text);
  if (secret) return insist(secret->value.size() <= text.size());
  const auto code = secret.error().code();
  insist(code == Errc::malformed || code == Errc::not_found || code == Errc::permission_denied ||
         code == Errc::refused);
}

void secret_reference(std::string_view text) {
  const auto config = decode_string_map(text);
  if (!config) return;
  const auto reference = read_secret_reference("SECRET_x", *config);
  if (!reference) return insist_clear(reference.error());
  insist(!secret_request(*reference, {.entity_jwt = "e", .host_jwt = "h", .application = {}}).empty());
}

constexpr auto kDecoders = std::to_array<Decoder>({
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
    &plain<decode_policy_decision>,
    &config_answer,
    &secret_response,
    &secret_reference,
    &plain<decode_spy_question>,
    &plain<decode_spy_answer>,
});

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return decode_any(kDecoders, data, size);
}
