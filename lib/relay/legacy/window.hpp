#pragma once

#include "relay/db/database.hpp"
#include "relay/legacy/records.hpp"
#include "relay/model/attribution.hpp"

#include <variant>
#include <vector>

/// Opening, moving and closing the window in which a fleet may still use its shared secret.
namespace relay {

/// The longest that a deadline may lie ahead.
inline constexpr std::chrono::seconds longest_legacy_window = std::chrono::days(180);

/// When the window closes: a time, or a while from now on the database's clock.
using LegacyDeadline = std::variant<Instant, std::chrono::seconds>;

struct ChangedWindow : WriteReceipt {
    std::optional<LegacyWindow> window{};  ///< none: there never was one
    std::optional<Instant> deadline_before{};  ///< of extend
    std::int64_t wave = 0;  ///< of start: the wave that was opened
    std::int64_t wave_agents = 0;  ///< how many joined the list with it
    LegacyCounts counts{};
};

struct StartLegacy {
    std::optional<LegacyDeadline> deadline{};  ///< needed if no window is open; an open one keeps its own
    std::optional<std::vector<AgentId>> agents{};  ///< a wave; none: all that were imported
    std::optional<std::int64_t> expect{};  ///< how many must join
};
/// Opens the window, or another wave of the one that is open. The same again changes nothing.
/// Throws Error: usage, no deadline, or one that is past or too far; not_found, an agent of the wave was not imported; conflict, another number
/// than expected.
ChangedWindow start_legacy(db::Database &database, StartLegacy const &request, WriteOptions const &options);

/// Moves the deadline of the window, also of one that has expired: then it is open again.
/// Throws Error: conflict, no window, or it is finished, aborted or denied; usage, a deadline that is past or too far.
ChangedWindow extend_legacy(db::Database &database, LegacyDeadline const &deadline, WriteOptions const &options);

/// Calls the migration off: nobody is moved any more, who is listed may go on until the deadline, issued keys stay valid.
/// Throws Error: conflict, there is none.
ChangedWindow abort_legacy(db::Database &database, WriteOptions const &options);

struct FinishLegacy {
    std::chrono::seconds quiet = usual_legacy_quiet;
    std::int64_t allow_active = 0;  ///< exactly so many may still have used the shared secret in the quiet time
};
/// Closes the window for good.
/// Throws Error: conflict, other than `allow_active` listed agents used the shared secret in the quiet time (the first are named), or no window is open.
ChangedWindow finish_legacy(db::Database &database, FinishLegacy const &request, WriteOptions const &options);

}  // namespace relay
