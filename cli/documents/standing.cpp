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

std::string describe_standing(Standing const &standing) {
    std::string text = standing.kind == "revoke" ? "REVOKED" : "BLOCKED";
    if (standing.subject_kind != "agent") {
        text += " (" + standing.subject_kind + ' ' + standing.subject_id + ')';
    }
    text += " since " + format_instant_seconds(standing.at);
    if (standing.until) {
        text += " until " + format_instant_seconds(*standing.until);
    }
    text += " by " + standing.actor + " (role " + standing.db_role + ')';
    text += standing.ticket ? ", " + *standing.ticket : "";
    text += standing.reason ? ": " + *standing.reason : "";
    return text;
}

std::string describe_status(std::string_view status, std::vector<Standing> const &standing) {
    if (standing.empty()) {
        return std::string(status);
    }
    std::string text;
    for (Standing const &row : standing) {
        text += (text.empty() ? "" : "; ") + describe_standing(row);
    }
    return text;
}

}  // namespace relay::cli
