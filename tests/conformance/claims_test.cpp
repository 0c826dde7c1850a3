// SPDX-License-Identifier: Apache-2.0
// Signed components. Source: control-plane facts 3.14, 4.2, 4.5, 5.2, 5.3, 7.5; live-host C14.
#include <array>
#include <fstream>
#include <iterator>

#include "conformance/lattice_fixture.hpp"
#include "wire/claims.hpp"

namespace weft::conformance {
namespace {

wire::KeyPair key(wire::KeyKind kind, std::uint8_t fill) {
  std::array<std::uint8_t, 32> entropy{};
  entropy.fill(fill);
  return wire::KeyPair::from_entropy(kind, entropy);
}

class ClaimsTest : public LatticeTest {
 protected:
  void SetUp() override {
    LatticeTest::SetUp();
    if (!IsSkipped()) up();
  }
  /// hello-c, signed; "file://" and its path.
  std::string signed_app(const std::string& name, std::optional<std::int64_t> expires = {},
                         const std::function<void(std::string&)>& spoil = {}) {
    std::ifstream file(app("hello-c").substr(7), std::ios::binary);
    const std::string wasm{std::istreambuf_iterator<char>(file), {}};
    wire::ComponentClaims claims;
    claims.subject = subject_;
    claims.name = "cart";
    claims.tags = {"a", "b"};
    claims.version = "1.4.0";
    claims.revision = 7;
    claims.expires = expires;
    auto bytes = *wire::sign_component(wasm, claims, {.token_id = "x", .issued_at = 1'770'231'000}, issuer_);
    if (spoil) spoil(bytes);
    const auto path = server_->folder() / (name + ".wasm");
    std::ofstream(path, std::ios::binary) << bytes;
    return "file://" + path.string();
  }
  std::string failure_of(const std::string& ref) {
    const auto events = events_of([&] { carry_out(ours("component.scale"), scale_command("cart", ref, 1)); });
    EXPECT_EQ(names(events), "component_scale_failed");
    return events.empty() ? std::string() : to_text(events[0].data().at("error"));
  }
  const wire::KeyPair issuer_ = key(wire::KeyKind::account, 1);
  const std::string subject_ = key(wire::KeyKind::module_, 2).public_text();
};

TEST_F(ClaimsTest, a_signed_component_is_told_stored_and_listed_with_its_claims) {
  const auto ref = signed_app("good");
  const auto events = events_of([&] { carry_out(ours("component.scale"), scale_command("cart", ref, 2)); });
  ASSERT_EQ(names(events), "component_scaled");
  const auto data = events[0].data();
  EXPECT_EQ(data.at("public_key"), json::value(subject_));
  EXPECT_JSON_EQ(data.at("claims"), (json::object{{"call_alias", nullptr},
                                                  {"issuer", issuer_.public_text()},
                                                  {"tags", json::array{"a", "b"}},
                                                  {"name", "cart"},
                                                  {"version", "1.4.0"},
                                                  {"revision", 7},
                                                  {"not_before_human", "never"},
                                                  {"expires_human", "never"}}));
  const auto shown = inventory().at("components").as_array().at(0);
  EXPECT_EQ(shown.at("name"), json::value("cart"));
  EXPECT_EQ(shown.at("revision"), json::value(7));
  EXPECT_JSON_EQ(parsed(client_->stored(std::string("LATTICEDATA_") + kLattice, "CLAIMS_" + subject_).value_or("")),
                 (json::object{{"call_alias", ""},
                               {"issuer", issuer_.public_text()},
                               {"name", "cart"},
                               {"revision", "7"},
                               {"subject", subject_},
                               {"tags", json::array{"a", "b"}},
                               {"version", "1.4.0"}}));
  EXPECT_JSON_EQ(ask("claims.get").json,
                 (json::object{{"success", true},
                               {"message", ""},
                               {"response", json::array{json::object{{"call_alias", ""},
                                                                     {"iss", issuer_.public_text()},
                                                                     {"issuer", issuer_.public_text()},
                                                                     {"name", "cart"},
                                                                     {"rev", "7"},
                                                                     {"revision", "7"},
                                                                     {"sub", subject_},
                                                                     {"subject", subject_},
                                                                     {"tags", "a,b"},
                                                                     {"version", "1.4.0"}}}}}));
}

TEST_F(ClaimsTest, an_unsigned_component_runs_without_claims) {
  scale("cart", "hello-c", 1);
  const auto data = wait_for_event("component_scaled").data();
  EXPECT_FALSE(data.contains("claims"));
  EXPECT_FALSE(data.contains("public_key"));
  EXPECT_FALSE(inventory().at("components").as_array().at(0).as_object().contains("name"));
  EXPECT_TRUE(ask("claims.get").response().as_array().empty());
}

TEST_F(ClaimsTest, what_expired_or_was_changed_is_refused_with_1_9s_words) {
  EXPECT_NE(failure_of(signed_app("old", 1'000)).find("token expired at"), std::string::npos);
  // A byte of the module: the hash is another one. (The name section: what runs would be the same.)
  const auto changed = [](std::string& bytes) { bytes.insert(bytes.size(), std::string("\0\2\1x", 4)); };
  const auto fault = failure_of(signed_app("changed", {}, changed));
  EXPECT_NE(fault.find("failed to extract module claims: Invalid module hash"), std::string::npos) << fault;
  const auto forged = [](std::string& bytes) {
    // Within the signature, the token's end.
    auto& byte = bytes[bytes.size() - 10];
    byte = byte == 'A' ? 'B' : 'A';
  };
  const auto forgery = failure_of(signed_app("forged", {}, forged));
  EXPECT_NE(forgery.find("signature is not valid"), std::string::npos) << forgery;
  EXPECT_TRUE(inventory().at("components").as_array().empty());
  EXPECT_TRUE(ask("claims.get").response().as_array().empty());
}

}  // namespace
}  // namespace weft::conformance
