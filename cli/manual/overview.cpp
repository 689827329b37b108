#include "cli/manual/overview.hpp"

#include "cli/manual/help_layout.hpp"
#include "cli/output/text_width.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

constexpr std::size_t word_column = 10;
constexpr std::size_t text_column = 26;

/// Returns all audiences in the order of the front page.
std::vector<AudienceGroup> all_audiences() {
    return {
        {Audience::set_up, "set-up", "Set-up"},           {Audience::orgs, "orgs", "Organizations"},
        {Audience::agents, "agents", "Agents"},           {Audience::incidents, "incidents", "Incidents"},
        {Audience::legacy, "legacy", "Legacy migration"}, {Audience::audit, "audit", "Audit"},
        {Audience::tenants, "tenants", "Tenants"},        {Audience::other, "other", "Other"},
    };
}

/// Returns where the front page shows a first word. A word that is not a command is the beginning of an alias.
std::pair<Audience, int> place_of(std::span<Command const *const> table, std::string const &word) {
    Command const *command = find_command(table, {word});
    return command == nullptr ? std::pair(Audience::other, 0) : std::pair(command->audience, command->rank);
}

std::string command_rows(std::span<Command const *const> table, AudienceGroup const &group) {
    std::string rows;
    for (std::string const &word : group.words) {
        Command const *command = find_command(table, {word});
        std::string const label = pad_right(rows.empty() ? std::string(group.label) : "", word_column);
        std::string text = wrap_words(command == nullptr ? "" : command->summary, help_width(), text_column);
        text.erase(0, std::min(text.size(), text_column));
        rows += pad_right(label + word, text_column) + (text.empty() ? "\n" : text);
    }
    return rows;
}

/// Returns the less important commands without summaries, because the page must fit on a screen of 24 lines.
std::string words_alone(AudienceGroup const &group) {
    std::string words;
    for (std::string const &word : group.words) {
        words += (words.empty() ? "" : ", ") + word;
    }
    return pad_right(std::string(group.label), word_column) +
           wrap_words(words, help_width(), word_column).erase(0, word_column);
}

}  // namespace

std::vector<AudienceGroup> audience_groups(std::span<Command const *const> table) {
    std::vector<std::string> words = next_words(table, {});
    std::stable_sort(words.begin(), words.end(), [&](std::string const &left, std::string const &right) {
        return place_of(table, left) < place_of(table, right);
    });
    std::vector<AudienceGroup> groups = all_audiences();
    for (AudienceGroup &group : groups) {
        std::copy_if(words.begin(), words.end(), std::back_inserter(group.words),
                     [&](std::string const &word) { return place_of(table, word).first == group.audience; });
    }
    std::erase_if(groups, [](AudienceGroup const &group) { return group.words.empty(); });
    return groups;
}

std::string overview_text(std::span<Command const *const> table) {
    std::string page = "Usage: relay-admin [GLOBAL FLAGS] COMMAND [ARGS]\n";
    for (AudienceGroup const &group : audience_groups(table)) {
        bool const is_short = group.audience == Audience::tenants || group.audience == Audience::other;
        page += is_short ? words_alone(group) : command_rows(table, group);
    }
    return page + "Try it: relay-admin --sandbox init    More: relay-admin help COMMAND, or --help\n";
}

}  // namespace relay::cli
