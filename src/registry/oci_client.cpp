// SPDX-License-Identifier: Apache-2.0
#include "registry/oci_client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <mutex>
#include <optional>
#include <utility>

#include "registry/oci_failure.hpp"
#include "wire/json.hpp"
#include "wire/sha256.hpp"

namespace weft::registry {
namespace {

/// However much progress each makes: somebody who sends a byte at a time is not worth waiting for.
constexpr int kMaxResumes = 50;
constexpr std::string_view kPull = "pull";
constexpr std::string_view kPush = "pull,push";

bool is_worth_another_try(long status) {
  return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}
bool is_worth_another_try(const Error& error) {
  return error.code() == Errc::unavailable || error.code() == Errc::deadline_exceeded;
}

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end != text.data() ? std::optional(number) : std::nullopt;
}

/// Where "bytes 100-199/200" begins.
std::optional<std::uint64_t> begin_of_range(std::string_view content_range) {
  constexpr std::string_view unit = "bytes ";
  return content_range.starts_with(unit) ? number_of(content_range.substr(unit.size())) : std::nullopt;
}

}  // namespace

OciClient::OciClient(HttpClient http, std::string host, std::string repository, OciSettings settings)
    : http_(std::move(http)),
      host_(std::move(host)),
      origin_((settings.http.scheme == Scheme::http ? "http://" : "https://") + host_),
      repository_(std::move(repository)),
      settings_(std::move(settings)) {}

Result<OciClient> OciClient::create(std::string host, std::string repository, OciSettings settings) {
  WEFT_TRY(auto http, HttpClient::create(settings.http));
  return OciClient(std::move(http), std::move(host), std::move(repository), std::move(settings));
}

std::string OciClient::url(std::string_view rest) const {
  return fmt::format("{}/v2/{}/{}", origin_, repository_, rest);
}

Result<HttpAnswer> OciClient::ask(HttpRequest request, std::string_view actions) {
  // An upload may go to another host, which is not to learn what was given for this one.
  const bool is_own = origin_of(request.url) == origin_of(origin_);
  if (is_own) request.authorization = authorization_;
  WEFT_TRY(auto answer, http_.send(request));
  if (answer.head.status != 401 || !is_own) return answer;
  WEFT_CHECK(convince(answer.head, actions));
  request.authorization = authorization_;
  return http_.send(request);
}

Result<HttpAnswer> OciClient::ask_patiently(const HttpRequest& request, std::string_view actions) {
  for (int attempt = 1;; ++attempt) {
    auto answer = ask(request, actions);
    const bool again = answer ? is_worth_another_try(answer->head.status) : is_worth_another_try(answer.error());
    if (!again || attempt >= settings_.patience.attempts) return answer;
    WEFT_CHECK(pause(attempt, answer ? &answer->head : nullptr));
  }
}

Result<void> OciClient::convince(const HttpHead& head, std::string_view actions) {
  const auto challenges = parse_challenges(head.header("www-authenticate"));
  const auto find = [&challenges](std::string_view scheme) {
    const auto found = std::ranges::find(challenges, scheme, &Challenge::scheme);
    return found == challenges.end() ? nullptr : &*found;
  };
  const auto& credentials = settings_.credentials;
  if (const auto* const bearer = find("bearer")) {
    if (const auto* const token = std::get_if<BearerToken>(&credentials)) {
      authorization_ = "Bearer " + token->token;
      return {};
    }
    WEFT_TRY(const auto token, fetch_token(*bearer, actions));
    authorization_ = "Bearer " + token;
    return {};
  }
  const auto* const basic = std::get_if<BasicCredentials>(&credentials);
  if (find("basic") != nullptr && basic != nullptr) {
    authorization_ = basic_authorization(*basic);
    return {};
  }
  return Error(Errc::permission_denied,
               fmt::format("the registry {} wants credentials{}", host_,
                           std::holds_alternative<Anonymous>(credentials) ? "" : " of another kind"),
               "give user and password for it", Blame::operator_);
}

