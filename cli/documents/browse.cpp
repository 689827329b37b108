#include "cli/documents/browse.hpp"

#include "cli/documents/stamp.hpp"
#include "cli/output/output.hpp"
#include "relay/model/error.hpp"

namespace relay::cli {

void browse(Context &context, Document document, Instant at, std::string const &db_role) {
    stamp(document, context, at, db_role);
    context.output().browse(document);
}

void finish_list(Context &context, ListOutput &output, ListEnd const &end) {
    output.list().next = end.next;
    if (end.more && !end.next) {
        output.list().warnings.emplace_back("these are the first in this order; there are more: use a higher --limit");
    }
    stamp(output.list(), context, end.read.at, end.read.db_role);
    output.finish();
}

void fail_list(ListOutput const &output, std::exception_ptr failure) {
    if (!output.has_written()) {
        std::rethrow_exception(std::move(failure));
    }
    try {
        std::rethrow_exception(std::move(failure));
    } catch (Error const &error) {
        throw Error(error.kind(), what_failed(error) + "; the list above is not complete", error.hint());
    }
}

}  // namespace relay::cli
