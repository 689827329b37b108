#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/key.hpp"
#include "cli/output/output.hpp"
#include "relay/policy/wait_for_key.hpp"

#include <memory>

namespace relay::cli::key_wait_command {

namespace {

constexpr std::chrono::seconds default_patience = std::chrono::minutes(10);

struct Options {
    SpelledId key{};
    std::optional<std::string> goal{};
    std::optional<std::chrono::seconds> patience{};
};

ExitStatus run(Options const &options, Context &context) {
    KeyId const key = KeyId::parse(options.key.required());
    KeyGoal const goal = from_optional_text<KeyGoal>(options.goal).value();
    KeyWait const wait = wait_for_key(context.database(), key, goal, options.patience.value_or(default_patience));

    Document document{.kind = "KeyWait", .id_key = "key_id", .data = key_record(wait.key)};
    append(document.data, {
                              {"goal", "Waited for", goal},
                              {"reached", "Reached", wait.reached},
                              machine_only("waited_seconds", std::int64_t{wait.waited.count()}),
                          });
    browse(context, std::move(document), wait.at, wait.db_role);
    if (!wait.reached) {
        context.output().note("key " + key.text() + " is not " + std::string(text_of(goal)) + " after " +
                              format_duration(wait.waited));
    }
    return wait.reached ? ExitStatus::ok : ExitStatus::check_no;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_key(set, options->key);
    add_choice(set, {.names = "--for", .description = "what to wait for", .required = true}, all_texts<KeyGoal>(),
               options->goal);
    add_duration(set, {.names = "--timeout", .description = "wait for at most this long (default: 10m)"},
                 options->patience);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "key wait",
    .summary = "wait until a key is used or has ended",
    .doc =
        R"(Waits until a gateway has accepted the key (--for used), or until the key has ended (--for retired). A key has
ended if it is retired, revoked or expired. It is the step between a rotation and what depends on it, in a script.

--timeout ends the wait; with 0 the command looks once. If the key has ended and was never used, it never will be: then
the wait for its use ends with an error. This is some seconds after the key's end, because gateways may report a use that
much later (`relay-admin-gateway(7)`). The time-out of each question to the database is 10 seconds here.

Exit 0: reached. 3: no such key. 5: the key has ended without a use. 10: the time is over.

EXAMPLES
  relay-admin key wait 9fq2mzx1b81k --for used --timeout 5m
  # the old key has ended: remove it from the store
  relay-admin key wait 9fq2mzx1b81k --for retired --timeout 25h
)",
    .declare = declare,
};

}  // namespace relay::cli::key_wait_command
