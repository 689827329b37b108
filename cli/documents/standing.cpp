#include "cli/documents/standing.hpp"

#include <algorithm>

namespace relay::cli {

Record standing_record(Standing const &standing) {
    return {
        {"subject_kind", "Of", kind_of(standing.subject)},
        {"subject_id", "ID", standing.subject},
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
    std::string who = standing.kind == StandingKind::revoke ? "REVOKED" : "BLOCKED";
    SubjectKind const kind = kind_of(standing.subject);
    if (kind != SubjectKind::agent) {
        who += " (" + std::string(text_of(kind)) + ' ' + text_of(standing.subject) + ')';
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

Phrase describe_standing(std::vector<Standing> const &standing) {
    Phrase phrase;
    for (Standing const &row : standing) {
        phrase.emplace_back(phrase.empty() ? "" : "; ");
        Phrase const words = describe_standing(row);
        phrase.insert(phrase.end(), words.begin(), words.end());
    }
    return phrase;
}

Phrase describe_status(Status status, std::vector<Standing> const &standing) {
    return standing.empty() ? Phrase{std::string(text_of(status))} : describe_standing(standing);
}

}  // namespace relay::cli
