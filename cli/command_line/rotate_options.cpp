#include "cli/command_line/rotate_options.hpp"

#include "cli/command_line/options.hpp"
#include "relay/model/error.hpp"

namespace relay::cli {

namespace {

using std::chrono::seconds;

constexpr seconds longest_grace = std::chrono::days(90);

void refuse_with_revert(RotateOptions const &options) {
    std::pair<std::string_view, bool> const others[] = {
        {"--grace", options.grace.has_value()},
        {"--if-older-than", options.if_older_than.has_value()},
        {"--due-within", options.due_within.has_value()},
        {"--retire-on-first-use", options.retire_on_first_use},
        {"--request-id", options.request_id.has_value()},
        {"--key-from", options.key_from.has_value()},
        {"--force", options.force},
        {"a flag for the new secret", options.sink.asked()},
    };
    for (auto const &[name, given] : others) {
        at_most_one({{"--revert", true}, {name, given}});
    }
}

void refuse_contradictions(RotateOptions const &options) {
    at_most_one(
        {{"--if-older-than", options.if_older_than.has_value()}, {"--due-within", options.due_within.has_value()}});
    if (options.grace.value_or(seconds(0)) > longest_grace) {
        throw Error(ErrorKind::usage,
                    "--grace is " + format_duration(*options.grace) + ", but at most 90d are allowed");
    }
    if (options.retire_on_first_use && options.grace == seconds(0)) {
        throw Error(ErrorKind::usage, "--retire-on-first-use says nothing with --grace 0: the old key ends at once");
    }
    if (options.sink.secret_stdout && (options.if_older_than || options.due_within)) {
        throw Error(ErrorKind::usage, "--secret-stdout does not go together with --if-older-than and --due-within",
                    {.why = "a key that is not due leaves stdout empty, and a reader may store that over a good secret",
                     .next = "use --secret-file FILE, and go on only if it exists"});
    }
    if (options.key_from == "-" && options.sink.seal_key == "-") {
        throw Error(ErrorKind::usage, "--key-from - and --seal-key - cannot both read stdin");
    }
}

}  // namespace

void declare_rotation(OptionSet &set, RotateOptions &options) {
    add_rotated_agent(set, options.agent);
    add_duration(set, {.names = "--grace", .description = "how long the old key works on: 0 to 90d, default 24h"},
                 options.grace);
    add_duration(set, {.names = "--if-older-than", .description = "leave a younger key as it is"},
                 options.if_older_than);
    add_duration(set, {.names = "--due-within", .description = "leave a key that is due later as it is"},
                 options.due_within);
    add_flag(set, {.names = "--retire-on-first-use", .description = "end the old key when the new one is first used"},
             options.retire_on_first_use);
    add_value(set, {.names = "--request-id", .type = "UUID", .description = "a repeat of this request changes nothing"},
              options.request_id);
    add_value(set,
              {.names = "--key-from", .type = "FILE", .description = "the new key, of your own making; - is stdin"},
              options.key_from);
    add_flag(set, {.names = "--force", .description = "end a key in grace, renew one that has expired"}, options.force);
    add_flag(set, {.names = "--revert", .description = "take back the last rotation, while its old key works"},
             options.revert);
    declare_sink(set, options.sink);
}

void check_rotation(RotateOptions const &options) {
    if (options.revert) {
        refuse_with_revert(options);
    } else {
        refuse_contradictions(options);
    }
}

}  // namespace relay::cli
