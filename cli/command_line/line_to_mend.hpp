#pragma once

#include "cli/command_line/prescan.hpp"
#include "relay/inspect/recognize.hpp"
#include "relay/model/error.hpp"

#include <string>
#include <vector>

namespace relay::cli {

using Words = std::vector<std::string>;

/// Returns the name of a flag: of `--key=A`, `--key`.
std::string flag_name(std::string const &flag);

/// Returns true if the flag takes ids of the kind that was expected, and the word is one of them.
bool is_flag_of(std::string const &flag, Sought const &sought);
bool has_flag_of(Line const &line, Sought const &sought);
bool is_positional(Line const &line, std::string const &text);

/// The command line that was typed, and the word in it that is the id of something else.
class LineToMend {
  public:
    LineToMend(Line const &line, Sought const &sought, bool takes_org)
        : m_line(line), m_sought(sought), m_takes_org(takes_org), m_path(join_path(line.path)) {}

    std::string const &path() const { return m_path; }
    bool takes_org() const { return m_takes_org; }
    bool is_argument() const { return !has_flag_of(m_line, m_sought) && is_positional(m_line, m_sought.text); }
    bool changes() const { return m_line.command != nullptr && m_line.command->effect == Effect::changes; }
    /// Returns true if the line is about a whole organization, and changes it: an id of something smaller must not
    /// lead there.
    bool changes_whole_org() const {
        return changes() && m_sought.kind == text_of(NamedThing::org) && (m_takes_org || is_argument());
    }

    /// The same line with `id` in the place of the word.
    Words with(std::string const &id) const;
    /// The same command and flags about `subject`, without the word: `block --org acme`.
    Words about(Words const &subject) const;

  private:
    std::string replaced(std::string const &list, std::string const &id) const;
    Words add_notes(Words words) const;

    Line const &m_line;
    Sought const &m_sought;
    bool m_takes_org;
    std::string m_path;
};

}  // namespace relay::cli
