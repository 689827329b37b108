#include "cli/app.hpp"

#include "cli/command_line/command_model.hpp"
#include "cli/command_line/positional_marker.hpp"
#include "cli/command_line/prescan.hpp"
#include "cli/documents/version.hpp"
#include "cli/manual/help.hpp"
#include "cli/manual/overview.hpp"
#include "cli/manual/program_manual.hpp"
#include "cli/output/output.hpp"
#include "relay/model/error.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace relay::cli {

namespace {

std::unique_ptr<CLI::App> make_root(GlobalOptions &options) {
    auto root = std::make_unique<CLI::App>(std::string(program_summary()), "relay-admin");
    root->set_help_flag();  // ours is a flag like any other: CLI11's own would be copied into every command
    declare_globals(*root, options);
    return root;
}

CLI::App &enter_path(CLI::App &root, std::span<Command const *const> table, Path const &path) {
    CLI::App *app = &root;
    Path so_far;
    for (std::string const &word : path) {
        so_far.push_back(word);
        CLI::App *child = nullptr;
        for (CLI::App *known : app->get_subcommands([&](CLI::App *sub) { return sub->get_name() == word; })) {
            child = known;
        }
        if (child == nullptr) {
            Command const *command = find_command(table, so_far);
            child = app->add_subcommand(word, command == nullptr ? "" : std::string(command->summary));
        }
        app = child;
    }
    return *app;
}

/// CLI11 reads its words from the back.
std::vector<std::string> words_for_cli11(Line const &line) {
    std::vector<std::string> words = line.globals;
    words.insert(words.end(), line.path.begin(), line.path.end());
    words.insert(words.end(), line.flags.begin(), line.flags.end());
    std::transform(line.positionals.begin(), line.positionals.end(), std::back_inserter(words), mark);
    std::reverse(words.begin(), words.end());
    return words;
}

Runner print(std::string text) {
    return [text = std::move(text)](Context &context) {
        context.output().print(text);
        return ExitStatus::ok;
    };
}

/// The pre-scan has found what can be wrong; whatever CLI11 finds besides must still leave as an error of ours.
void bind_options(CLI::App &root, Line const &line) {
    try {
        root.parse(words_for_cli11(line));
    } catch (CLI::ParseError const &error) {
        throw Error(ErrorKind::usage, error.what(), {.next = "relay-admin " + join_path(line.path) + " --help"});
    }
}

}  // namespace

Invocation parse_command_line(std::vector<std::string> const &words, std::span<Command const *const> table,
                              Environment const &environment) {
    if (words.empty()) {
        return {{}, print(overview_text(table))};
    }
    GlobalOptions options;
    std::unique_ptr<CLI::App> const root = make_root(options);
    Runner run;
    Line line = sort_words(words, table, *root, [&](Path const &path, Command const &command) -> CLI::App & {
        CLI::App &leaf = enter_path(*root, table, path);
        run = command.declare(leaf);
        return leaf;
    });
    if (line.help) {
        bool const no_pager = std::find(line.globals.begin(), line.globals.end(), "--no-pager") != line.globals.end();
        return {{.no_pager = no_pager}, print(help_for(table, line.path))};
    }
    if (line.version) {
        line = {.globals = std::move(line.globals)};
        run = show_version;
    }
    bind_options(*root, line);
    return {resolve_globals(options, environment), std::move(run)};
}

std::string help_for(std::span<Command const *const> table, Path const &path) {
    GlobalOptions unused;
    std::unique_ptr<CLI::App> const root = make_root(unused);
    if (path.empty()) {
        return root_help_text(describe_options(*root), table);
    }
    Command const *command = find_command(table, path);
    if (command != nullptr && command->declare != nullptr) {
        CLI::App &leaf = enter_path(*root, table, path);
        command->declare(leaf);
        return command_help_text(describe_options(*root), describe_command(*command, &leaf), path);
    }
    if (command == nullptr && next_words(table, path).empty()) {
        throw unknown_command(table, path);
    }
    return group_help_text(table, path);
}

std::shared_ptr<CLI::App> make_whole_app(std::span<Command const *const> table) {
    auto const unused = std::make_shared<GlobalOptions>();
    std::shared_ptr<CLI::App> root(make_root(*unused).release(), [unused](CLI::App *app) { delete app; });
    for (Command const *command : table) {
        for (std::string_view const spelled : {command->path, command->alias}) {
            if (spelled.empty()) {
                continue;
            }
            CLI::App &app = enter_path(*root, table, split_path(spelled));
            if (command->declare != nullptr) {
                command->declare(app);
            }
        }
    }
    return root;
}

}  // namespace relay::cli
