#pragma once

#include "cli/output/document.hpp"
#include "relay/incident/incident.hpp"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace relay::cli {

class Context;

/// A fresh key that an agent got, or why it got none.
struct FreshKey {
    AgentId agent;
    std::optional<KeyId> key{};  ///< with no file: another run has given it this key
    std::string file{};
    std::optional<Error> error{};
};

struct FreshKeys {
    std::vector<FreshKey> items{};
    std::vector<AgentId> left_out{};  ///< agents that were named, and had no working key that could be replaced
    bool org_restored = false;
    bool all_tried = false;  ///< false: the command was interrupted, or the database is gone
    bool interrupted = false;

    bool complete() const;
    bool has(AgentId const &agent) const;
};

/// --clean DIR: after a revocation, a fresh key for each agent of which it ended a working one, in DIR/AGENT.key.
///
/// The revocation commits first, so a fresh key never waits for anything that keeps a leaked one alive. Each fresh key
/// has its own transaction (renew_agent). The database alone says who needs one: so if the command is killed, a repeat
/// revokes again, the fresh keys of agents and organizations, too, and gives a fresh key to each agent. It replaces only
/// files that an earlier clean-up wrote.
class Clean {
  public:
    /// Settles what a killed run left in DIR. Throws Error (sink): DIR is not suitable, or it has a file of an agent of
    /// `what` that may hold the leaked key. What cannot be read in time about the files does not delay the revocation.
    Clean(Context &context, std::string folder, OfIncident what);

    /// Runs after the COMMIT of the revocation. Throws nothing: what fails is in the result.
    FreshKeys run(IncidentReceipt const &receipt);

    /// Returns whether a repeat of the command would end the fresh keys, too.
    bool repeat_ends_fresh() const { return m_what.keys.empty(); }
    /// Reports the fresh keys on stderr.
    void say(FreshKeys const &fresh) const;

  private:
    void require_room();
    void restore_own_org(IncidentReceipt const &receipt, FreshKeys &fresh);
    std::vector<AgentId> agents_of(IncidentReceipt const &receipt, FreshKeys &fresh);
    FreshKey give(AgentId const &agent);
    std::string path_of(AgentId const &agent) const { return m_folder + '/' + agent.text() + ".key"; }

    Context &m_context;
    std::string m_folder;
    OfIncident m_what;
    std::set<std::string> m_replaced{};  ///< agents whose file is of an earlier clean-up
};

/// Returns the fresh keys for machines; null without --clean.
Value fresh_keys_value(std::optional<FreshKeys> const &fresh);

}  // namespace relay::cli
