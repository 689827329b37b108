#include "cli/command.hpp"
#include "cli/context.hpp"
#include "cli/sandbox/sandbox.hpp"

namespace relay::cli::sandbox_status_command {

namespace {

ExitStatus run(Context &context) {
    context.output().show(sandbox::document(sandbox::status(), false, context.globals().dry_run));
    return ExitStatus::ok;
}

Runner declare(OptionSet &) { return run; }

}  // namespace

extern Command const command;
Command const command{
    .path = "sandbox status",
    .summary = "show whether the sandbox runs, and its directory",
    .doc = R"(Shows the state of the private PostgreSQL: `running`, `starting`, `stopped` (its data exist), or `absent`.
It also shows the connection string while the server runs, its directories, its log and its size. It changes nothing
and starts nothing.

Exit 0: shown, whatever the state; scripts read the field `state`.

EXAMPLES
  relay-admin sandbox status
  relay-admin sandbox status -o json
  # only the connection string
  relay-admin sandbox status -o id)",
    .declare = declare,
};

}  // namespace relay::cli::sandbox_status_command
