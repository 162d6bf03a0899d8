#include "control/services/certificate.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <string_view>

namespace taploom::control {
namespace {

// One unique_ptr type for every OpenSSL object, by its free function.
template <typename T, void (*Free)(T*)>
struct Freeing {
  void operator()(T* object) const { Free(object); }
};
void FreeBio(BIO* bio) { BIO_free(bio); }
using Key = std::unique_ptr<EVP_PKEY, Freeing<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freeing<X509, X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freeing<X509_EXTENSION, X509_EXTENSION_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Freeing<GENERAL_NAMES, GENERAL_NAMES_free>>;
using Number = std::unique_ptr<BIGNUM, Freeing<BIGNUM, BN_free>>;
using Bio = std::unique_ptr<BIO, Freeing<BIO, FreeBio>>;

// RFC 5280 A.1: ub-common-name.
constexpr std::size_t kMaxCommonNameLength = 64;

absl::Status OpensslError(const std::string& what) {
  char text[256] = "unknown error";
  if (const unsigned long code = ERR_get_error()) ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return absl::InternalError("cannot " + what + ": " + text);
}

// Serial, validity, public key and issuer: what a CA and a server certificate have in common.
// 127 random bits: positive and unique, as RFC 5280 §4.1.2.2 asks.
bool FillCommonFields(X509* certificate, EVP_PKEY* key, std::chrono::system_clock::time_point now) {
  const Number serial(BN_new());
  if (!serial || !BN_rand(serial.get(), 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY)) return false;
  const std::time_t not_before = std::chrono::system_clock::to_time_t(now - kClockSkew);
  const std::time_t not_after = std::chrono::system_clock::to_time_t(now + kValidity);
  return X509_set_version(certificate, X509_VERSION_3) &&
         BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate)) &&
         ASN1_TIME_set(X509_getm_notBefore(certificate), not_before) &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), not_after) &&
         X509_set_pubkey(certificate, key);
}

bool SetCommonName(X509_NAME* name, std::string_view text) {
  return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(text.data()),
                                    static_cast<int>(text.size()), -1, 0);
}

// `value` is a constant of ours in OpenSSL's configuration syntax, never text from a topology.
bool AddExtension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  return extension && X509_add_ext(certificate, extension.get(), -1);
}

// Built as objects and not as configuration text, so that no name can smuggle in a second one.
bool AddDnsName(X509* certificate, const std::string& dns_name) {
  const Names names(GENERAL_NAMES_new());
  GENERAL_NAME* name = GENERAL_NAME_new();
  ASN1_IA5STRING* text = ASN1_IA5STRING_new();
  if (!names || !name || !text ||
      !ASN1_STRING_set(text, dns_name.data(), static_cast<int>(dns_name.size())) ||
      !sk_GENERAL_NAME_push(names.get(), name)) {
    GENERAL_NAME_free(name);
    ASN1_IA5STRING_free(text);
    return false;
  }
  GENERAL_NAME_set0_value(name, GEN_DNS, text);
  return X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, X509V3_ADD_DEFAULT) ==
         1;
}

std::string TakeText(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<std::size_t>(size));
}

}  // namespace

void CertificateAuthority::KeyDeleter::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }
void CertificateAuthority::CertificateDeleter::operator()(x509_st* certificate) const {
  X509_free(certificate);
}

absl::StatusOr<CertificateAuthority> CertificateAuthority::Create(
    const std::string& fabric, std::chrono::system_clock::time_point now) {
  CertificateAuthority ca;
  ca.key_.reset(EVP_EC_gen("P-256"));
  ca.certificate_.reset(X509_new());
  X509* certificate = ca.certificate_.get();
  const std::string subject = ("taploom " + fabric + " CA").substr(0, kMaxCommonNameLength);
  const Bio text(BIO_new(BIO_s_mem()));
  if (!ca.key_ || !certificate || !text || !FillCommonFields(certificate, ca.key_.get(), now) ||
      !SetCommonName(X509_get_subject_name(certificate), subject) ||
      !X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) ||
      !AddExtension(certificate, certificate, NID_basic_constraints,
                    "critical,CA:TRUE,pathlen:0") ||
      !AddExtension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !AddExtension(certificate, certificate, NID_subject_key_identifier, "hash") ||
      !X509_sign(certificate, ca.key_.get(), EVP_sha256()) ||
      !PEM_write_bio_X509(text.get(), certificate)) {
    return OpensslError("make a certificate authority");
  }
  ca.certificate_pem_ = TakeText(text.get());
  return ca;
}

absl::StatusOr<std::string> CertificateAuthority::IssueServerCertificate(
    const std::string& dns_name, std::chrono::system_clock::time_point now) const {
  if (dns_name.empty()) return absl::InvalidArgumentError("a certificate needs a DNS name");
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate(X509_new());
  const Bio text(BIO_new(BIO_s_mem()));
  // The subjectAltName is what clients check (RFC 6125 §6.4.4); the common name only helps people,
  // as far as it fits.
  const std::string common_name = dns_name.substr(0, kMaxCommonNameLength);
  if (!key || !certificate || !text || !FillCommonFields(certificate.get(), key.get(), now) ||
      !SetCommonName(X509_get_subject_name(certificate.get()), common_name) ||
      !X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate_.get())) ||
      !AddExtension(certificate.get(), certificate_.get(), NID_basic_constraints,
                    "critical,CA:FALSE") ||
      !AddExtension(certificate.get(), certificate_.get(), NID_key_usage,
                    "critical,digitalSignature") ||
      !AddExtension(certificate.get(), certificate_.get(), NID_ext_key_usage, "serverAuth") ||
      !AddExtension(certificate.get(), certificate_.get(), NID_subject_key_identifier, "hash") ||
      !AddExtension(certificate.get(), certificate_.get(), NID_authority_key_identifier,
                    "keyid:always") ||
      !AddDnsName(certificate.get(), dns_name) ||
      !X509_sign(certificate.get(), key_.get(), EVP_sha256()) ||
      !PEM_write_bio_X509(text.get(), certificate.get()) ||
      !PEM_write_bio_PrivateKey(text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr)) {
    return OpensslError("issue a certificate for " + dns_name);
  }
  return TakeText(text.get());
}

bool CertificateAuthority::Covers(const std::string& pem, const std::string& dns_name,
                                  std::chrono::system_clock::time_point when) const {
  const Bio text(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!text) return false;
  const Certificate certificate(PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (!certificate || X509_verify(certificate.get(), key_.get()) != 1) return false;
  std::time_t time = std::chrono::system_clock::to_time_t(when);
  return X509_check_host(certificate.get(), dns_name.data(), dns_name.size(), 0, nullptr) == 1 &&
         X509_cmp_time(X509_get0_notBefore(certificate.get()), &time) < 0 &&
         X509_cmp_time(X509_get0_notAfter(certificate.get()), &time) > 0;
}

}  // namespace taploom::control
