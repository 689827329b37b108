#include "relay/legacy/import.hpp"

#include "relay/db/batches.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/legacy/import_batch.hpp"
#include "relay/legacy/inventory_entry.hpp"
#include "relay/model/ascii.hpp"
#include "relay/model/error.hpp"
#include "relay/model/outcome.hpp"
#include "relay/model/text.hpp"

#include <algorithm>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace relay {
namespace {

using sql::InventoryEntry;
using Entries = std::vector<InventoryEntry>;

/// Agents whose rows are remembered to name the line of a repeat: 100 to 250 bytes each.
constexpr std::size_t most_seen = 16'000;

/// Returns a word that needs no quotes in a command line; `otherwise` for any other text.
std::string plain_or(std::string const &text, char const *otherwise) {
    bool const plain = !text.empty() && text.size() <= 40 && std::all_of(text.begin(), text.end(), [](char c) {
        return is_letter_or_digit(c) || c == '_' || c == '-';
    });
    return plain ? text : otherwise;
}

}  // namespace

struct LegacyImport::Impl {
    db::Database &database;
    ImportLegacy request;
    WriteOptions options;
    ImportedLegacy total{};
    std::vector<LegacyFault> missing{};  ///< the first rows whose organization does not exist
    std::optional<Instant> now{};  ///< by the database's clock, once a row needed it
    Entries waiting{};
    struct First {
        std::size_t line = 0;
        std::size_t digest = 0;
    };
    std::unordered_map<std::string, First> seen{};

    void note(LegacyFault fault) {
        ++total.refused;
        if (fault.missing_org) {
            ++total.orgs_missing[*fault.missing_org];
        }
        keep(fault.missing_org ? missing : total.faults, std::move(fault));
    }

    void keep(std::vector<LegacyFault> &faults, LegacyFault fault) const {
        if (faults.size() < ImportedLegacy::most_faults) {
            faults.push_back(std::move(fault));
        } else if (request.refused) {
            request.refused(fault);
        }
    }

    /// Adds the rows whose organization is missing, if there is room after the others.
    void gather_faults() {
        for (LegacyFault &fault : missing) {
            keep(total.faults, std::move(fault));
        }
        missing.clear();
        std::stable_sort(total.faults.begin(), total.faults.end(),
                         [](LegacyFault const &a, LegacyFault const &b) { return a.line < b.line; });
    }

    Instant database_time() {
        if (!now) {
            database.transact(reading(), [&](db::Transaction &transaction) { now = transaction.now(); });
        }
        return *now;
    }

    /// Throws Error (usage) if the source revokes the agent later: it is neither revoked nor to be kept.
    void refuse_time_to_come(LegacyRow const &row) {
        if (!row.revoked_at) {
            return;
        }
        if (*row.revoked_at > database_time()) {
            throw Error(ErrorKind::usage, "it is revoked at a time to come, " +
                                              format_instant_seconds(*row.revoked_at) +
                                              ": clear that time, or import the row later");
        }
    }

    /// Throws Error (usage) if a column that is not mapped says that the row is not in use.
    void refuse_ended(LegacyRow const &row) {
        for (LegacyState const &state : row.states) {
            if (row.revoked) {
                return;
            }
            bool const is_later = state.says == LegacyState::Says::ends_at && *state.at > database_time();
            if (is_later) {
                ++total.ends_later[state.column];
                continue;
            }
            bool const is_time = state.at.has_value();
            std::string const column = plain_or(state.column, "COLUMN");
            std::string const map =
                is_time ? "revoked_at=" + column : "revoked=" + column + ':' + plain_or(state.text, "WORD");
            throw Error(ErrorKind::usage,
                        "its " + escape_for_terminal(state.column) + " is " + quote_for_message(state.text, 40) +
                            (state.says == LegacyState::Says::unknown ? ", which may mean that it is not in use"
                                                                      : ", so it is not in use") +
                            ": revoke it with --map " + map + ", or ignore the column with --map " + column + '=');
        }
    }

