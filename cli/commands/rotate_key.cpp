#include "cli/command.hpp"
#include "cli/documents/issued_key.hpp"
#include "cli/documents/rotation.hpp"
#include "cli/input_file.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"
#include "cli/prompt.hpp"
#include "cli/settle_sink.hpp"
#include "cli/sink/options.hpp"
#include "relay/model/error.hpp"

#include <CLI/CLI.hpp>

namespace relay::cli::commands {

namespace {

using std::chrono::seconds;

constexpr seconds default_grace = std::chrono::hours(24);
constexpr seconds longest_grace = std::chrono::days(90);

struct Options {
    std::optional<std::string> agent{};
    std::optional<std::string> agent_flag{};
    std::optional<seconds> grace{};
    std::optional<seconds> if_older_than{};
    std::optional<seconds> due_within{};
    bool retire_on_first_use = false;
    std::optional<std::string> request_id{};
    std::optional<std::string> key_from{};
    bool force = false;
    bool revert = false;
    SinkOptions sink{};
};

void refuse_with_revert(Options const &options) {
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

void check(Options const &options) {
    at_most_one(
        {{"--if-older-than", options.if_older_than.has_value()}, {"--due-within", options.due_within.has_value()}});
    if (options.grace.value_or(default_grace) > longest_grace) {
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

ApiKey read_own_key(std::string const &path) {
    ApiKey key = read_key(path, "--key-from");
    if (key.type() != KeyType::agent) {
        throw Error(ErrorKind::usage,
                    "--key-from: this is an organization's admin token (relay_at_), not an agent's key (relay_sk_)");
    }
    return key;
}

RotateKey make_request(Options const &options, AgentId agent, std::optional<ApiKey> const &own_key) {
    RotateKey request{.agent = std::move(agent)};
    request.grace = options.grace.value_or(default_grace);
    request.if_older_than = options.if_older_than;
    request.due_within = options.due_within;
    request.retire_on_first_use = options.retire_on_first_use;
    request.force = options.force;
    if (options.request_id) {
        request.request = RequestId::parse(*options.request_id);
    }
    request.own_key = own_key ? &*own_key : nullptr;
    return request;
}

/// The kill switch stays one flag away for scripts; a person at a terminal is asked, since 0 may be a slip.
void confirm_instant_end(Context &context, RotateKey const &request) {
    if (request.grace == seconds(0) && !context.globals().dry_run && context.prompt().can_ask()) {
        context.prompt().confirm("Every key that agent " + request.agent.text() + " has now ends at once. Go on?");
    }
}

void show(Context &context, RotatedKey const &rotated, std::optional<RequestId> const &request) {
    Document document = rotation_document(context, rotated);
    if (request) {
        document.request_id = request->text();
    }
    context.output().show(document);
    if (!rotated.changed) {
        context.output().note("nothing changed: " + rotated.unchanged_because);
    }
}

ExitStatus run(Options const &options, Context &context) {
    AgentId agent = AgentId::parse(required_spelling("AGENT", options.agent, "--agent-id", options.agent_flag));
    if (options.revert) {
        refuse_with_revert(options);
        show(context, revert_rotation(context.database(), agent, context.write_options()), {});
        return ExitStatus::ok;
    }
    check(options);
    WriteOptions const by = context.write_options();
    std::optional<ApiKey> own_key;
    std::unique_ptr<Sink> sink;
    if (!options.key_from || options.sink.asked()) {
        SinkOptions sink_options = options.sink;
        bool const may_find_nothing_to_do =
            options.if_older_than || options.due_within || options.request_id || options.key_from;
        sink_options.existing_file =
            may_find_nothing_to_do ? ExistingFile::refuse_at_delivery : ExistingFile::refuse_at_once;
        sink = open_sink(sink_options, context.output());
    }
    if (options.key_from) {
        own_key = read_own_key(*options.key_from);
    }
    RotateKey const request = make_request(options, std::move(agent), own_key);
    confirm_instant_end(context, request);
    if (sink && !by.dry_run) {
        settle_sink(context, *sink);
    }
    show(context, rotate_key(context.database(), request, by, sink.get()), request.request);
    return ExitStatus::ok;
}

Runner declare(CLI::App &app) {
    auto options = std::make_shared<Options>();
    add_positional(app, {.names = "AGENT", .description = "the agent's id"}, options->agent);
    add_value(app, {.names = "--agent-id", .type = "AGENT", .description = "the same as a flag"}, options->agent_flag);
    add_duration(app, {.names = "--grace", .description = "how long the old key works on: 0 to 90d, default 24h"},
                 options->grace);
    add_duration(app, {.names = "--if-older-than", .description = "leave a younger key as it is"},
                 options->if_older_than);
    add_duration(app, {.names = "--due-within", .description = "leave a key that is due later as it is"},
                 options->due_within);
    add_flag(app, {.names = "--retire-on-first-use", .description = "end the old key when the new one is first used"},
             options->retire_on_first_use);
    add_value(app, {.names = "--request-id", .type = "UUID", .description = "a repeat of this request changes nothing"},
              options->request_id);
    add_value(app,
              {.names = "--key-from", .type = "FILE", .description = "the new key, of your own making; - is stdin"},
              options->key_from);
    add_flag(app, {.names = "--force", .description = "end a key in grace, renew one that has expired"},
             options->force);
    add_flag(app, {.names = "--revert", .description = "take back the last rotation, while its old key works"},
             options->revert);
    declare_sink(app, options->sink);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const rotate_key;
Command const rotate_key{
    .path = "rotate-key",
    .summary = "give an agent a new key; the old one works on for a while",
    .doc =
        R"(Gives the agent a new key. The old one is accepted beside it for --grace more (default 24h), on the database's clock, but never past
an end of its own; --retire-on-first-use ends it as soon as the new key is first seen working.

The key is delivered first and committed then: to the one sink that is named, or shown if stdout is a terminal. A sink that fails (disk
full, file exists) rolls everything back: exit 12, the old key works as before. Killed at any instant, the same command run again
converges. At no time does the agent have no working key, and at no time is there a live key that nobody holds.

With --if-older-than or --due-within the command can run every day: a key that is not due is left alone, exit 0, "changed": false, and no
file is made. 90 days is an age, not a calendar. (Not with --secret-stdout, since a reader would store the empty output.)

At most two keys of an agent are live. While an earlier rotation is in grace, the next one is exit 5, unless --grace 0 or --force, which
end the older key and say so. --grace 0 ends every other key at once: a terminal asks y/N (--yes answers), a script is not asked.
--revert takes a rotation back while its old key works: that one is active again, the new one is retired.

To repeat safely after a lost answer: --request-id UUID (the same id tells the same key id and changes nothing; with other parameters it is
exit 5), or a key of your own making with --key-from FILE, which needs no sink; the key itself is never an argument.

Exit 0: rotated, or not due. 2: no sink. 3: no such agent. 5: revoked, in grace, or expired on purpose. 8: nothing changed, retry. 9: not
known, and the message is the command that tells. 12: not delivered, nothing changed.

EXAMPLES
  relay-admin rotate-key billing-bot --secret-file billing-bot.env --secret-format env
  # every day from cron or CI
  relay-admin rotate-key billing-bot --if-older-than 80d --grace 24h --no-input --replace --secret-file /etc/relay-agent/billing-bot.key
  # a leaked key: replace it now
  relay-admin rotate-key billing-bot --grace 0 --reason "key seen in a log" --secret-file new.key
  relay-admin rotate-key billing-bot --revert
  # a key from a secret manager
  relay-admin agent rotate-key --agent-id billing-bot --key-from new.key)",
    .declare = declare,
    .alias = "agent rotate-key",
};

}  // namespace relay::cli::commands
