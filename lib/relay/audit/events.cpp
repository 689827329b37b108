#include "relay/audit/events.hpp"

#include "relay/audit/events_list_sql.hpp"
#include "relay/identity/read_list.hpp"
#include "relay/model/text.hpp"

#include <charconv>

namespace relay {
namespace {

constexpr char between = '/';
constexpr std::string_view no_number = "-";
constexpr std::int64_t most_floods = 1'000'000;  // of one instant

/// Where a page ends. Floods have no number, so they are counted: those of one instant can be on two pages.
class PageEnd {
  public:
    explicit PageEnd(std::optional<sql::EventPlace> const &after) {
        if (after && !after->event_id) {
            m_place = *after;
        }
    }

    void pass(Event const &event) {
        bool const is_another = !event.event_id && m_place.floods > 0 && m_place.occurred_at == event.occurred_at;
        m_place = {.occurred_at = event.occurred_at,
                   .event_id = event.event_id,
                   .floods = event.event_id ? 0 : (is_another ? m_place.floods + 1 : 1)};
    }

    /// "2026-11-22T01:02:03.123456Z/17"; "/-" after a flood, "/-2" after two of this instant.
    std::string cursor() const {
        std::string const flood =
            std::string(no_number) + (m_place.floods > 1 ? std::to_string(m_place.floods) : std::string());
        return format_instant_exact(m_place.occurred_at) + between +
               (m_place.event_id ? std::to_string(*m_place.event_id) : flood);
    }

  private:
    sql::EventPlace m_place{};
};

std::optional<std::int64_t> parse_positive(std::string_view text) {
    std::int64_t number = 0;
    auto const [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    return failure == std::errc() && end == text.data() + text.size() && number > 0 ? std::optional(number)
                                                                                    : std::nullopt;
}

sql::EventPlace parse_cursor(std::string const &cursor) {
    try {
        std::size_t const slash = std::min(cursor.find(between), cursor.size());
        sql::EventPlace place{.occurred_at = parse_instant(cursor.substr(0, slash))};
        std::string const number = cursor.substr(std::min(slash + 1, cursor.size()));
        bool const is_flood = number.starts_with(no_number);
        std::optional<std::int64_t> const count =
            number == no_number ? 1 : parse_positive(is_flood ? number.substr(no_number.size()) : number);
        if (count && is_flood && *count <= most_floods) {
            place.floods = *count;
            return place;
        }
        if (count && !is_flood) {
            place.event_id = count;
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
    std::optional<PageEnd> end;
    auto const open = [&](db::Transaction &transaction) {
        sql::require_known(transaction, page.filter);
        end.emplace(page.after);
        return sql::list_events(transaction, page);
    };
    EachItem<Event> const pass = [&](Event const &event, ReadStamp const &stamp) {
        end->pass(event);
        each(event, stamp);
    };
    return read_list(
        database, request.page, open, [&](Event const &) { return end->cursor(); }, pass);
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
