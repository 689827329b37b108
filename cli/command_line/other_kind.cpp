#include "cli/command_line/other_kind.hpp"

#include "cli/output/command_text.hpp"

#include <algorithm>
#include <array>
#include <sstream>
#include <utility>

namespace relay::cli {

namespace {

constexpr std::string_view block_path = "block";
constexpr std::string_view unblock_path = "unblock";
constexpr std::string_view revoke_path = "revoke";
constexpr std::string_view key_list_path = "key list";
constexpr std::string_view issue_path = "migrate-legacy issue";
constexpr std::string_view event = "event";  // expected by its number
constexpr std::string_view policy_change = "policy change";

using Words = std::vector<std::string>;
using Commands = std::vector<Words>;

std::string name_of(std::string const &flag) { return flag.substr(0, flag.find('=')); }

std::string value_of(std::string const &flag) {
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

/// Returns true if the flag takes ids of the kind that was expected, and the word is one of them.
bool is_flag_of(std::string const &flag, Sought const &sought) {
    std::string const name = name_of(flag);
    std::string const kind = "--" + std::string(sought.kind);
    std::vector<std::string> const items = items_of(value_of(flag));
    return (name == kind || name == kind + "-id") &&
           (value_of(flag) == sought.text || std::find(items.begin(), items.end(), sought.text) != items.end());
}

bool has_flag_of(Line const &line, Sought const &sought) {
    return std::any_of(line.flags.begin(), line.flags.end(),
                       [&](std::string const &flag) { return is_flag_of(flag, sought); });
}

bool is_positional(Line const &line, std::string const &text) {
    return std::find(line.positionals.begin(), line.positionals.end(), text) != line.positionals.end();
}

/// The command line that was typed, and the word in it that is the id of something else.
class Typed {
  public:
    Typed(Line const &line, Sought const &sought, bool takes_org)
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
    Words with(std::string const &id) const {
        Words words = m_line.path;
        bool const in_flag = has_flag_of(m_line, m_sought);
        for (std::string const &word : m_line.positionals) {
            words.push_back(word == m_sought.text && !in_flag ? id : word);
        }
        for (std::string const &flag : m_line.flags) {
            if (!is_confirmation(flag)) {
                words.push_back(is_flag_of(flag, m_sought) ? name_of(flag) + '=' + replaced(value_of(flag), id) : flag);
            }
        }
        return add_notes(std::move(words));
    }

    /// The same command and flags about `subject`, without the word: `block --org acme`.
    Words about(Words const &subject) const {
        Words words = m_line.path;
        words.insert(words.end(), subject.begin(), subject.end());
        bool const is_narrower = changes_whole_org();
        bool const is_device = !subject.empty() && subject.front() == "--device";
        for (std::string const &flag : m_line.flags) {
            bool const is_of_many =
                is_narrower && std::find(of_many.begin(), of_many.end(), name_of(flag)) != of_many.end();
            bool const is_of_keys =
                is_device && name_of(flag) == "--clean";  // a store holds keys, not tokens of devices
            if (!is_confirmation(flag) && !is_flag_of(flag, m_sought) && !is_of_many && !is_of_keys) {
                words.push_back(flag);
            }
        }
        return add_notes(std::move(words));
    }

  private:
    /// Flags that choose among the agents of an organization.
    static constexpr std::array<std::string_view, 10> of_many{"--owner", "--no-owner", "--label", "--match",
                                                              "--limit", "--expect",   "--batch", "--on-error",
                                                              "--next",  "--all"};

    /// What was typed to confirm another line confirms no line that we advise.
    static bool is_confirmation(std::string const &flag) { return name_of(flag) == "--confirm"; }

    std::string replaced(std::string const &list, std::string const &id) const {
        std::string out;
        for (std::string const &item : list == m_sought.text ? Words{list} : items_of(list)) {
            out += (out.empty() ? "" : ",") + (item == m_sought.text ? id : item);
        }
        return out;
    }

    /// Adds the global flags that are about the change. Those of the connection are added to each command later.
    Words add_notes(Words words) const {
        for (std::string const &flag : m_line.globals) {
            constexpr std::array kept{"--reason=", "--ticket=", "--actor=", "--dry-run"};
            if (std::any_of(kept.begin(), kept.end(), [&](char const *name) { return flag.starts_with(name); })) {
                words.push_back(flag);
            }
        }
        return words;
    }

    Line const &m_line;
    Sought const &m_sought;
    bool m_takes_org;
    std::string m_path;
};

std::string org_of(Recognized const &one) { return one.org.value_or(""); }

/// Returns the command that shows what was named.
Words show(Recognized const &one) {
    switch (one.thing) {
        case NamedThing::token: return {"org", "show", org_of(one)};
        case NamedThing::role: return {"role", "show", one.id, "--org", org_of(one)};
        case NamedThing::queue: return {"queue", "owner", one.id};
        case NamedThing::ticket: return {"incident", "show", one.id};
        default: return {std::string(text_of(one.thing)), "show", one.id};
    }
}

/// A device where something else was expected; `owner` is the command about its agent, if it was expected.
Commands of_device(Typed const &typed, Recognized const &one, Words const &owner) {
    bool const is_incident = typed.path() == block_path || typed.path() == unblock_path || typed.path() == revoke_path;
    return {is_incident ? typed.about({"--device", one.id}) : Words{"device", "show", one.id}, owner};
}

Commands instead_of_agent(Typed const &typed, Recognized const &one) {
    switch (one.thing) {
        case NamedThing::agent: return {typed.with(one.id)};
        case NamedThing::key: {
            Words const whole = typed.with(one.agent.value_or(""));
            if (typed.path() == revoke_path) {
                return {typed.about({"--key", one.id}), whole};
            }
            return typed.path() == block_path ? Commands{whole, {"revoke", "--key", one.id}}
                                              : Commands{whole, {"key", "show", one.id}};
        }
        case NamedThing::org:
            // `issue --org` only chooses among the agents of the queue.
            if (typed.takes_org() && typed.is_argument() && typed.path() != issue_path) {
                return {typed.about({"--org", one.id})};
            }
            if (typed.path() == key_list_path) {
                return {typed.about({"--org", one.id})};
            }
            return {{"org", "show", one.id}, {"agent", "list", "--org", one.id}};
        case NamedThing::token: return {show(one)};
        case NamedThing::device: return of_device(typed, one, typed.with(one.agent.value_or("")));
        case NamedThing::role: return {{"agent", "list", "--org", org_of(one), "--role", one.id}, show(one)};
        case NamedThing::queue: return one.agent ? Commands{typed.with(*one.agent), show(one)} : Commands{show(one)};
        case NamedThing::ticket:
            return {typed.path() == unblock_path ? Words{"unblock", "--ticket", one.id} : show(one)};
        case NamedThing::plan: break;
    }
    return {show(one)};
}

/// What was named is in an organization, and the line would change all of it. So the same act is advised only about what
/// was named; otherwise commands that show it.
Commands instead_of_whole_org(Typed const &typed, Recognized const &one) {
    bool const revokes = typed.path() == revoke_path;
    switch (one.thing) {
        case NamedThing::org: return {typed.with(one.id)};
        case NamedThing::token: return {show(one)};
        case NamedThing::agent:
            return typed.is_argument() ? Commands{{"agent", "show", one.id}, {"org", "show", org_of(one)}}
                                       : Commands{typed.about({one.id})};
        case NamedThing::key:
            if (typed.is_argument()) {
                return {{"key", "show", one.id}, {"org", "show", org_of(one)}};
            }
            return {revokes ? typed.about({"--key", one.id}) : typed.about({one.agent.value_or("")}),
                    {"key", "show", one.id}};
        case NamedThing::device: return of_device(typed, one, {"org", "show", org_of(one)});
        case NamedThing::role:
        case NamedThing::plan:
        case NamedThing::queue:
        case NamedThing::ticket: break;
    }
    return {show(one)};
}

Commands instead_of_org(Typed const &typed, Recognized const &one) {
    if (typed.changes_whole_org()) {
        return instead_of_whole_org(typed, one);
    }
    switch (one.thing) {
        case NamedThing::org:
        case NamedThing::token: return {typed.with(one.thing == NamedThing::org ? one.id : org_of(one))};
        case NamedThing::agent:
            if (typed.is_argument()) {
                return {{"agent", "show", one.id}, typed.with(org_of(one))};
            }
            return {typed.takes_org() ? typed.about({one.id}) : typed.with(org_of(one))};
        case NamedThing::key:
            return typed.is_argument() ? Commands{{"key", "show", one.id}, typed.with(org_of(one))}
                                       : Commands{typed.with(org_of(one)), {"key", "show", one.id}};
        case NamedThing::device: return of_device(typed, one, typed.with(org_of(one)));
        case NamedThing::role:
        case NamedThing::queue: return {typed.with(org_of(one)), show(one)};
        case NamedThing::plan:
        case NamedThing::ticket: break;
    }
    return {show(one)};
}

Commands instead_of_key(Typed const &typed, Recognized const &one) {
    bool const revokes = typed.path() == revoke_path;
    switch (one.thing) {
        case NamedThing::key: return {typed.with(one.id)};
        case NamedThing::token: return {show(one)};
        case NamedThing::agent: return {revokes ? typed.about({one.id}) : Words{"key", "list", "--agent", one.id}};
        case NamedThing::org: return {revokes ? typed.about({"--org", one.id}) : Words{"key", "list", "--org", one.id}};
        case NamedThing::device: return of_device(typed, one, {"key", "list", "--agent", one.agent.value_or("")});
        case NamedThing::role:
        case NamedThing::plan:
        case NamedThing::queue:
        case NamedThing::ticket: break;
    }
    return {show(one)};
}

/// Where what was expected is named by no id that an incident has: the same question about what was named.
Commands instead_of_other(Typed const &typed, std::string_view expected, Recognized const &one) {
    bool const is_agent = one.thing == NamedThing::agent;
    Words const of = is_agent ? Words{"--agent", one.id} : Words{"--org", one.id};
    auto const about = [&](Words words, Words const &more) {
        words.insert(words.end(), more.begin(), more.end());
        return Commands{words};
    };
    if (text_of(one.thing) == expected) {
        return one.thing == NamedThing::role ? Commands{show(one)} : Commands{typed.with(one.id)};
    }
    if (expected == policy_change && one.thing == NamedThing::ticket) {
        return {show(one), {"policy", "undo", "--ticket", one.id}};
    }
    if (!is_agent && one.thing != NamedThing::org) {
        return {show(one)};
    }
    if (expected == text_of(NamedThing::role) && !is_agent) {
        return about({"role", "list"}, of);
    }
    if (expected == text_of(NamedThing::queue)) {
        return about({"queue", "name"}, is_agent ? Words{org_of(one), one.id} : Words{one.id});
    }
    if (expected == policy_change) {
        return about({"policy", "history"}, is_agent ? Words{one.id} : of);
    }
    return expected == event || expected == text_of(NamedThing::ticket) ? about({"audit", "list"}, of)
                                                                        : Commands{show(one)};
}

Commands instead_of_device(Typed const &typed, Recognized const &one) {
    bool const is_incident = typed.path() == block_path || typed.path() == unblock_path || typed.path() == revoke_path;
    switch (one.thing) {
        case NamedThing::device: return {typed.with(one.id)};
        case NamedThing::agent:
            return {is_incident ? typed.about({one.id}) : Words{"device", "list", "--agent", one.id}};
        case NamedThing::org:
            return {is_incident ? typed.about({"--org", one.id}) : Words{"device", "list", "--org", one.id}};
        case NamedThing::key:
            return {typed.path() == revoke_path ? typed.about({"--key", one.id}) : Words{"key", "show", one.id}};
        case NamedThing::token: return {show(one)};
        case NamedThing::role:
        case NamedThing::plan:
        case NamedThing::queue:
        case NamedThing::ticket: break;
    }
    return {show(one)};
}

Commands instead_of(Typed const &typed, std::string_view expected, Recognized const &one) {
    if (expected == text_of(NamedThing::agent)) {
        return instead_of_agent(typed, one);
    }
    if (expected == text_of(NamedThing::org)) {
        return instead_of_org(typed, one);
    }
    if (expected == text_of(NamedThing::device)) {
        return instead_of_device(typed, one);
    }
    return expected == text_of(NamedThing::key) ? instead_of_key(typed, one) : instead_of_other(typed, expected, one);
}

/// "c8pjdeyrrbnp is a key of agent crm".
std::string describe(Recognized const &one, std::string const &text) {
    std::string const of_org = one.org ? " of org " + *one.org : "";
    std::string const name = one.by_name ? " is the name of " : " is ";
    switch (one.thing) {
        case NamedThing::agent: return text + name + (one.by_name ? "agent " + one.id : "an agent") + of_org;
        case NamedThing::org: return text + name + (one.by_name ? "org " + one.id : "an organization");
        case NamedThing::key: return one.id + " is a key of agent " + one.agent.value_or("");
        case NamedThing::token: return one.id + " is the admin token" + of_org;
        case NamedThing::device: return one.id + " is a device of agent " + one.agent.value_or("");
        case NamedThing::role: return text + name + (one.by_name ? "role " + one.id : "a role") + of_org;
        case NamedThing::plan: return text + " is a plan";
        case NamedThing::queue:
            return text + (one.agent ? " is the queue of agent " + *one.agent : std::string(" is a queue")) + of_org;
        case NamedThing::ticket: break;
    }
    return text + " is a ticket";
}

/// Drops a spelling that was only guessed from the text ("try acme-corp"), now that it is known what the text names.
void drop_guesses(std::string &message, std::vector<std::string> &guesses, std::vector<Recognized> const &found) {
    auto const is_known = [&](std::string const &guess) {
        return std::any_of(found.begin(), found.end(), [&](Recognized const &one) { return one.id == guess; });
    };
    for (std::string const &guess : guesses) {
        std::string const words = "; try " + guess;
        if (!is_known(guess) && message.ends_with(words)) {
            message.erase(message.size() - words.size());
        }
    }
    std::erase_if(guesses, [&](std::string const &guess) { return !is_known(guess); });
}

}  // namespace

Line about_only(Line line, Sought const &sought) {
    if (has_flag_of(line, sought)) {
        for (std::string &flag : line.flags) {
            flag = is_flag_of(flag, sought) ? name_of(flag) + '=' + sought.text : flag;
        }
        return line;
    }
    line.positionals = {sought.text};
    std::erase_if(line.flags, [](std::string const &flag) { return name_of(flag) == "--file"; });
    return line;
}

namespace {

/// Returns the line if the word is on it. Otherwise it came from a file: the line about the word alone, or if the command
/// takes such ids only from a file, the command that shows them.
Line line_with(Line const &typed, Sought const &sought) {
    if (has_flag_of(typed, sought) || is_positional(typed, sought.text)) {
        return typed;
    }
    bool const takes_words = std::any_of(typed.flags.begin(), typed.flags.end(),
                                         [](std::string const &flag) { return name_of(flag) == "--file"; });
    return takes_words ? about_only(typed, sought)
                       : Line{.path = {std::string(sought.kind), "show"}, .positionals = {sought.text}};
}

}  // namespace

Error with_other_kind(Error const &error, Line const &typed_line, bool takes_org,
                      std::vector<Recognized> const &found) {
    Sought const &sought = error.hint().sought;
    Line const line = line_with(typed_line, sought);
    Typed const typed(line, sought, takes_org);
    std::string why;
    Advice next;
    for (Recognized const &one : found) {
        if (one.by_name && one.id == sought.text) {
            continue;  // its name is the same as its id, by which it was found, too
        }
        for (Words const &command : instead_of(typed, sought.kind, one)) {
            Advice step = own_command(command);
            auto const &steps = next.steps();
            if (std::find(steps.begin(), steps.end(), step.steps().front()) == steps.end()) {
                std::move(next).also(std::move(step));
            }
        }
        why += (why.empty() ? "" : "; ") + describe(one, sought.text);
    }
    if (found.empty()) {
        return error;
    }
    Hint hint = error.hint();
    hint.why = why;
    hint.next = next.empty() ? hint.next : next;
    std::string message = error.message();
    if (error.kind() == ErrorKind::usage) {
        drop_guesses(message, hint.suggestions, found);
    }
    return {error.kind(), std::move(message), std::move(hint)};
}

}  // namespace relay::cli
