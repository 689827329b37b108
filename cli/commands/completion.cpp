#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/completion/scripts.hpp"
#include "cli/context.hpp"
#include "cli/output/output.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <memory>

namespace relay::cli::completion_command {

namespace {

struct Options {
    std::optional<std::string> shell{};
};

ExitStatus run(Options const &options, Context &context) {
    std::string const &shell = *options.shell;
    if (shell == "bash") {
        context.output().print(bash_script());
    } else if (shell == "zsh") {
        context.output().print(zsh_script());
    } else if (shell == "fish") {
        context.output().print(fish_script());
    } else {
        throw Error(ErrorKind::usage, "SHELL is " + quote_for_message(shell) + ", but must be one of bash, zsh, fish",
                    {.suggestions = closest(shell, {"bash", "zsh", "fish"})});
    }
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto options = std::make_shared<Options>();
    add_positional(set,
                   {.names = "SHELL", .type = "bash|zsh|fish", .description = "bash, zsh or fish", .required = true},
                   options->shell);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "completion",
    .summary = "print the completion script for a shell",
    .doc =
        R"(Prints a script that makes the Tab key complete commands, flags, values and file names. It also completes
the ids of organizations, agents and keys from the database, with their names if the shell can show them. Installed
packages include the script. Without a package, load it in the start file of your shell, as in the examples.

At each Tab the script asks the `relay-admin` on your PATH what may follow, so it always fits the program. If there is
no such program, it offers nothing. The shell itself completes file names.

The script never runs or expands what you typed, changes nothing, and never asks for a password. If the database does
not answer within 400 ms, it offers nothing from it. It uses the --dsn, --dsn-file, --service or --sandbox that you
typed, but does not start the sandbox. For `unblock` it offers what is blocked, for `restore` what is revoked, and for
`key retire` keys that are live.

Printing the script needs no database and no network.

EXAMPLES
  # in ~/.bashrc
  source <(relay-admin completion bash)
  # in ~/.zshrc, after compinit
  source <(relay-admin completion zsh)
  # once, in fish
  relay-admin completion fish > ~/.config/fish/completions/relay-admin.fish)",
    .declare = declare,
    .audience = Audience::other,
    .prints = Prints::text,
};

}  // namespace relay::cli::completion_command
