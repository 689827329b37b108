#pragma once

#include "cli/output/pager.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace relay::cli {

/// Text that comes piece by piece, to stdout or to a pager.
class LongText {
  public:
    /// `command` is the pager; none: stdout. `warn` prints a warning. `frame` takes the beginning of the text instead.
    LongText(std::optional<std::string> command, std::function<void(std::string_view)> warn,
             std::string *frame = nullptr);

    /// Writes a piece, and waits as long as the reader takes no more. Throws as fail_to_write (untold.hpp): ReaderGone,
    /// the pager was quit.
    void write(std::string_view text);
    /// Waits until the pager ends. Throws as write() does.
    void finish();

  private:
    void leave_pager();
    void write_to_stdout(std::string_view text);

    std::string m_command;
    std::function<void(std::string_view)> m_warn;
    std::string *m_frame;
    std::unique_ptr<Pager> m_pager{};
    /// What the pager may not have shown yet, while that is known: if the pager fails, the text follows on stdout.
    std::string m_kept{};
    bool m_keeps = true;
};

}  // namespace relay::cli
