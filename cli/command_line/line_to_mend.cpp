#include "cli/command_line/line_to_mend.hpp"

#include <algorithm>
#include <array>
#include <sstream>
#include <string_view>
#include <utility>

namespace relay::cli {
namespace {

/// Flags that choose among the agents of an organization.
constexpr std::array<std::string_view, 10> of_many{"--owner",  "--no-owner", "--label",    "--match", "--limit",
                                                   "--expect", "--batch",    "--on-error", "--next",  "--all"};

std::string flag_value(std::string const &flag) {
    std::size_t const at = flag.find('=');
    return at == flag.npos ? "" : flag.substr(at + 1);
}

/// Returns the ids of a flag's value: of `--key A,B`, A and B.
std::vector<std::string> items_of(std::string const &list) {
    std::vector<std::string> items;
    std::istringstream in(list);
    for (std::string item; std::getline(in, item, ',');) {
        items.push_back(std::move(item));
    }
    return items;
}

/// What was typed to confirm another line confirms no line that we advise.
bool is_confirmation(std::string const &flag) { return flag_name(flag) == "--confirm"; }

}  // namespace

std::string flag_name(std::string const &flag) { return flag.substr(0, flag.find('=')); }

bool is_flag_of(std::string const &flag, Sought const &sought) {
    std::string const name = flag_name(flag);
    std::string const kind = "--" + std::string(sought.kind);
    std::vector<std::string> const items = items_of(flag_value(flag));
    return (name == kind || name == kind + "-id") &&
           (flag_value(flag) == sought.text || std::find(items.begin(), items.end(), sought.text) != items.end());
}

bool has_flag_of(Line const &line, Sought const &sought) {
    return std::any_of(line.flags.begin(), line.flags.end(),
                       [&](std::string const &flag) { return is_flag_of(flag, sought); });
}

bool is_positional(Line const &line, std::string const &text) {
    return std::find(line.positionals.begin(), line.positionals.end(), text) != line.positionals.end();
}

Words LineToMend::with(std::string const &id) const {
    Words words = m_line.path;
    bool const in_flag = has_flag_of(m_line, m_sought);
    for (std::string const &word : m_line.positionals) {
        words.push_back(word == m_sought.text && !in_flag ? id : word);
    }
    for (std::string const &flag : m_line.flags) {
        if (!is_confirmation(flag)) {
            words.push_back(is_flag_of(flag, m_sought) ? flag_name(flag) + '=' + replaced(flag_value(flag), id) : flag);
        }
    }
    return add_notes(std::move(words));
}

Words LineToMend::about(Words const &subject) const {
    Words words = m_line.path;
    words.insert(words.end(), subject.begin(), subject.end());
    bool const is_narrower = changes_whole_org();
    bool const is_device = !subject.empty() && subject.front() == "--device";
    for (std::string const &flag : m_line.flags) {
        bool const is_of_many =
            is_narrower && std::find(of_many.begin(), of_many.end(), flag_name(flag)) != of_many.end();
        bool const is_of_keys = is_device && flag_name(flag) == "--clean";  // a store holds keys, not tokens of devices
        if (!is_confirmation(flag) && !is_flag_of(flag, m_sought) && !is_of_many && !is_of_keys) {
            words.push_back(flag);
        }
    }
    return add_notes(std::move(words));
}

std::string LineToMend::replaced(std::string const &list, std::string const &id) const {
    std::string out;
    for (std::string const &item : list == m_sought.text ? Words{list} : items_of(list)) {
        out += (out.empty() ? "" : ",") + (item == m_sought.text ? id : item);
    }
    return out;
}

/// Adds the global flags that are about the change. Those of the connection are added to each command later.
Words LineToMend::add_notes(Words words) const {
    for (std::string const &flag : m_line.globals) {
        constexpr std::array kept{"--reason=", "--ticket=", "--actor=", "--dry-run"};
        if (std::any_of(kept.begin(), kept.end(), [&](char const *name) { return flag.starts_with(name); })) {
            words.push_back(flag);
        }
    }
    return words;
}

}  // namespace relay::cli
