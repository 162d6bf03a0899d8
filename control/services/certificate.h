// CertificateAuthority: the throw-away CA of one fabric, and the server certificates it signs.
//
// A client inside the fabric trusts it by name (`curl --cacert ca.pem`), so HTTPS is checked for
// real and not with -k. The CA's private key lives in this object only: it is never written, and
// dies with the process. A new process makes a new CA.
//
//   auto ca = CertificateAuthority::Create("three-tier", now);   // check ca.ok()
//   Write("ca.pem", ca->certificate_pem());
//   Write("front.pem", *ca->IssueServerCertificate("mydomain.com", now));   // as haproxy's `crt`
//   takes it
#ifndef TAPLOOM_CONTROL_SERVICES_CERTIFICATE_H_
#define TAPLOOM_CONTROL_SERVICES_CERTIFICATE_H_

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

struct evp_pkey_st;
struct x509_st;

namespace taploom::control {

// Every certificate is valid from `kClockSkew` before the moment of signing, for `kValidity` after
// it.
inline constexpr std::chrono::minutes kClockSkew{5};
inline constexpr std::chrono::hours kValidity{7 * 24};

// Immutable once made: const members may be called from several threads.
class CertificateAuthority {
 public:
  // A new EC P-256 key and its self-signed certificate. `fabric` appears in the subject, for people
  // who look at it.
  static absl::StatusOr<CertificateAuthority> Create(const std::string& fabric,
                                                     std::chrono::system_clock::time_point now);

  CertificateAuthority(CertificateAuthority&&) noexcept = default;
  CertificateAuthority& operator=(CertificateAuthority&&) noexcept = default;
  ~CertificateAuthority() = default;

  const std::string& certificate_pem() const { return certificate_pem_; }

  // A certificate for exactly `dns_name` (its only subjectAltName; may be a wildcard), followed by
  // its new private key: one PEM text, to be kept readable by its owner only.
  absl::StatusOr<std::string> IssueServerCertificate(
      const std::string& dns_name, std::chrono::system_clock::time_point now) const;

  // Whether `pem` holds a certificate of this CA for `dns_name` that is valid at `when`. False for
  // any other text.
  bool Covers(const std::string& pem, const std::string& dns_name,
              std::chrono::system_clock::time_point when) const;

 private:
  struct KeyDeleter {
    void operator()(evp_pkey_st* key) const;
  };
  struct CertificateDeleter {
    void operator()(x509_st* certificate) const;
  };

  CertificateAuthority() = default;

  std::unique_ptr<evp_pkey_st, KeyDeleter> key_;
  std::unique_ptr<x509_st, CertificateDeleter> certificate_;
  std::string certificate_pem_;
};

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_SERVICES_CERTIFICATE_H_
