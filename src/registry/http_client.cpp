// SPDX-License-Identifier: Apache-2.0
#include "registry/http_client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "base/broken_pipes.hpp"
#include "base/unique_handle.hpp"
#include "registry/curl_library.hpp"
#include "registry/file.hpp"

namespace weft::registry {
namespace {

const CurlLibrary& curl() { return CurlLibrary::loaded(); }
void end_easy(CURL* easy) noexcept { curl().curl_easy_cleanup(easy); }
void free_list(curl_slist* list) noexcept { curl().curl_slist_free_all(list); }

using Easy = base::UniqueHandle<CURL, &end_easy>;
using HeaderList = base::UniqueHandle<curl_slist, &free_list>;

constexpr std::size_t kMaxFailureBody = std::size_t{64} * 1024;
constexpr std::size_t kMaxHeaderBytes = std::size_t{256} * 1024;
constexpr std::uint64_t kMaxRootsFile = std::uint64_t{16} * 1024 * 1024;
constexpr long kStalledBytesPerSecond = 1024;
constexpr long kMaxRedirects = 5;
/// A write callback that returns another number than it was given ends the transfer.
constexpr std::size_t kRefused = 0;

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::string without_query(std::string_view url) { return std::string(url.substr(0, url.find_first_of("?#"))); }

/// What one request has seen so far; callbacks come on the thread that sends.
struct Transfer {
  CURL* easy = nullptr;
  const HttpRequest* request = nullptr;
  std::stop_token stop;
  HttpHead head;
  std::string body;
  std::size_t header_bytes = 0;
  std::uint64_t sent = 0;
  bool has_begun = false;
  std::optional<Error> fault;  ///< ours or the sink's, in place of libcurl's

  [[nodiscard]] bool is_good() const noexcept { return head.status >= 200 && head.status < 300; }

  bool fail(Error error) {
    if (!fault) fault = std::move(error);
    return false;
  }

  bool take_header(std::string_view line) {
    header_bytes += line.size();
    if (header_bytes > kMaxHeaderBytes) {
      return fail({Errc::resource_exhausted, "the registry's answer has headers without end", {}, Blame::peer});
    }
    if (line.starts_with("HTTP/")) {
      head = {};  // of a redirect, or of "100 Continue"
      return true;
    }
    if (const auto colon = line.find(':'); colon != std::string_view::npos) {
      head.headers[lower(trimmed(line.substr(0, colon)))] = trimmed(line.substr(colon + 1));
    }
    return true;
  }

  bool begin() {
    if (std::exchange(has_begun, true)) return true;
    curl().curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &head.status);
    if (!is_good() || !request->begin) return true;
    auto begun = request->begin(head);
    return begun ? true : fail(std::move(begun).error());
  }

  bool take(std::string_view bytes) {
    if (!begin()) return false;
    if (!is_good()) {
      body += bytes.substr(0, kMaxFailureBody - std::min(body.size(), kMaxFailureBody));
      // Read on, so that the connection can be used again, but not for ever.
      if (body.size() < kMaxFailureBody) return true;
      return fail({Errc::unavailable,
                   fmt::format("the registry answers {} with a body without end", head.status),
                   {},
                   Blame::peer});
    }
    if (request->take) {
      auto taken = request->take(bytes);
      return taken ? true : fail(std::move(taken).error());
    }
    if (bytes.size() > request->max_answer - body.size()) {
      return fail(
          {Errc::resource_exhausted,
           fmt::format("the registry's answer has more than the {} bytes that are allowed", request->max_answer),
           {},
           Blame::peer});
    }
    body += bytes;
    return true;
  }

