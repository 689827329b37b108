#include "relay/identity/read_list.hpp"

namespace relay {

ListEnd read_in_one_transaction(db::Database &database, std::function<ListEnd(db::Transaction &)> const &body) {
    return database.transact(reading(), [&](db::Transaction &transaction) { return body(transaction); });
}

}  // namespace relay
