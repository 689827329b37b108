#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/context.hpp"
#include "cli/output/command_text.hpp"
#include "cli/sandbox/hand_over.hpp"
#include "cli/sandbox/sandbox.hpp"

#include <memory>

namespace relay::cli::sandbox_run_command {

namespace {

struct Options {
    std::vector<std::string> command{};
};

ExitStatus run(Context &context, Options const &options) {
    if (context.globals().dry_run) {
        throw Error(ErrorKind::usage, "sandbox run does not support --dry-run",
                    {.why = "what the command does cannot be rolled back",
                     .next = own_command({"sandbox", "start", "--dry-run"})});
    }
    std::string const dsn = sandbox::ensure_running(context.output());
    sandbox::hand_over(options.command, dsn);
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_positionals(set,
                    {.names = "COMMAND",
                     .type = "PROGRAM",
                     .description = "the program to run, and its arguments",
                     .required = true},
                    options->command);
    return [options](Context &context) { return run(context, *options); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "sandbox run",
    .summary = "run a command against the sandbox",
    .doc = R"(Starts the private PostgreSQL if necessary, then replaces itself with the given command, as env(1) does.
PGHOST, PGDATABASE, PGUSER and RELAY_ADMIN_DSN point to the sandbox, and all other PG* variables are removed. So psql,
a gateway, or relay-admin itself use it without flags. Write -- before the command; otherwise relay-admin reads the
command's flags as its own.

The server keeps running when the command ends.

Exit 0: the command succeeded; any other code is the command's own, too, and may mean something else than here. 2: the
command could not be run. 8: the server could not be started; the command was not run.

EXAMPLES
  relay-admin sandbox run -- psql
  relay-admin sandbox run -- relay-admin org list)",
    .declare = declare,
    .effect = Effect::acts,
    .prints = Prints::text,
};

}  // namespace relay::cli::sandbox_run_command
