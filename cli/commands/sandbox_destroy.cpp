#include "cli/command.hpp"
#include "cli/context.hpp"
#include "cli/input/prompt.hpp"
#include "cli/sandbox/sandbox.hpp"

namespace relay::cli::sandbox_destroy_command {

namespace {

ExitStatus run(Context &context) {
    auto const found = sandbox::status();
    bool const is_there = found.size_bytes.has_value();
    if (context.is_dry_run()) {
        context.output().show(sandbox::document(found, is_there, true));
        return ExitStatus::ok;
    }
    if (is_there) {
        context.prompt().confirm("Remove the sandbox in " + found.folder + ", with all its data?");
    }
    bool const changed = sandbox::destroy();
    context.output().show(sandbox::document(sandbox::status(), changed, false));
    return ExitStatus::ok;
}

Runner declare(OptionSet &) { return run; }

}  // namespace

extern Command const command;
Command const command{
    .path = "sandbox destroy",
    .summary = "stop the sandbox and remove its data",
    .doc =
        R"(Stops the private PostgreSQL and removes its directory with all data. The command asks first; --yes answers
yes. It removes only a directory that has the mark of this program, and only what the sandbox itself put there; it
follows no symbolic link. If there is no sandbox, nothing is done ("changed": false).

Exit 0: removed, or there was none. 2: --yes is missing. 5: the directory is not a sandbox of this program. 13: the
question was answered no.

EXAMPLES
  relay-admin sandbox destroy
  # in a script
  relay-admin sandbox destroy --yes)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::sandbox_destroy_command
