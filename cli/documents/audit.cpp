#include "cli/documents/audit.hpp"

#include "cli/documents/fields.hpp"

namespace relay::cli {
namespace {

Value count(std::optional<int> const &value) { return value ? Value(std::int64_t{*value}) : Value(); }

/// Returns a list that people see only if it is not empty.
Field months(std::string key, std::string label, std::vector<Record> records) {
    return {std::move(key), records.empty() ? "" : std::move(label), std::move(records)};
}

std::vector<Record> made_records(std::vector<EventMonth> const &made) {
    std::vector<Record> records;
    for (EventMonth const &month : made) {
        records.push_back({{"month", "Month", month.month}, {"moved_rows", "Rows moved into it", month.rows}});
    }
    return records;
}

std::vector<Record> dropped_records(std::vector<EventMonth> const &dropped) {
    std::vector<Record> records;
    for (EventMonth const &month : dropped) {
        records.push_back({{"month", "Month", month.month},
                           {"rows", "Rows", month.rows},
                           {"events", "Events", month.events},
                           {"first_at", "First", month.first_at},
                           {"last_at", "Last", month.last_at},
                           {"bytes", "Bytes", month.bytes}});
    }
    return records;
}

}  // namespace

Document audit_maintenance_document(MaintainAudit const &request, AuditMaintenance const &done) {
    Document document{.kind = "AuditMaintenance", .id_key = "month"};
    document.data = {
        machine_only("month", format_instant(done.at).substr(0, std::string_view("2026-11").size())),
        machine_only("months_ahead", std::int64_t{request.months_ahead}),
        machine_only("keep_months", count(request.keep_months)),
        {"pruned_operations", "Operations pruned", done.pruned.operations},
        {"pruned_key_changes", "Changes pruned", done.pruned.key_changes},
        {"pruned_key_sightings", "Sightings pruned", done.pruned.key_sightings},
        {"pruned_usage", "Usage pruned", done.pruned.usage},
        {"floods_recorded", "Floods recorded", done.pruned.floods},
        {"plans_ended", "Plans ended", done.plans_ended},
        machine_only("more_to_prune", done.more_to_prune),
        months("months_made", "Months made", made_records(done.made)),
        months("months_dropped", "Months dropped", dropped_records(done.dropped)),
    };
    return document;
}

std::string months_in_words(std::vector<EventMonth> const &months) {
    std::string words;
    for (EventMonth const &month : months) {
        words += (words.empty() ? "" : ", ") + month.month + " (" +
                 (month.rows == 0   ? std::string("no rows")
                  : month.rows == 1 ? std::string("1 row")
                                    : std::to_string(month.rows) + " rows") +
                 ')';
    }
    return words;
}

}  // namespace relay::cli
