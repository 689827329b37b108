#pragma once

#include "cli/app.hpp"
#include "cli/command_line/options.hpp"
#include "relay/model/error.hpp"

#include <array>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

namespace relay::cli::test {

/// The options that the last command saw.
struct Seen {
    std::string command{};
    std::optional<std::string> name{};
    std::optional<std::string> org{};
    std::vector<std::string> permissions{};
    std::vector<std::string> tags{};
    std::vector<std::string> words{};
    std::optional<std::chrono::seconds> grace{};
    std::optional<Instant> until{};
    std::optional<std::int64_t> limit{};
    std::optional<std::string> plan{};
    std::optional<std::string> id{};
    bool force = false;
};

inline std::shared_ptr<Seen> &seen() {
    static auto last = std::make_shared<Seen>();
    return last;
}

inline Runner remember(std::shared_ptr<Seen> options, std::string command) {
    return [options, command](Context &) {
        options->command = command;
        seen() = options;
        return ExitStatus::ok;
    };
}

inline Runner declare_create(OptionSet &set) {
    auto const options = std::make_shared<Seen>();
    add_positional(set, {.names = "ORG", .description = "id"}, options->id);
    add_value(set, {.names = "--name", .type = "NAME", .description = "name", .required = true}, options->name);
    add_choice(set, {.names = "--plan", .description = "plan"}, {"free", "paid"}, options->plan);
    add_integer(set, {.names = "--max-agents", .description = "limit"}, {.min = 1, .max = 1000}, options->limit);
    return remember(options, "org create");
}

inline Runner declare_rotate(OptionSet &set) {
    auto const options = std::make_shared<Seen>();
    add_positionals(set, {.names = "AGENT", .description = "agents"}, options->words);
    add_value(set, {.names = "--org,--org-id", .type = "ORG", .description = "org"}, options->org);
    add_values(set, {.names = "--permissions", .type = "P,...", .description = "p"}, options->permissions,
               Commas::split);
    add_values(set, {.names = "--tag", .description = "tag"}, options->tags);
    add_duration(set, {.names = "--grace", .description = "grace"}, options->grace);
    add_instant(set, {.names = "--until", .description = "until"}, options->until);
    add_flag(set, {.names = "-f,--force", .description = "force"}, options->force);
    return remember(options, "rotate-key");
}

inline Runner declare_wait(OptionSet &set) {
    auto const options = std::make_shared<Seen>();
    add_positional(set, {.names = "KEY", .description = "key", .required = true}, options->id);
    add_duration(set, {.names = "--timeout", .description = "longest wait"}, options->grace);
    return remember(options, "key wait");
}

inline std::span<Command const *const> table() {
    static constexpr Command org{.path = "org", .summary = "organizations", .audience = Audience::orgs};
    static constexpr Command create{
        .path = "org create",
        .summary = "create an organization",
        .doc = "Creates one.\n\nEXAMPLES\n  # the usual\n  relay-admin org create --name Acme\n",
        .declare = declare_create};
    static constexpr Command list{.path = "org list", .summary = "list organizations", .declare = declare_create};
    static constexpr Command rotate{
        .path = "rotate-key", .summary = "give a new key", .declare = declare_rotate, .alias = "agent rotate-key"};
    static constexpr Command wait{.path = "key wait", .summary = "wait for a key", .declare = declare_wait};
    static constexpr std::array<Command const *, 5> all{&org, &create, &list, &rotate, &wait};
    return all;
}

using Variables = std::map<std::string, std::string>;

inline Environment environment(Variables variables) {
    auto const kept = std::make_shared<Variables>(std::move(variables));
    return [kept](char const *name) -> char const * {
        auto const at = kept->find(name);
        return at == kept->end() ? nullptr : at->second.c_str();
    };
}

using Words = std::vector<std::string>;

/// Parses and runs; what the command saw is in seen().
inline Globals run(Words const &words, Variables const &variables = {}) {
    Invocation const invocation = parse_command_line(words, table(), environment(variables));
    Context context(invocation.globals, invocation.effect, invocation.line);
    invocation.run(context);
    return invocation.globals;
}

/// The error that the words give.
inline Error error_of(Words const &words, Variables const &variables = {}) {
    try {
        parse_command_line(words, table(), environment(variables));
    } catch (Error const &error) {
        return error;
    }
    return {ErrorKind::internal, "no error"};
}

inline std::string message_of(Words const &words, Variables const &variables = {}) {
    Error const error = error_of(words, variables);
    return error.kind() == ErrorKind::usage ? error.message() : "not a usage error: " + error.message();
}

}  // namespace relay::cli::test
