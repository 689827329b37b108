#include "relay/audit/seal.hpp"
#include "relay/audit/sealed_entries.hpp"
#include "relay/audit/seals_sql.hpp"
#include "relay/identity/use_case.hpp"

#include <algorithm>
#include <limits>
#include <map>

namespace relay {
namespace {

constexpr int seals_per_transaction = 10;

std::string event_text(std::int64_t event_id) { return "event " + std::to_string(event_id); }
std::string seal_text(std::int64_t seal_no) { return "seal " + std::to_string(seal_no); }
std::string range_text(std::int64_t first, std::int64_t last) {
    return std::to_string(first) + " to " + std::to_string(last);
}

/// The entries of a month that have no row.
struct Gone {
    std::int64_t count = 0;
    SealedEntry first{};
    SealedEntry last{};
};

/// First the chain and its head, then the rows, page by page. Rows and entries are both read in the order of their
/// numbers, so little is in memory, however many seals are incomplete.
class Verify {
  public:
    Verify(db::Database &database, VerifyAudit const &request) : m_database(database), m_request(request) {}

    AuditVerification run() {
        for (bool more = true; more;) {
            more = step([&](db::Transaction &transaction) { return check_seals(transaction); });
        }
        look_at_end();
        for (bool more = true; more;) {
            more = step([&](db::Transaction &transaction) { return compare_page(transaction); });
        }
        step([&](db::Transaction &transaction) {
            finish(transaction);
            return false;
        });
        return m_state.result;
    }

  private:
    /// Runs one transaction. If it must be run again, it begins with what was before it.
    template <typename Work>
    bool step(Work const &work) {
        State const before = m_state;
        bool more = false;
        m_database.transact(reading(), [&](db::Transaction &transaction) {
            m_state = before;
            more = work(transaction);
            m_state.result.at = transaction.now();
            m_state.result.db_role = transaction.db_role();
        });
        return more;
    }

    /// Behind a seal that is altered or missing, nothing is proven.
    bool break_chain(std::string what, std::int64_t seal_no, std::string const &text) {
        m_state.broken = true;
        m_state.result.fault = AuditFault{std::move(what), std::nullopt, seal_no, text};
        return false;
    }

    /// Checks the next seals. Returns whether there may be more.
    bool check_seals(db::Transaction &transaction) {
        for (int i = 0; i < seals_per_transaction; ++i) {
            auto const stored = sql::seal_after(transaction, m_state.last.seal_no, "all");
            if (!stored || !check(*stored)) {
                return false;
            }
        }
        return true;
    }

    bool check(sql::StoredSeal const &stored) {
        Seal const &seal = stored.seal;
        std::int64_t const seal_no = m_state.last.seal_no + 1;
        if (seal.seal_no != seal_no) {
            return break_chain("seal_missing", seal_no, seal_text(seal_no) + " is missing");
        }
        bool const follows = seal.previous == m_state.last.hash && seal.after_event_id == m_state.last.up_to_event_id &&
                             seal.complete_up_to >= m_state.complete;
        if (!stored.well_formed || !follows || hash_of(seal) != stored.hash) {
            return break_chain("seal_altered", seal_no, seal_text(seal_no) + " was altered");
        }
        if (m_request.head && m_request.head->seal_no == seal_no && m_request.head->hash != stored.hash) {
            m_state.result.fault =
                AuditFault{"head_differs", std::nullopt, seal_no,
                           seal_text(seal_no) + " differs from the one in the head file: the chain was written anew"};
        }
        m_state.last = {.seal_no = seal_no,
                        .hash = stored.hash,
                        .up_to_event_id = seal.up_to_event_id,
                        .sealed_at = seal.sealed_at};
        m_state.complete = seal.complete_up_to;
        ++m_state.result.seals;
        return true;
    }

    void look_at_end() {
        SealHead const &last = m_state.last;
        auto &fault = m_state.result.fault;
        if (m_request.head && !m_state.broken && m_request.head->seal_no > last.seal_no && !fault) {
            std::string const rest = range_text(last.seal_no + 1, m_request.head->seal_no) + ", events " +
                                     range_text(last.up_to_event_id + 1, m_request.head->up_to_event_id);
            fault = AuditFault{
                "seal_missing", std::nullopt, last.seal_no + 1,
                (last.seal_no == 0 ? "the whole chain is missing: seal " : "the end of the chain is missing: seal ") +
                    rest};
        }
        if (last.seal_no == 0 && !fault) {
            fault = AuditFault{"not_sealed", std::nullopt, std::nullopt,
                               "the audit trail has no seal, so nothing can be proven"};
        }
        if (last.seal_no > 0) {
            m_state.result.head = last;
        }
        m_state.entries = SealedEntries(last.seal_no);
    }

