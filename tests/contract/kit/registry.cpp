#include "registry.hpp"

#include <algorithm>
#include <array>

namespace gateway::registry {

namespace {

using nlohmann::json;

// The database makes the answers, so a card passes through as it was sent, whatever this language makes of its numbers.
#define LEASE(call)                                                                                                 \
    "SELECT r.reason, jsonb_strip_nulls(jsonb_build_object('ok', r.ok, 'reason', r.reason, 'problems', r.problems," \
    " 'lease_ends_at', r.lease_ends_at, 'lease_seconds',"                                                           \
    " round(extract(epoch FROM r.lease_ends_at - clock_timestamp())::numeric, 3)))::text AS answer"                 \
    " FROM relay_api." call " AS r"
#define ENTRY                                                                                                        \
    "SELECT f.agent_id, (to_jsonb(f) || jsonb_build_object('queue', relay_api.queue_name($1, 'agent', f.agent_id)))" \
    "::text AS entry FROM relay_api."
constexpr auto register_sql = LEASE("register($1, $2::jsonb -> 'card', $3, make_interval(secs => $4::float8))");
constexpr auto heartbeat_sql = LEASE("heartbeat($1, $2, make_interval(secs => $3::float8))");
constexpr auto drain_sql = "SELECT jsonb_build_object('ok', true, 'found', relay_api.drain($1, $2))::text AS answer";
constexpr auto unregister_sql =
    "SELECT jsonb_build_object('ok', true, 'found', relay_api.unregister($1, $2))::text AS answer";
constexpr auto find_sql = ENTRY "find_agents($1, $2, $3, $4, $5, $6, $7::integer) AS f";
constexpr auto card_sql = ENTRY "agent_card($1, $2) AS f";
#undef LEASE
#undef ENTRY
constexpr std::array listed{"skill", "tag", "capability", "pattern"};
constexpr auto max_kept = std::chrono::seconds(5);
constexpr std::size_t most_kept = 1000, most_bytes = 1 << 24;

Answer not_found() { return {.status = 404, .text = R"({"ok": false, "reason": "not_found"})"}; }

/// Whether an error is about a value of the request, and not about the database.
bool is_about_a_value(QueryError const &error) {
    return error.sqlstate.starts_with("22") || error.sqlstate.starts_with("54");
}

}  // namespace

Answer Registry::answer(Request const &request, Decision const &decision, std::string_view content_type,
                        std::string const &body) {
    try {
        if (request.operation == "register") {
            return announce(decision, content_type, body);
        }
        if (request.operation == "find") {
            return find(request, decision.org_id);
        }
        if (request.operation == "card") {
            Rows const rows = m_query(card_sql, {decision.org_id, request.agent_id});
            return rows.empty() ? not_found() : Answer{.text = rows[0].at("entry").value()};
        }
        auto const *const sql = request.operation == "drain" ? drain_sql : unregister_sql;
        Row const row = m_query(sql, {decision.agent_id, request.instance_id}).at(0);
        forget(decision.org_id);
        return {.text = row.at("answer").value()};
    } catch (Refused const &refused) {
        return refused.answer;
    } catch (QueryError const &error) {
        if (!is_about_a_value(error)) {
            throw;
        }
        json const said{{"ok", false}, {"reason", "bad_request"}, {"problems", {error.what()}}};
        return {.status = 400, .text = said.dump()};
    }
}

/// Registers the agent, or takes its beat if there is no card.
Answer Registry::announce(Decision const &decision, std::string_view content_type, std::string const &body) {
    Body const said = read(content_type, body);
    std::string const lease = json(said.lease).dump();  // whatever the locale
    Row row;
    if (said.has_card) {
        row = m_query(register_sql, {decision.agent_id, body, said.instance_id, lease}).at(0);
        forget(decision.org_id);
    } else {
        row = m_query(heartbeat_sql, {decision.agent_id, said.instance_id, lease}).at(0);
    }
    std::string const reason = row.at("reason").value();
    int const status = reason == "ok" ? 200 : reason == "card_invalid" ? 422 : reason == "register" ? 409 : 403;
    return {.status = status, .text = row.at("answer").value()};
}

Answer Registry::find(Request const &request, std::string const &org_id) {
    Question question{org_id};
    for (char const *name : listed) {
        auto const given = request.conditions.find(name);
        question.push_back(given == request.conditions.end() ? std::nullopt : Value(given->second));
    }
    auto const after = request.conditions.find("after");
    question.emplace_back(after == request.conditions.end() ? "" : after->second);
    question.emplace_back(std::to_string(request.most));
    Entries const found = rows(question);
    std::string text = "{\"agents\": [";
    for (Row const &row : *found) {
        text += (&row == found->data() ? "" : ", ") + row.at("entry").value();
    }
    bool const is_full = found->size() == std::size_t(request.most);
    text += "], \"next\": " + (is_full ? json(found->back().at("agent_id").value()).dump() : "null") + "}";
    return {.text = std::move(text)};
}

/// Those that were kept, if they may answer; else those of the database.
Registry::Entries Registry::rows(Question const &question) {
    Changes const &changes = m_verifier.changes();
    auto const now = Clock::now();
    std::uint64_t forgotten = 0;
    {
        std::lock_guard const lock(m_mutex);
        auto const found = m_kept.find(question);
        if (found != m_kept.end() && now < found->second.until && m_verifier.hears() &&
            changes.unchanged(found->second.places, found->second.asked)) {
            m_turns.splice(m_turns.end(), m_turns, found->second.turn);
            return found->second.rows;
        }
        forgotten = m_forgotten;
    }
    Result result{.until = now + max_kept, .asked = changes.number()};
    result.rows = std::make_shared<Rows const>(m_query(find_sql, question));
    result.places = {Changes::place(""), Changes::place("org_id " + question.at(0).value())};
    for (Row const &row : *result.rows) {
        result.places.push_back(Changes::place("agent_id " + row.at("agent_id").value()));
        result.bytes += row.at("entry").value().size();
    }
    Entries const entries = result.rows;
    std::lock_guard const lock(m_mutex);
    if (forgotten == m_forgotten && result.bytes <= most_bytes) {
        keep(question, std::move(result));
    }
    return entries;
}

/// For a thread that holds the lock.
void Registry::keep(Question const &question, Result result) {
    drop(question);
    result.turn = m_turns.insert(m_turns.end(), question);
    m_bytes += result.bytes;
    m_kept.emplace(question, std::move(result));
    while (m_bytes > most_bytes || m_kept.size() > most_kept) {
        drop(Question(m_turns.front()));
    }
}

/// An agent of the organization came or went here: the next search asks.
void Registry::forget(std::string const &org_id) {
    std::lock_guard const lock(m_mutex);
    ++m_forgotten;
    for (auto one = m_kept.lower_bound({org_id}); one != m_kept.end() && one->first.at(0) == org_id;) {
        drop(Question((one++)->first));
    }
}

/// For a thread that holds the lock.
void Registry::drop(Question const &question) {
    if (auto const found = m_kept.find(question); found != m_kept.end()) {
        m_bytes -= found->second.bytes;
        m_turns.erase(found->second.turn);
        m_kept.erase(found);
    }
}

}  // namespace gateway::registry
