#include "cli/command_line/other_kind.hpp"

#include "cli/output/command_text.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace relay::cli {

namespace {

constexpr std::string_view block_path = "block";
constexpr std::string_view unblock_path = "unblock";
constexpr std::string_view revoke_path = "revoke";
constexpr std::string_view key_list_path = "key list";

using Words = std::vector<std::string>;
using Commands = std::vector<Words>;

/// The command line that was typed, and the word in it that is the id of something else.
class Typed {
  public:
    Typed(Line const &line, std::string const &text, bool takes_org)
        : m_line(line), m_text(text), m_takes_org(takes_org), m_path(join_path(line.path)) {}

    std::string const &path() const { return m_path; }
    bool takes_org() const { return m_takes_org; }
    bool is_argument() const {
        return std::find(m_line.positionals.begin(), m_line.positionals.end(), m_text) != m_line.positionals.end();
    }

    /// The same line with `id` in the place of the word.
    Words with(std::string const &id) const {
        Words words = m_line.path;
        for (std::string const &word : m_line.positionals) {
            words.push_back(word == m_text ? id : word);
        }
        if (!is_argument() && flags_without_text().size() == m_line.flags.size()) {
            words.push_back(id);  // it came from a file
        }
        for (std::string const &flag : m_line.flags) {
            std::string const name = flag.substr(0, flag.find('='));
            words.push_back(flag == name + '=' + m_text ? name + '=' + id : flag);
        }
        return add_notes(std::move(words));
    }

    /// The same command and flags about `subject`, without the word: `block --org acme`.
    Words about(Words const &subject) const {
        Words words = m_line.path;
        words.insert(words.end(), subject.begin(), subject.end());
        for (std::string const &flag : flags_without_text()) {
            if (!flag.starts_with("--confirm=")) {
                words.push_back(flag);
            }
        }
        return add_notes(std::move(words));
    }

  private:
    Words flags_without_text() const {
        Words flags = m_line.flags;
        std::erase_if(flags, [this](std::string const &flag) {
            return flag.find('=') != std::string::npos && flag.substr(flag.find('=') + 1) == m_text;
        });
        return flags;
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
    std::string const &m_text;
    bool m_takes_org;
    std::string m_path;
};

std::string org_of(Recognized const &one) { return one.org.value_or(""); }

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
            if (typed.takes_org() && typed.is_argument()) {
                return {typed.about({"--org", one.id})};
            }
            if (typed.path() == key_list_path) {
                return {typed.about({"--org", one.id})};
            }
            return {{"org", "show", one.id}, {"agent", "list", "--org", one.id}};
        case NamedThing::token: return {{"org", "show", org_of(one)}};
        case NamedThing::device: return of_device(typed, one, typed.with(one.agent.value_or("")));
        case NamedThing::role:
            return {{"agent", "list", "--org", org_of(one), "--role", one.id},
                    {"role", "show", one.id, "--org", org_of(one)}};
        case NamedThing::ticket: break;
    }
    return typed.path() == unblock_path ? Commands{{"unblock", "--ticket", one.id}} : Commands{};
}

Commands instead_of_org(Typed const &typed, Recognized const &one) {
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
        case NamedThing::role: return {typed.with(org_of(one)), {"role", "show", one.id, "--org", org_of(one)}};
        case NamedThing::ticket: break;
    }
    return {};
}

Commands instead_of_key(Typed const &typed, Recognized const &one) {
    bool const revokes = typed.path() == revoke_path;
    switch (one.thing) {
        case NamedThing::key:
        case NamedThing::token: return {typed.with(one.id)};
        case NamedThing::agent: return {revokes ? typed.about({one.id}) : Words{"key", "list", "--agent", one.id}};
        case NamedThing::org: return {revokes ? typed.about({"--org", one.id}) : Words{"key", "list", "--org", one.id}};
        case NamedThing::device: return of_device(typed, one, {"key", "list", "--agent", one.agent.value_or("")});
        case NamedThing::role: return {{"role", "show", one.id, "--org", org_of(one)}};
        case NamedThing::ticket: break;
    }
    return {};
}

Commands instead_of_role(Recognized const &one) {
    switch (one.thing) {
        case NamedThing::role: return {{"role", "show", one.id, "--org", org_of(one)}};
        case NamedThing::agent: return {{"agent", "show", one.id}};
        case NamedThing::org: return {{"role", "list", "--org", one.id}};
        case NamedThing::key: return {{"key", "show", one.id}};
        case NamedThing::token: return {{"org", "show", org_of(one)}};
        case NamedThing::device: return {{"device", "show", one.id}};
        case NamedThing::ticket: break;
    }
    return {};
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
        case NamedThing::token: return {{"org", "show", org_of(one)}};
        case NamedThing::role: return {{"role", "show", one.id, "--org", org_of(one)}};
        case NamedThing::ticket: break;
    }
    return {};
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
    return expected == text_of(NamedThing::key) ? instead_of_key(typed, one) : instead_of_role(one);
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
        case NamedThing::ticket: break;
    }
    return text + " is a ticket";
}

}  // namespace

Error with_other_kind(Error const &error, Line const &typed_line, bool takes_org,
                      std::vector<Recognized> const &found) {
    Sought const &sought = error.hint().sought;
    Typed const typed(typed_line, sought.text, takes_org);
    std::string why;
    Advice next;
    for (Recognized const &one : found) {
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
    return {error.kind(), error.message(), std::move(hint)};
}

}  // namespace relay::cli