    void refuse(LegacyRow const &row, std::string reason) {
        note({.line = row.line, .agent_id = row.agent_id, .reason = std::move(reason)});
    }

    /// Returns the checked row. None: it cannot be imported, and the reason is noted.
    std::optional<InventoryEntry> judge(LegacyRow const &row) {
        try {
            InventoryEntry entry = read_entry(row, request.org);
            refuse_time_to_come(row);
            if (request.shared_secret != nullptr) {
                if (!row.secret_hash) {
                    refuse(row, "it has no secret_hash to compare");
                    return std::nullopt;
                }
                if (!request.shared_secret->matches(*row.secret_hash)) {
                    ++total.other_secret;
                    return std::nullopt;
                }
            }
            refuse_ended(row);
            return entry;
        } catch (Error const &error) {
            refuse(row, error.message());
            return std::nullopt;
        }
    }

    /// Returns true for a second row of the same agent. Remembers only recent rows; for those that are far apart, the
    /// database reports that the agent exists.
    bool is_repeat(LegacyRow const &row, InventoryEntry const &entry) {
        if (seen.size() >= most_seen) {
            seen.clear();
        }
        auto const [first, is_new] = seen.try_emplace(entry.agent.text(), First{row.line, row_digest(entry)});
        if (is_new) {
            return false;
        }
        if (first->second.digest == row_digest(entry)) {
            ++total.unchanged;
        } else {
            refuse(row, "conflicts with line " + std::to_string(first->second.line) + ", which has the same agent");
        }
        return true;
    }

    void run(std::span<InventoryEntry const> rows) {
        ImportedLegacy done;
        database.transact(writing(options), [&](db::Transaction &transaction) {
            done = import_batch(transaction, request, options.by, rows);
            note_who(total, transaction);
        });
        total.imported += done.imported;
        total.created += done.created;
        total.unchanged += done.unchanged;
        total.revoked += done.revoked;
        total.own_key += done.own_key;
        total.orgs_created.merge(done.orgs_created);
        for (LegacyFault &fault : done.faults) {
            note(std::move(fault));
        }
    }

    void flush() {
        outcome::expect_more(true);
        Entries const rows = std::move(waiting);
        waiting.clear();
        try {
            run_in_parts(
                std::span<InventoryEntry const>(rows), [&](std::span<InventoryEntry const> part) { run(part); },
                [&](InventoryEntry const &row, Error const &error) { note(fault_of(row, what_failed(error))); });
        } catch (Error const &error) {
            throw after_earlier_batches(error, options.dry_run ? 0 : total.imported, "agents were imported");
        }
    }
};

LegacyImport::LegacyImport(db::Database &database, ImportLegacy request, WriteOptions options)
    : m_impl(std::make_unique<Impl>(
          Impl{.database = database, .request = std::move(request), .options = std::move(options)})) {}

LegacyImport::~LegacyImport() = default;

void LegacyImport::add(LegacyRow row) {
    ++m_impl->total.read;
    auto entry = m_impl->judge(row);
    if (!entry || m_impl->is_repeat(row, *entry)) {
        return;
    }
    m_impl->waiting.push_back(*std::move(entry));
    if (m_impl->waiting.size() >= m_impl->request.batch) {
        m_impl->flush();
    }
}

ImportedLegacy LegacyImport::finish() {
    m_impl->flush();
    outcome::expect_more(false);
    if (m_impl->total.db_role.empty()) {  // no row got as far as the database, so no transaction has reported the role
        m_impl->database.transact(reading(),
                                  [&](db::Transaction &transaction) { note_who(m_impl->total, transaction); });
    }
    ImportedLegacy &total = m_impl->total;
    total.changed = total.imported + total.revoked + total.orgs_created.size() > 0;
    m_impl->gather_faults();
    return std::move(total);
}

}  // namespace relay
