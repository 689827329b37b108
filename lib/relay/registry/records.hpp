#pragma once

#include "relay/model/ids.hpp"
#include "relay/model/text_of.hpp"
#include "relay/model/time.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace relay {

/// Which of the processes of an agent: empty for an agent with one process, otherwise 1 to 127 letters, digits and
/// `_ . : @ / -`.
class InstanceId : public detail::CheckedText<InstanceId> {
  public:
    static InstanceId parse(std::string_view text);
    InstanceId(StoredText, std::string text) : CheckedText(std::move(text)) {}

  private:
    explicit InstanceId(std::string text) : CheckedText(std::move(text)) {}
};

/// What an agent of the registry does now. Searches find only those that run.
enum class RunState { running, draining, blocked, revoked, over_limit, gone };

template <>
struct EnumText<RunState> {
    static constexpr auto words = std::to_array<EnumWord<RunState>>({{RunState::running, "running"},
                                                                     {RunState::draining, "draining"},
                                                                     {RunState::blocked, "blocked"},
                                                                     {RunState::revoked, "revoked"},
                                                                     {RunState::over_limit, "over_limit"},
                                                                     {RunState::gone, "gone"}});
};

/// How an agent went: it said so, or its lease ended without a word.
enum class Departure { unregistered, expired };

template <>
struct EnumText<Departure> {
    static constexpr auto words = std::to_array<EnumWord<Departure>>(
        {{Departure::unregistered, "unregistered"}, {Departure::expired, "expired"}});
};

/// An agent that has registered at some time.
struct RegisteredAgent {
    AgentId agent_id;
    OrgId org_id;
    std::string name{};  ///< as in its card; may be hostile
    RunState state = RunState::gone;
    std::int64_t instances = 0;  ///< processes whose lease has not ended
    std::int64_t ready = 0;  ///< of these, those that take work
    std::int64_t skills = 0;
    std::optional<Instant> since{};  ///< when the first of its processes registered; none if it is gone
    std::optional<Instant> lease_ends_at{};  ///< the last of their leases; none if it is gone
    std::chrono::seconds late{0};  ///< how long a beat of one of them is overdue, at most
    Instant card_since{};  ///< when its card last changed
    std::optional<Instant> last_seen_at{};  ///< if it is gone: its last sign of life
    std::optional<Departure> departure{};  ///< if it is gone
};

/// A process of an agent.
struct Instance {
    InstanceId instance_id;
    Instant started_at{};
    Instant beat_at{};
    Instant lease_ends_at{};
    bool running = false;  ///< the lease has not ended
    bool ready = false;
    std::chrono::seconds late{0};
};

/// What the registry has of an agent.
struct RegistryEntry {
    Instant card_since{};  ///< when its card last changed
    std::optional<std::int64_t> instances{};  ///< processes whose lease has not ended; none: a standby does not know
    std::optional<Instant> since{};
    std::optional<Instant> lease_ends_at{};
};

/// How many agents and processes take work that needs a skill.
struct SkillCapacity {
    std::string skill{};  ///< may be hostile
    std::int64_t agents = 0;
    std::int64_t instances = 0;
};

}  // namespace relay