  static std::size_t on_header(char* data, std::size_t, std::size_t count, void* self) noexcept {
    return static_cast<Transfer*>(self)->take_header({data, count}) ? count : kRefused;
  }
  static std::size_t on_bytes(char* data, std::size_t, std::size_t count, void* self) noexcept {
    // Refusing an empty piece must not look like taking it.
    return static_cast<Transfer*>(self)->take({data, count}) ? count : CURL_WRITEFUNC_ERROR;
  }
  static std::size_t on_read(char* data, std::size_t, std::size_t count, void* pointer) noexcept {
    auto& self = *static_cast<Transfer*>(pointer);
    const auto left = self.request->body.size - self.sent;
    const auto read =
        self.request->body.read(self.sent, data, static_cast<std::size_t>(std::min<std::uint64_t>(count, left)));
    if (!read) {
      self.fail(read.error());
      return CURL_READFUNC_ABORT;
    }
    self.sent += *read;
    return *read;
  }
  static int on_seek(void* pointer, curl_off_t offset, int origin) noexcept {
    if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_CANTSEEK;
    static_cast<Transfer*>(pointer)->sent = static_cast<std::uint64_t>(offset);
    return CURL_SEEKFUNC_OK;
  }
  static int on_progress(void* pointer, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept {
    return static_cast<Transfer*>(pointer)->stop.stop_requested() ? 1 : 0;
  }
};

Error transport_error(CURLcode code, const Transfer& transfer, const char* words, const HttpSettings& settings) {
  const auto whom = without_query(transfer.request->url);
  // What libcurl says may quote the URL of a redirect; its plain text for the code does not.
  const std::string why = curl().curl_easy_strerror(code);
  if (transfer.stop.stop_requested()) return {Errc::cancelled, "the host stops"};
  switch (static_cast<int>(code)) {  // of libcurl's hundred codes
    case CURLE_OPERATION_TIMEDOUT:
      return {Errc::deadline_exceeded, fmt::format("{} takes too long", whom), {}, Blame::peer};
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
      return {Errc::permission_denied, fmt::format("the certificate of {} is not trusted: {}", origin_of(whom), words),
              "name the file of its authority with --tls-ca-path", Blame::peer};
    case CURLE_SSL_CONNECT_ERROR:
      return {Errc::unavailable, fmt::format("no TLS connection with {}: {}", origin_of(whom), words),
              "allow plain HTTP for this registry if it has no TLS", Blame::peer};
    case CURLE_UNSUPPORTED_PROTOCOL:
      return {Errc::permission_denied,
              fmt::format("{} leads to an address that is not {}", whom,
                          settings.scheme == Scheme::https ? "https" : "http or https"),
              {},
              Blame::peer};
    case CURLE_TOO_MANY_REDIRECTS:
      return {Errc::malformed, fmt::format("{} redirects without end", whom), {}, Blame::peer};
    case CURLE_URL_MALFORMAT:
      return {Errc::invalid_argument, fmt::format("{} is no address", whom), {}, Blame::operator_};
    case CURLE_OUT_OF_MEMORY:
      return {Errc::resource_exhausted, "no memory to ask a registry", {}, Blame::environment};
    default:
      return {Errc::unavailable, fmt::format("{} gives no answer: {}", whom, why), {}, Blame::peer};
  }
}

/// The system's roots with those of `extra`, since libcurl knows only one bundle.
std::string all_roots(const std::string& extra) {
  const auto* const info = curl().curl_version_info(CURLVERSION_NOW);
  std::string roots;
  if (info->age >= CURLVERSION_SEVENTH && info->cainfo != nullptr) {
    if (auto bundle = read_file(info->cainfo, kMaxRootsFile)) roots = *std::move(bundle);
  }
  if (!roots.empty() && roots.back() != '\n') roots += '\n';
  return roots + extra;
}

}  // namespace

std::string HttpHead::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

HttpBody body_of(std::string_view bytes) {
  return {bytes.size(), [bytes](std::uint64_t at, char* buffer, std::size_t size) -> Result<std::size_t> {
            const auto piece = bytes.substr(static_cast<std::size_t>(std::min<std::uint64_t>(at, bytes.size())), size);
            std::memcpy(buffer, piece.data(), piece.size());
            return piece.size();
          }};
}

struct HttpClient::State {
  HttpSettings settings;
  std::string roots;
  Easy easy;

  template <class T>
  void set(CURLoption option, T value) {
    // Options and values are ours; only the memory for a copied text can be missing, and then the request fails.
    static_cast<void>(curl().curl_easy_setopt(easy.get(), option, value));
  }

  void apply_settings() {
    const char* const schemes = settings.scheme == Scheme::https ? "https" : "http,https";
    set(CURLOPT_PROTOCOLS_STR, schemes);
    set(CURLOPT_REDIR_PROTOCOLS_STR, schemes);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, kMaxRedirects);
    set(CURLOPT_USERAGENT, "weft");
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(settings.connect_timeout.count()));
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(settings.request_timeout.count()));
    set(CURLOPT_LOW_SPEED_LIMIT, kStalledBytesPerSecond);
    set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(settings.stall_timeout.count()));
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    const bool is_checked = settings.certificates == Certificates::checked;
    set(CURLOPT_SSL_VERIFYPEER, is_checked ? 1L : 0L);
    set(CURLOPT_SSL_VERIFYHOST, is_checked ? 2L : 0L);
    if (roots.empty()) return;
    curl_blob blob{.data = roots.data(), .len = roots.size(), .flags = CURL_BLOB_NOCOPY};
    set(CURLOPT_CAINFO_BLOB, &blob);
  }

  void apply_callbacks(Transfer& transfer) {
    set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    set(CURLOPT_HEADERDATA, &transfer);
    set(CURLOPT_WRITEFUNCTION, &Transfer::on_bytes);
    set(CURLOPT_WRITEDATA, &transfer);
    set(CURLOPT_XFERINFOFUNCTION, &Transfer::on_progress);
    set(CURLOPT_XFERINFODATA, &transfer);
    set(CURLOPT_NOPROGRESS, 0L);
  }

  void apply_body(const HttpBody& body, Transfer& transfer) {
    if (body.read == nullptr || body.size == 0) {
      set(CURLOPT_POSTFIELDS, "");
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(0));
      return;
    }
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(body.size));
    set(CURLOPT_READFUNCTION, &Transfer::on_read);
    set(CURLOPT_READDATA, &transfer);
    set(CURLOPT_SEEKFUNCTION, &Transfer::on_seek);
    set(CURLOPT_SEEKDATA, &transfer);
  }

  void apply_method(const HttpRequest& request, Transfer& transfer) {
    switch (request.method) {
      case HttpMethod::get:
        set(CURLOPT_HTTPGET, 1L);
        return;
      case HttpMethod::head:
        set(CURLOPT_NOBODY, 1L);
        return;
      case HttpMethod::post:
        set(CURLOPT_POST, 1L);
        apply_body(request.body, transfer);
        set(CURLOPT_CUSTOMREQUEST, "POST");
        return;
      case HttpMethod::put:
        apply_body(request.body, transfer);
        set(CURLOPT_CUSTOMREQUEST, "PUT");
        return;
      case HttpMethod::patch:
        apply_body(request.body, transfer);
        set(CURLOPT_CUSTOMREQUEST, "PATCH");
        return;
    }
  }
};

