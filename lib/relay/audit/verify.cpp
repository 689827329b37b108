#include "relay/audit/seal.hpp"
#include "relay/audit/seals_sql.hpp"
#include "relay/identity/use_case.hpp"

#include <algorithm>
#include <limits>

namespace relay {
namespace {

constexpr int seals_per_transaction = 10;
constexpr std::int64_t rows_per_read = 5'000;

std::string event_text(std::int64_t event_id) { return "event " + std::to_string(event_id); }
std::string seal_text(std::int64_t seal_no) { return "seal " + std::to_string(seal_no); }

class Verify {
  public:
    Verify(db::Database &database, VerifyAudit const &request) : m_database(database), m_request(request) {}

    AuditVerification run() {
        for (bool more = true; more;) {
            State const before = m_state;
            m_database.transact(reading(), [&](db::Transaction &transaction) {
                m_state = before;
                m_dropped = sql::dropped_months(transaction);
                auto const seals = sql::seals_after(transaction, m_state.last.seal_no, seals_per_transaction);
                for (sql::StoredSeal const &stored : seals) {
                    check(transaction, stored);
                }
                more = !m_state.broken && static_cast<int>(seals.size()) == seals_per_transaction;
                m_state.result.at = transaction.now();
                m_state.result.db_role = transaction.db_role();
            });
        }
        State const before = m_state;
        m_database.transact(reading(), [&](db::Transaction &transaction) {
            m_state = before;
            finish(transaction);
        });
        std::sort(m_state.result.dropped_months.begin(), m_state.result.dropped_months.end());
        return m_state.result;
    }

  private:
    void fault(std::string what, std::optional<std::int64_t> event_id, std::optional<std::int64_t> seal_no,
               std::string text) {
        if (!m_state.result.fault) {
            m_state.result.fault = AuditFault{std::move(what), event_id, seal_no, std::move(text)};
        }
    }

    /// Behind a seal that is altered or missing, nothing is proven.
    void break_chain(std::string what, std::int64_t seal_no, std::string const &text) {
        m_state.broken = true;
        fault(std::move(what), std::nullopt, seal_no, text);
    }

    void check(db::Transaction &transaction, sql::StoredSeal const &stored) {
        Seal const &seal = stored.seal;
        if (m_state.broken) {
            return;
        }
        if (seal.seal_no != m_state.last.seal_no + 1) {
            return break_chain("seal_missing", m_state.last.seal_no + 1,
                               seal_text(m_state.last.seal_no + 1) + " is missing");
        }
        bool const follows = seal.previous == m_state.last.hash && seal.after_event_id == m_state.last.up_to_event_id;
        if (!stored.well_formed || !follows || hash_of(seal) != stored.hash) {
            return break_chain("seal_altered", seal.seal_no, seal_text(seal.seal_no) + " was altered");
        }
        check_head(seal.seal_no, stored.hash);
        m_state.last = {.seal_no = seal.seal_no,
                        .hash = stored.hash,
                        .up_to_event_id = seal.up_to_event_id,
                        .sealed_at = seal.sealed_at};
        ++m_state.result.seals;
        m_state.entries.insert(m_state.entries.end(), seal.entries.begin(), seal.entries.end());
        if (seal.closed) {
            compare(transaction, true);
        }
    }

    void check_head(std::int64_t seal_no, Sha256 const &hash) {
        if (m_request.head && m_request.head->seal_no == seal_no && m_request.head->hash != hash) {
            fault("head_differs", std::nullopt, seal_no,
                  seal_text(seal_no) + " differs from the one in the head file: the chain was written anew");
        }
    }

