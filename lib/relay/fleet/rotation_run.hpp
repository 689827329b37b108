#pragma once

#include "relay/db/database.hpp"
#include "relay/fleet/fleet_sql.hpp"
#include "relay/fleet/rotate_fleet.hpp"
#include "relay/identity/rotate_key.hpp"
#include "relay/model/attribution.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace relay {

/// One run over a fleet: which agents are next, and what became of them. Where the keys go is the caller's part.
class RotationRun {
  public:
    RotationRun(db::Database &database, RotateFleet const &request, WriteOptions const &options,
                FleetObserver const &observer)
        : m_database(database), m_request(request), m_options(options), m_observer(observer) {}

    /// Counts the fleet, asks the observer, and opens the rotation, or continues it.
    void begin();
    /// Returns the next agents to rotate, at most `most`; none at the end of the fleet, of the limit, or after a fault that
    /// stops the run. A page may be empty.
    std::optional<std::vector<sql::Candidate>> next_page(std::size_t most);
    /// From now on, pages also have agents that are not due, whose store must be looked at. They do not count for the limit
    /// unless they get a new key. An expected number is one of agents that are due, so then there are none.
    void look_at_all() { m_looks_at_all = !m_request.expect && !m_request.if_missing; }
    /// Notes that an agent that was not due is rotated, or has failed.
    void take() { ++m_taken; }
    /// Returns those of `agents` that still need a new key.
    std::vector<sql::Candidate> still_to_rotate(std::vector<AgentId> const &agents);
    /// Returns false if a fault has stopped the run.
    bool may_continue() const { return !(m_request.stop_on_fault && m_result.failed > 0); }

    /// Notes what became of an agent, and passes it on.
    void report(RotatedAgent row);
    void fail(AgentId const &agent, std::string reason);
    /// Notes a committed transaction that delivered to `destination`; empty: nowhere, as on a dry run.
    void count_batch(std::string const &destination);
    /// Called in each transaction: notes who makes it, and that the run is at work. Throws Error (usage) if the new keys would
    /// have ended already, by the database's clock.
    void note(db::Transaction &transaction);

    RotatedFleet finish();
    /// Returns the error of a run that ends early, with what the run has changed.
    Error ended_by(Error const &error) const;

    db::Database &database() const { return m_database; }
    RotateFleet const &request() const { return m_request; }
    WriteOptions const &options() const { return m_options; }
    sql::FleetQuery query() const { return {.request = m_request, .began_order = began_order()}; }
    /// Returns the same rotation for one agent.
    RotateKey request_for(AgentId const &agent) const;

  private:
    std::optional<std::int64_t> began_order() const {
        return m_rotation ? std::optional(m_rotation->began_order) : std::nullopt;
    }
    void count_all();
    bool is_rest_of(std::int64_t expected) const;
    std::int64_t left_to_take() const;
    bool has_more() const;
    sql::Candidate const *known(AgentId const &agent) const;

    db::Database &m_database;
    RotateFleet const &m_request;
    WriteOptions const &m_options;
    FleetObserver const &m_observer;
    RotatedFleet m_result{};
    std::optional<sql::OpenRotation> m_rotation{};
    std::int64_t m_last_before = 0;  ///< the id of the last rotation for the same request before this one
    std::int64_t m_total = 0;  ///< agents that were counted, up to the limit
    std::chrono::steady_clock::time_point m_noted = std::chrono::steady_clock::now();
    std::optional<AgentId> m_after{};
    bool m_is_at_end = false;
    bool m_looks_at_all = false;
    std::int64_t m_taken = 0;  ///< agents of the pages so far that are due
    std::vector<sql::Candidate> m_page{};  ///< the last one
    std::vector<sql::Candidate> m_page_before{};
};

/// Returns what became of one agent that was rotated alone.
RotatedAgent rotated_agent(Receiver const &agent, RotatedKey const &rotated);

}  // namespace relay
