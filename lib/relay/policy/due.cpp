#include "relay/policy/due.hpp"

#include "relay/identity/organizations_sql.hpp"
#include "relay/identity/read_list.hpp"
#include "relay/policy/due_sql.hpp"

namespace relay {
namespace {

/// The lists are not in the order of an id, so they cannot be continued.
PageRequest without_cursor(PageRequest page, char const *order) {
    if (page.sort.empty()) {
        page.sort = {{.name = order}};
    }
    return page;
}

template <typename T, typename Open>
ListEnd read_due(db::Database &database, DueRequest const &request, char const *order, Open const &open_list,
                 EachItem<T> const &each) {
    auto const open = [&](db::Transaction &transaction) {
        if (request.org) {
            sql::get_org(transaction, *request.org);
        }
        return open_list(transaction, request);
    };
    auto const no_cursor = [](T const &) { return std::string(); };
    return read_list(database, without_cursor(request.page, order), open, no_cursor, each);
}

}  // namespace

ListEnd list_due_keys(db::Database &database, DueRequest const &request, EachItem<DueKey> const &each) {
    return read_due(database, request, "due_at", sql::list_due_keys, each);
}

ListEnd list_due_owners(db::Database &database, DueRequest const &request, EachItem<DueOwner> const &each) {
    return read_due(database, request, "owner", sql::list_due_owners, each);
}

}  // namespace relay
