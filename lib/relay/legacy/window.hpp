#pragma once

#include "relay/db/database.hpp"
#include "relay/legacy/records.hpp"
#include "relay/model/attribution.hpp"

#include <variant>
#include <vector>

/// Opening, moving and closing the window in which a fleet may still use its shared secret.
namespace relay {

/// How far ahead a deadline may be.
inline constexpr std::chrono::seconds longest_legacy_window = std::chrono::days(180);

/// When the window closes: an instant, or a duration from now by the database's clock.
using LegacyDeadline = std::variant<Instant, std::chrono::seconds>;

struct ChangedWindow : WriteReceipt {
    std::optional<LegacyWindow> window{};  ///< none: no window was ever opened
    std::optional<Instant> deadline_before{};  ///< set by extend
    std::int64_t wave = 0;  ///< set by start: the wave that was opened
    std::int64_t wave_agents = 0;  ///< how many agents joined the list with it
    LegacyCounts counts{};
};

struct StartLegacy {
    std::optional<LegacyDeadline> deadline{};  ///< required if no window is open; ignored if one is
    std::optional<std::vector<AgentId>> agents{};  ///< the agents of a wave; none: all imported agents
    std::optional<std::int64_t> expect{};  ///< how many agents must join
};
/// Opens the window, or another wave of the window that is open. The same request again changes nothing. Throws
/// Error: usage, no deadline, or it is past or too far ahead; not_found, an agent of the wave was not imported;
/// conflict, the number is not the expected one, or the window has expired.
ChangedWindow start_legacy(db::Database &database, StartLegacy const &request, WriteOptions const &options);

/// Moves the deadline of the window. An expired window is then open again. Throws Error: conflict, no window, or it
/// is finished, aborted or denied; usage, the deadline is past or too far ahead.
ChangedWindow extend_legacy(db::Database &database, LegacyDeadline const &deadline, WriteOptions const &options);

/// Calls the migration off: no more agents are moved, listed agents may use the shared secret until the deadline, and
/// issued keys remain valid. Throws Error: conflict, there is no window.
ChangedWindow abort_legacy(db::Database &database, WriteOptions const &options);

struct FinishLegacy {
    std::chrono::seconds quiet = usual_legacy_quiet;
    std::int64_t allow_active = 0;  ///< exactly this many agents may have used the shared secret in the quiet time
    std::int64_t allow_never_seen = 0;  ///< exactly this many listed agents may never have been seen
};
/// Closes the window permanently. Silence counts only if a gateway listened, and for long enough. Throws Error:
/// conflict, no gateway has asked since the window was opened; the window or a wave is younger than the quiet time; the
/// number of listed agents that used the shared secret in that time is not `allow_active`, or that of agents never seen
/// is not `allow_never_seen` (the message names the first ones); or no window is open.
ChangedWindow finish_legacy(db::Database &database, FinishLegacy const &request, WriteOptions const &options);

}  // namespace relay
