#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/completion/scripts.hpp"
#include "cli/context.hpp"
#include "cli/output/output.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <memory>

namespace relay::cli::commands {

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

extern Command const completion;
Command const completion{
    .path = "completion",
    .summary = "print the completion script of a shell",
    .doc =
        R"(Prints a script that makes the Tab key complete commands, flags, values and file names, and from the database the ids of
organizations, agents and keys, with their names where the shell shows such. Installed packages bring it along; without one, load it in
the start file of the shell, as the examples do.

At each Tab the script asks the `relay-admin` on the PATH what may follow, so it always fits the program; without one it is silent. File
names are completed by the shell.

The script stays out of the way: it never runs or expands what stands on the line, changes nothing, never asks for a password, and
offers nothing where the database does not answer within 400 ms. It goes by the --dsn, --dsn-file, --service and --sandbox on the line,
but starts no sandbox. `unblock` is offered what is blocked, `restore` what is revoked, `key retire` the keys that live.

It needs no database and no network to be printed.

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

}  // namespace relay::cli::commands
