#include "cli/manual/overview.hpp"

#include "cli/manual/help_layout.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

constexpr std::string_view other = "Other";

/// Who needs what: the three people whom the program is for. A command that is in no row stands under "Other".
struct Row {
    std::string_view heading;
    std::vector<std::string_view> words;
};
std::vector<Row> const &rows() {
    static std::vector<Row> const all{
        {"The operator, at a terminal",
         {"init", "sandbox", "schema", "doctor", "org", "agent", "key", "migrate-legacy"}},
        {"The CI script, every day", {"rotate-key", "recover", "metrics"}},
        {"The incident responder, at once",
         {"block", "unblock", "revoke", "restore", "whois", "gateway", "watch", "audit"}},
    };
    return all;
}

std::string summary_of(std::span<Command const *const> table, Path const &path) {
    Command const *command = find_command(table, path);
    return command == nullptr ? "" : std::string(command->summary);
}

std::vector<std::string> take_known(std::vector<std::string> &left, std::vector<std::string_view> const &wanted) {
    std::vector<std::string> taken;
    for (std::string_view const word : wanted) {
        auto const at = std::find(left.begin(), left.end(), word);
        if (at != left.end()) {
            taken.push_back(*at);
            left.erase(at);
        }
    }
    return taken;
}

std::string command_rows(std::span<Command const *const> table, std::vector<std::string> const &words) {
    std::vector<HelpEntry> entries;
    for (std::string const &word : words) {
        entries.push_back({word, summary_of(table, {word})});
    }
    return two_columns(entries, 18);
}

std::string listed(std::vector<std::string> const &words) {
    std::string text;
    for (std::string const &word : words) {
        text += (text.empty() ? "" : ", ") + word;
    }
    return text;
}

}  // namespace

std::vector<Audience> audiences(std::span<Command const *const> table) {
    std::vector<std::string> left = next_words(table, {});
    std::vector<Audience> found;
    for (Row const &row : rows()) {
        std::vector<std::string> words = take_known(left, row.words);
        if (!words.empty()) {
            found.push_back({std::string(row.heading), std::move(words)});
        }
    }
    if (!left.empty()) {
        found.push_back({std::string(other), std::move(left)});
    }
    return found;
}

std::string overview_text(std::span<Command const *const> table) {
    std::string page = "Usage: relay-admin [GLOBAL FLAGS] COMMAND [ARGS]\n";
    for (Audience const &audience : audiences(table)) {
        // What nobody looks for on this page is named alone: all of it has to fit on a screen of 24 lines.
        page += audience.heading == other ? "Also: " + listed(audience.words) + '\n'
                                          : audience.heading + ":\n" + command_rows(table, audience.words);
    }
    return page + "Try it: relay-admin --sandbox init    More: relay-admin help COMMAND, or --help\n";
}

}  // namespace relay::cli
