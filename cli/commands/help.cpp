#include "cli/app.hpp"
#include "cli/command_line/options.hpp"
#include "cli/manual/manual_page.hpp"
#include "cli/output/output.hpp"

namespace relay::cli::help_command {

namespace {

struct Options {
    std::vector<std::string> path{};
};

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_positionals(set, {.names = "COMMAND", .description = "the command, one or more words"}, options->path);
    return [options](Context &context) {
        std::string const text =
            help_for(command_table(), options->path);  // comes first: an unknown command is an error
        Command const *command = find_command(command_table(), options->path);
        if (command != nullptr && context.output().stdout_is_terminal() && !context.globals().no_pager) {
            show_manual_page(split_path(command->path));
        }
        context.output().print(text);
        return ExitStatus::ok;
    };
}

}  // namespace

extern Command const command{
    .path = "help",
    .summary = "show the help of a command",
    .doc =
        R"(Shows what a command does, its arguments and flags, and examples. At a terminal it opens the command's
manual page with man(1), unless the page is not installed or you give --no-pager. Otherwise it prints the text of
--help, which comes from the same source. Without a command it shows the list of commands, the global flags, all exit
codes, environment variables and files.

Exit 0: shown. 2: no such command; the error suggests similar ones.

EXAMPLES
  relay-admin help rotate-key
  relay-admin help org create
)",
    .declare = declare,
    .audience = Audience::other,
    .prints = Prints::text,
};

}  // namespace relay::cli::help_command