    /// Compares the next rows with their entries. Returns whether there may be more.
    bool compare_page(db::Transaction &transaction) {
        std::int64_t const end = m_state.last.up_to_event_id;
        if (m_state.read_up_to >= end) {
            return false;
        }
        std::int64_t up_to = m_state.read_up_to < 0 ? 0 : std::min(end, m_state.read_up_to + sql::numbers_per_step);
        auto const rows = sql::entries_between(transaction, m_state.read_up_to, up_to);
        if (rows.empty() && up_to < end) {
            up_to = sql::next_event_id(transaction, up_to, end).value_or(end + 1) - 1;
        }
        auto entry = m_state.entries.next(transaction, up_to);
        for (SealEntry const &row : rows) {
            for (; entry && entry->entry.event_id < row.event_id; entry = m_state.entries.next(transaction, up_to)) {
                miss(*entry);
            }
            if (!entry || entry->entry.event_id != row.event_id) {
                row.event_id <= m_state.complete ? add(row) : void(++m_state.result.unsealed_rows);
                continue;
            }
            entry->entry == row ? void(++m_state.result.rows) : alter(*entry);
            entry = m_state.entries.next(transaction, up_to);
        }
        for (; entry; entry = m_state.entries.next(transaction, up_to)) {
            miss(*entry);
        }
        m_state.read_up_to = up_to;
        return true;
    }

    /// Why an entry has no row is found out at the end: a month may be dropped while the rows are read.
    void miss(SealedEntry const &entry) {
        auto const [month, is_first] = m_state.gone.try_emplace(entry.entry.month, Gone{.first = entry, .last = entry});
        ++month->second.count;
        month->second.last = entry;
    }

    void alter(SealedEntry const &entry) {
        ++m_state.result.altered;
        fault("altered", entry.entry.event_id, entry.seal_no, event_text(entry.entry.event_id) + " was altered");
    }

    void add(SealEntry const &row) {
        ++m_state.result.added;
        fault("added", row.event_id, std::nullopt, event_text(row.event_id) + " was added after its range was sealed");
    }

    void fault(std::string what, std::int64_t event_id, std::optional<std::int64_t> seal_no, std::string text) {
        if (!m_state.first || event_id < *m_state.first->event_id) {
            m_state.first = AuditFault{std::move(what), event_id, seal_no, std::move(text)};
        }
    }

    /// Retention explains as many missing rows as it has recorded, in its range of numbers.
    void explain(Gone const &gone, sql::DroppedMonth const &dropped) {
        std::int64_t const explained = std::min(gone.count, dropped.rows);
        m_state.result.dropped_rows += explained;
        m_state.result.dropped_months.push_back(dropped.name);
        m_state.result.missing += gone.count - explained;
        auto const outside = [&](SealedEntry const &entry) {
            return entry.entry.event_id < dropped.first_event_id || entry.entry.event_id > dropped.last_event_id;
        };
        for (SealedEntry const &entry : {gone.first, gone.last}) {
            if (outside(entry)) {
                return fault(
                    "missing", entry.entry.event_id, entry.seal_no,
                    event_text(entry.entry.event_id) + " is missing, and was before " + dropped.name + " was dropped");
            }
        }
        if (gone.count > explained) {
            fault("missing", gone.first.entry.event_id, gone.first.seal_no,
                  std::to_string(gone.count) + " sealed events of " + dropped.name + " are missing, from " +
                      event_text(gone.first.entry.event_id) + " on, but it had only " + std::to_string(dropped.rows) +
                      " when it was dropped");
        }
    }

    void finish(db::Transaction &transaction) {
        auto const dropped = sql::dropped_months(transaction);
        for (auto const &[month, gone] : m_state.gone) {
            auto const found = std::find_if(dropped.begin(), dropped.end(),
                                            [&](sql::DroppedMonth const &one) { return one.month == month; });
            if (found != dropped.end()) {
                explain(gone, *found);
                continue;
            }
            m_state.result.missing += gone.count;
            fault("missing", gone.first.entry.event_id, gone.first.seal_no,
                  event_text(gone.first.entry.event_id) + " is missing");
        }
        if (!m_state.result.fault) {
            m_state.result.fault = m_state.first;
        }
        sql::UnsealedRows const rest = sql::rows_after(transaction, m_state.last.up_to_event_id);
        m_state.result.unsealed_rows += rest.count;
        m_state.result.unsealed_since = rest.since;
    }

    struct State {
        AuditVerification result{};
        SealHead last{};  ///< the last seal that is proven
        std::int64_t complete = 0;  ///< up to here, a row without an entry was added
        bool broken = false;
        SealedEntries entries{0};
        std::int64_t read_up_to = std::numeric_limits<std::int64_t>::min();
        std::map<std::uint16_t, Gone> gone{};
        std::optional<AuditFault> first{};  ///< of the rows
    };

    db::Database &m_database;
    VerifyAudit const &m_request;
    State m_state{};
};

}  // namespace

AuditVerification verify_audit(db::Database &database, VerifyAudit const &request) {
    return Verify(database, request).run();
}

}  // namespace relay
