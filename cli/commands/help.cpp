#include "cli/app.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"

namespace relay::cli::commands {

namespace {

struct Options {
    std::vector<std::string> path{};
};

Runner declare(CLI::App &app) {
    auto const options = std::make_shared<Options>();
    add_positionals(app, {.names = "COMMAND", .description = "the command, in one or more words"}, options->path);
    return [options](Context &context) {
        context.output().print(help_for(command_table(), options->path));
        return ExitStatus::ok;
    };
}

}  // namespace

extern Command const help{
    .path = "help",
    .summary = "show the help of a command",
    .doc =
        R"(Shows what a command does, its arguments and flags, and examples: the same page as --help behind the command.
Without a command it shows the list of commands, the global flags, all exit codes, the environment and files.

Exit 0: shown. 2: no such command; commands that are close are named.

EXAMPLES
  relay-admin help rotate-key
  relay-admin help org create
)",
    .declare = declare,
};

}  // namespace relay::cli::commands
