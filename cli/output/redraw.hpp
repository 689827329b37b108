#pragma once

#include "cli/exit_status.hpp"

#include <chrono>
#include <functional>
#include <optional>

namespace relay::cli {

class Context;
class OptionSet;

/// Adds --watch DURATION to a command that only reads.
void declare_redraw(OptionSet &set, std::optional<std::chrono::seconds> &every);

/// Runs `once`, which shows something. With --watch, it runs again and again until the user interrupts it, and its output
/// is drawn over the one before.
///
/// Each frame is one write, which overwrites line by line, so that nothing flickers. It is cut to the terminal, and the
/// cursor is below it, so the terminal is in order whenever the command ends. If the database goes away after the first
/// frame, the last frame stays, with a line that says so.
///
/// Throws Error (usage) if stdout is not a terminal or the output is for programs; and what `once` throws.
ExitStatus redraw(Context &context, std::optional<std::chrono::seconds> const &every,
                  std::function<ExitStatus()> const &once);

}  // namespace relay::cli
