#pragma once

#include "cli/sink/format.hpp"
#include "cli/sink/sink.hpp"
#include "cli/sink/write_out.hpp"

#include <optional>
#include <string>

namespace relay::cli {

/// Terminal, --secret-stdout and --secret-fd. What was written cannot be taken back, so people are informed what became
/// of the key.
class StreamSink final : public Sink {
  public:
    enum class Kind { terminal, standard_output, inherited };

    /// Does not close `fd` at the end. Throws Error (sink) if it is not open for writing, if its reader is gone, or if
    /// it is /dev/null.
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
    std::optional<SecretBuffer> m_masks{};  ///< commands that make the CI runner hide the secret in its log
    bool m_written = false;
};

}  // namespace relay::cli
