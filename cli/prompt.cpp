#include "cli/prompt.hpp"

#include "cli/write_all.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <cerrno>

#include <unistd.h>

namespace relay::cli {

namespace {

constexpr std::size_t longest_answer = 4096;

void ask(std::string const &text) { write_all(STDERR_FILENO, escape_for_terminal(text)); }

/// One line from the terminal, in its own line mode; nullopt at Ctrl-D. Byte by byte: what follows the line is not ours.
/// A signal that does not end the program has interrupted a transaction, so it ends the question, too.
std::optional<std::string> read_answer() {
    std::string answer;
    char letter = 0;
    while (answer.size() < longest_answer) {
        ssize_t const got = ::read(STDIN_FILENO, &letter, 1);
        if (got < 0 && errno == EINTR) {
            throw Interrupted();
        }
        if (got <= 0) {
            write_all(STDERR_FILENO, "\n");
            return std::nullopt;
        }
        if (letter == '\n') {
            return answer;
        }
        answer += letter;
    }
    return std::nullopt;
}

std::string trimmed(std::string text) {
    constexpr char const *blanks = " \t\r";
    text.erase(text.find_last_not_of(blanks) + 1);
    text.erase(0, text.find_first_not_of(blanks));
    return text;
}

[[noreturn]] void nobody_to_ask(std::string const &question, std::string const &next) {
    throw Error(ErrorKind::usage, "this needs a confirmation: " + question,
                {.why = "stdin and stderr are not both a terminal, or --no-input is given", .next = next});
}

}  // namespace

Prompt::Prompt(Globals const &globals) : m_yes(globals.yes), m_no_input(globals.no_input) {}

bool Prompt::can_ask() const { return !m_no_input && ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1; }

void Prompt::confirm(std::string const &question) {
    if (m_yes) {
        return;
    }
    if (!can_ask()) {
        nobody_to_ask(question, "add --yes if it is meant so");
    }
    ask(question + " [y/N] ");
    std::string const answer = trimmed(read_answer().value_or(""));
    if (answer != "y" && answer != "Y" && answer != "yes" && answer != "Yes" && answer != "YES") {
        throw Error(ErrorKind::declined, "declined; nothing was changed");
    }
}

void Prompt::confirm_by_typing(std::string const &question, std::string const &id,
                               std::optional<std::string> const &confirmed) {
    if (confirmed) {
        if (*confirmed != id) {
            throw Error(ErrorKind::declined, "--confirm says " + *confirmed + ", but this is about " + id);
        }
        return;
    }
    if (!can_ask()) {
        nobody_to_ask(question, "add --confirm " + id + " if it is meant so (--yes is not enough here)");
    }
    write_all(STDERR_FILENO, escape_for_terminal(question) + '\n');
    ask("Type " + id + " to go on: ");
    if (trimmed(read_answer().value_or("")) != id) {
        throw Error(ErrorKind::declined, "declined: that was not " + id + "; nothing was changed");
    }
}

}  // namespace relay::cli
