// SPDX-License-Identifier: Apache-2.0
/// Calls as people read them: the values of a seen call as text, by the types of the component that was called or of
/// the one that called; b"..." with the bytes where neither's are known or fit.
///
/// Made for a batch of calls, whose types it remembers meanwhile; shares the components with them. Threads: any, one at
/// a time; takes long for large values, so never on a shard.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/engine.hpp"
#include "guest/component.hpp"
#include "guest/import_table.hpp"
#include "host/spy/call_tap.hpp"
#include "wire/spy.hpp"

namespace weft::host {

/// Of the components at both ends of a call; null where there is none, or none on this host.
struct CallCode {
  std::shared_ptr<const guest::LoadedComponent> caller;
  std::shared_ptr<const guest::LoadedComponent> callee;
};

class CallTexts {
 public:
  /// About so long is the text of a call's parameters, and of its results, at most.
  explicit CallTexts(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  wire::SpiedCall tell(SeenCall call, const CallCode& code);

 private:
  /// Null: the types are not known.
  using Types = std::shared_ptr<const engine::Signature>;
  using Key = std::pair<const guest::LoadedComponent*, std::string>;

  Types of_callee(const SeenCall& call, const CallCode& code);
  Types of_caller(const SeenCall& call, const CallCode& code);
  std::string text(const Types& callee, const Types& caller, engine::Signature::Part part,
                   const SeenValues& values) const;

  std::size_t max_bytes_;
  std::map<Key, Types> exports_;
  std::map<Key, Types> imports_;
  std::map<const guest::LoadedComponent*, std::vector<guest::ImportRule>> rules_;  ///< by the number of the import
};

/// b"..." with the bytes; ends with ... if that is not all of it.
std::string text_of_bytes(const SeenValues& values, std::size_t max_bytes);

}  // namespace weft::host
