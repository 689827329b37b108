#include "relay/usage/holds_sql.hpp"

#include "relay/identity/organizations_sql.hpp"
#include "relay/identity/read_list.hpp"
#include "relay/usage/usage.hpp"
#include "relay/usage/usage_sql.hpp"

namespace relay {

namespace {

constexpr auto kind = "held";

}  // namespace

std::vector<std::string> hold_sort_fields() { return sql::hold_sort_fields(); }

ListEnd list_holds(db::Database &database, ListHolds const &request, EachItem<Hold> const &each) {
    auto const open = [&](db::Transaction &transaction) {
        sql::get_org(transaction, request.org);
        if (request.meter) {
            sql::require_meter(transaction, *request.meter, kind);
        }
        return sql::list_holds(transaction, request.org, request.meter, request.sort);
    };
    auto const cursor_of = [](Hold const &one) { return one.hold_id.text(); };
    return read_list(database, {.limit = std::nullopt}, open, cursor_of, each);
}

ReleasedHold release_hold(db::Database &database, OrgId const &org, MeterName const &meter, HoldId const &id,
                          WriteOptions const &options) {
    return database.transact(writing(options), [&](db::Transaction &transaction) -> ReleasedHold {
        sql::get_org(transaction, org);
        sql::require_meter(transaction, meter, kind);
        bool const released = sql::release_hold(transaction, org, meter, id, options.by);
        auto const hold = sql::find_hold(transaction, org, meter, id);
        if (!hold) {
            throw sql::no_such_hold(transaction, org, meter, id);
        }
        transaction.confirm(hold->ended_at.has_value(), "the end of hold " + id.text(),
                            {"hold " + id.text() + " may still count"});
        if (!released) {
            transaction.nothing_to_do();
        }
        return {receipt_of(transaction, released), *hold};
    });
}

}  // namespace relay