HttpClient::HttpClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

Result<HttpClient> HttpClient::create(HttpSettings settings) {
  auto state = std::make_unique<State>();
  WEFT_CHECK(CurlLibrary::load());
  state->settings = std::move(settings);
  if (!state->settings.extra_roots.empty()) state->roots = all_roots(state->settings.extra_roots);
  state->easy = Easy::adopt(curl().curl_easy_init());
  if (!state->easy) return Error(Errc::resource_exhausted, "no memory to ask a registry");
  return HttpClient(std::move(state));
}

Result<HttpAnswer> HttpClient::send(const HttpRequest& request) {
  auto& state = *state_;
  // Keeps connections and forgets the last request.
  curl().curl_easy_reset(state.easy.get());
  Transfer transfer;
  transfer.easy = state.easy.get();
  transfer.request = &request;
  transfer.stop = state.settings.stop;
  std::array<char, CURL_ERROR_SIZE> words{};
  state.set(CURLOPT_ERRORBUFFER, words.data());
  state.apply_settings();
  state.apply_callbacks(transfer);
  state.set(CURLOPT_URL, request.url.c_str());
  state.apply_method(request, transfer);

  // Without "Expect" a body is sent at once; asking first helps no registry and costs a second with some.
  auto headers = request.headers;
  headers.emplace_back("Expect:");
  if (!request.authorization.empty()) headers.push_back("Authorization: " + request.authorization);
  HeaderList list;
  for (const auto& header : headers) {
    auto* const longer = curl().curl_slist_append(list.get(), header.c_str());
    if (longer == nullptr) return Error(Errc::resource_exhausted, "no memory to ask a registry");
    static_cast<void>(list.release());
    list = HeaderList::adopt(longer);
  }
  state.set(CURLOPT_HTTPHEADER, list.get());

  auto code = CURLE_OK;
  {
    // OpenSSL writes with write(), and libcurl is told to leave signals alone (CURLOPT_NOSIGNAL), because it would set
    // them for the whole process.
    const base::NoBrokenPipes quiet;
    code = curl().curl_easy_perform(state.easy.get());
  }
  if (code == CURLE_OK && !transfer.begin()) code = CURLE_WRITE_ERROR;
  if (transfer.fault) return *std::move(transfer.fault);
  if (code != CURLE_OK) return transport_error(code, transfer, words.data(), state.settings);
  HttpAnswer answer{.head = std::move(transfer.head), .body = std::move(transfer.body), .url = request.url};
  const char* url = nullptr;
  if (curl().curl_easy_getinfo(state.easy.get(), CURLINFO_EFFECTIVE_URL, &url) == CURLE_OK && url != nullptr)
    answer.url = url;
  return answer;
}

std::string percent_encoded(std::string_view value) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : value) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                          c == '.' || c == '_' || c == '~';
    const auto byte = static_cast<unsigned char>(c);
    if (is_plain) {
      out += c;
    } else {
      out += '%';
      out += digits[byte >> 4U];
      out += digits[byte & 15U];
    }
  }
  return out;
}

std::string origin_of(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  const auto host = url.substr(scheme + 3);
  auto origin = lower(url.substr(0, scheme + 3 + std::min(host.find_first_of("/?#"), host.size())));
  // Who writes the port that is meant anyway means the same.
  if (origin.starts_with("https://") && origin.ends_with(":443")) origin.resize(origin.size() - 4);
  if (origin.starts_with("http://") && origin.ends_with(":80")) origin.resize(origin.size() - 3);
  return origin;
}

}  // namespace weft::registry
