#include "cli/documents/schema.hpp"

#include <algorithm>
#include <map>

namespace relay::cli {
namespace {

std::vector<std::int64_t> integers(std::vector<int> const &numbers) { return {numbers.begin(), numbers.end()}; }

bool holds(std::vector<int> const &numbers, int number) {
    return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

Record migration_record(int version, std::string const &name, std::string const &state,
                        AppliedMigration const *applied) {
    return {
        {"version", "Version", std::int64_t{version}},
        {"name", "Name", name},
        {"state", "State", state},
        {"applied_at", "Applied", applied != nullptr ? Value(applied->applied_at) : Value()},
        {"applied_by", "By", applied != nullptr ? Value(applied->applied_by) : Value()},
        {"checksum", "", applied != nullptr ? Value(applied->checksum) : Value()},
    };
}

/// Returns the migrations of the program and of the database, by version.
std::vector<Record> migration_records(SchemaStatus const &status) {
    std::map<int, Record> records;
    for (db::Migration const &migration : db::migrations()) {
        records[migration.version] =
            migration_record(migration.version, std::string(migration.name), "missing", nullptr);
    }
    for (AppliedMigration const &applied : status.applied) {
        std::string const state = holds(status.edited, applied.version) ? "edited"
                                  : records.count(applied.version) == 0 ? "newer"
                                                                        : "applied";
        records[applied.version] = migration_record(applied.version, applied.name, state, &applied);
    }
    std::vector<Record> listed;
    for (auto &[version, record] : records) {
        listed.push_back(std::move(record));
    }
    return listed;
}

std::string label_unless_empty(std::vector<int> const &numbers, char const *label) {
    return numbers.empty() ? "" : label;
}

}  // namespace

Document schema_status_document(SchemaReport const &report) {
    Document document;
    document.kind = "SchemaStatus";
    document.id_key = "state";
    document.data = {
        {"state", "State", report.status.state},
        {"version", "Version", std::int64_t{report.status.version}},
        {"known_version", "This program's", std::int64_t{report.known_version}},
        {"missing", label_unless_empty(report.status.missing, "Missing"), integers(report.status.missing)},
        {"edited", label_unless_empty(report.status.edited, "Edited"), integers(report.status.edited)},
        {"migrations", "Migrations", migration_records(report.status)},
    };
    return document;
}

Document schema_verification_document(SchemaComparison const &comparison) {
    std::vector<Record> differences;
    for (SchemaDifference const &difference : comparison.differences) {
        differences.push_back({
            {"difference", "Difference", difference.missing ? "missing" : "unexpected"},
            {"object", "Object", difference.line},
        });
    }
    std::string const label = differences.empty() ? "" : "Differences";
    bool const ok = differences.empty() && comparison.status.edited.empty();
    Document document;
    document.kind = "SchemaVerification";
    document.id_key = "ok";
    document.data = {
        {"ok", "Matches", ok},
        {"state", "State", comparison.status.state},
        {"version", "Version", std::int64_t{comparison.status.version}},
        {"edited", label_unless_empty(comparison.status.edited, "Edited"), integers(comparison.status.edited)},
        {"differences", label, std::move(differences)},
    };
    return document;
}

}  // namespace relay::cli
