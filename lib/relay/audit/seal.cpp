#include "relay/audit/seal.hpp"

#include "relay/audit/event_marks.hpp"
#include "relay/audit/seals_sql.hpp"
#include "relay/identity/use_case.hpp"

#include <algorithm>
#include <set>

namespace relay {
namespace {

/// A seal has at most this many numbers, so that reading one needs little memory.
constexpr std::int64_t numbers_per_seal = 5'000;
constexpr std::int64_t seals_per_transaction = 20;

void append_number(std::string &bytes, std::uint64_t number, unsigned size) {
    for (unsigned shift = 8 * size; shift > 0; shift -= 8) {
        bytes += static_cast<char>(number >> (shift - 8) & 0xFFU);
    }
}

std::string counted(std::string const &text) { return std::to_string(text.size()) + ':' + text; }

/// The work of one transaction.
class Work {
  public:
    Work(db::Transaction &transaction, std::string actor, bool all)
        : m_transaction(transaction), m_actor(std::move(actor)), m_most(all ? -1 : seals_per_transaction) {}

    /// Returns true if there is more to seal.
    bool run(SealReceipt &receipt) {
        sql::begin_seals(m_transaction);
        m_last = sql::last_seal(m_transaction);
        m_head = sql::head_of(m_transaction);
        sql::EventWriters const writers = sql::event_writers(m_transaction);
        m_closed = writers.writers.empty();
        receipt.writer_open = !m_closed;
        std::int64_t const end = writers.last_event_id.value_or(0);
        std::int64_t const last_end = m_last ? m_last->up_to_event_id : 0;
        bool const was_open = m_last && !m_last->closed;
        std::vector<SealEntry> late = was_open ? late_entries(last_end) : std::vector<SealEntry>();
        std::int64_t after = last_end;
        while (after < end && m_most != m_added) {
            std::int64_t const up_to = std::min(end, after + numbers_per_seal);
            std::vector<SealEntry> entries = std::move(late);
            late.clear();
            auto const found = sql::entries_between(m_transaction, after, up_to, numbers_per_seal * 2);
            entries.insert(entries.end(), found.begin(), found.end());
            if (!entries.empty()) {
                add(up_to, std::move(entries));
                after = up_to;
            } else if (auto const next = sql::next_event_id(m_transaction, up_to, end)) {
                after = *next - 1;
            } else {
                break;
            }
        }
        if (!late.empty() || (was_open && m_closed && m_added == 0)) {
            add(last_end, std::move(late));
        }
        receipt.seals += m_added;
        receipt.rows += m_rows;
        receipt.head = m_head;
        return m_most == m_added;
    }

  private:
    /// Returns the events that appeared in the ranges of open seals after they were sealed.
    std::vector<SealEntry> late_entries(std::int64_t end) {
        std::int64_t const floor = sql::last_closed_end(m_transaction);
        std::set<std::int64_t> sealed;
        std::int64_t seal_no = m_last->seal_no;
        for (;;) {
            sql::StoredSeal const seal = sql::seals_after(m_transaction, seal_no - 1, 1).at(0);
            if (seal.seal.closed) {
                break;
            }
            for (SealEntry const &entry : seal.seal.entries) {
                sealed.insert(entry.event_id);
            }
            if (--seal_no == 0) {
                break;
            }
        }
        std::vector<SealEntry> late;
        for (std::int64_t after = floor; after < end; after += numbers_per_seal) {
            for (SealEntry const &entry : sql::entries_between(
                     m_transaction, after, std::min(end, after + numbers_per_seal), numbers_per_seal * 2)) {
                if (!sealed.contains(entry.event_id)) {
                    late.push_back(entry);
                }
            }
        }
        return late;
    }

    void add(std::int64_t up_to, std::vector<SealEntry> entries) {
        Seal const seal{.seal_no = m_head ? m_head->seal_no + 1 : 1,
                        .after_event_id = m_head ? m_head->up_to_event_id : 0,
                        .up_to_event_id = up_to,
                        .closed = m_closed,
                        .entries = std::move(entries),
                        .previous = m_head ? m_head->hash : Sha256(),
                        .sealed_at = m_transaction.now(),
                        .actor = m_actor,
                        .db_role = m_transaction.db_role()};
        Sha256 const hash = hash_of(seal);
        sql::add_seal(m_transaction, seal, hash);
        m_head = {.seal_no = seal.seal_no, .hash = hash, .up_to_event_id = up_to, .sealed_at = seal.sealed_at};
        ++m_added;
        m_rows += static_cast<std::int64_t>(seal.entries.size());
    }

    db::Transaction &m_transaction;
    std::string m_actor;
    std::int64_t m_most;
    std::optional<Seal> m_last{};
    std::optional<SealHead> m_head{};
    bool m_closed = false;
    std::int64_t m_added = 0;
    std::int64_t m_rows = 0;
};

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
                      "\nclosed " + (seal.closed ? "true" : "false") + "\nrows " + std::to_string(seal.entries.size()) +
                      "\nat " + format_instant_exact(seal.sealed_at) + "\nactor " + counted(seal.actor) + "\nrole " +
                      counted(seal.db_role) + "\nentries " + Sha256::of(entry_bytes(seal.entries)).hex() +
                      "\nprevious " + seal.previous.hex() + '\n');
}

SealReceipt seal_audit(db::Database &database, WriteOptions const &options) {
    SealReceipt total;
    for (bool more = true; more;) {
        SealReceipt const before = total;
        database.transact(writing(options), [&](db::Transaction &transaction) {
            total = before;
            more = Work(transaction, options.by.actor.text(), options.dry_run).run(total);
            note_who(total, transaction);
            if (total.seals == before.seals) {
                transaction.nothing_to_do();
            }
        });
    }
    total.changed = total.seals > 0;
    return total;
}

}  // namespace relay
