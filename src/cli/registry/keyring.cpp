// SPDX-License-Identifier: Apache-2.0
#include "cli/registry/keyring.hpp"

#include "cli/option_value.hpp"
#include "registry/file.hpp"
#include "wire/sha256.hpp"

#include <fmt/format.h>
#include <sys/random.h>

#include "base/assert.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

namespace weft::cli {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kExtension = ".nk";
constexpr std::uint64_t kMaxKeyFile = 4096;

constexpr std::array kSigning = std::to_array<OptionSpec>({
    {.name = "issuer",
     .value = "FILE",
     .help = "seed of the account that signs",
     .fallback = "USER_account.nk in the folder of keys",
     .letter = 'i',
     .environment = "WASH_ISSUER_KEY"},
    {.name = "subject",
     .value = "FILE",
     .help = "seed of what is signed",
     .fallback = "a file in the folder of keys, by the name of what is signed",
     .letter = 's',
     .environment = "WASH_SUBJECT_KEY"},
    {.name = "directory",
     .value = "DIR",
     .help = "the folder of keys",
     .fallback = "~/.local/share/wash/keys",
     .environment = "WASH_KEYS"},
    {.name = "disable-keygen", .value = "", .help = "make no keys that are missing"},
});

struct KindName {
  std::string_view name;
  wire::KeyKind kind;
};
constexpr std::array kKinds = std::to_array<KindName>({{"account", wire::KeyKind::account},
                                                       {"user", wire::KeyKind::user},
                                                       {"module", wire::KeyKind::module_},
                                                       {"component", wire::KeyKind::module_},
                                                       {"service", wire::KeyKind::service},
                                                       {"provider", wire::KeyKind::service},
                                                       {"server", wire::KeyKind::server},
                                                       {"host", wire::KeyKind::server},
                                                       {"operator", wire::KeyKind::operator_},
                                                       {"cluster", wire::KeyKind::cluster},
                                                       {"curve", wire::KeyKind::curve},
                                                       {"xkey", wire::KeyKind::curve},
                                                       {"x25519", wire::KeyKind::curve}});

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

Result<wire::KeyPair> read_key(const std::string& path) {
  WEFT_TRY(const auto text, registry::read_file(path, kMaxKeyFile));
  auto pair = wire::KeyPair::from_seed(trimmed(text));
  if (pair) return pair;
  return Error(Errc::invalid_argument, fmt::format("'{}' holds no key: {}", path, pair.error().message()), {},
               Blame::operator_);
}

Result<wire::KeyPair> of_kind(wire::KeyPair pair, wire::KeyKind kind, const std::string& where) {
  if (pair.kind() == kind) return pair;
  return Error(Errc::invalid_argument,
               fmt::format("{} is the key of a {} and not of a {}", where, to_string(pair.kind()), to_string(kind)), {},
               Blame::operator_);
}

/// Where wash keeps its own: in the place of today, or in that of its versions before 0.40 if only that is there.
std::string folder_of_user(const Context& context) {
  const auto absolute = [&context](const char* name) {
    auto value = context.getenv(name).value_or("");
    return value.starts_with('/') ? value : std::string();
  };
  const auto home = absolute("HOME");
  const auto data = absolute("XDG_DATA_HOME");
  if (home.empty() && data.empty()) return {};
  const auto now = (data.empty() ? home + "/.local/share" : data) + "/wash/keys";
  const auto before = home + "/.wash/keys";
  std::error_code ignored;
  return !home.empty() && !fs::exists(now, ignored) && fs::exists(before, ignored) ? before : now;
}

template <std::size_t Count>
std::array<std::uint8_t, Count> random_bytes() {
  std::array<std::uint8_t, Count> bytes{};
  WEFT_ASSERT(::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(Count));
  return bytes;
}

}  // namespace

Result<wire::KeyKind> parse_key_kind(std::string_view text) {
  std::string name(text);
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const auto found = std::ranges::find(kKinds, name, &KindName::name);
  if (found != kKinds.end()) return found->kind;
  return Error(Errc::invalid_argument, fmt::format("'{}' is no kind of key.", text),
               "Use one of: account, user, module, service, server, operator, cluster, curve.", Blame::operator_);
}

wire::KeyPair new_key(wire::KeyKind kind) { return wire::KeyPair::from_entropy(kind, random_bytes<32>()); }

wire::TokenStamp new_stamp(const Context& context) {
  const auto now = std::chrono::floor<std::chrono::seconds>(context.now()).time_since_epoch().count();
  return {.token_id = wire::lower_hex(random_bytes<11>()), .issued_at = now};
}

