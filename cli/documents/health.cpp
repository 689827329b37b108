#include "cli/documents/health.hpp"

#include "cli/documents/fields.hpp"
#include "cli/manual/help_layout.hpp"
#include "cli/output/advice_text.hpp"
#include "cli/output/screen.hpp"
#include "cli/output/text_width.hpp"
#include "relay/model/text.hpp"

#include <algorithm>

#include <unistd.h>

namespace relay::cli {

namespace {

Record check_record(CheckResult const &result, Globals const &globals) {
    return {
        {"check", "Check", result.check},
        {"status", "Status", result.status},
        {"message", "Message", result.message},
        {"next", "Next", or_null(first_advice(result.next, globals))},
    };
}

std::string padded(std::string_view text, std::size_t width) {
    return std::string(text) + std::string(width - std::min(text.size(), width), ' ');
}

/// Returns "12 ok, 1 warn", without words that count none.
std::string sum_up(std::vector<CheckResult> const &checks) {
    std::string text;
    for (auto const &[status, word] : EnumText<CheckStatus>::words) {
        auto const count = std::count_if(checks.begin(), checks.end(),
                                         [&](CheckResult const &result) { return result.status == status; });
        if (count > 0) {
            text += (text.empty() ? "" : ", ") + std::to_string(count) + ' ' + std::string(word);
        }
    }
    return text;
}

/// Returns a message with its line end. At a terminal it is wrapped, behind what is left of `column`; a script gets one
/// line per check.
std::string wrapped(std::string const &message, std::size_t column) {
    std::string const text = escape_for_terminal(message);
    return screen_of(STDOUT_FILENO) ? wrap_words(text, help_width(), column).erase(0, column) : text + '\n';
}

/// Adds the steps. A sentence is wrapped; a command stays on one line, so that it can be pasted.
void add_advice(Advice const &advice, std::size_t column, Globals const &globals, std::string &text) {
    std::vector<std::string> const lines = advice_lines(advice, globals);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        text += std::string(column, ' ') + "next: ";
        text += i < advice.steps().size() && advice.steps()[i].kind == Step::Kind::words
                    ? wrapped(lines[i], column + std::string_view("next: ").size())
                    : escape_for_terminal(lines[i]) + '\n';
    }
}

}  // namespace

Document health_document(Examination const &examination, Globals const &globals) {
    Document document{
        .kind = "CheckList", .id_key = "check", .is_list = true, .columns = blank(check_record({}, globals))};
    std::transform(examination.checks.begin(), examination.checks.end(), std::back_inserter(document.items),
                   [&](CheckResult const &result) { return check_record(result, globals); });
    return document;
}

std::string health_text(Examination const &examination, Globals const &globals) {
    constexpr std::size_t status_width = 9;
    std::size_t check_width = 0;
    for (CheckResult const &result : examination.checks) {
        check_width = std::max(check_width, result.check.size() + 2);
    }
    std::string text;
    for (CheckResult const &result : examination.checks) {
        text += padded(text_of(result.status), status_width) + padded(result.check, check_width) +
                wrapped(result.message, status_width + check_width);
        if (result.status != CheckStatus::ok) {
            add_advice(result.next, status_width + check_width, globals, text);
        }
    }
    return text + sum_up(examination.checks) + '\n';
}

}  // namespace relay::cli
