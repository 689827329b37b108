#pragma once

#include "cli/exit_status.hpp"
#include "cli/output/document.hpp"
#include "cli/sink/sink.hpp"
#include "relay/incident/incident.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace relay::cli {

class Context;

/// A fresh key that an agent got, or why it got none.
struct FreshKey {
    AgentId agent;
    std::optional<KeyId> key{};
    std::string file{};
    std::optional<Error> error{};
};

struct FreshKeys {
    std::vector<FreshKey> items{};
    bool all_tried = false;  ///< false: the command was interrupted, or the database is gone

    bool complete() const;
    bool has(AgentId const &agent) const;
};

/// --clean DIR: a revocation, and then a fresh key for each of its agents, in DIR/AGENT.key.
///
/// The revocation commits first, so a fresh key never waits for anything that keeps a leaked one alive. Each fresh key has
/// its own transaction. If the command is killed, a repeat finishes the rest. For keys that were found, the
/// database shows which agents are without a key. A repeat of `revoke AGENT` or `--org`, though, must not revoke the
/// fresh keys. So once the revocation is committed, a file in DIR (unfinished_name) says so until all agents have theirs.
class Clean {
  public:
    static constexpr auto unfinished_name = ".relay-admin-clean";

    /// Settles what a killed run left in DIR. `subjects` name what is revoked ("agent bot"); empty for keys that were
    /// found. Throws Error: sink if DIR is not suitable; conflict if another clean-up is unfinished in it.
    Clean(Context &context, std::string folder, std::vector<std::string> subjects);

    /// Returns whether the revocation was done by an earlier run, which did not finish.
    bool continues() const { return m_continues; }
    /// Throw Error (sink) if DIR has a file of an agent that will need a fresh key: it may be the leaked one.
    void require_room(std::vector<AgentId> const &agents) const;
    void require_room(OrgId const &org) const;
    void require_room(std::multimap<KeyId, scan::FoundKey> const &found, std::vector<KeyId> const &ids) const;

    /// These run after the COMMIT of the revocation. They throw nothing: what fails is in the result.
    FreshKeys after_keys(IncidentReceipt const &receipt);
    FreshKeys after_agents(IncidentReceipt const &receipt);
    FreshKeys after_org(OrgId const &org);

    /// Removes the mark of the unfinished work, if none is left. For after the report: until then, a repeat shows it.
    /// Returns `status`.
    ExitStatus finish(ExitStatus status) const;

  private:
    std::string unfinished_text() const;
    std::string unfinished_path() const { return m_folder + '/' + unfinished_name; }
    void read_unfinished();
    void note_revoked();
    void give(FreshKeys &fresh, AgentId const &agent, bool restores);
    FreshKeys all(std::function<void(FreshKeys &)> const &work);

    Context &m_context;
    std::string m_folder;
    std::vector<std::string> m_subjects;
    std::string m_database_id{};
    bool m_continues = false;
    bool m_complete = false;
};

/// Returns the fresh keys for machines; null without --clean.
Value fresh_keys_value(std::optional<FreshKeys> const &fresh);
/// Reports them on stderr.
void say_fresh_keys(Context &context, FreshKeys const &fresh);

}  // namespace relay::cli
