// SPDX-License-Identifier: Apache-2.0
/// A folder of signing keys, one seed to a file `NAME_KIND.nk`, shared with wash: $WASH_KEYS, else
/// ~/.local/share/wash/keys (or ~/.wash/keys, where older versions have it). Files
/// are made readable by their owner alone. Threads: pure but for the files. Errors: not_found, invalid_argument, io; no
/// message holds a seed. Source: wash 0.43, `wash keys --help`; names of files as `wash claims sign` makes them.
#pragma once

#include "cli/command_line.hpp"
#include "cli/context.hpp"
#include "wire/claims.hpp"
#include "wire/nkey.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::cli {

/// "account", "Module", "component", "xkey", ...: as people name kinds of keys.
Result<wire::KeyKind> parse_key_kind(std::string_view text);
wire::KeyPair new_key(wire::KeyKind kind);
/// For a token that is made now.
wire::TokenStamp new_stamp(const Context& context);

/// How signing commands are told of keys: --issuer, --subject, --directory, --disable-keygen.
std::span<const OptionSpec> signing_options() noexcept;

class Keyring {
 public:
  static Result<Keyring> open(const Arguments& arguments, const Context& context);

  struct Entry {
    std::string name;  ///< of its file, without ".nk"
    wire::PublicKey key;
  };
  /// By name; files that hold no key are passed over.
  [[nodiscard]] Result<std::vector<Entry>> list() const;
  [[nodiscard]] Result<wire::KeyPair> get(const std::string& name) const;
  [[nodiscard]] const std::string& folder() const noexcept { return folder_; }

  /// The account that signs: of --issuer, else that of this user, made if it is not there.
  Result<wire::KeyPair> issuer() const;
  /// Whoever else signs: of --issuer, else `name` of this folder, made if it is not there.
  Result<wire::KeyPair> issuer(const std::string& name, wire::KeyKind kind) const;
  /// What is signed: of --subject, else that named after `artifact` (an account: this user's), made if it is not there.
  Result<wire::KeyPair> subject(std::string_view artifact, wire::KeyKind kind) const;

 private:
  Keyring(const Arguments& arguments, const Context& context, std::string folder)
      : arguments_(arguments), context_(context), folder_(std::move(folder)) {}

  /// `given`: a file with a seed, or the seed.
  Result<wire::KeyPair> find(std::optional<std::string> given, const std::string& name, wire::KeyKind kind) const;
  [[nodiscard]] std::string account_name() const;
  Result<wire::KeyPair> make(const std::string& name, wire::KeyKind kind) const;

  const Arguments& arguments_;
  const Context& context_;
  std::string folder_;
};

}  // namespace weft::cli
