#pragma once

#include "cli/output/output.hpp"
#include "cli/output/progress.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace relay::cli {

/// Progress of a command over many agents, from the moment when their number is known.
class FleetProgress {
  public:
    FleetProgress(Output &output, std::string what) : m_output(output), m_what(std::move(what)) {}

    void report(std::int64_t done, std::int64_t total) {
        if (!m_progress) {
            m_progress.emplace(m_output.progress_stream(), m_what, false, static_cast<std::uint64_t>(total));
        }
        m_progress->report(static_cast<std::uint64_t>(done));
    }
    /// Removes the line from the terminal.
    void end() { m_progress.reset(); }

  private:
    Output &m_output;
    std::string m_what;
    std::optional<Progress> m_progress{};
};

}  // namespace relay::cli
