#pragma once

#include "cli/context.hpp"
#include "relay/crypto/secret_buffer.hpp"

#include <optional>
#include <string>

namespace relay::cli {

/// Questions on stderr, asked only if stdin and stderr are terminals and --no-input is absent. The levels: what shuts an agent out is never
/// asked about; what lets somebody in or ends keys is `confirm`; what is about a whole organization is `confirm_by_typing`.
class Prompt {
  public:
    explicit Prompt(Globals const &globals);

    bool can_ask() const;
    /// Asks `question [y/N]`; --yes answers it. Throws Error: usage, if nobody can be asked (`next:` names --yes); declined, on no or Ctrl-D.
    void confirm(std::string const &question);
    /// As confirm, for what a script means when it says it: where nobody can be asked, nothing is.
    void confirm_at_terminal(std::string const &question);
    /// Wide or final: the exact `id` must be typed, or stand in `confirmed` (--confirm ID); --yes alone does not do. Throws as confirm.
    void confirm_by_typing(std::string const &question, std::string const &id,
                           std::optional<std::string> const &confirmed);
    /// One line without blanks around it; empty: `proposal`, which the question shows. Throws Error (declined), at Ctrl-D.
    std::string ask(std::string const &question, std::string const &proposal);
    /// A secret from the terminal, not shown. `source` and `next` are words of the Error (usage) if nobody can be asked: "the key is read
    /// from stdin". Throws also Error (declined), at Ctrl-D.
    SecretBuffer ask_hidden(std::string const &question, std::string const &source, std::string const &next);

  private:
    bool m_yes;
    bool m_no_input;
};

}  // namespace relay::cli
