#include "cli/overview.hpp"

#include "cli/help_layout.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

/// Who needs what. A command that is in no row stands under "Other".
struct Row {
    std::string_view heading;
    std::vector<std::string_view> words;
};
std::vector<Row> const &rows() {
    static std::vector<Row> const all{
        {"Set up and run", {"init", "sandbox", "schema", "doctor", "org", "agent", "key"}},
        {"Rotate and check, from CI", {"rotate-key", "recover", "metrics"}},
        {"Incidents", {"block", "unblock", "revoke", "restore", "whois", "audit"}},
        {"Leave the shared secret", {"migrate-legacy"}},
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
        found.push_back({"Other", std::move(left)});
    }
    return found;
}

std::string overview_text(std::span<Command const *const> table) {
    std::string page = "Usage: relay-admin [GLOBAL FLAGS] COMMAND [ARGS]\n";
    for (Audience const &audience : audiences(table)) {
        page += audience.heading + ":\n" + command_rows(table, audience.words);
    }
    return page + "Try it: relay-admin --sandbox init    More: relay-admin help COMMAND, or --help\n";
}

}  // namespace relay::cli
