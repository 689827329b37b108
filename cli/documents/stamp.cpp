#include "cli/documents/stamp.hpp"

namespace relay::cli {

namespace {

void attribute(Document &document, Context &context, std::string const &db_role) {
    Attribution const &by = context.attribution();
    document.actor = by.actor.text();
    document.trace_id = by.trace_id;
    if (!db_role.empty()) {
        document.db_role = db_role;
    }
}

}  // namespace

void stamp(Document &document, Context &context, WriteReceipt const &receipt) {
    document.changed = receipt.changed;
    document.dry_run = context.globals().dry_run;
    if (receipt.at != Instant()) {  // otherwise the database was not asked
        document.at = receipt.at;
    }
    attribute(document, context, receipt.db_role);
    if (context.unannounced()) {
        document.warnings.emplace_back(
            "the change feed (relay.key_changes) took no row: a gateway that caches answers does not hear of it, and "
            "may "
            "go by them for 60 seconds, by those about devices for 600");
    }
}

void stamp(Document &document, Context &context, Instant at, std::string const &db_role) {
    document.at = at;
    attribute(document, context, db_role);
}

}  // namespace relay::cli
