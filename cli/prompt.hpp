#pragma once

#include "cli/context.hpp"

#include <optional>
#include <string>

namespace relay::cli {

/// Questions on stderr, asked only if stdin and stderr are terminals and --no-input is absent.
class Prompt {
  public:
    explicit Prompt(Globals const &globals);

    /// Asks `question [y/N]`; --yes answers it. Throws Error: usage, if nobody can be asked (`next:` names --yes); declined, on no or Ctrl-D.
    void confirm(std::string const &question);
    /// Wide or final: the exact `id` must be typed, or stand in `confirmed` (--confirm ID); --yes alone does not do. Throws as confirm.
    void confirm_by_typing(std::string const &question, std::string const &id,
                           std::optional<std::string> const &confirmed);
    bool can_ask() const;

  private:
    bool m_yes;
    bool m_no_input;
};

}  // namespace relay::cli
