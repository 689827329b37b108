#include "cli/documents/version.hpp"
#include "cli/command.hpp"
#include "cli/output/output.hpp"

namespace relay::cli::version_command {

namespace {

Runner declare(OptionSet &) {
    return [](Context &context) {
        context.output().show(version_document());
        return ExitStatus::ok;
    };
}

}  // namespace

extern Command const command{
    .path = "version",
    .summary = "show the versions of program, schema and libpq",
    .doc = R"(Shows the version of relay-admin, of the database schema that it works with, and of libpq and its OpenSSL.
It does not connect; `schema status` shows the version of a database.

The program of the tarball has libpq and OpenSSL linked in: their updates need a new release. The program of the Debian
package uses those of the machine.

EXAMPLES
  relay-admin version
  # for a script
  relay-admin version -o json
)",
    .declare = declare,
    .audience = Audience::other,
};

}  // namespace relay::cli::version_command
