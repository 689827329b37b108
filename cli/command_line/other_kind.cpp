#include "cli/command_line/other_kind.hpp"

#include "cli/command_line/line_to_mend.hpp"
#include "cli/output/command_text.hpp"

#include <algorithm>
#include <utility>

namespace relay::cli {
namespace {

using Commands = std::vector<Words>;

constexpr std::string_view block_path = "block";
constexpr std::string_view unblock_path = "unblock";
constexpr std::string_view revoke_path = "revoke";
constexpr std::string_view key_list_path = "key list";
constexpr std::string_view issue_path = "migrate-legacy issue";
constexpr std::string_view event = "event";  // expected by its number
constexpr std::string_view policy_change = "policy change";

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
Commands of_device(LineToMend const &typed, Recognized const &one, Words const &owner) {
    bool const is_incident = typed.path() == block_path || typed.path() == unblock_path || typed.path() == revoke_path;
    return {is_incident ? typed.about({"--device", one.id}) : Words{"device", "show", one.id}, owner};
}

Commands instead_of_agent(LineToMend const &typed, Recognized const &one) {
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
Commands instead_of_whole_org(LineToMend const &typed, Recognized const &one) {
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

Commands instead_of_org(LineToMend const &typed, Recognized const &one) {
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

Commands instead_of_key(LineToMend const &typed, Recognized const &one) {
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
Commands instead_of_other(LineToMend const &typed, std::string_view expected, Recognized const &one) {
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

Commands instead_of_device(LineToMend const &typed, Recognized const &one) {
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

Commands instead_of(LineToMend const &typed, std::string_view expected, Recognized const &one) {
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
            flag = is_flag_of(flag, sought) ? flag_name(flag) + '=' + sought.text : flag;
        }
        return line;
    }
    line.positionals = {sought.text};
    std::erase_if(line.flags, [](std::string const &flag) { return flag_name(flag) == "--file"; });
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
                                         [](std::string const &flag) { return flag_name(flag) == "--file"; });
    return takes_words ? about_only(typed, sought)
                       : Line{.path = {std::string(sought.kind), "show"}, .positionals = {sought.text}};
}

}  // namespace

Error with_other_kind(Error const &error, Line const &typed_line, bool takes_org,
                      std::vector<Recognized> const &found) {
    Sought const &sought = error.hint().sought;
    Line const line = line_with(typed_line, sought);
    LineToMend const typed(line, sought, takes_org);
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
