#pragma once

#include "cli/sink/format.hpp"
#include "cli/sink/secret_files.hpp"
#include "cli/sink/sink.hpp"

#include <memory>
#include <string>
#include <vector>

namespace relay::cli {

/// --secrets-dir: DIR/AGENT-ID.EXT for each secret, DIR/ORG-ID.admin-token.EXT for an organization's admin token.
///
/// DIR belongs to this user or to root, and nobody else may write to it; a missing one is made with mode 0700 at the first delivery.
/// `prepare` may be called for several keys before one `deliver`: then all of them are written, finished and taken back together.
class DirectorySink final : public Sink {
  public:
    /// Throws Error (sink) for a folder that is not fit.
    DirectorySink(std::string path, bool replace, Rendering rendering, Output &output);

    void settle(Judge const &judge) override;
    OperationId prepare(IssuedKey const &issued) override;
    void deliver() override;
    void committed() override;
    void rolled_back() noexcept override;
    void left_unknown() noexcept override;
    std::string destination() const override { return m_destination; }

  private:
    void open_or_make_folder();

    std::string m_path;
    bool m_replace;
    Rendering m_rendering;
    std::string m_database_id{};
    Output &m_output;
    std::shared_ptr<Folder const> m_folder{};  ///< null until DIR exists
    bool m_made_folder = false;
    std::vector<NamedSecret> m_prepared{};
    std::optional<SecretFiles> m_files{};  ///< from the delivery to the verdict
    std::string m_destination;
};

}  // namespace relay::cli
