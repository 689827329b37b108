#include "relay/identity/recover.hpp"

#include "relay/crypto/random_ids.hpp"
#include "relay/identity/keys_sql.hpp"
#include "relay/identity/operations_sql.hpp"
#include "relay/scan/scanner.hpp"

namespace relay {
namespace {

Verdict verdict_of(db::Fate fate) { return fate == db::Fate::committed ? Verdict::done : Verdict::aborted; }

db::TransactOptions look_at_any_version() {
    db::TransactOptions options;
    options.read_only = true;
    options.check_schema = false;
    return options;
}

/// Returns true if the database knows the hash of a key in `content`: the key was committed, whatever its state is
/// now.
bool holds_known_key(db::Database &database, std::string_view content) {
    scan::Scanner scanner;
    scanner.feed(content);
    auto const found = scanner.finish().keys;
    if (found.empty()) {
        return false;
    }
    bool known = false;
    database.transact(look_at_any_version(), [&](db::Transaction &transaction) {
        known = false;
        if (!sql::has_key_table(transaction)) {
            return;
        }
        for (auto const &[id, key] : found) {
            known = known || sql::identify(transaction, id, key.hash).has_value();
        }
    });
    return known;
}

}  // namespace

Verdict settle_operation(db::Database &database, OperationId const &operation) {
    return verdict_of(database.settle(operation));
}

Verdict settle_named_operation(db::Database &database, OperationId const &operation) {
    Verdict const verdict = settle_operation(database, operation);
    if (verdict == Verdict::aborted) {
        database.transact(look_at_any_version(), [&](db::Transaction &transaction) {
            if (!sql::has_operation_table(transaction)) {
                throw Error(
                    ErrorKind::schema,
                    "the database has no relay schema, so it cannot know operation " + operation.text(),
                    {.why = "either it ran in another database, or it was an init that was rolled back and changed "
                            "nothing",
                     .next = advise(Act::show_connection)});
            }
        });
    }
    return verdict;
}

Verdict settle_content(db::Database &database, std::string_view content, std::optional<std::string> const &made_for) {
    if (holds_known_key(database, content)) {
        return Verdict::done;
    }
    if (made_for) {
        std::string here;
        db::TransactOptions look = look_at_any_version();
        look.identify = true;
        database.transact(look, [&](db::Transaction &transaction) { here = transaction.database_id(); });
        if (here != *made_for) {
            return Verdict::elsewhere;
        }
    }
    return settle_operation(database, operation_id_for(content));
}

}  // namespace relay
