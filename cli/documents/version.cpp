#include "cli/documents/version.hpp"

#include "cli/output/output.hpp"
#include "relay/version.hpp"

/// A function of libpq, declared here because only the database layer may include libpq-fe.h. 150014 is 15.14.
extern "C" int PQlibVersion(void);

/// A function of OpenSSL, which libpq brings with it; null if this libpq is built without. 6 asks for the version alone.
// NOLINTNEXTLINE(readability-identifier-naming)
extern "C" __attribute__((weak)) char const *OpenSSL_version(int what);

namespace relay::cli {

namespace {

std::string libpq_version() {
    int const number = PQlibVersion();
    return std::to_string(number / 10000) + "." + std::to_string(number % 10000);
}

Value openssl_version() { return OpenSSL_version == nullptr ? Value() : Value(std::string(OpenSSL_version(6))); }

}  // namespace

Document version_document() {
    return {
        .kind = "Version",
        .id_key = "version",
        .data = {{"version", "relay-admin", std::string(version())},
                 {"schema_version", "Schema", std::int64_t{schema_version()}},
                 {"libpq_version", "libpq", libpq_version()},
                 {"openssl_version", "OpenSSL", openssl_version()}},
    };
}

ExitStatus show_version(Context &context) {
    if (context.globals().format == OutputFormat::table) {
        context.output().print("relay-admin " + std::string(version()) + "\n");
    } else {
        context.output().show(version_document());
    }
    return ExitStatus::ok;
}

}  // namespace relay::cli
