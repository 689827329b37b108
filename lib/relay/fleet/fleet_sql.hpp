#pragma once

#include "relay/db/transaction.hpp"
#include "relay/fleet/rotate_fleet.hpp"
#include "relay/model/attribution.hpp"

#include <cstdint>
#include <optional>
#include <vector>

/// The statements that find the agents of a fleet to rotate, page by page.
///
/// A page is a number of agents in the order of their ids, whatever becomes of them: so a statement never looks at the
/// whole fleet, however few agents are due.
namespace relay::sql {

/// A rotation that has not ended.
struct OpenRotation {
    std::int64_t rotation_id = 0;
    std::int64_t began_order = 0;
    Instant began_at{};
    bool continued = false;  ///< it began in another run
};

/// A request in one line, for which there is one open rotation at a time.
struct FleetRequest {
    std::string text;
    std::string
        earlier_text;  ///< as an earlier version of the program wrote the same; the same text if it does not differ
};

/// The open rotation for a request; none: there is none in which a run was at work within `most_age`.
struct FoundRotation {
    std::optional<OpenRotation> open{};
    std::int64_t last_before = 0;  ///< the id of the last rotation for this request before it
};
FoundRotation find_rotation(db::Transaction &transaction, FleetRequest const &request, std::chrono::seconds most_age);
/// Returns the last rotation for this request that is later than `last_before`, even if it has ended since: another run has
/// then done the work meanwhile. If there is none, opens one. Ends an open rotation that is older than `most_age`.
OpenRotation open_rotation(db::Transaction &transaction, FleetRequest const &request, std::chrono::seconds most_age,
                           std::int64_t last_before, Attribution const &by);
/// Notes that a run of it is at work.
void note_work(db::Transaction &transaction, std::int64_t rotation_id);
void end_rotation(db::Transaction &transaction, std::int64_t rotation_id);

/// Which agents a rotation is about, and where it is.
struct FleetQuery {
    RotateFleet const &request;
    std::optional<std::int64_t> began_order{};  ///< keys that were made after this place are new
    bool also_not_due = false;  ///< for next_candidates: agents whose store must be looked at
};

/// Returns what will become of the agents of one page after `after`, and where it ends; none: there are no more agents.
struct PageCounts {
    FleetCounts counts{};
    AgentId last;
};
std::optional<PageCounts> count_page(db::Transaction &transaction, FleetQuery const &query,
                                     std::optional<AgentId> const &after);

/// An agent whose key must be replaced, or perhaps (`is_due` false).
struct Candidate {
    AgentId agent;
    OrgId org;
    std::optional<std::string> owner{};
    std::optional<KeyId> active{};
    bool usual = false;  ///< its active key works, and no other key of it does
    bool is_due = true;
};
/// Returns the next agents to rotate, at most `most` of one page, and where the next page begins; none: it was the last.
struct CandidatePage {
    std::vector<Candidate> candidates{};
    std::optional<AgentId> next{};
};
CandidatePage next_candidates(db::Transaction &transaction, FleetQuery const &query,
                              std::optional<AgentId> const &after, std::int64_t most);

/// Returns those of `agents` that must be rotated.
std::vector<Candidate> find_candidates(db::Transaction &transaction, FleetQuery const &query,
                                       std::vector<AgentId> const &agents);

/// Locks those of `agents` that no other session has locked, and returns them; of these, only candidates.
struct Locked {
    std::vector<Candidate> candidates{};
    std::vector<AgentId> held_by_others{};  ///< candidates
};
Locked lock_candidates(db::Transaction &transaction, FleetQuery const &query, std::vector<AgentId> const &agents);

}  // namespace relay::sql
