#include "cli/documents/standing.hpp"

#include <algorithm>

namespace relay::cli {

Record standing_record(Standing const &standing) {
    return {
        {"subject_kind", "Of", standing.subject_kind},
        {"subject_id", "ID", standing.subject_id},
        {"kind", "Kind", standing.kind},
        {"at", "Since", standing.at},
        {"until", "Until", standing.until},
        {"actor", "By", standing.actor},
        {"db_role", "Role", standing.db_role},
        {"ticket", "Ticket", standing.ticket},
        {"reason", "Reason", standing.reason},
    };
}

std::vector<Record> standing_records(std::vector<Standing> const &standing) {
    std::vector<Record> records;
    std::transform(standing.begin(), standing.end(), std::back_inserter(records), standing_record);
    return records;
}

Phrase describe_standing(Standing const &standing) {
    std::string who = standing.kind == "revoke" ? "REVOKED" : "BLOCKED";
    if (standing.subject_kind != "agent") {
        who += " (" + standing.subject_kind + ' ' + standing.subject_id + ')';
    }
    Phrase phrase{who + " since ", standing.at};
    if (standing.until) {
        phrase.insert(phrase.end(), {" until ", *standing.until});
    }
    std::string by = " by " + standing.actor + " (role " + standing.db_role + ')';
    by += standing.ticket ? ", " + *standing.ticket : "";
    by += standing.reason ? ": " + *standing.reason : "";
    phrase.emplace_back(std::move(by));
    return phrase;
}

Phrase describe_status(std::string_view status, std::vector<Standing> const &standing) {
    if (standing.empty()) {
        return {std::string(status)};
    }
    Phrase phrase;
    for (Standing const &row : standing) {
        phrase.emplace_back(phrase.empty() ? "" : "; ");
        Phrase const words = describe_standing(row);
        phrase.insert(phrase.end(), words.begin(), words.end());
    }
    return phrase;
}

}  // namespace relay::cli
