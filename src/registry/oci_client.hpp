// SPDX-License-Identifier: Apache-2.0
/// One repository of one registry, spoken to as the OCI distribution specification has it: manifests and blobs, both
/// ways. Believes nothing: what is longer than announced is cut, what has another hash is refused. What fails for a
/// moment is tried again with growing pauses; a download that breaks off goes on where it was.
///
/// Threads: not thread-safe, one at a time; everything blocks. Errors: not_found, permission_denied (credentials,
/// digest, certificate), unavailable and deadline_exceeded (after all attempts), malformed, resource_exhausted,
/// refused, cancelled. Source: OCI distribution specification 1.1 (pull, push, content range); token authentication:
/// oci_auth.hpp.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <weft/result.hpp>

#include "registry/http_client.hpp"
#include "registry/oci_auth.hpp"
#include "registry/oci_manifest.hpp"

namespace weft::registry {

struct OciPatience {
  int attempts = 4;  ///< in a row without a byte of progress
  std::chrono::milliseconds first_pause{300};
  std::chrono::milliseconds longest_pause{5'000};
};

struct OciSettings {
  HttpSettings http;
  Credentials credentials;
  OciPatience patience;
};

/// Where a blob goes. restart() is told when it comes again from its beginning.
struct BlobSink {
  std::function<Result<void>()> restart;
  std::function<Result<void>(std::string_view)> take;
};

class OciClient {
 public:
  /// `host` as OciRef::api_host() has it.
  static Result<OciClient> create(std::string host, std::string repository, OciSettings settings);

  struct Fetched {
    std::string text;
    std::string content_type;
    std::string digest;  ///< of the text
  };
  /// `reference`: a tag, or a digest, which the text must then have.
  Result<Fetched> fetch_manifest(const std::string& reference);
  /// Exactly the descriptor's bytes, or an error.
  Result<void> fetch_blob(const Descriptor& blob, const BlobSink& sink);

  /// Whether it is sure to be there.
  Result<bool> has_blob(const std::string& digest);
  Result<void> push_blob(const Descriptor& blob, const HttpBody& bytes);
  /// Gives its digest.
  Result<std::string> push_manifest(const std::string& reference, std::string_view media_type, const std::string& text);

 private:
  OciClient(HttpClient http, std::string host, std::string repository, OciSettings settings);

  [[nodiscard]] std::string url(std::string_view rest) const;
  /// Answers a challenge, once.
  Result<HttpAnswer> ask(HttpRequest request, std::string_view actions);
  Result<HttpAnswer> ask_patiently(const HttpRequest& request, std::string_view actions);
  Result<void> convince(const HttpHead& head, std::string_view actions);
  Result<std::string> fetch_token(const Challenge& challenge, std::string_view actions);
  [[nodiscard]] Error failure(const HttpAnswer& answer, std::string_view doing) const;
  /// cancelled when told to stop.
  Result<void> pause(int attempt, const HttpHead* head);
  struct Download;
  Result<HttpAnswer> download(Download& state);
  Result<void> upload_once(const Descriptor& blob, const HttpBody& bytes, bool& may_try_again);

  HttpClient http_;
  std::string host_;
  std::string origin_;
  std::string repository_;
  OciSettings settings_;
  std::string authorization_;
};

}  // namespace weft::registry
