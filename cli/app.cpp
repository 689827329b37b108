#include "cli/app.hpp"

#include "cli/command_line/cli11_parser.hpp"
#include "cli/command_line/command_model.hpp"
#include "cli/documents/version.hpp"
#include "cli/manual/help.hpp"
#include "cli/manual/overview.hpp"
#include "cli/output/output.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

Runner print(std::string text) {
    return [text = std::move(text)](Context &context) {
        context.output().print(text);
        return ExitStatus::ok;
    };
}

}  // namespace

Invocation parse_command_line(std::vector<std::string> const &words, std::span<Command const *const> table,
                              Environment const &environment) {
    if (words.empty()) {
        return {{}, print(overview_text(table))};
    }
    GlobalOptions options;
    OptionSet globals;
    declare_globals(globals, options);
    OptionSet own;
    Runner run;
    Effect effect = Effect::reads;
    Line line = sort_words(words, table, globals, [&](Command const &command) -> OptionSet const & {
        run = command.declare(own);
        effect = command.effect;
        return own;
    });
    if (line.help) {
        bool const no_pager = std::find(line.globals.begin(), line.globals.end(), "--no-pager") != line.globals.end();
        return {{.no_pager = no_pager}, print(help_for(table, line.path))};
    }
    if (line.version) {
        line = {.globals = std::move(line.globals)};
        own = {};
        run = show_version;
    }
    bind_line(line, globals, own);
    return {resolve_globals(options, environment), std::move(run), effect};
}

std::string help_for(std::span<Command const *const> table, Path const &path) {
    if (path.empty()) {
        return root_help_text(describe_globals(), table);
    }
    Command const *command = find_command(table, path);
    if (command != nullptr && command->declare != nullptr) {
        return command_help_text(describe_globals(), describe_command(*command), path);
    }
    if (command == nullptr && next_words(table, path).empty()) {
        throw unknown_command(table, path);
    }
    return group_help_text(table, path);
}

}  // namespace relay::cli
