#include "relay/incident/timeline.hpp"

#include "relay/identity/read_list.hpp"
#include "relay/incident/timeline_sql.hpp"
#include "relay/model/escape.hpp"
#include "relay/model/text.hpp"

namespace relay {

std::vector<std::string> incident_sort_fields() { return sql::incident_sort_fields(); }

ListEnd list_incidents(db::Database &database, PageRequest const &page, EachItem<Incident> const &each) {
    PageRequest sorted = page;
    if (sorted.sort.empty()) {
        sorted.sort = {{.name = "last_at", .descending = true}};
    }
    auto const open = [&](db::Transaction &transaction) {
        return sql::list_incidents(transaction, sorted.sort, sorted.one_more());
    };
    return read_list(
        database, sorted, open, [](Incident const &incident) { return incident.ticket; }, each);
}

IncidentTimeline show_incident(db::Database &database, ShowIncident const &request) {
    db::TransactOptions options = reading();
    options.one_snapshot = true;
    return database.transact(options, [&](db::Transaction &transaction) {
        std::string ticket = request.ticket;
        std::optional<Incident> found = sql::find_incident(transaction, ticket);
        if (!found) {  // perhaps it was given with the escapes with which lists show it
            ticket = unescape(ticket);
            found = sql::find_incident(transaction, ticket);
        }
        if (!found) {
            throw Error(ErrorKind::not_found, "no event has the ticket " + quote_for_message(request.ticket),
                        {.next = advise(Act::list_incidents),
                         .suggestions = sql::tickets_like(transaction, ticket),
                         .sought = {.kind = "ticket", .text = request.ticket}});
        }
        IncidentTimeline timeline{.incident = *std::move(found)};
        timeline.from = timeline.incident.first_at - request.around;
        timeline.to = timeline.incident.last_at + request.around;
        timeline.agents = sql::agents_of_incident(transaction, ticket);
        timeline.orgs = sql::orgs_of_incident(transaction, ticket);
        sql::read_events_of_incident(transaction, timeline, request.limit);
        timeline.at = transaction.now();
        timeline.db_role = transaction.db_role();
        return timeline;
    });
}

}  // namespace relay
