#include "relay/identity/permission_events.hpp"

namespace relay {
namespace {

sql::Detail detail_of(Holder const &holder) {
    sql::Detail detail;
    if (holder.role_id) {
        detail.add("role_id", holder.role_id->text());
    }
    return detail;
}

}  // namespace

std::vector<sql::NewEvent> granted_events(Holder const &holder, std::vector<std::string> const &permissions,
                                          GrantTerms const &terms) {
    std::vector<sql::NewEvent> events;
    for (std::string const &permission : permissions) {
        sql::Detail detail = detail_of(holder);
        detail.add("permission", permission);
        if (terms.conditions) {
            detail.add_json("conditions", terms.conditions->text());
        } else if (!terms.keep) {
            detail.add_json("conditions", "null");
        }
        events.push_back(
            {.action = "permission_granted", .org_id = holder.org_id, .agent_id = holder.agent_id, .detail = detail});
    }
    return events;
}

std::vector<sql::NewEvent> revoked_events(Holder const &holder, std::vector<std::string> const &permissions) {
    std::vector<sql::NewEvent> events;
    for (std::string const &permission : permissions) {
        events.push_back({.action = "permission_revoked",
                          .org_id = holder.org_id,
                          .agent_id = holder.agent_id,
                          .detail = detail_of(holder).add("permission", permission)});
    }
    return events;
}

sql::NewEvent role_event(std::string action, Holder const &holder) {
    return {
        .action = std::move(action), .org_id = holder.org_id, .agent_id = holder.agent_id, .detail = detail_of(holder)};
}

}  // namespace relay
