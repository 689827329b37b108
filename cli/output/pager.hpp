#pragma once

#include "cli/command_line/globals.hpp"
#include "cli/output/screen.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

/// Shows long text to a person, one screen at a time. Never for a document that contains a secret: a pager may keep the
/// text.
namespace relay::cli {

/// Returns the pager as a command for sh: RELAY_ADMIN_PAGER, else PAGER, else `less`. None if that is empty or `cat`,
/// or if the terminal cannot move its cursor.
std::optional<std::string> pager_command(Environment const &environment);

/// Returns whether `text` and a prompt below it are taller than the screen; counts the lines that the terminal wraps.
bool is_taller(std::string_view text, Screen const &screen);

/// A running pager. Ctrl-C is left to it. Sets LESS=FRX and LV=-c unless they are set.
class Pager {
  public:
    explicit Pager(std::string const &command);
    ~Pager();
    Pager(Pager const &) = delete;
    Pager &operator=(Pager const &) = delete;

    /// Gives it more text. Returns false if it has ended, or could not start.
    bool write(std::string_view text);
    /// Waits until it ends. Returns true if it showed the text, even if the user quit early; false if it is missing or
    /// failed, so that the user has not seen the text.
    bool finish();

  private:
    struct Impl;
    std::unique_ptr<Impl> m_impl;
};

}  // namespace relay::cli
