#include "cli/command.hpp"
#include "cli/context.hpp"
#include "cli/sandbox/sandbox.hpp"

namespace relay::cli::sandbox_start_command {

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

extern Command const command;
Command const command{
    .path = "sandbox start",
    .summary = "start a private PostgreSQL for trials",
    .doc = R"(Starts a private PostgreSQL server and waits until it accepts connections. The first time it creates the
data directory, which takes a second or two and needs an installed PostgreSQL 13 or newer; nothing is downloaded. The
global flag --sandbox does the same on demand.

The server listens only on a unix socket, in a directory that no other user can enter, and opens no network port. So
it needs no password. Data, socket and log are in $XDG_STATE_HOME/relay-admin/sandbox, by default
~/.local/state/relay-admin/sandbox. If you are root, the server runs as the user postgres, or else as `nobody`. If that
user cannot enter root's home directory, the default is /var/lib/relay-admin/sandbox, and the command says so. If
XDG_STATE_HOME names a directory that cannot be used, the command refuses it with the reason, and never uses another
one instead.

The server keeps running when this program ends, until `sandbox stop`. The data remain until `sandbox destroy`. With
--output id the command prints only the connection string.

Exit 0: it runs, now or already. 2: XDG_STATE_HOME names a directory that cannot be used. 8: PostgreSQL is not
installed, or does not start; the command shows its log.

EXAMPLES
  relay-admin sandbox start
  # run any command against the sandbox
  relay-admin --sandbox org list)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::sandbox_start_command
