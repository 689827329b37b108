#include "relay/audit/events.hpp"

#include "relay/audit/events_list_sql.hpp"
#include "relay/identity/read_list.hpp"
#include "relay/model/text.hpp"

#include <charconv>

namespace relay {
namespace {

constexpr char between = '/';
constexpr std::string_view no_number = "-";

/// "2026-11-22T01:02:03.123456Z/17"
std::string cursor_of(Event const &event) {
    return format_instant_exact(event.occurred_at) + between +
           (event.event_id ? std::to_string(*event.event_id) : std::string(no_number));
}

sql::EventPlace parse_cursor(std::string const &cursor) {
    try {
        std::size_t const slash = std::min(cursor.find(between), cursor.size());
        sql::EventPlace place{.occurred_at = parse_instant(cursor.substr(0, slash))};
        std::string const number = cursor.substr(std::min(slash + 1, cursor.size()));
        if (number == no_number) {
            return place;
        }
        place.event_id = 0;
        auto const [end, failure] = std::from_chars(number.data(), number.data() + number.size(), *place.event_id);
        if (failure == std::errc() && end == number.data() + number.size()) {
            return place;
        }
    } catch (Error const &) {  // the error below says more
    }
    throw Error(ErrorKind::usage, quote_for_message(cursor) + " is not a cursor of this list",
                {.next = "give the \"next\" of the page before, as it is"});
}

}  // namespace

std::vector<std::string> event_sort_fields() { return sql::event_sort_fields(); }

ListEnd list_events(db::Database &database, ListEvents const &request, EachItem<Event> const &each) {
    sql::EventPage page{.filter = request.filter, .sort = request.page.sort, .limit = request.page.one_more()};
    if (request.page.after) {
        page.after = parse_cursor(*request.page.after);
    }
    auto const open = [&](db::Transaction &transaction) {
        sql::require_known(transaction, page.filter);
        return sql::list_events(transaction, page);
    };
    return read_list(database, request.page, open, cursor_of, each);
}

EventDetails show_event(db::Database &database, std::int64_t event_id) {
    return database.transact(reading(), [&](db::Transaction &transaction) {
        std::optional<Event> event = sql::find_event(transaction, event_id);
        if (!event) {
            throw Error(ErrorKind::not_found, "no such event: " + std::to_string(event_id),
                        {.why = "no row of the audit trail has this number, or its month was dropped",
                         .next = advise(Act::list_events)});
        }
        return EventDetails{.event = *std::move(event), .at = transaction.now(), .db_role = transaction.db_role()};
    });
}

}  // namespace relay
