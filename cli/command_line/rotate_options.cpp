#include "cli/command_line/rotate_options.hpp"

#include "cli/command_line/options.hpp"
#include "cli/command_line/public_key.hpp"
#include "cli/output/command_text.hpp"
#include "relay/model/error.hpp"

namespace relay::cli {

namespace {

using std::chrono::seconds;

constexpr seconds longest_grace = std::chrono::days(90);

/// --read-back shows that the old key is in the store again; --deliver-timeout is how long that may take.
bool has_other_than_read_back(SinkOptions options) {
    options.read_back.reset();
    options.deliver_timeout.reset();
    return options.any();
}

void refuse_with_revert(RotateOptions const &options) {
    std::pair<std::string_view, bool> const others[] = {
        {"--grace", options.grace.has_value() && !options.sink.sink.read_back},
        {"--after", options.sink.sink.after.has_value()},
        {"--settle", options.sink.sink.settle.has_value()},
        {"--if-older-than", options.if_older_than.has_value()},
        {"--due-within", options.due_within.has_value()},
        {"--retire-on-first-use", options.retire_on_first_use},
        {"--request-id", options.request_id.has_value()},
        {"--key-from", options.key_from.has_value()},
        {"--force", options.force},
        {"--missing", options.if_missing},
        {"--wait-used", options.wait_used.has_value()},
        {"--expires", options.expires_at.has_value()},
        {"a flag for the new secret", has_other_than_read_back(options.sink.sink)},
    };
    for (auto const &[name, given] : others) {
        at_most_one({{"--revert", true}, {name, given}});
    }
    require_partner("--deliver-timeout", options.sink.sink.deliver_timeout.has_value(), "--read-back",
                    options.sink.sink.read_back.has_value());
}

/// No store takes the key, and its first use is what confirms it.
void refuse_with_public_key(RotateOptions const &options) {
    std::pair<std::string_view, bool> const others[] = {
        {"--revert", options.revert},
        {"--if-older-than", options.if_older_than.has_value()},
        {"--due-within", options.due_within.has_value()},
        {"--missing", options.if_missing},
        {"--retire-on-first-use", options.retire_on_first_use},
        {"--request-id", options.request_id.has_value()},
        {"--key-from", options.key_from.has_value()},
        {"--wait-used", options.wait_used.has_value()},
    };
    for (auto const &[name, given] : others) {
        at_most_one({{"--public-key", true}, {name, given}});
    }
}

void require_bounded_grace(RotateOptions const &options) {
    if (options.grace.value_or(seconds(0)) > longest_grace) {
        throw Error(ErrorKind::usage, "--grace is " + format_duration(*options.grace) + ", but must be at most 90d");
    }
}

void refuse_contradictions(RotateOptions const &options) {
    at_most_one({{"--if-older-than", options.if_older_than.has_value()},
                 {"--due-within", options.due_within.has_value()},
                 {"--missing", options.if_missing}});
    if (options.retire_on_first_use && options.grace == seconds(0)) {
        throw Error(ErrorKind::usage,
                    "--retire-on-first-use has no effect with --grace 0, which ends the old key immediately");
    }
    if (options.sink.sink.secret_stdout && (options.if_older_than || options.due_within || options.if_missing)) {
        throw Error(
            ErrorKind::usage, "--secret-stdout cannot be used with --if-older-than, --due-within or --missing",
            {.why = "if the key is not due, stdout is empty, and a reader may overwrite a good secret with that",
             .next = "use --secret-file FILE, and continue only if FILE exists"});
    }
    if (options.request_id && options.sink.sink.deliver) {
        throw Error(ErrorKind::usage, "--request-id and --deliver cannot be used together",
                    {.why = "a delivery that was not confirmed must be repeated",
                     .next = "omit --request-id, or make the key yourself and use --key-from FILE"});
    }
    if (options.key_from && options.sink.sink.any() && !options.sink.sink.asked()) {
        throw Error(ErrorKind::usage, "a flag for the delivery is given, but no place for the key",
                    {.why = "a key of --key-from is delivered only if you name a place",
                     .next = "add --deliver CMD or another place, or omit that flag"});
    }
    if (options.key_from == "-" && options.sink.sink.seal_key == "-") {
        throw Error(ErrorKind::usage, "--key-from - and --seal-key - cannot both read stdin");
    }
}

/// Flags of one agent's rotation that many agents cannot have, and the other way round.
void refuse_for_fleet(RotateOptions const &options) {
    std::pair<std::string_view, bool> const others[] = {
        {"--revert", options.revert},
        {"--request-id", options.request_id.has_value()},
        {"--key-from", options.key_from.has_value()},
        {"--public-key", options.public_key.has_value()},
        {"--wait-used", options.wait_used.has_value()},
    };
    for (auto const &[name, given] : others) {
        at_most_one({{options.all ? "--all" : "--org", true}, {name, given}});
    }
}

void refuse_for_one(RotateOptions const &options) {
    WhichFlags const &which = options.which;
    std::pair<std::string_view, bool> const others[] = {
        {"--owner", which.owner.owner.has_value()},
        {"--no-owner", which.no_owner},
        {"--label", !which.owner.labels.empty()},
        {"--match", which.match.has_value()},
        {"--limit", options.limit.has_value()},
        {"--expect", options.expect.has_value()},
        {"--batch", options.batch.has_value()},
        {"--on-error", options.on_error.has_value()},
        {"--restart", options.restart},
        {options.sink.only_for_many(), !options.sink.only_for_many().empty()},
    };
    for (auto const &[name, given] : others) {
        if (given) {
            throw Error(ErrorKind::usage, std::string(name) + " needs --org ORG or --all",
                        {.why = "it is about the rotation of many agents"});
        }
    }
}

void declare_fleet(OptionSet &set, RotateOptions &options) {
    add_org_flag(set, "rotate the keys of all agents of this organization", options.org);
    add_flag(set, {.names = "--all", .description = "rotate the keys of all agents"}, options.all);
    declare_which_agents(set, "with --org or --all: agents", options.which);
    add_integer(set,
                {.names = "--limit", .type = "N", .description = "with --org or --all: at most N agents in this run"},
                {.min = 1, .max = 100'000'000}, options.limit);
    add_integer(
        set,
        {.names = "--expect", .type = "N", .description = "do nothing unless exactly N agents would get a new key"},
        {.min = 0, .max = 100'000'000}, options.expect);
    add_integer(set, {.names = "--batch", .type = "N", .description = "keys per transaction (default: 1000)"},
                {.min = 1, .max = 2'000}, options.batch);
    add_choice(set,
               {.names = "--on-error",
                .description = "after an agent fails, stop or continue with the others (default: continue)"},
               {"stop", "continue"}, options.on_error);
    add_flag(set,
             {.names = "--restart",
              .description = "rotate all again, also agents that an unfinished run of the same command has done"},
             options.restart);
}

}  // namespace

void declare_rotation(OptionSet &set, RotateOptions &options) {
    add_rotated_agent(set, options.agent);
    add_duration(set, {.names = "--grace", .description = "how long the old key still works: 0 to 90d (default: 24h)"},
                 options.grace);
    add_duration(set, {.names = "--if-older-than", .description = "do nothing if the key is younger"},
                 options.if_older_than);
    add_duration(set, {.names = "--due-within", .description = "do nothing if the key is due later"},
                 options.due_within);
    add_flag(set, {.names = "--missing", .description = "do nothing if the agent has a working key"},
             options.if_missing);
    add_flag(set, {.names = "--retire-on-first-use", .description = "end the old key when the new one is first used"},
             options.retire_on_first_use);
    add_value(set,
              {.names = "--request-id",
               .type = "UUID",
               .description = "make the request repeatable: a retry changes nothing"},
              options.request_id);
    add_value(
        set,
        {.names = "--key-from", .type = "FILE", .description = "use the new key in FILE, which you made; - is stdin"},
        options.key_from);
    declare_public_key(set, options.public_key);
    add_flag(set, {.names = "--force", .description = "end a key in its grace period; renew an expired one"},
             options.force);
    add_flag(set, {.names = "--revert", .description = "take the last rotation back, while the old key works"},
             options.revert);
    add_instant(set, {.names = "--expires", .description = "when the new key ends (default: as the old one would)"},
                options.expires_at);
    add_duration(set,
                 {.names = "--wait-used",
                  .description = "wait up to DURATION until the new key is used; else keep the old one, exit 10"},
                 options.wait_used);
    declare_fleet(set, options);
    declare_batch_sink(set, options.sink);
}

std::vector<std::string> repeated_flags(RotateOptions const &options) {
    std::vector<std::string> words;
    auto const add = [&words](char const *flag, std::optional<seconds> const &value) {
        if (value) {
            add_flag_words(words, flag, format_duration(*value));
        }
    };
    add("--grace", options.grace);
    add("--if-older-than", options.if_older_than);
    add("--due-within", options.due_within);
    if (options.if_missing) {
        words.emplace_back("--missing");
    }
    if (options.expires_at) {
        add_flag_words(words, "--expires", format_instant_exact(*options.expires_at));
    }
    if (options.retire_on_first_use) {
        words.emplace_back("--retire-on-first-use");
    }
    if (options.key_from) {
        add_flag_words(words, "--key-from", *options.key_from);
    }
    if (options.force) {
        words.emplace_back("--force");
    }
    return words;
}

void check_rotation(RotateOptions const &options) {
    require_bounded_grace(options);
    exactly_one(
        {{"AGENT", options.agent.given().has_value()}, {"--org", options.org.has_value()}, {"--all", options.all}});
    options.is_for_fleet() ? refuse_for_fleet(options) : refuse_for_one(options);
    if (options.public_key) {
        refuse_with_public_key(options);
    } else if (options.revert) {
        refuse_with_revert(options);
    } else {
        refuse_contradictions(options);
    }
}

}  // namespace relay::cli