std::span<const OptionSpec> signing_options() noexcept { return kSigning; }

Result<Keyring> Keyring::open(const Arguments& arguments, const Context& context) {
  auto folder = option_value(arguments, context, kSigning, "directory").value_or("");
  if (folder.empty()) folder = folder_of_user(context);
  if (folder.empty()) {
    return Error(Errc::invalid_argument, "there is no home folder to look for keys in.",
                 "Name a folder with '--directory'.", Blame::operator_);
  }
  return Keyring(arguments, context, std::move(folder));
}

Result<std::vector<Keyring::Entry>> Keyring::list() const {
  std::vector<Entry> entries;
  std::error_code failed;
  for (fs::directory_iterator at(folder_, failed), end; !failed && at != end; at.increment(failed)) {
    if (at->path().extension() != kExtension) continue;
    const auto pair = read_key(at->path().string());
    if (pair) entries.push_back({at->path().stem().string(), pair->public_key()});
  }
  if (failed && failed != std::errc::no_such_file_or_directory) {
    return registry::file_error("read the folder", folder_, failed.value());
  }
  std::ranges::sort(entries, {}, &Entry::name);
  return entries;
}

Result<wire::KeyPair> Keyring::get(const std::string& name) const {
  std::string stem = name.ends_with(kExtension) ? name.substr(0, name.size() - kExtension.size()) : name;
  if (stem.empty() || stem.contains('/')) {
    return Error(Errc::invalid_argument, fmt::format("'{}' is no name of a key.", name), "See 'weft keys list'.",
                 Blame::operator_);
  }
  auto pair = read_key(fmt::format("{}/{}{}", folder_, stem, kExtension));
  if (pair || pair.error().code() != Errc::not_found) return pair;
  return Error(Errc::not_found, fmt::format("there is no key '{}' in {}.", stem, folder_), "See 'weft keys list'.",
               Blame::operator_);
}

Result<wire::KeyPair> Keyring::issuer() const { return issuer(account_name(), wire::KeyKind::account); }

Result<wire::KeyPair> Keyring::issuer(const std::string& name, wire::KeyKind kind) const {
  return find(option_value(arguments_, context_, kSigning, "issuer"), name, kind);
}

std::string Keyring::account_name() const {
  const auto user = context_.getenv("USER").value_or("user");
  return (user.empty() ? "user" : user) + "_account";
}

Result<wire::KeyPair> Keyring::subject(std::string_view artifact, wire::KeyKind kind) const {
  const auto stem = fs::path(artifact).stem().string();
  const auto name = kind == wire::KeyKind::account
                        ? account_name()
                        : fmt::format("{}_{}", stem, kind == wire::KeyKind::service ? "service" : "module");
  return find(option_value(arguments_, context_, kSigning, "subject"), name, kind);
}

Result<wire::KeyPair> Keyring::find(std::optional<std::string> given, const std::string& name,
                                    wire::KeyKind kind) const {
  if (given && given->size() == wire::kSeedLength && given->starts_with('S')) {
    WEFT_TRY(auto pair, wire::KeyPair::from_seed(*given));
    return of_kind(std::move(pair), kind, "the given seed");
  }
  if (given) {
    WEFT_TRY(auto pair, read_key(*given));
    return of_kind(std::move(pair), kind, fmt::format("'{}'", *given));
  }
  auto kept = get(name);
  if (kept) return of_kind(*std::move(kept), kind, fmt::format("'{}'", name));
  if (kept.error().code() != Errc::not_found) return kept;
  if (!arguments_.flag("disable-keygen")) return make(name, kind);
  return Error(Errc::not_found, fmt::format("there is no key '{}' in {}.", name, folder_),
               "Name a file with its seed, or leave '--disable-keygen' out.", Blame::operator_);
}

Result<wire::KeyPair> Keyring::make(const std::string& name, wire::KeyKind kind) const {
  std::error_code failed;
  if (fs::create_directories(folder_, failed)) fs::permissions(folder_, fs::perms::owner_all, failed);
  if (failed) return registry::file_error("make the folder", folder_, failed.value());
  auto pair = new_key(kind);
  const auto path = fmt::format("{}/{}{}", folder_, name, kExtension);
  WEFT_TRY(auto file, registry::NewFile::create(path));
  WEFT_CHECK(file.write(pair.seed()));
  WEFT_CHECK(file.commit(0600));
  context_.console.err(fmt::format("made a new key: {}\n", path));
  return pair;
}

}  // namespace weft::cli
