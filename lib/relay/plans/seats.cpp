#include "relay/plans/seats.hpp"

#include "relay/identity/agents_sql.hpp"
#include "relay/identity/organizations_sql.hpp"
#include "relay/identity/read_list.hpp"
#include "relay/identity/revocations_sql.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/model/format_text.hpp"
#include "relay/plans/seats_sql.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace relay {
namespace {

std::optional<std::int64_t> parse_cursor(std::optional<std::string> const &text) {
    if (!text) {
        return std::nullopt;
    }
    std::int64_t place = 0;
    auto const [stop, failure] = std::from_chars(text->data(), text->data() + text->size(), place);
    if (failure != std::errc() || stop != text->data() + text->size() || place < 0) {
        throw Error(ErrorKind::usage, "--after is not the cursor of a list of seats",
                    {.next = "give the \"next\" of the previous list, which is a number"});
    }
    return place;
}

/// Returns the organization of all of them.
OrgId common_org(db::Transaction &transaction, std::vector<AgentId> const &agents) {
    Agent const first = sql::get_agent(transaction, agents.front());
    for (AgentId const &agent : agents) {
        Agent const found = sql::get_agent(transaction, agent);
        if (found.org_id != first.org_id) {
            throw Error(ErrorKind::usage,
                        fmt::format("{} belongs to org {}, and {} to org {}", first.agent_id, first.org_id,
                                    found.agent_id, found.org_id),
                        {.why = "each organization has its own order of seats",
                         .next = "run the command once for each organization"});
        }
    }
    return first.org_id;
}

/// A blocked agent keeps its place; a revoked one has none.
void refuse_revoked(db::Transaction &transaction, std::vector<AgentId> const &agents) {
    for (AgentId const &agent : agents) {
        std::vector<Standing> const rows = sql::standing_for_agent(transaction, agent).get();
        auto const revoked = std::find_if(rows.begin(), rows.end(), [](Standing const &row) {
            return row.kind == StandingKind::revoke && kind_of(row.subject) == SubjectKind::agent;
        });
        if (revoked != rows.end()) {
            throw Error(ErrorKind::conflict,
                        fmt::format("agent {} has been revoked since {}; nothing was changed", agent,
                                    format_instant_seconds(revoked->at)),
                        {.why = "a revoked agent has no seat", .next = advise(Act::restore_agent, agent)});
        }
    }
}

}  // namespace

ListEnd list_seats(db::Database &database, ListSeats const &request, EachItem<Seat> const &each) {
    std::optional<std::int64_t> const after = parse_cursor(request.page.after);
    auto const open = [&](db::Transaction &transaction) {
        sql::get_org(transaction, request.org);
        return sql::list_seats(transaction, {.org = request.org, .after = after, .limit = request.page.one_more()});
    };
    return read_list(
        database, request.page, open, [](Seat const &seat) { return std::to_string(seat.place); }, each);
}

KeptAgents keep_agents(db::Database &database, std::vector<AgentId> const &agents, WriteOptions const &options) {
    return database.transact(writing(options), [&](db::Transaction &transaction) {
        OrgId const org = common_org(transaction, agents);
        sql::lock_org(transaction, org);
        refuse_revoked(transaction, agents);
        KeptAgents result{{}, sql::get_org(transaction, org), agents};
        std::vector<sql::NewEvent> events;
        if (sql::first_agents(transaction, org, agents.size()) != agents) {
            result.lost = sql::keep_agents(transaction, org, agents);
            for (AgentId const &agent : agents) {
                events.push_back({.action = "seat_kept", .org_id = org, .agent_id = agent});
            }
        }
        if (result.lost > 0) {
            transaction.expect_announcement();
        }
        transaction.confirm(sql::first_agents(transaction, org, agents.size()) == agents,
                            "the first seats of org " + org.text());
        finish(transaction, result, options.by, events);
        return result;
    });
}

}  // namespace relay
