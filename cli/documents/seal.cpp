#include "cli/documents/seal.hpp"

#include "cli/documents/fields.hpp"
#include "relay/model/text.hpp"

namespace relay::cli {

namespace {

/// The head of a chain, in the same fields in both documents.
Record head_fields(std::optional<SealHead> const &head) {
    return {
        {"seal", "Last seal", value_of(head, &SealHead::seal_no)},
        {"hash", "Head", head ? Value(head->hash.hex()) : Value()},
        {"up_to_event_id", "Up to event", head ? Value(std::to_string(head->up_to_event_id)) : Value()},
        {"sealed_at", "Sealed", value_of(head, &SealHead::sealed_at)},
    };
}

std::string describe(AuditVerification const &found, bool from_archive) {
    if (found.fault) {
        return found.fault->text;
    }
    if (from_archive) {
        return "ok: every event of the archive is as it was sealed";
    }
    return found.dropped_rows == 0 ? "ok: every sealed event is as it was"
                                   : "ok: every sealed event is as it was, except " +
                                         counted(found.dropped_rows, "event") + " of dropped months";
}

Value fault_of(AuditVerification const &found, std::vector<std::string> const &archive) {
    if (!found.fault) {
        return {};
    }
    AuditFault const &fault = *found.fault;
    return Record{
        machine_only("what", fault.what),
        machine_only("event_id", fault.event_id ? Value(std::to_string(*fault.event_id)) : Value()),
        machine_only("seal", fault.seal_no),
        machine_only("text", fault.text),
        machine_only("file", fault.place ? Value(archive[fault.place->file]) : Value()),
        machine_only("line", fault.place ? Value(static_cast<std::int64_t>(fault.place->line)) : Value()),
    };
}

Value describe_rest(AuditVerification const &found) {
    if (found.unsealed_rows == 0) {
        return "no events";
    }
    Phrase words{std::to_string(found.unsealed_rows) + (found.unsealed_rows == 1 ? " event" : " events")};
    if (found.unsealed_since) {
        words.emplace_back(" since ");
        words.emplace_back(*found.unsealed_since);
    }
    return words;
}

}  // namespace

Document seal_document(SealReceipt const &receipt, HeadCopy const &copy) {
    Document document{.kind = "AuditSeal", .id_key = "hash"};
    document.data = {
        {"seals_added", "Seals added", receipt.seals},
        {"events_sealed", "Events sealed", receipt.rows},
    };
    append(document.data, head_fields(receipt.head));
    append(document.data, {
                              machine_only("writer_open", receipt.writer_open),
                              {"signature", "Signature", copy.signature},
                              {"head_file", "Head in", copy.file},
                          });
    if (receipt.writer_open) {
        document.warnings.emplace_back(
            "a transaction that may still add an event is open: the next seal will have its events");
    }
    return document;
}

Document verification_document(AuditVerification const &found, std::optional<bool> const &signature_valid,
                               std::vector<std::string> const &archive) {
    Document document{.kind = "AuditVerification", .id_key = "hash"};
    document.data = {
        machine_only("ok", !found.fault),
        people_only("Result", describe(found, !archive.empty())),
        machine_only("fault", fault_of(found, archive)),
        {"seals", "Seals", found.seals},
        {"events_proven", "Events proven", found.rows},
        {"events_altered", found.altered > 0 ? "Altered" : "", found.altered},
        {"events_missing", found.missing > 0 ? "Missing" : "", found.missing},
        {"events_added", found.added > 0 ? "Added" : "", found.added},
        {"events_dropped", found.dropped_rows > 0 ? "Dropped by retention" : "", found.dropped_rows},
        {"months_dropped", found.dropped_rows > 0 ? "Months dropped" : "", found.dropped_months},
    };
    document.data.push_back(
        {"archive_months", found.archive_months.empty() ? "" : "Complete months", found.archive_months});
    append(document.data, head_fields(found.head));
    append(document.data, {
                              machine_only("signature_valid", signature_valid),
                              people_only("Not proven", describe_rest(found)),
                              machine_only("events_unsealed", found.unsealed_rows),
                              machine_only("unsealed_since", found.unsealed_since),
                          });
    return document;
}

}  // namespace relay::cli
