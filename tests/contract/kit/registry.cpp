#include "registry.hpp"

#include <algorithm>
#include <array>

namespace gateway::registry {

namespace {

using nlohmann::json;

// The database makes the answers, so a card passes through as it was sent, whatever this language makes of its numbers.
#define TIME(value) "to_char(" value " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
#define LEASE(call) \
    "SELECT r.reason, jsonb_strip_nulls(jsonb_build_object('ok', r.ok, 'reason', r.reason, 'problems', r.problems," \
    " 'lease_ends_at', " TIME("r.lease_ends_at") ", 'started_at', " TIME("r.started_at") ", 'lease_seconds',"       \
    " round(extract(epoch FROM r.lease_ends_at - clock_timestamp())::numeric, 3)))::text AS answer"                 \
    " FROM relay_api." call " AS r"
#define END(call) "SELECT jsonb_build_object('ok', true, 'found', relay_api." call ")::text AS answer"
#define ENTRY \
    "SELECT f.agent_id, f.next, jsonb_build_object('agent_id', f.agent_id, 'card', f.card, 'instances', f.instances," \
    " 'lease_ends_at', " TIME("f.lease_ends_at") ", 'queue', relay_api.queue_name($1, 'agent', f.agent_id))"         \
    "::text AS entry FROM relay_api."
constexpr auto register_sql = LEASE("register($1, $2::json -> 'card', $3, make_interval(secs => $4::float8))");
constexpr auto heartbeat_sql =
    LEASE("heartbeat($1, $2, make_interval(secs => $3::float8), $4::timestamptz, $5::boolean)");
constexpr auto drain_sql = END("drain($1, $2, $3::timestamptz)");
constexpr auto unregister_sql = END("unregister($1, $2, $3::timestamptz)");
constexpr auto refused_sql = "SELECT relay_api.refuse_message($1, NULL, $2, $3, $4, $5)";
constexpr auto find_sql = ENTRY "find_agents($1, $2, $3, $4, $5, $6, $7::integer) AS f";
constexpr auto card_sql = ENTRY "agent_card($1, $2) AS f";
#undef TIME
#undef END
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
        if (request.operation == "refused") {
            return note_refused(decision, content_type, body);
        }
        auto const *const sql = request.operation == "drain" ? drain_sql : unregister_sql;
        Row const row = m_query(sql, {decision.agent_id, request.instance_id, request.started_at}).at(0);
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
        Value const ready = said.ready ? Value(*said.ready ? "true" : "false") : Value();
        row = m_query(heartbeat_sql, {decision.agent_id, said.instance_id, lease, said.started_at, ready}).at(0);
    }
    std::string const reason = row.at("reason").value();
    int const status = reason == "ok" ? 200 : reason == "card_invalid" ? 422 : reason == "register" ? 409 : 403;
    return {.status = status, .text = row.at("answer").value()};
}

/// The sender of the message is of the same organization: only its agents can write to the queue.
Answer Registry::note_refused(Decision const &decision, std::string_view content_type, std::string const &body) {
    RefusedMessage const said = read_refused(content_type, body);
    m_query(refused_sql, {decision.org_id, said.reason, said.claimed_org_id, said.trace_id, decision.agent_id});
    return {.text = R"({"ok": true})"};
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
    Value next;
    for (Row const &row : *found) {
        if (row.at("agent_id")) {
            text += (&row == found->data() ? "" : ", ") + row.at("entry").value();
        } else {
            next = row.at("next");
        }
    }
    text += "], \"next\": " + (next ? json(*next).dump() : "null") + "}";
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
        result.places.push_back(Changes::place("agent_id " + row.at("agent_id").value_or("")));
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
