// SPDX-License-Identifier: Apache-2.0
#include "web/tls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <array>
#include <boost/asio/ssl/context.hpp>
#include <exception>
#include <fstream>
#include <utility>

namespace weft::web {
namespace {

/// OpenSSL's reasons from here on are alerts that the peer has sent.
constexpr int kFirstAlert = 1000;

}  // namespace

Result<TlsContext> make_tls_context(const TlsTrust& trust) {
  namespace ssl = boost::asio::ssl;
  TlsContext context;
  try {
    context = std::make_shared<ssl::context>(ssl::context::tls_client);
  } catch (const std::exception& error) {
    return Error(Errc::internal, std::string("OpenSSL gives no context: ") + error.what());
  }
  auto* const native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  constexpr std::array<unsigned char, 9> protocols = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  SSL_CTX_set_alpn_protos(native, protocols.data(), protocols.size());
  SSL_CTX_set_verify(native, SSL_VERIFY_PEER, nullptr);
  boost::system::error_code error;
  if (trust.system_roots) {
    context->set_default_verify_paths(error);
    if (error) return Error(Errc::io, "the system's certificates cannot be loaded: " + error.message());
  }
  if (!trust.extra_roots_file.empty()) {
    if (!std::ifstream(trust.extra_roots_file)) {
      return Error(Errc::not_found, trust.extra_roots_file + " cannot be read", "name a PEM file with certificates",
                   Blame::operator_);
    }
    context->load_verify_file(trust.extra_roots_file, error);
    if (error) {
      return Error(Errc::malformed, trust.extra_roots_file + " holds no certificates: " + error.message(),
                   "name a PEM file with certificates", Blame::operator_);
    }
  }
  ERR_clear_error();
  return context;
}

TlsFailure judge_handshake(unsigned long code, long verify_result) {
  const int reason = ERR_GET_REASON(code);
  // The first error in OpenSSL's queue may be that of a signature: the verdict on the certificate goes before it.
  if (verify_result != X509_V_OK || (ERR_GET_LIB(code) == ERR_LIB_SSL && reason == SSL_R_CERTIFICATE_VERIFY_FAILED)) {
    return {HttpFault::tls_certificate_error, X509_verify_cert_error_string(verify_result)};
  }
  const char* const text = ERR_reason_error_string(code);
  const bool alert = ERR_GET_LIB(code) == ERR_LIB_SSL && reason >= kFirstAlert;
  return {alert ? HttpFault::tls_alert_received : HttpFault::tls_protocol_error,
          text == nullptr ? "the TLS handshake failed" : text};
}

}  // namespace weft::web
