#pragma once

#include "cli/sink/format.hpp"
#include "cli/sink/secret_file.hpp"
#include "cli/sink/sink.hpp"

#include <optional>
#include <string>

namespace relay::cli {

/// --secret-file: one secret in one file.
class FileSink final : public Sink {
  public:
    /// `path` is as the user wrote it. Throws Error (usage) if it cannot be the name of a secret file, Error (sink) if
    /// the folder cannot take the file.
    FileSink(std::string path, bool replace, Rendering rendering, Output &output);

    /// Throws Error (sink) if the file is in the way.
    void check() const { m_file.check(); }

    void settle(Judge const &judge) override;
    OperationId prepare(NewKey const &issued) override;
    void made_for(std::string const &database_id) override { m_database_id = database_id; }
    void deliver() override;
    void committed() override;
    void rolled_back() noexcept override;
    void left_unknown() noexcept override;
    std::string destination() const override { return "file:" + m_path; }

  private:
    std::string m_path;
    std::string m_name;
    std::shared_ptr<Folder const> m_folder;
    SecretFile m_file;
    Rendering m_rendering;
    std::string m_database_id{};
    Output &m_output;
    std::optional<SecretBuffer> m_content{};
};

}  // namespace relay::cli
