// SPDX-License-Identifier: Apache-2.0
/// One HTTP request after the other over libcurl, for registries: follows redirects, counts what comes, gives up on who
/// stalls. Knows nothing of images. A registry is asked by few and slow requests from a pool of threads; what answers
/// components' requests is web::ClientHandler, which never blocks.
///
/// Proxies are taken from the environment as usual (https_proxy, no_proxy); ~/.netrc and cookies are not.
/// Threads: not thread-safe; send() blocks. Errors: unavailable (no answer; may work later), deadline_exceeded
/// (stalled), permission_denied (its certificate is not trusted), resource_exhausted (more than the limits), cancelled,
/// invalid_argument. An answer with any status is no error here. No message holds a query of a URL: redirects to
/// storage have secrets there.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>
#include <weft/result.hpp>

namespace weft::registry {

/// Whether certificates are checked. `unchecked` is for people who try something out.
enum class Certificates : std::uint8_t { checked, unchecked };
enum class Scheme : std::uint8_t { https, http };

struct HttpSettings {
  /// https: nothing is ever asked in the clear, redirects included. http: both.
  Scheme scheme = Scheme::https;
  Certificates certificates = Certificates::checked;
  std::string extra_roots;  ///< PEM, trusted besides the system's
  std::chrono::milliseconds connect_timeout{10'000};
  /// Who sends or takes less than a kilobyte per second for so long has stalled. Whole seconds.
  std::chrono::seconds stall_timeout{30};
  std::chrono::milliseconds request_timeout{3'600'000};
  std::stop_token stop;
};

enum class HttpMethod : std::uint8_t { get, head, post, put, patch };

struct HttpHead {
  long status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case; of the same name the last
  [[nodiscard]] std::string header(const std::string& name) const;
};

struct HttpBody {
  std::uint64_t size = 0;
  /// Fills the buffer from `at`; 0 only at the end. Null: there is no body.
  std::function<Result<std::size_t>(std::uint64_t at, char* buffer, std::size_t size)> read;
};
/// Borrows `bytes`.
HttpBody body_of(std::string_view bytes);

struct HttpRequest {
  HttpMethod method = HttpMethod::get;
  std::string url;
  std::vector<std::string> headers;  ///< "Name: value"
  /// The value of the header; never sent to another host than that of `url`.
  std::string authorization;
  HttpBody body;
  std::size_t max_answer = std::size_t{64} * 1024;  ///< of the body that is kept in HttpAnswer
  /// For answers with 200 to 299: told once before the body, and may refuse it. Then `take` is told its bytes, and
  /// nothing of it is kept. The first error ends the request and is what send() returns.
  std::function<Result<void>(const HttpHead&)> begin;
  std::function<Result<void>(std::string_view)> take;
};

struct HttpAnswer {
  HttpHead head;
  /// Of a failed status: cut at 64 KiB. Of a good one: longer than `max_answer` is an error.
  std::string body;
  std::string url;  ///< after redirects
};

class HttpClient {
 public:
  static Result<HttpClient> create(HttpSettings settings);
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;
  ~HttpClient();

  Result<HttpAnswer> send(const HttpRequest& request);

 private:
  struct State;
  explicit HttpClient(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

/// `value` as a part of a query.
std::string percent_encoded(std::string_view value);
/// "https://host:port" of a URL, in lower case and without a port that is the scheme's; empty for what is no such URL.
std::string origin_of(std::string_view url);

}  // namespace weft::registry
