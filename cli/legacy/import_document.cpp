#include "cli/legacy/import_document.hpp"

#include "cli/context.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/stamp.hpp"
#include "relay/model/text.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

std::vector<Record> fault_records(std::vector<LegacyFault> const &faults) {
    std::vector<Record> records;
    for (LegacyFault const &fault : faults) {
        records.push_back({{"line", "Line", static_cast<std::int64_t>(fault.line)},
                           {"agent_id", "Agent ID", fault.agent_id, {.cut = true}},
                           {"reason", "Reason", fault.reason}});
    }
    return records;
}

/// Rows that fail for the same reason are one line for people: they would hide the others.
std::vector<LegacyFault> faults_of_their_own(std::vector<LegacyFault> faults) {
    faults.erase(std::remove_if(faults.begin(), faults.end(),
                                [](LegacyFault const &fault) { return fault.missing_org.has_value(); }),
                 faults.end());
    return faults;
}

std::vector<OrgId> missing_orgs(ImportedLegacy const &done) {
    std::vector<OrgId> orgs;
    for (auto const &[org, rows] : done.orgs_missing) {
        orgs.push_back(org);
    }
    return orgs;
}

std::string missing_orgs_text(ImportedLegacy const &done) {
    constexpr std::size_t most = 20;
    std::string text;
    std::size_t shown = 0;
    for (auto const &[org, rows] : done.orgs_missing) {
        if (shown++ < most) {
            text += (text.empty() ? "" : ", ") + org.text() + " (" + counted(rows, "row") + ")";
        }
    }
    return shown > most ? text + " and " + std::to_string(shown - most) + " more" : text;
}

}  // namespace

std::string unchanged_text(ImportedLegacy const &done, bool matching) {
    if (done.read == 0) {
        return "the source has no rows: nothing was imported or compared";
    }
    if (matching && done.other_secret == done.read) {
        return "no row has the shared secret: " + counted(done.read, "row") + " compared, all with another secret";
    }
    if (done.unchanged == done.read) {
        return "nothing changed: all rows were imported before";
    }
    std::string text = "nothing changed: of " + counted(done.read, "row");
    auto const add = [&](std::size_t number, char const *what) {
        text += number > 0 ? ", " + std::to_string(number) + ' ' + what : "";
    };
    add(done.unchanged, "imported before");
    add(done.own_key, "with an agent that uses its own key");
    add(done.other_secret, "with another secret");
    add(done.refused, "refused");
    return text;
}

Document import_document(Context &context, std::string const &source, ImportedLegacy const &done) {
    std::vector<LegacyFault> const single = faults_of_their_own(done.faults);
    auto const count = [](std::size_t number) { return static_cast<std::int64_t>(number); };
    auto const unless_none = [&](std::string key, char const *label, std::size_t number) {
        return Field{std::move(key), number > 0 ? label : "", count(number)};
    };
    Document document{.kind = "LegacyImport", .id_key = "source"};
    document.some_failed = done.refused > 0;
    document.data = {
        {"source", "Source", source},
        {"read", "Rows", count(done.read)},
        {"imported", "Imported", count(done.imported)},
        unless_none("created", "New agents", done.created),
        unless_none("unchanged", "Unchanged", done.unchanged),
        unless_none("revoked", "Revoked before", done.revoked),
        unless_none("own_key", "Own key already", done.own_key),
        unless_none("other_secret", "Other secret", done.other_secret),
        unless_none("refused", "Refused", done.refused),
        unless_empty("orgs_created", "New orgs",
                     std::vector<OrgId>(done.orgs_created.begin(), done.orgs_created.end())),
        unless_empty("orgs_missing", "", missing_orgs(done)),
        machine_only("faults", fault_records(done.faults)),
    };
    if (!done.orgs_missing.empty()) {
        document.data.push_back(people_only("Missing orgs", missing_orgs_text(done)));
    }
    if (!single.empty()) {
        document.data.push_back(people_only("Refused rows", fault_records(single)));
    }
    stamp(document, context, done);
    if (done.refused > done.faults.size()) {
        document.warnings.push_back(std::to_string(done.refused - done.faults.size()) +
                                    " more rows were refused; stderr has a warning for each");
    }
    return document;
}

}  // namespace relay::cli
