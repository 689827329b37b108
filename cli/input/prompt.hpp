#pragma once

#include "cli/context.hpp"
#include "relay/crypto/secret_buffer.hpp"
#include "relay/model/database_label.hpp"

#include <functional>
#include <optional>
#include <string>

namespace relay::cli {

/// Questions on stderr, asked only if stdin and stderr are terminals and --no-input is absent. There are three levels:
/// blocking an agent needs no question; accepting an agent again or ending its keys needs `confirm`; a whole
/// organization needs `confirm_by_typing`.
class Prompt {
  public:
    /// `database` returns the database that the command has asked so far. Each question about it then shows its name.
    explicit Prompt(Globals const &globals, std::function<std::optional<DatabaseLabel>()> database = {});

    bool can_ask() const;
    /// Asks `question [y/N]`; --yes answers it. Throws Error: usage if it cannot ask (`next:` names --yes); declined on
    /// no or Ctrl-D.
    void confirm(std::string const &question);
    /// As confirm, for a change that concerns many: after yes, the user must type the name of the database, if it has one.
    void confirm_wide(std::string const &question);
    /// As confirm, but if it cannot ask, it does nothing: a script that runs such a command means it.
    void confirm_at_terminal(std::string const &question);
    /// The same as confirm_wide, for a change that ends many things permanently.
    void confirm_final_at_terminal(std::string const &question);
    /// For changes that are wide or final: the user must type the exact `id`, and then the name of the database if it
    /// has one; or `confirmed` (--confirm ID) must be equal to `id`; --yes alone is not enough. Throws as confirm does.
    void confirm_by_typing(std::string const &question, std::string const &id,
                           std::optional<std::string> const &confirmed);
    /// Asks for one line, and returns it without surrounding blanks; if it is empty, returns `proposal`, which the
    /// question shows. Throws Error (declined) at Ctrl-D.
    std::string ask(std::string const &question, std::string const &proposal);
    /// Asks for a secret at the terminal, without echo. `source` ("this command reads the key from stdin") and `next`
    /// are parts of the Error (usage) if it cannot ask. Throws Error (declined) at Ctrl-D.
    SecretBuffer ask_hidden(std::string const &question, std::string const &source, std::string const &next);

  private:
    void show_database() const;
    void require_database_typed() const;
    void require_typed(std::string const &what, std::string const &text) const;

    std::function<std::optional<DatabaseLabel>()> m_database;
    bool m_yes;
    bool m_no_input;
};

}  // namespace relay::cli
