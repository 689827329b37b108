#include "cli/command.hpp"
#include "cli/command_line/rotate_options.hpp"
#include "cli/documents/new_key.hpp"
#include "cli/documents/rotation.hpp"
#include "cli/input/input_file.hpp"
#include "cli/input/prompt.hpp"
#include "cli/output/output.hpp"
#include "cli/sink/database_judge.hpp"
#include "relay/model/error.hpp"

#include <memory>

namespace relay::cli::commands {

namespace {

ApiKey read_own_key(Context &context, std::string const &path) {
    ApiKey key = read_key(context, path, "--key-from");
    if (key.type() != KeyType::agent) {
        throw Error(ErrorKind::usage,
                    "--key-from: this is an organization's admin token (relay_at_), not an agent's key (relay_sk_)");
    }
    return key;
}

RotateKey make_request(RotateOptions const &options, AgentId agent, std::optional<ApiKey> const &own_key) {
    RotateKey request{.agent = std::move(agent)};
    request.grace = options.grace.value_or(request.grace);
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
    if (request.grace == std::chrono::seconds(0) && !context.globals().dry_run) {
        context.prompt().confirm_at_terminal("Every key that agent " + request.agent.text() +
                                             " has now ends at once. Go on?");
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

ExitStatus run(RotateOptions const &options, Context &context) {
    AgentId agent = AgentId::parse(options.agent.required());
    check_rotation(options);
    if (options.revert) {
        show(context, revert_rotation(context.database(), agent, context.write_options()), {});
        return ExitStatus::ok;
    }
    WriteOptions const by = context.write_options();
    std::optional<ApiKey> own_key;
    std::unique_ptr<Sink> sink;
    if (!options.key_from || options.sink.asked()) {
        SinkOptions sink_options = options.sink;
        sink_options.existing_file =
            options.may_find_nothing_to_do() ? ExistingFile::refuse_at_delivery : ExistingFile::refuse_at_once;
        sink = open_sink(sink_options, context.output());
    }
    if (options.key_from) {
        own_key = read_own_key(context, *options.key_from);
    }
    RotateKey const request = make_request(options, std::move(agent), own_key);
    confirm_instant_end(context, request);
    if (sink && !by.dry_run) {
        settle_sink(context, *sink);
    }
    show(context, rotate_key(context.database(), request, by, sink.get()), request.request);
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto options = std::make_shared<RotateOptions>();
    declare_rotation(set, *options);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const rotate_key;
Command const rotate_key{
    .path = "rotate-key",
    .summary = "give an agent a new key; the old one works for a while",
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
    .audience = Audience::agents,
    .rank = 2,
    .effect = Effect::changes,
    .completes = IdFilter::live,
};

}  // namespace relay::cli::commands
