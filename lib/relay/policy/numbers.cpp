#include "relay/policy/numbers.hpp"

#include "relay/identity/use_case.hpp"
#include "relay/policy/numbers_sql.hpp"

namespace relay {

Numbers read_numbers(db::Database &database, NumbersRequest const &request) {
    db::TransactOptions options = reading();
    options.one_snapshot = true;  // so that the numbers fit together
    return database.transact(options, [&](db::Transaction &transaction) {
        return Numbers{
            .of = sql::read_numbers(transaction, request), .at = transaction.now(), .db_role = transaction.db_role()};
    });
}

}  // namespace relay
