#pragma once

#include "relay/db/database.hpp"
#include "relay/fleet/records.hpp"
#include "relay/identity/delivery.hpp"
#include "relay/identity/records.hpp"
#include "relay/identity/which_agents.hpp"
#include "relay/model/attribution.hpp"
#include "relay/model/text_of.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

/// New keys for a whole fleet.
namespace relay {

/// Which agents get a new key, and what becomes of their old ones; as RotateKey for one agent.
struct RotateFleet {
    std::optional<OrgId> org{};  ///< none: all agents of the relay
    WhichAgents which{};
    std::optional<std::chrono::seconds> if_older_than{};
    std::optional<std::chrono::seconds> due_within{};
    bool if_missing = false;  ///< only agents without a working key, which may never have had one
    std::chrono::seconds grace = std::chrono::hours(24);
    bool retire_on_first_use = false;
    bool force = false;
    std::optional<Instant> expires_at{};
    bool restart = false;  ///< begins anew, even if a rotation of the same request could be continued

    std::size_t batch = 1000;  ///< keys per transaction, at most; the delivery may allow fewer
    std::optional<std::int64_t> limit{};  ///< at most this many agents get a key
    std::optional<std::int64_t>
        expect{};  ///< how many agents must get a key, now or with those of the runs that this one continues
    bool stop_on_fault = false;  ///< after the first agent that fails, no further batch begins
    /// A second connection to the same database: the server writes two batches at the same time. None: one after the other.
    db::Database *beside = nullptr;
};

/// What will become of the agents of a fleet.
struct FleetCounts {
    std::int64_t candidates = 0;
    std::int64_t not_due = 0;
    std::int64_t done = 0;  ///< an earlier run of the same request has rotated them
    std::int64_t blocked = 0;
    std::int64_t revoked = 0;
    std::int64_t keyless = 0;  ///< they never had a key

    std::int64_t total() const { return candidates + not_due + done + blocked + revoked + keyless; }
};

/// What became of one agent.
enum class FleetOutcome {
    rotated,
    confirmed,  ///< it has a key of an earlier delivery, which was proved, and needed no other
    unchanged,  ///< another run, or another command, has given it a key meanwhile
    failed,
};

template <>
struct EnumText<FleetOutcome> {
    static constexpr auto words = std::to_array<EnumWord<FleetOutcome>>({{FleetOutcome::rotated, "rotated"},
                                                                         {FleetOutcome::confirmed, "confirmed"},
                                                                         {FleetOutcome::unchanged, "unchanged"},
                                                                         {FleetOutcome::failed, "failed"}});
};

struct RotatedAgent {
    AgentId agent_id;
    std::optional<OrgId> org_id{};
    std::optional<std::string> owner{};
    FleetOutcome outcome = FleetOutcome::rotated;
    std::optional<KeyId> key_id{};  ///< the new key; if nothing changed, the active one
    std::optional<KeyId> previous_key_id{};
    std::optional<Instant> previous_works_until{};  ///< none: it ended, or there was none
    bool key_is_active = false;  ///< `key_id` became active in this run
    std::string reason{};  ///< why it failed, or was not rotated

    void set_previous(Key const &previous);
};

struct RotatedFleet : WriteReceipt {
    FleetCounts before{};  ///< when the run began
    std::int64_t rotated = 0;
    std::int64_t confirmed = 0;
    std::int64_t unchanged = 0;
    std::int64_t failed = 0;
    std::int64_t not_followed = 0;  ///< agents whose key is confirmed, but FleetObserver::after failed
    std::int64_t batches = 0;
    bool complete = true;  ///< the run has reached the end of the fleet: no limit and no fault has stopped it
    std::optional<Instant> continued{};  ///< when the rotation began that this run continued
    std::optional<std::int64_t> finished{};  ///< the rotation of which nothing is left, for end_fleet_rotation
    std::string delivered_to{};  ///< empty: nothing was delivered
};

/// Callbacks of a run.
struct FleetObserver {
    /// The counts are known, and nothing was changed. May throw.
    std::function<void(FleetCounts const &, std::optional<Instant> continued)> starting{};
    std::function<void(std::int64_t done, std::int64_t total)> progress{};
    /// What became of an agent is committed.
    std::function<void(RotatedAgent const &)> each{};
    /// Called once the delivery to an agent is confirmed. Returns what went wrong; none: nothing.
    std::function<std::optional<std::string>(RotatedAgent const &)> after{};
};

/// Rotates the keys of a fleet, in the order of the agents' ids.
///
/// Each batch is delivered and then committed in its own transaction. A committed batch remains. The same request again
/// continues a rotation that was killed, stopped or had faults, and several runs at the same time share the work: no agent
/// is rotated twice, except one to which a store that is not a file was being delivered. Agents that are blocked or revoked
/// are left out. An agent fails alone. Memory does not depend on the number of agents. Throws Error: not_found, no such
/// organization; conflict, the count is not the expected one; sink, from `delivery`; and as Database::transact. After the
/// first batch, `changed` of the hint is partly.
RotatedFleet rotate_fleet(db::Database &database, RotateFleet const &request, WriteOptions const &options,
                          BatchDelivery &delivery, FleetObserver const &observer);

/// Ends a rotation of which nothing is left, once its result was reported: the same request then means another one.
void end_fleet_rotation(db::Database &database, std::int64_t rotation, WriteOptions const &options);

}  // namespace relay
