#include "relay/identity/use_case.hpp"

#include "relay/crypto/random_ids.hpp"

namespace relay {

db::TransactOptions writing(WriteOptions const &options) {
    db::TransactOptions transact;
    transact.dry_run = options.dry_run;
    transact.operation = generate_operation_id();
    return transact;
}

db::TransactOptions reading() {
    db::TransactOptions transact;
    transact.read_only = true;
    return transact;
}

void note_who(WriteReceipt &receipt, db::Transaction const &transaction) {
    receipt.at = transaction.now();
    receipt.db_role = transaction.db_role();
}

WriteReceipt receipt_of(db::Transaction const &transaction, bool changed) {
    return {.changed = changed, .at = transaction.now(), .db_role = transaction.db_role()};
}

void finish(db::Transaction &transaction, WriteReceipt &receipt, Attribution const &by,
            std::vector<sql::NewEvent> const &events) {
    receipt.changed = !events.empty();
    note_who(receipt, transaction);
    if (receipt.changed) {
        sql::record_events(transaction, by, events);
    } else {
        transaction.nothing_to_do();
    }
}

}  // namespace relay
