#pragma once

#include "cli/sink/batch/k8s_names.hpp"
#include "cli/sink/format.hpp"
#include "cli/sink/secret_files.hpp"
#include "cli/sink/sink.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace relay::cli {

/// --secrets-dir: writes each secret to DIR/AGENT-ID.EXT, and an organization's admin token to
/// DIR/ORG-ID.admin-token.EXT.
///
/// DIR must belong to this user or to root, and no one else may write to it. If it does not exist, it is created with
/// mode 0700 at the first delivery. With --group-by, files are in a folder below DIR for each organization or owner
/// (cli/sink/batch/owner_folder.hpp), under the same rules; symbolic links are not followed.
/// `prepare` may be called for several keys before one `deliver`: then all of them are written, finished and taken back
/// together.
class DirectorySink final : public Sink {
  public:
    /// Throws Error (sink) if the folder is not suitable.
    DirectorySink(std::string path, bool replace, Rendering rendering, Output &output,
                  GroupBy group_by = GroupBy::none);

    void settle(Judge const &judge) override;
    OperationId prepare(NewKey const &issued) override;
    void made_for(std::string const &database_id) override { m_database_id = database_id; }
    void deliver() override;
    void committed() override;
    void rolled_back() noexcept override;
    void left_unknown() noexcept override;
    std::string destination() const override { return m_destination; }
    /// Returns the file of an agent, relative to DIR, if it exists.
    std::optional<std::string> find(AgentId const &agent, OrgId const &org,
                                    std::optional<std::string> const &owner) const;

    /// Remembers that a manifest for this agent may be made in this run.
    void announce(AgentId const &agent, OrgId const &org, std::optional<std::string> const &owner);
    /// Returns why no manifest can be made for an agent: another one in the same folder, or one that was announced, has
    /// the same name in Kubernetes.
    std::optional<std::string> why_not(AgentId const &agent, OrgId const &org,
                                       std::optional<std::string> const &owner) const;

  private:
    /// The part of a batch that goes to one folder.
    struct Part {
        std::vector<NamedSecret> prepared{};
        std::shared_ptr<Folder const> folder{};
        std::optional<SecretFiles> files{};  ///< set from the delivery to the verdict
        bool made_folder = false;
    };

    std::string group_of(OrgId const &org, std::optional<std::string> const &owner) const;
    void open_or_make_folder();
    void open_or_make_part(std::string const &name, Part &part);
    void flush_parts();
    void forget() noexcept;

    std::string m_path;
    bool m_replace;
    Rendering m_rendering;
    std::string m_database_id{};
    Output &m_output;
    std::shared_ptr<Folder const> m_folder{};  ///< null until DIR exists
    bool m_made_folder = false;
    GroupBy m_group_by;
    std::map<std::string, K8sNames> m_names{};  ///< by the folder's name
    std::map<std::string, Part> m_parts{};  ///< by the folder's name; empty: DIR itself
    std::size_t m_prepared = 0;
    std::string m_destination;
};

}  // namespace relay::cli
