#include "cli/command.hpp"
#include "cli/context.hpp"
#include "cli/sandbox/sandbox.hpp"

namespace relay::cli::sandbox_stop_command {

namespace {

ExitStatus run(Context &context) {
    if (context.is_dry_run()) {
        auto const found = sandbox::status();
        context.output().show(sandbox::document(found, found.pid.has_value(), true));
        return ExitStatus::ok;
    }
    bool const changed = sandbox::stop();
    context.output().show(sandbox::document(sandbox::status(), changed, false));
    return ExitStatus::ok;
}

Runner declare(OptionSet &) { return run; }

}  // namespace

extern Command const command;
Command const command{
    .path = "sandbox stop",
    .summary = "stop the sandbox and keep its data",
    .doc = R"(Stops the private PostgreSQL and waits until it has ended. Open transactions are rolled back and their
clients are disconnected. The data remain; `sandbox start` starts the server on them again. If the server does not
run, nothing is done ("changed": false).

Exit 0: stopped, now or already.

EXAMPLES
  relay-admin sandbox stop)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::sandbox_stop_command
