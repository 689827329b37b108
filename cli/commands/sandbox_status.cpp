#include "cli/command.hpp"
#include "cli/context.hpp"
#include "cli/sandbox/sandbox.hpp"

namespace relay::cli::commands {

namespace {

ExitStatus run(Context &context) {
    context.output().show(sandbox::document(sandbox::status(), false, context.globals().dry_run));
    return ExitStatus::ok;
}

Runner declare(OptionSet &) { return run; }

}  // namespace

extern Command const sandbox_status;
Command const sandbox_status{
    .path = "sandbox status",
    .summary = "show whether the sandbox runs, and where it stands",
    .doc = R"(Shows the state of the private PostgreSQL: `running`, `starting`, `stopped` (its data are there), or
`absent`; the connection string while it runs; its folders, its log and its size. It changes nothing and starts
nothing.

Exit 0: told, whatever the state is; a script reads the field `state`.

EXAMPLES
  relay-admin sandbox status
  relay-admin sandbox status -o json
  # the connection string alone
  relay-admin sandbox status -o id)",
    .declare = declare,
};

}  // namespace relay::cli::commands
