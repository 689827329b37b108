#pragma once

#include "relay/db/row_stream.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/model/page.hpp"

namespace relay {

/// Runs the body of read_list.
ListEnd read_in_one_transaction(db::Database &database, std::function<ListEnd(db::Transaction &)> const &body);

/// Reads a list in one transaction: the one way for every list command. `open` returns its db::Stream<T>, of
/// `page.one_more()` rows at most; `cursor_of` returns the `next` for a list that continues after an item.
/// Throws what `each` throws, after it has made the server stop.
template <typename T, typename Open, typename CursorOf>
ListEnd read_list(db::Database &database, PageRequest const &page, Open const &open, CursorOf const &cursor_of,
                  EachItem<T> const &each) {
    return read_in_one_transaction(database, [&](db::Transaction &transaction) {
        db::Stream<T> stream = open(transaction);
        ListEnd end{};
        std::int64_t passed = 0;
        std::string last;
        stream.for_each([&](T const &item) {
            if (passed == 0) {
                end.read = {.at = transaction.now(), .db_role = transaction.db_role()};
            }
            if (page.limit && passed == *page.limit) {
                end.more = true;
                end.next = page.sort.empty() ? std::optional(last) : std::nullopt;
                return;
            }
            each(item, end.read);
            if (++passed == page.limit) {
                last = cursor_of(item);
            }
        });
        end.read = {.at = transaction.now(), .db_role = transaction.db_role()};
        return end;
    });
}

}  // namespace relay
