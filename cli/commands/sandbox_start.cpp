#include "cli/command.hpp"
#include "cli/context.hpp"
#include "cli/sandbox/sandbox.hpp"

namespace relay::cli::commands {

namespace {

ExitStatus run(Context &context) {
    if (context.is_dry_run()) {
        auto const found = sandbox::status();
        context.output().show(sandbox::document(found, found.state != sandbox::State::running, true));
        return ExitStatus::ok;
    }
    bool const changed = sandbox::start(context.output());
    context.output().show(sandbox::document(sandbox::status(), changed, false));
    return ExitStatus::ok;
}

Runner declare(OptionSet &) { return run; }

}  // namespace

extern Command const sandbox_start;
Command const sandbox_start{
    .path = "sandbox start",
    .summary = "start a private PostgreSQL for trying out",
    .doc = R"(Starts a PostgreSQL server of your own and waits until it accepts connections. The first time it makes
the data, which takes a second or two and needs an installed PostgreSQL 13 or newer; nothing is downloaded. The global
flag --sandbox does the same on demand.

The server listens on a unix socket alone, in a folder that nobody else may enter, and opens no network port; so it
asks for no password. Data, socket and log are in $XDG_STATE_HOME/relay-admin/sandbox, by default
~/.local/state/relay-admin/sandbox. For root the server runs as the user postgres, or else nobody. If that user cannot
enter root's home folder, the default is /var/lib/relay-admin/sandbox, and the command says so.

A place that XDG_STATE_HOME asks for is used, or refused with the reason; it is never exchanged for another one.

The server stays when this program ends, until `sandbox stop`. The data stay until `sandbox destroy`. With --output id
only the connection string is printed.

Exit 0: it runs, now or already. 2: XDG_STATE_HOME asks for a place that cannot be used. 8: there is no PostgreSQL to run, or it does not start; its log is shown.

EXAMPLES
  relay-admin sandbox start
  # any command on the sandbox
  relay-admin --sandbox org list)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::commands
