#include "cli/output/error_output.hpp"

#include "cli/output/advice_text.hpp"
#include "cli/output/color.hpp"
#include "cli/output/render_json.hpp"
#include "cli/posix/write_all.hpp"
#include "relay/model/text.hpp"

#include <algorithm>
#include <cstdlib>

#include <unistd.h>

namespace relay::cli {

namespace {

/// A text of several lines has them below each other.
std::string hint_line(std::string_view label, std::string_view text) {
    std::string lines;
    std::string beginning = "  " + std::string(label);
    while (!text.empty()) {
        std::size_t const end = std::min(text.find('\n'), text.size());
        lines += beginning + escape_for_terminal(text.substr(0, end)) + '\n';
        text.remove_prefix(std::min(end + 1, text.size()));
        beginning.assign(beginning.size(), ' ');
    }
    return lines;
}

std::string doubt_lines(std::vector<std::string> const &doubts) {
    std::string lines;
    for (std::string const &doubt : doubts) {
        lines += "NOT CONFIRMED: " + escape_for_terminal(doubt) + '\n';
    }
    return lines;
}

}  // namespace

bool stderr_has_color(ColorChoice choice) {
    return wants_color(choice, ::isatty(STDERR_FILENO) == 1, [](char const *name) { return std::getenv(name); });
}

std::string error_text(Error const &error, Globals const &globals, bool color) {
    Hint const &hint = error.hint();
    std::string meant;
    for (std::size_t i = 0; i < hint.suggestions.size(); ++i) {
        meant += (i == 0 ? "" : ", ") + hint.suggestions[i];
        meant += i < hint.suggestion_texts.size() ? " (" + hint.suggestion_texts[i] + ')' : "";
    }
    std::string text = "relay-admin: ";
    text += color ? "\033[1;31merror:\033[0m " : "error: ";
    text += escape_for_terminal(error.message()) + '\n';
    text += hint_line("why:  ", hint.why) + hint_line("did you mean: ", meant);
    for (std::string const &line : advice_lines(hint.next, globals)) {
        text += hint_line("next: ", line);
    }
    return globals.verbose ? text + hint_line("sqlstate: ", hint.sqlstate) : text;
}

void report_error(Error const &error, Globals const &globals) {
    std::string const doubts = doubt_lines(error.hint().not_confirmed);
    // The object is the last line in JSON mode; for people the doubt is, since who reads one line reads that one.
    write_all(STDERR_FILENO, is_json(globals.format)
                                 ? doubts + error_json(error, globals)
                                 : error_text(error, globals, stderr_has_color(globals.color)) + doubts);
}

}  // namespace relay::cli
