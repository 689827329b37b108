#pragma once

#include "verifier.hpp"

#include <list>

/// Lets the calls of an agent through as fast as its policy allows, over all gateways together. Copy it into your gateway.
///
/// relay-admin-gateway(7) explains the rules that it keeps.
namespace gateway {

class Rates {
  public:
    /// `query` runs one statement, committed, on the primary, from any thread.
    Rates(Verifier::Query query, std::string gateway_id)
        : m_query(std::move(query)), m_gateway_id(std::move(gateway_id)) {}

    /// Counts a call. Returns nothing if it may pass; else the seconds to send as Retry-After, with status 429.
    std::optional<int> refuse(Decision const &decision);

  private:
    using Seconds = double;  ///< of Clock

    /// What one agent may do at this gateway: tokens, which come back at a rate.
    struct Bucket {
        Bucket(double most, Seconds now);
        void be_quiet();
        bool has(Seconds now) const { return tokens + rate * (now - filled) >= 1; }
        /// Returns whether one more call is within the rate.
        bool take(Seconds now);
        double demand(Seconds now) const { return seen / std::max(now - since, 1.0); }

        double limit, rate = 0, burst = 0, tokens = 0;
        bool leased = false, leasing = false;
        Seconds filled, since, lease_at, until;
        double seen = 0;  ///< calls since `since`
        long refused = 0;
        int retry_after = 1;
    };
    using Shared = std::shared_ptr<Bucket>;
    struct Place {
        Shared bucket{};
        std::list<std::string>::iterator turn{};
    };

    Shared bucket(Decision const &decision, Seconds now);
    void lease(Decision const &decision, Bucket &bucket, double demand, long refused, Seconds now);

    Verifier::Query m_query;
    std::string m_gateway_id;
    std::mutex m_mutex{};
    std::unordered_map<std::string, Place> m_buckets{};
    std::list<std::string> m_turns{};  ///< agents, the longest idle first
};

}  // namespace gateway