Result<std::string> OciClient::fetch_token(const Challenge& challenge, std::string_view actions) {
  const auto parameter = [&challenge](const std::string& name) {
    const auto found = challenge.parameters.find(name);
    return found == challenge.parameters.end() ? std::string() : found->second;
  };
  const auto realm = parameter("realm");
  if (origin_of(realm).empty()) {
    return Error(Errc::malformed, fmt::format("the registry {} does not say where it gives tokens", host_), {},
                 Blame::peer);
  }
  auto scope = parameter("scope");
  if (scope.empty()) scope = fmt::format("repository:{}:{}", repository_, actions);
  const auto service = parameter("service");
  std::string query = "scope=" + percent_encoded(scope);
  if (!service.empty()) query += "&service=" + percent_encoded(service);

  HttpRequest request;
  if (const auto* const identity = std::get_if<IdentityToken>(&settings_.credentials)) {
    query += "&grant_type=refresh_token&client_id=weft&refresh_token=" + percent_encoded(identity->token);
    request.method = HttpMethod::post;
    request.url = realm;
    request.headers = {"Content-Type: application/x-www-form-urlencoded"};
    request.body = body_of(query);
  } else {
    request.url = realm + (realm.contains('?') ? "&" : "?") + query;
    if (const auto* const basic = std::get_if<BasicCredentials>(&settings_.credentials)) {
      request.authorization = basic_authorization(*basic);
    }
  }
  for (int attempt = 1;; ++attempt) {
    auto answer = http_.send(request);
    const bool again = answer ? is_worth_another_try(answer->head.status) : is_worth_another_try(answer.error());
    if (again && attempt < settings_.patience.attempts) {
      WEFT_CHECK(pause(attempt, answer ? &answer->head : nullptr));
      continue;
    }
    if (!answer) return std::move(answer).error();
    if (answer->head.status == 200) return decode_token_answer(answer->body);
    return failure(*answer, "ask for a token");
  }
}

Error OciClient::failure(const HttpAnswer& answer, std::string_view doing) const {
  return oci_failure({.host = host_,
                      .repository = repository_,
                      .doing = doing,
                      .is_anonymous = std::holds_alternative<Anonymous>(settings_.credentials)},
                     answer);
}

