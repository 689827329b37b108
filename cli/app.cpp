#include "cli/app.hpp"

#include "cli/command_line/cli11_parser.hpp"
#include "cli/command_line/command_model.hpp"
#include "cli/command_line/other_kind.hpp"
#include "cli/documents/version.hpp"
#include "cli/manual/help.hpp"
#include "cli/manual/overview.hpp"
#include "cli/output/output.hpp"
#include "relay/inspect/missing_privilege.hpp"
#include "relay/inspect/recognize.hpp"
#include "relay/model/ascii.hpp"

#include <algorithm>
#include <array>
#include <chrono>

namespace relay::cli {

namespace {

Runner print(std::string text) {
    return [text = std::move(text)](Context &context) {
        context.output().print(text);
        return ExitStatus::ok;
    };
}

/// Returns true if the command takes agents as words, or else a whole organization.
bool is_about_agents_or_org(OptionSet const &own) {
    auto const has = [&](auto const &test) { return std::any_of(own.options().begin(), own.options().end(), test); };
    return has([](OptionModel const &option) { return option.is_argument() && option.type == "AGENT"; }) &&
           has([](OptionModel const &option) { return option.has_name("--org"); });
}

constexpr std::string_view missing_privilege = "42501";

/// "Globex": no id begins with a capital, but many a name is such a word.
bool is_name_of_one_word(std::string_view text) {
    auto const is_capital = [](char c) { return c >= 'A' && c <= 'Z'; };
    auto const is_letter_or_digit = [&](char c) {
        return is_capital(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    };
    return !text.empty() && text.size() < 64 && is_capital(text.front()) &&
           std::all_of(text.begin(), text.end(), is_letter_or_digit);
}

/// What people know by its name, too.
constexpr std::array<std::string_view, 5> named_kinds{"agent", "org", "key", "role", "device"};

/// Returns true for a text that cannot be the id that is asked for, but may well be something else: a name, a key, or
/// the id of another kind. For any other text the database is not asked.
bool could_be_something_else(std::string_view kind, std::string_view text) {
    auto const first = text.find_first_not_of(' ');
    bool const is_several_words = first != text.npos && text.find(' ', first) < text.find_last_not_of(' ');
    // Capitals and points are also in a ticket, in a queue, and in the id of an agent that was imported. A word with a capital is none.
    auto const is_id_letter = [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.'; };
    bool const is_id = !text.empty() && text.size() < 64 && text.front() != '-' && text.front() != '_' &&
                       std::all_of(text.begin(), text.end(), is_id_letter);
    bool const is_usual = std::none_of(text.begin(), text.end(), [](char c) { return is_upper(c) || c == '.'; });
    bool const is_marked =
        std::any_of(text.begin(), text.end(), [](char c) { return is_digit(c) || c == '-' || c == '_'; });
    auto const point = text.find('.');
    bool const is_queue = point != text.npos && point >= 2 && point + 2 < text.size();
    bool const has_name = std::find(named_kinds.begin(), named_kinds.end(), kind) != named_kinds.end();
    return is_several_words || (is_id && (is_usual || is_marked || is_queue)) ||
           (has_name && is_name_of_one_word(text)) || text.starts_with("relay_");
}

/// Returns true if the command makes something of this kind, so that its id is a new one. `init` looks up no id.
bool makes(std::string const &path, std::string_view kind) {
    return path == "init" || path == std::string(kind) + " create" || path == std::string(kind) + " import";
}

/// Returns true if the error is about an id that is not there, or is none. Not if the id is that of something new.
bool seeks_other_kind(Error const &error, Line const &line) {
    Sought const &sought = error.hint().sought;
    return (error.kind() == ErrorKind::usage ? could_be_something_else(sought.kind, sought.text)
                                             : !sought.text.empty()) &&
           !makes(join_path(line.path), sought.kind);
}

Error with_missing_privilege(Error const &error, db::Settings const &settings, Line const &line) {
    bool const migrates = join_path(line.path) == "schema apply" || join_path(line.path) == "init";
    auto const missing = find_missing_privilege(settings, migrates ? Wanted::schema_change : Wanted::work);
    if (!missing) {
        return error;
    }
    Hint hint = error.hint();
    hint.why = missing->why;
    hint.next = missing->next;
    return {error.kind(), error.message(), std::move(hint)};
}

/// For a look that only makes an error better.
constexpr std::chrono::milliseconds longest_look{1'000};

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
    return {resolve_globals(options, environment), std::move(run), effect, std::move(line),
            is_about_agents_or_org(own)};
}

Error explained(Error const &error, Invocation const &invocation) {
    bool const is_refused = error.kind() == ErrorKind::denied && error.hint().sqlstate == missing_privilege;
    if (!is_refused && !seeks_other_kind(error, invocation.line)) {
        return error;
    }
    try {
        std::optional<db::Settings> settings = settings_without_starting(invocation.globals);
        if (!settings) {
            return error;
        }
        settings->timeout = std::min(settings->timeout, longest_look);
        return is_refused ? with_missing_privilege(error, *settings, invocation.line)
                          : with_other_kind(error, invocation.line, invocation.takes_org,
                                            recognize(*settings, error.hint().sought.text));
    } catch (std::exception const &) {
        return error;  // it is complete without this
    }
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
