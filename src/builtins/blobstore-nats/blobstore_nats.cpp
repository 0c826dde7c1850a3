// SPDX-License-Identifier: Apache-2.0
#include "builtins/blobstore-nats/blobstore_nats.hpp"

#include <memory>
#include <utility>

#include "builtins/blobstore-nats/object_store.hpp"
#include "builtins/blobstore-nats/settings.hpp"
#include "builtins/blobstore/blobstore.hpp"
#include "builtins/nats/lines.hpp"

namespace weft::builtins::blobstore_nats {
namespace {

class BlobstoreNats final : public blobstore::Blobstore {
 public:
  explicit BlobstoreNats(const BuiltinContext& context)
      : Blobstore(context), config_(context.config), lines_("NATS Object Store Provider", context.id, context.log) {}

  Result<void> update_config(const ConfigMap& config) override {
    // Whatever a link does not say itself changes with it: all are tried before any is changed.
    for (const auto& link : links()) {
      WEFT_TRY(const auto settings, Settings::parse(config, link.target_config));
      (void)settings;
    }
    config_ = config;
    Result<void> outcome;
    for (const auto& link : links()) {
      if (auto put = put_link(link); !put) outcome = std::move(put);
    }
    return outcome;
  }
  void stop() override {
    lines_.close();  // and steps that wait for an answer end
    Blobstore::stop();
  }

 private:
  Result<std::shared_ptr<blobstore::Store>> open(const BuiltinLink& link) override {
    WEFT_TRY(const auto settings, Settings::parse(config_, link.target_config));
    WEFT_TRY(auto line, lines_.take(settings.access));
    return std::make_shared<ObjectStore>(std::move(line), settings,
                                         [this](const auto& taken) { lines_.give_back(taken); });
  }

  ConfigMap config_;
  nats::Lines lines_;
};

}  // namespace

BuiltinFactory factory() {
  return [](const BuiltinContext& context) -> Result<std::unique_ptr<Builtin>> {
    return std::make_unique<BlobstoreNats>(context);
  };
}

}  // namespace weft::builtins::blobstore_nats
