#include "relay/audit/seal_chain.hpp"

#include "relay/audit/seals_sql.hpp"

namespace relay {
namespace {

constexpr int seals_per_transaction = 10;

std::string seal_text(std::int64_t seal_no) { return "seal " + std::to_string(seal_no); }
std::string range_text(std::int64_t first, std::int64_t last) {
    return std::to_string(first) + " to " + std::to_string(last);
}

}  // namespace

/// Behind a seal that is altered or missing, nothing is proven.
bool SealChain::end_here(std::string what, std::int64_t seal_no, std::string const &text) {
    m_broken = true;
    m_fault = AuditFault{.what = std::move(what), .seal_no = seal_no, .text = text};
    return false;
}

bool SealChain::check_next(db::Transaction &transaction) {
    for (int i = 0; i < seals_per_transaction; ++i) {
        if (!check(transaction)) {
            return false;
        }
    }
    return true;
}

bool SealChain::check(db::Transaction &transaction) {
    auto const stored = sql::seal_after(transaction, m_last.seal_no, "all");
    if (!stored) {
        return false;
    }
    Seal const &seal = stored->seal;
    std::int64_t const seal_no = m_last.seal_no + 1;
    if (seal.seal_no != seal_no) {
        return end_here("seal_missing", seal_no, seal_text(seal_no) + " is missing");
    }
    bool const follows = seal.previous == m_last.hash && seal.after_event_id == m_last.up_to_event_id &&
                         seal.complete_up_to >= m_complete;
    if (!stored->well_formed || !follows || hash_of(seal) != stored->hash) {
        return end_here("seal_altered", seal_no, seal_text(seal_no) + " was altered");
    }
    if (m_copy && m_copy->seal_no == seal_no && m_copy->hash != stored->hash) {
        m_fault = AuditFault{
            .what = "head_differs",
            .seal_no = seal_no,
            .text = seal_text(seal_no) + " differs from the one in the head file: the chain was written anew"};
    }
    m_last = {
        .seal_no = seal_no, .hash = stored->hash, .up_to_event_id = seal.up_to_event_id, .sealed_at = seal.sealed_at};
    m_complete = seal.complete_up_to;
    return true;
}

void SealChain::check_end() {
    if (m_copy && !m_broken && m_copy->seal_no > m_last.seal_no && !m_fault) {
        std::string const rest = range_text(m_last.seal_no + 1, m_copy->seal_no) + ", events " +
                                 range_text(m_last.up_to_event_id + 1, m_copy->up_to_event_id);
        end_here(
            "seal_missing", m_last.seal_no + 1,
            (m_last.seal_no == 0 ? "the whole chain is missing: seal " : "the end of the chain is missing: seal ") +
                rest);
    }
    if (m_last.seal_no == 0 && !m_fault) {
        m_fault = AuditFault{.what = "not_sealed", .text = "the audit trail has no seal, so nothing can be proven"};
    }
}

}  // namespace relay
