#include "cli/documents/browse.hpp"

#include "cli/documents/stamp.hpp"
#include "cli/output/output.hpp"

namespace relay::cli {

void browse(Context &context, Document document, Instant at, std::string const &db_role) {
    stamp(document, context, at, db_role);
    context.output().browse(document);
}

}  // namespace relay::cli
