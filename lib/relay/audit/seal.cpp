#include "relay/audit/seal.hpp"

#include "relay/audit/event_marks.hpp"
#include "relay/audit/seals_sql.hpp"
#include "relay/identity/use_case.hpp"

#include <algorithm>

namespace relay {
namespace {

void append_number(std::string &bytes, std::uint64_t number, unsigned size) {
    for (unsigned shift = 8 * size; shift > 0; shift -= 8) {
        bytes += static_cast<char>(number >> (shift - 8) & 0xFFU);
    }
}

std::string counted(std::string const &text) { return std::to_string(text.size()) + ':' + text; }

/// Returns whether the rows are as the entries say. More rows may have appeared meanwhile.
bool have_entries(db::Transaction &transaction, std::vector<SealEntry> const &entries) {
    for (auto entry = entries.begin(); entry != entries.end();) {
        std::int64_t const after = entry->event_id - 1;
        std::int64_t const up_to = after + sql::numbers_per_step;
        auto const rows = sql::entries_between(transaction, after, up_to);
        for (auto row = rows.begin(); entry != entries.end() && entry->event_id <= up_to; ++entry) {
            row = std::find(row, rows.end(), *entry);
            if (row == rows.end()) {
                return false;
            }
        }
    }
    return true;
}

/// Adds one seal and returns whether there was anything to seal.
bool add_seal(db::Transaction &transaction, std::int64_t up_to, std::string const &actor, SealReceipt &receipt) {
    auto const seal_no = sql::add_seal(transaction, up_to, actor);
    if (!seal_no) {
        return false;
    }
    auto const stored = sql::seal_after(transaction, *seal_no - 1, "all");
    transaction.confirm(stored && stored->seal.seal_no == *seal_no && stored->hash == hash_of(stored->seal) &&
                            have_entries(transaction, stored->seal.entries),
                        "seal " + std::to_string(*seal_no) + " of the audit trail");
    ++receipt.seals;
    receipt.rows += static_cast<std::int64_t>(stored->seal.entries.size());
    return true;
}

void count(db::Transaction &transaction, SealReceipt &receipt) {
    sql::begin_seals(transaction);
    receipt.head = sql::head_of(transaction);
    sql::UnsealedRows const rows = sql::rows_after(transaction, receipt.head ? receipt.head->up_to_event_id : 0);
    receipt.seals = rows.ranges;
    receipt.rows = rows.count;
    receipt.writer_open = !sql::event_writers(transaction).writers.empty();
    note_who(receipt, transaction);
    transaction.nothing_to_do();
}

}  // namespace

std::string entry_bytes(std::vector<SealEntry> const &entries) {
    std::string bytes;
    for (SealEntry const &entry : entries) {
        append_number(bytes, static_cast<std::uint64_t>(entry.event_id), 8);
        append_number(bytes, entry.month, 2);
        bytes.append(entry.digest.data(), entry.digest.size());
    }
    return bytes;
}

Sha256 hash_of(Seal const &seal) {
    return Sha256::of("relay-audit-seal/1\nseal " + std::to_string(seal.seal_no) + "\nafter " +
                      std::to_string(seal.after_event_id) + "\nup_to " + std::to_string(seal.up_to_event_id) +
                      "\ncomplete " + std::to_string(seal.complete_up_to) + "\nwriters " + counted(seal.open_writers) +
                      "\nrows " + std::to_string(seal.entries.size()) + "\nat " + format_instant_exact(seal.sealed_at) +
                      "\nactor " + counted(seal.actor) + "\nrole " + counted(seal.db_role) + "\nentries " +
                      Sha256::of(entry_bytes(seal.entries)).hex() + "\nprevious " + seal.previous.hex() + '\n');
}

SealReceipt seal_audit(db::Database &database, WriteOptions const &options) {
    SealReceipt total;
    if (options.dry_run) {
        database.transact(writing(options), [&](db::Transaction &transaction) {
            total = {};
            count(transaction, total);
        });
        total.changed = total.seals > 0;
        return total;
    }
    std::optional<std::int64_t> end;  // what appears later is for the next run, so that this one ends
    for (bool more = true; more;) {
        SealReceipt const before = total;
        database.transact(writing(options), [&](db::Transaction &transaction) {
            total = before;
            sql::EventWriters const now = sql::event_writers(transaction);
            end = end.value_or(now.last_event_id.value_or(0));
            more = add_seal(transaction, *end, options.by.actor.text(), total);
            total.head = sql::head_of(transaction);
            total.writer_open = !now.writers.empty();
            note_who(total, transaction);
            if (!more) {
                transaction.nothing_to_do();
            }
        });
    }
    total.changed = total.seals > 0;
    return total;
}

}  // namespace relay
