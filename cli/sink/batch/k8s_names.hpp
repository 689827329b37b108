#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

namespace relay::cli {

/// The names of the Secrets in the manifests of one place. Two ids, such as pay_bot and pay-bot, can have one name; then
/// `kubectl apply` would leave one agent with the key of the other.
class K8sNames {
  public:
    /// Remembers an agent's id. An id that has no name is ignored.
    void add(std::string const &agent);
    /// Remembers the agents whose manifests (AGENT-ID.yaml) are in the folder.
    void add_folder(int folder);
    /// Returns why no manifest can be made for an agent: another one has its name.
    std::optional<std::string> why_not(std::string const &agent) const;

  private:
    std::map<std::string, std::set<std::string>> m_agents{};  ///< by name
};

}  // namespace relay::cli
