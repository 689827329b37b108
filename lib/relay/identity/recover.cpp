#include "relay/identity/recover.hpp"

#include "relay/crypto/key_scanner.hpp"
#include "relay/crypto/random_ids.hpp"
#include "relay/identity/keys_sql.hpp"
#include "relay/identity/operations_sql.hpp"

namespace relay {
namespace {

Verdict verdict_of(db::Fate fate) { return fate == db::Fate::committed ? Verdict::done : Verdict::aborted; }

db::TransactOptions look_at_any_version() {
    db::TransactOptions options;
    options.read_only = true;
    options.check_schema = false;
    return options;
}

/// A key of the content that the database knows by its hash: it was committed, whatever has become of it since.
bool holds_known_key(db::Database &database, std::string_view content) {
    KeyScanner scanner;
    scanner.feed(content);
    auto const found = scanner.finish();
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
                    {.why = "either this is another database than the one it ran in, or it was an init that was "
                            "rolled back: then nothing was changed",
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
