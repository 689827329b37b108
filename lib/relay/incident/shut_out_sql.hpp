#pragma once

#include "relay/db/transaction.hpp"
#include "relay/identity/records.hpp"
#include "relay/incident/effect.hpp"
#include "relay/model/attribution.hpp"

/// The statements that block, revoke and lift. They decide in the server what there is to do, so that a COMMIT can be
/// sent with them, and raise an error if the effect is not there when it is read back.
namespace relay::sql {

/// What a change is about.
struct ShutOut {
    std::vector<Subject> subjects;  ///< at least one, all of one kind
    StandingKind kind = StandingKind::block;
    BlockEnd end{};
    bool force = false;  ///< also ids that do not exist
    bool writes_events = true;
    ReadBack depth = ReadBack::answers;
    /// Set to ask a last time about a change that is committed: what was changed since then counts as changed by it.
    std::optional<Instant> committed_at{};
};

/// What was done about one subject.
struct Judged {
    Subject subject;
    bool known = false;  ///< the agent, organization, key or device exists
    bool looked_up = true;  ///< false: its table is locked, so no one knows whether it exists
    std::optional<OrgId> org_id{};
    std::optional<AgentId> agent_id{};
    std::optional<KeyId>
        key_id{};  ///< for the column of events: the id of a key, or of a device, which has the same form
    bool changed = false;
    bool stood = false;  ///< a row of the kind was in force before
};

struct JudgedAll {
    std::vector<Judged> subjects{};  ///< in the order of the request
    std::size_t events = 0;  ///< how many rows auth_events took
    std::optional<Instant> until{};
};

/// Blocks or revokes those that are known, or not looked up (or all, by force), and for which no row of the kind lasts as
/// long. Takes no lock.
db::Pending<JudgedAll> shut_out(db::Transaction &transaction, ShutOut const &request, Attribution const &by);

/// Lifts the blocks or revocations in force.
db::Pending<JudgedAll> lift(db::Transaction &transaction, ShutOut const &request, Attribution const &by);

/// Raises an error in the server (effect_missing_state) unless each subject is blocked or revoked, or no longer, as asked.
void require_shut_out(db::Transaction &transaction, ShutOut const &request);
void require_lifted(db::Transaction &transaction, ShutOut const &request);

/// "agent_blocked", "org_restored": the events' actions.
std::string shut_out_action(Subject const &subject, StandingKind kind);
std::string lift_action(Subject const &subject, StandingKind kind);

}  // namespace relay::sql
