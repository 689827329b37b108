#pragma once

#include "relay/db/database.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/ip_range.hpp"
#include "relay/model/page.hpp"

#include <functional>
#include <variant>

/// Reading the audit trail. Each function needs SELECT only, and also works on a standby.
namespace relay {

/// A point in the past: a time, or how long ago it was by the database's clock.
using PastTime = std::variant<Instant, std::chrono::seconds>;

/// Which events are meant; an event must meet all conditions.
struct EventFilter {
    /// Also failures of a known key of the agent (or organization, or owner), which name no agent because the caller has
    /// not proved to be one.
    std::optional<AgentId> agent{};
    std::optional<KeyId> key{};
    std::optional<OrgId> org{};
    std::optional<OwnerName> owner{};
    std::vector<std::string> actions{};  ///< one of these; empty: any
    std::optional<Outcome> outcome{};
    std::optional<Note> actor{};  ///< as claimed
    std::optional<Note> db_role{};  ///< as proven
    std::optional<IpRange> address{};
    std::optional<Note> ticket{};
    std::optional<Note> trace{};
    std::optional<PastTime> since{};  ///< from then on
    std::optional<PastTime> until{};  ///< before then
};

struct ListEvents {
    EventFilter filter{};
    PageRequest page{};
};
/// Returns the fields that `page.sort` can name.
std::vector<std::string> event_sort_fields();
/// Lists events, the newest first. Events of floods that have not ended yet are among them, without a number. Throws
/// Error: not_found, no such agent, key or organization, and no event names it; usage, `page.after` is not a cursor.
ListEnd list_events(db::Database &database, ListEvents const &request, EachItem<Event> const &each);

struct EventDetails {
    Event event{};
    Instant at{};
    std::string db_role{};
};
/// Returns the event with this number. Throws Error: not_found.
EventDetails show_event(db::Database &database, std::int64_t event_id);

struct EventFollower {
    std::function<bool(Event const &)> on_event{};  ///< returns false to stop following
    std::function<void()> on_start{};  ///< called before the first event
    std::function<void(Error const &)> on_loss{};  ///< the connection is lost; it will be made again
    std::function<void()> on_return{};  ///< the connection was made again; no event was missed
};

struct FollowEvents {
    EventFilter filter{};
    std::int64_t last = 0;  ///< begin with the last events so far, at most this many
    bool until_idle = false;  ///< end when there are no more events
};

/// Passes each event that is added from now on to `follower`, once, until the follower stops it or, with `until_idle`, no
/// event is left.
///
/// Polling finds every event: NOTIFY only makes it look sooner, and not every event sends one. An event is found however
/// late its transaction commits (relay/audit/event_marks.hpp), unless it had taken its number more than 10,000 events
/// before the start. If the connection is lost after the database was reached
/// once, it retries for as long as it takes. Throws Error: unavailable, the database was never reached; denied.
void follow_events(db::Database &database, FollowEvents const &request, EventFollower const &follower);

}  // namespace relay