    /// Compares the rows of the seals since the last closed one with their entries. `closed`: a row without an entry was
    /// added; otherwise its transaction was late, and the next seal will have it.
    void compare(db::Transaction &transaction, bool closed) {
        std::sort(m_state.entries.begin(), m_state.entries.end(),
                  [](SealEntry const &one, SealEntry const &other) { return one.event_id < other.event_id; });
        auto entry = m_state.entries.begin();
        for (std::int64_t after = m_state.floor;;) {
            auto const rows = sql::entries_between(transaction, after, m_state.last.up_to_event_id, rows_per_read);
            for (SealEntry const &row : rows) {
                for (; entry != m_state.entries.end() && entry->event_id < row.event_id; ++entry) {
                    miss(*entry);
                }
                if (entry == m_state.entries.end() || entry->event_id != row.event_id) {
                    closed ? add(row) : note_unsealed();
                    continue;
                }
                *entry == row ? void(++m_state.result.rows) : alter(row);
                ++entry;
            }
            if (static_cast<std::int64_t>(rows.size()) < rows_per_read) {
                break;
            }
            after = rows.back().event_id;
        }
        std::for_each(entry, m_state.entries.end(), [&](SealEntry const &left) { miss(left); });
        m_state.entries.clear();
        m_state.floor = m_state.last.up_to_event_id;
    }

    void miss(SealEntry const &entry) {
        auto const month = std::find_if(m_dropped.begin(), m_dropped.end(),
                                        [&](sql::DroppedMonth const &dropped) { return dropped.month == entry.month; });
        if (month == m_dropped.end()) {
            ++m_state.result.missing;
            return fault("missing", entry.event_id, m_state.last.seal_no, event_text(entry.event_id) + " is missing");
        }
        ++m_state.result.dropped_rows;
        auto &names = m_state.result.dropped_months;
        if (std::find(names.begin(), names.end(), month->name) == names.end()) {
            names.push_back(month->name);
        }
    }

    void alter(SealEntry const &row) {
        ++m_state.result.altered;
        fault("altered", row.event_id, m_state.last.seal_no, event_text(row.event_id) + " was altered");
    }

    void add(SealEntry const &row) {
        ++m_state.result.added;
        fault("added", row.event_id, m_state.last.seal_no,
              event_text(row.event_id) + " was added after its range was sealed");
    }

    void note_unsealed() { ++m_state.result.unsealed_rows; }

    void finish(db::Transaction &transaction) {
        if (!m_state.broken && m_state.last.seal_no > 0 && m_state.floor < m_state.last.up_to_event_id) {
            compare(transaction, false);
        }
        if (m_state.result.seals == 0 && !m_state.result.fault) {
            fault("not_sealed", std::nullopt, std::nullopt, "the audit trail has no seal, so nothing can be proven");
        }
        if (m_state.result.seals > 0) {
            m_state.result.head = m_state.last;
        }
        if (m_request.head && !m_state.broken && m_request.head->seal_no > m_state.last.seal_no) {
            fault("seal_missing", std::nullopt, m_state.last.seal_no + 1,
                  "the end of the chain is missing: " + seal_text(m_state.last.seal_no + 1) + " to " +
                      std::to_string(m_request.head->seal_no) + ", events " +
                      std::to_string(m_state.last.up_to_event_id + 1) + " to " +
                      std::to_string(m_request.head->up_to_event_id));
        }
        sql::UnsealedRows const rest = sql::rows_after(transaction, m_state.last.up_to_event_id);
        m_state.result.unsealed_rows += rest.count;
        m_state.result.unsealed_since = rest.since;
    }

    /// What a transaction changes; one that must be run again begins with what was before it.
    struct State {
        AuditVerification result{};
        SealHead last{};  ///< the last seal that is proven
        std::int64_t floor = std::numeric_limits<std::int64_t>::min();  ///< the end of the last closed one
        std::vector<SealEntry> entries{};  ///< of the seals since then
        bool broken = false;
    };

    db::Database &m_database;
    VerifyAudit const &m_request;
    State m_state{};
    std::vector<sql::DroppedMonth> m_dropped{};
};

}  // namespace

AuditVerification verify_audit(db::Database &database, VerifyAudit const &request) {
    return Verify(database, request).run();
}

}  // namespace relay
