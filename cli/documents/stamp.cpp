#include "cli/documents/stamp.hpp"

namespace relay::cli {

void stamp(Document &document, Context &context, WriteReceipt const &receipt) {
    Attribution const &by = context.attribution();
    document.changed = receipt.changed;
    document.dry_run = context.globals().dry_run;
    document.trace_id = by.trace_id;
    document.actor = by.actor.text();
    document.db_role = receipt.db_role;
}

}  // namespace relay::cli
