#include "relay/naming/database_id.hpp"

namespace relay {

std::string read_database_id(db::Database &database) {
    db::TransactOptions options;
    options.read_only = true;
    options.identify = true;
    return database.transact(options, [](db::Transaction &transaction) { return transaction.database_id(); });
}

}  // namespace relay
