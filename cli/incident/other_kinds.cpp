#include "cli/incident/other_kinds.hpp"

#include "cli/command_line/other_kind.hpp"
#include "cli/context.hpp"
#include "relay/inspect/recognize.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

constexpr std::size_t most_looked_up = 20;
/// For a look that only makes a report better.
constexpr std::chrono::milliseconds longest_look{1'000};

bool is_not_found(IncidentItem const &item) {
    return item.error && item.error->kind() == ErrorKind::not_found && !item.error->hint().sought.text.empty();
}

std::vector<std::vector<Recognized>> look_up(Context &context, std::vector<std::string> const &texts) {
    try {
        std::optional<db::Settings> settings = settings_without_starting(context.globals());
        if (!settings || texts.empty()) {
            return {};
        }
        settings->timeout = std::min(settings->timeout, longest_look);
        return recognize_each(*settings, texts);
    } catch (Error const &) {
        return {};  // the report is complete without this
    }
}

}  // namespace

Error explain_one(Context &context, Error const &error) {
    auto const found = look_up(context, {error.hint().sought.text});
    return found.empty()
               ? error
               : with_other_kind(error, about_only(context.typed(), error.hint().sought), true, found.front());
}

OtherKinds explain_unknown(Context &context, std::vector<IncidentItem> &items) {
    std::vector<std::string> texts;
    for (IncidentItem const &item : items) {
        if (is_not_found(item) && texts.size() < most_looked_up) {
            texts.push_back(item.error->hint().sought.text);
        }
    }
    std::vector<std::vector<Recognized>> const all = look_up(context, texts);
    OtherKinds kinds;
    std::size_t next = 0;
    for (IncidentItem &item : items) {
        if (!is_not_found(item)) {
            continue;
        }
        if (next == all.size()) {
            ++kinds.not_read;
            continue;
        }
        std::vector<Recognized> const &found = all[next++];
        ++(found.empty() ? kinds.unknown : kinds.recognized);
        bool const takes_org = true;  // as every command that blocks or revokes, or undoes that
        Line const alone = about_only(context.typed(), item.error->hint().sought);
        item.error = with_other_kind(*item.error, alone, takes_org, found);
    }
    return kinds;
}

std::string note_of(OtherKinds const &kinds) {
    std::string others = "no agent has the other ids";
    if (kinds.not_read == 0 && kinds.recognized == 0) {
        others = "the others are not in this database";
    } else if (kinds.not_read == 0) {
        others = "of the others, " + std::to_string(kinds.unknown) + (kinds.unknown == 1 ? " is" : " are") +
                 " not in this database";
    }
    bool const all_have_commands = kinds.unknown + kinds.not_read == 0 && kinds.recognized > 0;
    return all_have_commands ? "" : others + ": running the command again cannot change that";
}

}  // namespace relay::cli
