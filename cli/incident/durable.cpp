#include "cli/incident/durable.hpp"

#include "cli/documents/error.hpp"
#include "cli/documents/fields.hpp"
#include "cli/output/byte_count.hpp"
#include "relay/model/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace relay::cli {

namespace {

constexpr std::size_t most_named_waiters = 5;
constexpr std::chrono::seconds long_silence{2};
constexpr char const *grant = "GRANT pg_read_all_stats TO relay_owner";

std::vector<std::string> names(StandbyWait const &wait, bool all) {
    std::vector<std::string> names;
    for (Standby const &standby : wait.standbys()) {
        if (all || !standby.replayed) {
            names.push_back(standby.name);
        }
    }
    return names;
}

/// Returns "not replayed by standby1: streaming, synchronous, flushed to disk, 1.2 MB behind, silent for 12 s".
std::string missing_line(Standby const &standby) {
    bool const connected =
        standby.presence == StandbyPresence::connected || standby.presence == StandbyPresence::hidden;
    std::vector<std::string> facts{connected ? std::string(standby.state_text()) : "not connected"};
    if (standby.presence == StandbyPresence::lost) {
        facts.push_back("the WAL that it needs is gone: rebuild it");
    }
    if (standby.synchronous) {
        facts.push_back("synchronous");
    }
    if (standby.slot && standby.name.find(*standby.slot) == std::string::npos) {
        facts.push_back("slot " + *standby.slot);
    }
    if (standby.flushed) {
        facts.push_back("flushed to disk");
    }
    if (standby.behind_bytes) {
        facts.push_back(byte_count(static_cast<double>(*standby.behind_bytes)) + " behind");
    } else if (connected) {
        facts.push_back("has not reported its position yet");
    }
    if (connected && standby.heard && *standby.heard >= long_silence) {
        facts.push_back(fmt::format("silent for {} s", standby.heard->count()));
    }
    return fmt::format("not replayed by {}: {}", standby.name, fmt::join(facts, ", "));
}

std::optional<std::string> failure_of(StandbyWait const &wait) {
    if (wait.failure()) {
        return what_failed(*wait.failure());
    }
    return wait.hidden() ? std::optional<std::string>("neither this login nor relay_owner is in pg_read_all_stats")
                         : std::nullopt;
}

std::vector<Record> standby_records(StandbyWait const &wait) {
    std::vector<Record> records;
    for (Standby const &standby : wait.standbys()) {
        bool const hidden = standby.presence == StandbyPresence::hidden;
        records.push_back({
            machine_only("name", standby.name),
            machine_only("address", standby.address),
            machine_only("slot", standby.slot),
            machine_only("state", std::string(standby.state_text())),
            machine_only("synchronous", hidden ? Value() : Value(standby.synchronous)),
            machine_only("flushed", standby.flushed),
            machine_only("replayed", standby.replayed),
            machine_only("behind_bytes", standby.behind_bytes),
            machine_only("silent_seconds", standby.heard ? Value(std::int64_t{standby.heard->count()}) : Value()),
        });
    }
    return records;
}

}  // namespace

Record durable_record(StandbyWait const &wait) {
    return {
        machine_only("expected", static_cast<std::int64_t>(wait.standbys().size())),
        machine_only("replayed", static_cast<std::int64_t>(wait.replayed())),
        machine_only("missing", names(wait, false)),
        machine_only("complete", wait.complete()),
        machine_only("took_ms", std::int64_t{wait.took().count()}),
        machine_only("lsn", or_null(wait.lsn())),
        machine_only("error", failure_of(wait)),
        machine_only("standbys", standby_records(wait)),
    };
}

std::vector<std::string> durable_lines(StandbyWait const &wait) {
    if (wait.failure()) {
        return {"cannot read how far the standbys are: " + *failure_of(wait)};
    }
    if (wait.hidden()) {
        return {fmt::format("cannot see how far {} got ({}): {}", counted(wait.standbys().size(), "standby"),
                            fmt::join(names(wait, true), ", "), *failure_of(wait)),
                fmt::format("next: as a superuser, {}", grant)};
    }
    if (wait.standbys().empty()) {
        return {
            "on the primary only: it has no standby (none streams from it, is named in synchronous_standby_names, or "
            "has a slot)"};
    }
    std::vector<std::string> lines{fmt::format("durable on {}/{} in {:.2f} s", wait.replayed(),
                                               counted(wait.standbys().size(), "standby"),
                                               static_cast<double>(wait.took().count()) / 1000)};
    std::size_t more = 0;
    for (Standby const &standby : wait.standbys()) {
        if (!standby.replayed && lines.size() <= most_named_waiters) {
            lines.push_back(missing_line(standby));
        } else if (!standby.replayed) {
            ++more;
        }
    }
    if (more > 0) {
        lines.push_back(fmt::format("not replayed by {} more", more));
    }
    return lines;
}

}  // namespace relay::cli
