#include "cli/documents/recovery.hpp"

#include "cli/documents/error.hpp"
#include "cli/documents/fields.hpp"

namespace relay::cli {

namespace {

struct Line {
    Value operation{};
    Value file{};
    Value verdict{};  ///< done, aborted; null: unknown
    std::string message{};
    std::optional<Error> error{};
};

Record record(Line line) {
    return {
        {"operation_id", "Operation", std::move(line.operation)},
        {"file", "File", std::move(line.file)},
        {"verdict", "Verdict", std::move(line.verdict)},
        {"message", "Message", or_null(line.error ? line.error->message() : line.message)},
        machine_only("error", error_value(line.error)),
    };
}

Document list(std::string id_key) {
    Document document;
    document.kind = "SettlementList";
    document.id_key = std::move(id_key);
    document.is_list = true;
    document.columns = record({});
    return document;
}

Value verdict_word(Settled settled) {
    switch (settled) {
        case Settled::finished: return Verdict::done;
        case Settled::removed: return Verdict::aborted;
        case Settled::nothing: break;
    }
    return {};
}

}  // namespace

Document recovery_document(OperationId const &operation, Verdict verdict) {
    bool const done = verdict == Verdict::done;
    Document document = list("operation_id");
    document.items.push_back(record({
        .operation = operation.text(),
        .verdict = done ? Verdict::done : Verdict::aborted,
        .message = done ? "committed: the change is in effect"
                        : "not committed, and barred from committing later: nothing was changed",
    }));
    return document;
}

Document recovery_document(std::vector<FolderEntry> const &entries) {
    Document document = list("file");
    for (FolderEntry const &entry : entries) {
        document.items.push_back(record({
            .file = entry.path,
            .verdict = verdict_word(entry.settled),
            .message = entry.message,
            .error = entry.error,
        }));
        document.changed = document.changed || entry.settled != Settled::nothing;
    }
    return document;
}

}  // namespace relay::cli
