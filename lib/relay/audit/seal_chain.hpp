#pragma once

#include "relay/audit/verify.hpp"

namespace relay {

/// The chain of seals, checked seal by seal, and compared with a copy of its head from elsewhere.
class SealChain {
  public:
    explicit SealChain(std::optional<SealHead> copy) : m_copy(copy) {}

    /// Checks the next seals. Returns whether there may be more.
    bool check_next(db::Transaction &transaction);
    /// Compares the end of the chain with the copy. Call it after the last seal.
    void check_end();

    SealHead const &last() const { return m_last; }  ///< the last seal that is proven; number 0: there is none
    std::int64_t complete_up_to() const { return m_complete; }  ///< up to here, a row without an entry was added
    std::optional<AuditFault> const &fault() const { return m_fault; }

  private:
    bool check(db::Transaction &transaction);
    bool end_here(std::string what, std::int64_t seal_no, std::string const &text);

    std::optional<SealHead> m_copy;
    SealHead m_last{};
    std::int64_t m_complete = 0;
    bool m_broken = false;
    std::optional<AuditFault> m_fault{};
};

}  // namespace relay
