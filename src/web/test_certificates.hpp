// SPDX-License-Identifier: Apache-2.0
/// For tests: an authority made on the spot, and servers' certificates that it signs.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>

namespace weft::web::test {

template <auto Free>
struct FreeWith {
  template <class T>
  void operator()(T* it) const {
    Free(it);
  }
};
using Key = std::unique_ptr<EVP_PKEY, FreeWith<&EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, FreeWith<&X509_free>>;
using ServerContext = std::unique_ptr<SSL_CTX, FreeWith<&SSL_CTX_free>>;

class TestAuthority {
 public:
  TestAuthority() : key_(EVP_EC_gen("P-256")), certificate_(make("weft test authority", key_, {}, 0, 86'400)) {
    const int file = ::mkstemp(path_.data());
    std::FILE* out = ::fdopen(file, "w");
    PEM_write_X509(out, certificate_.get());
    std::fclose(out);
  }
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;
  ~TestAuthority() { ::unlink(path_.c_str()); }

  [[nodiscard]] const std::string& file() const { return path_; }

  /// A server of these names ("DNS:localhost,IP:127.0.0.1"), valid from `begin` to `end` seconds from now.
  [[nodiscard]] ServerContext server(const std::string& names, long begin = -3600, long end = 3600) const {
    const Key key(EVP_EC_gen("P-256"));
    const auto certificate = make("a test server", key, names, begin, end);
    ServerContext context(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_use_certificate(context.get(), certificate.get());
    SSL_CTX_use_PrivateKey(context.get(), key.get());
    return context;
  }

 private:
  [[nodiscard]] Certificate make(const std::string& name, const Key& key, const std::string& names, long begin,
                                 long end) const {
    Certificate certificate(X509_new());
    auto* const made = certificate.get();
    X509_set_version(made, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made), ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(made), begin);
    X509_gmtime_adj(X509_getm_notAfter(made), end);
    X509_set_pubkey(made, key.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    const bool is_authority = names.empty();
    X509_set_issuer_name(made, X509_get_subject_name(is_authority ? made : certificate_.get()));
    X509V3_CTX context;
    X509V3_set_ctx(&context, is_authority ? made : certificate_.get(), made, nullptr, nullptr, 0);
    extend(made, &context, NID_basic_constraints, is_authority ? "critical,CA:TRUE" : "CA:FALSE");
    if (!is_authority) extend(made, &context, NID_subject_alt_name, names.c_str());
    X509_sign(made, key_.get(), EVP_sha256());
    return certificate;
  }

  static void extend(X509* certificate, X509V3_CTX* context, int kind, const char* value) {
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, context, kind, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }

  mutable long serial_ = 0;
  Key key_;
  Certificate certificate_;
  std::string path_ = "/tmp/weft-authority-XXXXXX";
};

}  // namespace weft::web::test
