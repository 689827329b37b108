#include "relay/audit/anomalies.hpp"

#include "relay/audit/anomalies_sql.hpp"
#include "relay/identity/organizations_sql.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/model/text.hpp"

#include <algorithm>
#include <array>

namespace relay {
namespace {

std::string id_or(auto const &id, std::string_view otherwise) { return id ? id->text() : std::string(otherwise); }

constexpr std::int64_t most_places = 3;  // as the statement returns

/// A statement that took too long, or waited too long for a lock.
bool is_out_of_time(Error const &error) { return error.hint().sqlstate == "57014" || error.hint().sqlstate == "55P03"; }

std::string and_more(std::int64_t places) {
    return places > most_places ? " and " + std::to_string(places - most_places) + " more" : "";
}

std::string evidence_of(Anomaly const &one) {
    std::string const agent = "agent " + id_or(one.agent_id, "?");
    std::string const key = "key " + id_or(one.key_id, "?");
    std::string const from = one.ip_address ? " from " + *one.ip_address : "";
    switch (one.kind) {
        case AnomalyKind::new_address: return agent + " was not seen" + from + " in the 30 days before";
        case AnomalyKind::dead_key_used:
            return key + " has ended, and was used again " + counted(one.times, "time") + from;
        case AnomalyKind::failures_from_address: return counted(one.times, "refused call") + from;
        case AnomalyKind::failures_of_key: return counted(one.times, "refused call") + " with " + key;
        case AnomalyKind::two_places: return key + " was used in turn" + from + and_more(one.times);
        case AnomalyKind::long_silence:
            return agent + " was used after " + counted(one.times, "day") + " without a use";
        case AnomalyKind::permission_burst: break;
    }
    return agent + " was refused permissions " + counted(one.times, "time");
}

constexpr auto order = std::to_array({AnomalyKind::new_address, AnomalyKind::dead_key_used, AnomalyKind::two_places,
                                      AnomalyKind::long_silence, AnomalyKind::failures_of_key,
                                      AnomalyKind::failures_from_address, AnomalyKind::permission_burst});

/// No index leads to an address, so the list of one must begin at a time. Indexes lead to agents and keys.
Advice more_about(Anomaly const &one, Instant since) {
    switch (one.kind) {
        case AnomalyKind::failures_from_address:
            return advise(Act::list_failures_from, *one.ip_address, format_instant_exact(since));
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
    Anomalies result;
    Instant since{};
    database.transact(reading(), [&](db::Transaction &transaction) {
        if (request.org) {
            sql::get_org(transaction, *request.org);
        }
        auto const *const age = std::get_if<std::chrono::seconds>(&request.since);
        since = age != nullptr ? transaction.now() - *age : std::get<Instant>(request.since);
        result.at = transaction.now();
        result.db_role = transaction.db_role();
    });
    for (AnomalyKind const kind : order) {
        try {
            auto [found, count] = database.transact(reading(), [&](db::Transaction &transaction) {
                return sql::anomalies(transaction, kind, request, since);
            });
            auto const left_out = count - static_cast<std::int64_t>(found.size());
            if (left_out > 0) {
                result.more.push_back({.kind = kind, .count = left_out});
            }
            std::move(found.begin(), found.end(), std::back_inserter(result.found));
        } catch (Error const &error) {
            if (!is_out_of_time(error)) {
                throw;
            }
            result.more.push_back({.kind = kind, .failure = error});
        }
    }
    if (result.found.empty() && !result.more.empty()) {
        throw *result.more.front().failure;
    }
    for (Anomaly &one : result.found) {
        one.evidence = evidence_of(one);
        one.more = more_about(one, since);
    }
    return result;
}

}  // namespace relay
