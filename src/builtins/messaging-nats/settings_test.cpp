// SPDX-License-Identifier: Apache-2.0
#include "builtins/messaging-nats/settings.hpp"

#include <gtest/gtest.h>

namespace weft::builtins::messaging_nats {
namespace {

TEST(MessagingNatsSettingsTest, has_the_defaults_of_the_reference) {
  const auto settings = Settings::parse({}, {});
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->access.urls, std::vector<std::string>{"nats://0.0.0.0:4222"});
  EXPECT_TRUE(settings->subscriptions.empty());
  EXPECT_TRUE(settings->consumers.empty());
}

TEST(MessagingNatsSettingsTest, reads_subjects_with_queue_groups_and_a_link_goes_before_the_provider) {
  const auto settings = Settings::parse({{"subscriptions", "old"}, {"custom_inbox_prefix", "_IN.x"}},
                                        {{"subscriptions", "a.*, b.>|workers ,,c"}});
  ASSERT_TRUE(settings);
  ASSERT_EQ(settings->subscriptions.size(), 3U);
  EXPECT_EQ(settings->subscriptions[0].subject, "a.*");
  EXPECT_EQ(settings->subscriptions[0].queue_group, "");
  EXPECT_EQ(settings->subscriptions[1].subject, "b.>");
  EXPECT_EQ(settings->subscriptions[1].queue_group, "workers");
  EXPECT_EQ(settings->access.inbox_prefix, "_IN.x");
  EXPECT_FALSE(Settings::parse({}, {{"subscriptions", "a..b"}}));
  EXPECT_FALSE(Settings::parse({}, {{"subscriptions", "a|b c"}}));
}

TEST(MessagingNatsSettingsTest, reads_consumers) {
  const auto settings = Settings::parse({}, {{"consumers",
                                              R"([{"stream":"S","consumer":"C","max_messages":10,"max_bytes":65536},
                                                  {"stream":"T","consumer":"D","max_messages":null,"extra":1}])"}});
  ASSERT_TRUE(settings) << settings.error().to_string();
  ASSERT_EQ(settings->consumers.size(), 2U);
  EXPECT_EQ(settings->consumers[0].max_messages, 10U);
  EXPECT_EQ(settings->consumers[0].max_bytes, 65536U);
  EXPECT_EQ(settings->consumers[1].stream, "T");
  EXPECT_EQ(settings->consumers[1].max_bytes, 0U);
  for (const char* text :
       {"x", "{}", "[1]", R"([{"stream":"S"}])", R"([{"stream":"a.b","consumer":"C"}])",
        R"([{"stream":"S","consumer":"C","max_messages":0}])", R"([{"stream":"S","consumer":"C","max_bytes":"1"}])"}) {
    const auto refused = Settings::parse({}, {{"consumers", text}});
    ASSERT_FALSE(refused) << text;
    EXPECT_NE(refused.error().hint().find("max_messages"), std::string::npos);
  }
}

}  // namespace
}  // namespace weft::builtins::messaging_nats
