#include "relay/audit/anomalies.hpp"

#include "relay/audit/anomalies_sql.hpp"
#include "relay/identity/organizations_sql.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/model/text.hpp"

namespace relay {
namespace {

std::string id_or(auto const &id, std::string_view otherwise) { return id ? id->text() : std::string(otherwise); }

std::string evidence_of(Anomaly const &one) {
    std::string const agent = "agent " + id_or(one.agent_id, "?");
    std::string const key = "key " + id_or(one.key_id, "?");
    std::string const from = one.ip_address ? " from " + *one.ip_address : "";
    switch (one.kind) {
        case AnomalyKind::new_address: return agent + " was never seen" + from + " before";
        case AnomalyKind::dead_key_used:
            return key + " has ended, and was used again " + counted(one.times, "time") + from;
        case AnomalyKind::failures_from_address: return counted(one.times, "refused call") + from;
        case AnomalyKind::failures_of_key: return counted(one.times, "refused call") + " with " + key;
        case AnomalyKind::two_places: return key + " was used at the same time" + from;
        case AnomalyKind::long_silence:
            return agent + " was used after " + counted(one.times, "day") + " without a use";
        case AnomalyKind::permission_burst: break;
    }
    return agent + " was refused permissions " + counted(one.times, "time");
}

Advice more_about(Anomaly const &one) {
    switch (one.kind) {
        case AnomalyKind::failures_from_address: return advise(Act::list_events_from, *one.ip_address);
        case AnomalyKind::dead_key_used:
        case AnomalyKind::failures_of_key:
        case AnomalyKind::two_places: return advise(Act::list_events_of_key, *one.key_id);
        case AnomalyKind::new_address:
        case AnomalyKind::long_silence:
        case AnomalyKind::permission_burst: break;
    }
    return advise(Act::list_events_of_agent, *one.agent_id);
}

}  // namespace

Anomalies find_anomalies(db::Database &database, FindAnomalies const &request) {
    return database.transact(reading(), [&](db::Transaction &transaction) {
        if (request.org) {
            sql::get_org(transaction, *request.org);
        }
        auto const *const age = std::get_if<std::chrono::seconds>(&request.since);
        Instant const since = age != nullptr ? transaction.now() - *age : std::get<Instant>(request.since);
        Anomalies result{.found = sql::anomalies(transaction, request, since)};
        for (Anomaly &one : result.found) {
            one.evidence = evidence_of(one);
            one.more = more_about(one);
        }
        result.at = transaction.now();
        result.db_role = transaction.db_role();
        return result;
    });
}

}  // namespace relay
