#pragma once

#include "cli/sink/format.hpp"
#include "cli/sink/sink.hpp"
#include "cli/sink/write_out.hpp"

#include <optional>
#include <string>

namespace relay::cli {

/// Terminal, --secret-stdout and --secret-fd: what was written cannot be taken back, so people are told what became of it.
class StreamSink final : public Sink {
  public:
    enum class Kind { terminal, standard_output, inherited };

    /// `fd` is not closed at the end. Throws Error (sink) if it is not open for writing, its reader is gone, or it is /dev/null.
    StreamSink(Kind kind, int fd, Rendering rendering, Output &output, StreamPatience patience = {});

    void settle(Judge const &) override {}
    OperationId prepare(NewKey const &issued) override;
    void deliver() override;
    void committed() override;
    void rolled_back() noexcept override;
    void left_unknown() noexcept override;
    std::string destination() const override;

  private:
    void mask_in_ci_log() const;
    std::string name() const;
    void tell(std::string const &fate) noexcept;

    Kind m_kind;
    int m_fd;
    bool m_is_terminal;
    Rendering m_rendering;
    Output &m_output;
    StreamPatience m_patience;
    std::string m_secret_name{};  ///< "API key", "admin token"
    std::string m_key_id{};
    std::optional<SecretBuffer> m_content{};
    std::optional<SecretBuffer> m_masks{};  ///< what a CI log must be told to hide, as the runner's commands
    bool m_written = false;
};

}  // namespace relay::cli
