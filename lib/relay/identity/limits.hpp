#pragma once

#include "relay/model/text_of.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// How much of each meter a plan or an organization may use.
namespace relay {

/// What is counted, as relay.meters names it.
enum class Meter { agents, devices, messages, api_calls, compute_ms, ai_tokens, storage_mb, vms, agent_qps };

template <>
struct EnumText<Meter> {
    static constexpr auto words = std::to_array<EnumWord<Meter>>({{Meter::agents, "agents"},
                                                                  {Meter::devices, "devices"},
                                                                  {Meter::messages, "messages"},
                                                                  {Meter::api_calls, "api_calls"},
                                                                  {Meter::compute_ms, "compute_ms"},
                                                                  {Meter::ai_tokens, "ai_tokens"},
                                                                  {Meter::storage_mb, "storage_mb"},
                                                                  {Meter::vms, "vms"},
                                                                  {Meter::agent_qps, "agent_qps"}});
};

/// The highest amount of a limit.
constexpr std::int64_t most_of_a_meter = 1'000'000'000'000'000;

/// A limit as it will be set. `inherit`: nothing is set for the organization, so its plan decides; else no amount
/// means that there is no limit, even if the plan has one.
struct LimitChange {
    Meter meter{};
    std::optional<std::int64_t> amount{};
    bool inherit = false;
};

/// A limit that is set. No amount: there is no limit.
struct Limit {
    Meter meter{};
    std::optional<std::int64_t> amount{};

    bool operator==(Limit const &) const = default;
};

/// Returns the limits of a text such as "agents=5,messages=none", in the order of the meters. Ignores unknown meters.
std::vector<Limit> read_limits(std::string const &text);

/// Returns `limits` after `changes`, in the order of the meters.
std::vector<Limit> changed_limits(std::vector<Limit> limits, std::vector<LimitChange> const &changes);

/// Returns the meters of which the two lists have different limits, as fields: "max_agents", "limit_messages", ...
std::vector<std::string> differing_limits(std::vector<Limit> const &before, std::vector<Limit> const &after);

}  // namespace relay
