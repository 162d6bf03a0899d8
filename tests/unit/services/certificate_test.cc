#include "control/services/certificate.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <chrono>
#include <memory>
#include <string>

namespace taploom::control {
namespace {

using std::chrono::system_clock;
using X509Ptr = std::unique_ptr<X509, decltype(&X509_free)>;
using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

// Noon of 2 January 2024, so that nothing depends on today.
const system_clock::time_point kNow = system_clock::from_time_t(1704196800);

X509Ptr ReadCertificate(const std::string& pem) {
  BIO* text = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509Ptr certificate(PEM_read_bio_X509(text, nullptr, nullptr, nullptr), X509_free);
  BIO_free(text);
  return certificate;
}

KeyPtr ReadKey(const std::string& pem) {
  BIO* text = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  KeyPtr key(PEM_read_bio_PrivateKey(text, nullptr, nullptr, nullptr), EVP_PKEY_free);
  BIO_free(text);
  return key;
}

// What a TLS client does: builds the chain to `ca_pem`, checks purpose, dates and host. X509_V_OK
// when content.
int VerifyAsClient(const std::string& ca_pem, const std::string& leaf_pem, const std::string& host,
                   system_clock::time_point when) {
  const X509Ptr ca = ReadCertificate(ca_pem);
  const X509Ptr leaf = ReadCertificate(leaf_pem);
  X509_STORE* store = X509_STORE_new();
  X509_STORE_add_cert(store, ca.get());
  X509_STORE_CTX* context = X509_STORE_CTX_new();
  X509_STORE_CTX_init(context, store, leaf.get(), nullptr);
  X509_STORE_CTX_set_default(context, "ssl_server");
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_time(parameters, system_clock::to_time_t(when));
  X509_VERIFY_PARAM_set1_host(parameters, host.c_str(), host.size());
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT);
  X509_verify_cert(context);
  const int result = X509_STORE_CTX_get_error(context);
  X509_STORE_CTX_free(context);
  X509_STORE_free(store);
  return result;
}

class CertificateTest : public testing::Test {
 protected:
  CertificateAuthority MakeCa() {
    auto ca = CertificateAuthority::Create("three-tier", kNow);
    EXPECT_TRUE(ca.ok()) << ca.status();
    return *std::move(ca);
  }
  std::string Issue(const CertificateAuthority& ca, const std::string& dns_name) {
    const auto pem = ca.IssueServerCertificate(dns_name, kNow);
    EXPECT_TRUE(pem.ok()) << pem.status();
    return pem.value_or("");
  }
};

TEST_F(CertificateTest, ClientThatTrustsTheCaAcceptsTheName) {
  const CertificateAuthority ca = MakeCa();
  EXPECT_EQ(VerifyAsClient(ca.certificate_pem(), Issue(ca, "mydomain.com"), "mydomain.com", kNow),
            X509_V_OK);
}

TEST_F(CertificateTest, NamesCompareWithoutCase) {
  const CertificateAuthority ca = MakeCa();
  EXPECT_EQ(VerifyAsClient(ca.certificate_pem(), Issue(ca, "myDomain.com"), "mydomain.com", kNow),
            X509_V_OK);
}

TEST_F(CertificateTest, AnotherNameIsRefused) {
  const CertificateAuthority ca = MakeCa();
  EXPECT_EQ(VerifyAsClient(ca.certificate_pem(), Issue(ca, "mydomain.com"), "example.com", kNow),
            X509_V_ERR_HOSTNAME_MISMATCH);
}

TEST_F(CertificateTest, AnotherFabricsCaDoesNotVouchForIt) {
  const CertificateAuthority ca = MakeCa();
  const CertificateAuthority other = MakeCa();
  EXPECT_NE(
      VerifyAsClient(other.certificate_pem(), Issue(ca, "mydomain.com"), "mydomain.com", kNow),
      X509_V_OK);
}

TEST_F(CertificateTest, ValidFromFiveMinutesAgoForSevenDays) {
  const CertificateAuthority ca = MakeCa();
  const std::string leaf = Issue(ca, "mydomain.com");
  const auto at = [&](system_clock::duration offset) {
    return VerifyAsClient(ca.certificate_pem(), leaf, "mydomain.com", kNow + offset);
  };
  using namespace std::chrono_literals;
  EXPECT_EQ(at(-5min + 1s), X509_V_OK);
  EXPECT_EQ(at(-5min - 1s), X509_V_ERR_CERT_NOT_YET_VALID);
  EXPECT_EQ(at(7 * 24h - 1s), X509_V_OK);
  EXPECT_EQ(at(7 * 24h + 1s), X509_V_ERR_CERT_HAS_EXPIRED);
}

TEST_F(CertificateTest, LeafComesWithItsOwnKeyOnTheP256Curve) {
  const CertificateAuthority ca = MakeCa();
  const std::string pem = Issue(ca, "mydomain.com");
  const X509Ptr leaf = ReadCertificate(pem);
  const KeyPtr key = ReadKey(pem);
  ASSERT_NE(key, nullptr);
  EXPECT_EQ(X509_check_private_key(leaf.get(), key.get()), 1);
  char curve[32] = {};
  ASSERT_EQ(EVP_PKEY_get_group_name(key.get(), curve, sizeof curve, nullptr), 1);
  EXPECT_STREQ(curve, "prime256v1");
}

TEST_F(CertificateTest, LeafCannotSignCertificates) {
  const CertificateAuthority ca = MakeCa();
  EXPECT_EQ(X509_check_ca(ReadCertificate(Issue(ca, "mydomain.com")).get()), 0);
  EXPECT_EQ(X509_check_ca(ReadCertificate(ca.certificate_pem()).get()), 1);
}

TEST_F(CertificateTest, CaTextHoldsNoPrivateKey) {
  EXPECT_EQ(MakeCa().certificate_pem().find("PRIVATE"), std::string::npos);
}

TEST_F(CertificateTest, TextThatLooksLikeTwoNamesStaysOneName) {
  const CertificateAuthority ca = MakeCa();
  const std::string pem = Issue(ca, "a.example,DNS:b.example");
  EXPECT_NE(VerifyAsClient(ca.certificate_pem(), pem, "b.example", kNow), X509_V_OK);
}

TEST_F(CertificateTest, NameLongerThanACommonNameStillVerifies) {
  const CertificateAuthority ca = MakeCa();
  const std::string label(60, 'a');
  const std::string name = label + "." + label + ".example";
  EXPECT_EQ(VerifyAsClient(ca.certificate_pem(), Issue(ca, name), name, kNow), X509_V_OK);
}

TEST_F(CertificateTest, EmptyNameIsAnError) {
  EXPECT_EQ(MakeCa().IssueServerCertificate("", kNow).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(CertificateTest, CoversItsOwnCertificateForItsNameInItsTime) {
  const CertificateAuthority ca = MakeCa();
  const std::string pem = Issue(ca, "mydomain.com");
  EXPECT_TRUE(ca.Covers(pem, "mydomain.com", kNow));
  EXPECT_FALSE(ca.Covers(pem, "other.com", kNow));
  EXPECT_FALSE(ca.Covers(pem, "mydomain.com", kNow + kValidity + std::chrono::seconds(1)));
  EXPECT_FALSE(MakeCa().Covers(pem, "mydomain.com", kNow));
  EXPECT_FALSE(ca.Covers("no certificate", "mydomain.com", kNow));
}

}  // namespace
}  // namespace taploom::control
