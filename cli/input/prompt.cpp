#include "cli/input/prompt.hpp"

#include "cli/input/blanks.hpp"
#include "cli/input/terminal_input.hpp"
#include "cli/posix/write_all.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <algorithm>
#include <array>

#include <unistd.h>

namespace relay::cli {

namespace {

bool means_yes(std::string_view answer) {
    constexpr std::array words{"y", "Y", "yes", "Yes", "YES"};
    return std::find(words.begin(), words.end(), answer) != words.end();
}

[[noreturn]] void nobody_to_ask(std::string const &question, std::string const &next) {
    throw Error(ErrorKind::usage, "this needs a confirmation: " + question,
                {.why = "stdin and stderr are not both a terminal, or --no-input is given", .next = next});
}

}  // namespace

Prompt::Prompt(Globals const &globals, std::function<std::optional<DatabaseLabel>()> database)
    : m_database(std::move(database)), m_yes(globals.yes), m_no_input(globals.no_input) {}

void Prompt::show_database() const {
    auto const database = m_database ? m_database() : std::nullopt;
    if (database && database->name) {
        write_all(STDERR_FILENO, escape_for_terminal("database: " + describe(*database)) + '\n');
    }
}

void Prompt::require_typed(std::string const &what, std::string const &text) const {
    if (trimmed(read_shown_line("Type " + what + " to continue: ")) != text) {
        throw Error(ErrorKind::declined, "declined: that was not " + text + "; nothing was changed");
    }
}

void Prompt::require_database_typed() const {
    auto const database = m_database ? m_database() : std::nullopt;
    if (database && database->name) {
        require_typed(*database->name + ", the name of the database,", *database->name);
    }
}

bool Prompt::can_ask() const { return !m_no_input && ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1; }

void Prompt::confirm(std::string const &question) {
    if (m_yes) {
        return;
    }
    if (!can_ask()) {
        nobody_to_ask(question, "add --yes to confirm");
    }
    show_database();
    if (!means_yes(trimmed(read_shown_line(question + " [y/N] ")))) {
        throw Error(ErrorKind::declined, "declined; nothing was changed");
    }
}

void Prompt::confirm_wide(std::string const &question) {
    confirm(question);
    if (!m_yes) {
        require_database_typed();
    }
}

void Prompt::confirm_at_terminal(std::string const &question) {
    if (can_ask()) {
        confirm(question);
    }
}

void Prompt::confirm_final_at_terminal(std::string const &question) {
    if (can_ask()) {
        confirm_wide(question);
    }
}

void Prompt::confirm_by_typing(std::string const &question, std::string const &id,
                               std::optional<std::string> const &confirmed) {
    if (confirmed) {
        if (*confirmed != id) {
            throw Error(ErrorKind::declined,
                        "--confirm says " + *confirmed + ", but the command is about " + id + "; nothing was changed");
        }
        return;
    }
    if (!can_ask()) {
        nobody_to_ask(question, "add --confirm " + id + " (--yes is not enough here)");
    }
    write_all(STDERR_FILENO, escape_for_terminal(question) + '\n');
    show_database();
    require_typed(id, id);
    require_database_typed();
}

std::string Prompt::ask(std::string const &question, std::string const &proposal) {
    std::string const shown = proposal.empty() ? "" : " [" + proposal + ']';
    std::string const answer(trimmed(read_shown_line(question + shown + ": ")));
    return answer.empty() ? proposal : answer;
}

SecretBuffer Prompt::ask_hidden(std::string const &question, std::string const &source, std::string const &next) {
    if (!can_ask()) {
        throw Error(ErrorKind::usage, source + ", but cannot ask at this terminal",
                    {.why = "--no-input is given, or stderr is not a terminal", .next = next});
    }
    return read_hidden_line(question + " (not shown): ");
}

}  // namespace relay::cli