Result<void> OciClient::pause(int attempt, const HttpHead* head) {
  const auto& patience = settings_.patience;
  auto time = patience.first_pause * (1 << std::min(attempt - 1, 16));
  if (head != nullptr) {
    if (const auto seconds = number_of(head->header("retry-after"))) {
      time = std::chrono::seconds(std::min<std::uint64_t>(*seconds, 3'600));
    }
  }
  time = std::min<std::chrono::milliseconds>(time, patience.longest_pause);
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, settings_.http.stop, time, [] { return false; });
  if (settings_.http.stop.stop_requested()) return Error(Errc::cancelled, "the host stops");
  return {};
}

Result<OciClient::Fetched> OciClient::fetch_manifest(const std::string& reference) {
  HttpRequest request;
  request.url = url("manifests/" + reference);
  request.max_answer = kMaxManifestBytes;
  for (const auto type : {kImageManifestType, kImageIndexType, kDockerManifestType, kDockerIndexType}) {
    request.headers.push_back(fmt::format("Accept: {}", type));
  }
  WEFT_TRY(auto answer, ask_patiently(request, kPull));
  if (answer.head.status != 200) return failure(answer, fmt::format("find {}", reference));
  Fetched fetched{.text = std::move(answer.body), .content_type = answer.head.header("content-type"), .digest = {}};
  fetched.digest = digest_text(fetched.text);
  const auto claimed = answer.head.header("docker-content-digest");
  const bool is_asked_for = !is_sha256_digest(reference) || reference == fetched.digest;
  const bool is_claimed = !is_sha256_digest(claimed) || claimed == fetched.digest;
  if (!is_asked_for || !is_claimed) {
    return Error(Errc::permission_denied,
                 fmt::format("the manifest of {}/{} has another digest than {}", host_, repository_,
                             is_asked_for ? "the registry says" : "was asked for"),
                 {}, Blame::peer);
  }
  return fetched;
}

/// What of a blob has come.
struct OciClient::Download {
  const Descriptor& blob;
  const BlobSink& sink;
  wire::Sha256 hash;
  std::uint64_t received = 0;
  bool was_resumed = false;

  Result<void> restart() {
    hash = {};
    received = 0;
    was_resumed = false;
    return sink.restart();
  }

  Result<void> begin(const HttpHead& head) {
    if (received != 0) {
      if (head.status == 206 && begin_of_range(head.header("content-range")) == received) {
        was_resumed = true;
        return {};
      }
      // It knows no ranges, and sends all of it again.
      WEFT_CHECK(restart());
    }
    if (head.status == 206)
      return Error(Errc::malformed, "the registry sends another part of the blob than was asked for");
    const auto length = number_of(head.header("content-length"));
    if (length && *length != blob.size) return wrong_length();
    return {};
  }

  Result<void> take(std::string_view bytes) {
    if (bytes.size() > blob.size - received) return wrong_length();
    received += bytes.size();
    hash.update(bytes);
    return sink.take(bytes);
  }

  [[nodiscard]] Error wrong_length() const {
    return {Errc::malformed,
            fmt::format("{} is not as long as its manifest says ({} bytes)", blob.digest, blob.size),
            {},
            Blame::peer};
  }
};

Result<HttpAnswer> OciClient::download(Download& state) {
  HttpRequest request;
  request.url = url("blobs/" + state.blob.digest);
  if (state.received != 0) request.headers = {fmt::format("Range: bytes={}-", state.received)};
  request.begin = [&state](const HttpHead& head) { return state.begin(head); };
  request.take = [&state](std::string_view bytes) { return state.take(bytes); };
  return ask(std::move(request), kPull);
}

Result<void> OciClient::fetch_blob(const Descriptor& blob, const BlobSink& sink) {
  Download state{.blob = blob, .sink = sink, .hash = {}};
  WEFT_CHECK(sink.restart());
  int idle = 0;
  for (int attempt = 1;; ++attempt) {
    const auto before = state.received;
    auto answer = download(state);
    if (answer && answer->head.status == 416 && state.received != 0) {
      WEFT_CHECK(state.restart());
    } else if (answer && (answer->head.status < 200 || answer->head.status > 299) &&
               !is_worth_another_try(answer->head.status)) {
      return failure(*answer, fmt::format("fetch {}", blob.digest));
    } else if (!answer && !is_worth_another_try(answer.error())) {
      return std::move(answer).error();
    } else if (state.received == blob.size && answer && answer->head.status < 300) {
      if ("sha256:" + wire::lower_hex(wire::Sha256(state.hash).finish()) == blob.digest) return {};
      // Two halves of different answers: one more try for the whole of one.
      if (!std::exchange(state.was_resumed, false)) {
        return Error(Errc::permission_denied,
                     fmt::format("what {} sends for {} has another digest", host_, blob.digest), {}, Blame::peer);
      }
      WEFT_CHECK(state.restart());
    }
    idle = state.received > before ? 0 : idle + 1;
    if (idle >= settings_.patience.attempts || attempt >= kMaxResumes) {
      if (!answer) return std::move(answer).error();
      if (answer->head.status > 299) return failure(*answer, fmt::format("fetch {}", blob.digest));
      return Error(Errc::unavailable, fmt::format("{} breaks off while it sends {}", host_, blob.digest), {},
                   Blame::peer);
    }
    WEFT_CHECK(pause(idle + 1, answer ? &answer->head : nullptr));
  }
}

Result<bool> OciClient::has_blob(const std::string& digest) {
  HttpRequest request;
  request.method = HttpMethod::head;
  request.url = url("blobs/" + digest);
  WEFT_TRY(const auto answer, ask_patiently(request, kPush));
  if (answer.head.status == 401) return failure(answer, fmt::format("look for {}", digest));
  // Storage behind a registry may forbid to ask; sending what is there already does no harm.
  return answer.head.status == 200;
}

Result<void> OciClient::upload_once(const Descriptor& blob, const HttpBody& bytes, bool& may_try_again) {
  HttpRequest begin;
  begin.method = HttpMethod::post;
  begin.url = url("blobs/uploads/");
  WEFT_TRY(const auto place, ask_patiently(begin, kPush));
  if (place.head.status != 202) return failure(place, "begin an upload");
  auto target = place.head.header("location");
  if (target.starts_with('/')) target.insert(0, origin_of(place.url));
  if (origin_of(target).empty()) {
    return Error(Errc::malformed, fmt::format("the registry {} does not say where an upload goes", host_), {},
                 Blame::peer);
  }
  HttpRequest put;
  put.method = HttpMethod::put;
  put.url = fmt::format("{}{}digest={}", target, target.contains('?') ? "&" : "?", percent_encoded(blob.digest));
  put.headers = {"Content-Type: application/octet-stream"};
  put.body = bytes;
  auto answer = ask(std::move(put), kPush);
  may_try_again = answer ? is_worth_another_try(answer->head.status) : is_worth_another_try(answer.error());
  if (!answer) return std::move(answer).error();
  if (answer->head.status != 201) return failure(*answer, fmt::format("upload {}", blob.digest));
  return {};
}

Result<void> OciClient::push_blob(const Descriptor& blob, const HttpBody& bytes) {
  WEFT_TRY(const bool is_there, has_blob(blob.digest));
  if (is_there) return {};
  for (int attempt = 1;; ++attempt) {
    bool may_try_again = false;
    auto uploaded = upload_once(blob, bytes, may_try_again);
    if (uploaded || !may_try_again || attempt >= settings_.patience.attempts) return uploaded;
    WEFT_CHECK(pause(attempt, nullptr));
  }
}

Result<std::string> OciClient::push_manifest(const std::string& reference, std::string_view media_type,
                                             const std::string& text) {
  HttpRequest request;
  request.method = HttpMethod::put;
  request.url = url("manifests/" + reference);
  request.headers = {fmt::format("Content-Type: {}", media_type)};
  request.body = body_of(text);
  WEFT_TRY(const auto answer, ask_patiently(request, kPush));
  if (answer.head.status != 201) return failure(answer, fmt::format("push the manifest {}", reference));
  return digest_text(text);
}

}  // namespace weft::registry
