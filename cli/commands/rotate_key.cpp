#include "cli/command.hpp"
#include "cli/command_line/public_key.hpp"
#include "cli/command_line/rotate_options.hpp"
#include "cli/documents/new_key.hpp"
#include "cli/documents/rotation.hpp"
#include "cli/fleet/rotate_fleet.hpp"
#include "cli/input/input_file.hpp"
#include "cli/input/prompt.hpp"
#include "cli/output/output.hpp"
#include "cli/sink/command/around_delivery.hpp"
#include "cli/sink/database_judge.hpp"
#include "relay/identity/register_public_key.hpp"
#include "relay/model/error.hpp"
#include "relay/policy/wait_for_key.hpp"

#include <memory>

namespace relay::cli::rotate_key_command {

namespace {

ApiKey read_own_key(Context &context, std::string const &path) {
    ApiKey key = read_key(context, path, "--key-from");
    if (key.type() != KeyType::agent) {
        std::string const what = key.type() == KeyType::device ? "a device's refresh token (relay_dt_)"
                                                               : "an organization's admin token (relay_at_)";
        throw Error(ErrorKind::usage, "--key-from: this is " + what + ", not an agent's key (relay_sk_)");
    }
    return key;
}

RotateKey make_request(RotateOptions const &options, AgentId agent, std::optional<ApiKey> const &own_key) {
    RotateKey request{.agent = std::move(agent)};
    request.grace = options.grace.value_or(request.grace);
    request.if_older_than = options.if_older_than;
    request.due_within = options.due_within;
    request.if_missing = options.if_missing;
    request.expires_at = options.expires_at;
    request.retire_on_first_use = options.retire_on_first_use;
    request.force = options.force;
    if (options.request_id) {
        request.request = RequestId::parse(*options.request_id);
    }
    request.own_key = own_key ? &*own_key : nullptr;
    return request;
}

/// Asks at a terminal, because --grace 0 may be a slip. For scripts it stays a single flag. With --deliver, no key ends
/// before the store has settled, so there is nothing to ask.
void confirm_instant_end(Context &context, RotateKey const &request, bool is_delivered) {
    if (request.grace == std::chrono::seconds(0) && !is_delivered && !context.globals().dry_run) {
        context.prompt().confirm_at_terminal("This ends every current key of agent " + request.agent.text() +
                                             " immediately. Continue?");
    }
}

/// `failure`: of the command of --after.
ExitStatus show(Context &context, RotatedKey const &rotated, std::optional<RequestId> const &request,
                std::optional<std::string> const &failure) {
    Document document = rotation_document(context, rotated);
    if (failure) {
        document.warnings.push_back(*failure);
    }
    if (rotated.changed && rotated.key && rotated.key->state == KeyState::staged) {
        document.warnings.push_back("key " + rotated.key->key_id.text() +
                                    " was delivered, but another key has replaced it: it stays staged, and works");
    }
    if (request) {
        document.request_id = request->text();
    }
    context.output().show(document);
    if (!rotated.changed) {
        context.output().note("nothing changed: " + rotated.unchanged_because);
    }
    return failure ? ExitStatus::partial : ExitStatus::ok;
}

/// The old key is named as it is: nothing ends before the first request that is signed with the new one.
ExitStatus show_registered(Context &context, RotatedKey const &registered) {
    context.output().show(rotation_document(context, registered));
    context.output().note(registered.changed ? "key " + registered.key->key_id.text() +
                                                   " is staged: the first request that is signed with it confirms it"
                                             : "nothing changed: " + registered.unchanged_because);
    return ExitStatus::ok;
}

/// How long a key is kept if its replacement was not seen in use.
constexpr std::chrono::seconds kept_for = std::chrono::days(30);

/// Returns the rotation that an earlier run of this command made, but whose wait it did not finish.
std::optional<RotatedKey> find_unfinished(Context &context, RotateOptions const &options, RotateKey const &request) {
    return options.wait_used && !options.force
               ? find_waiting_rotation(context.database(), request.agent, *request.grace_once_used)
               : std::nullopt;
}

/// Rotates, unless an earlier run of this command did and only its wait is left. `waits` becomes whether there is a wait.
RotatedKey rotate_or_resume(Context &context, RotateOptions const &options, RotateKey const &request, Sink *sink,
                            bool &waits) {
    bool const is_repeatable =
        options.request_id || options.key_from;  // then the rotation itself finds the earlier one
    auto unfinished = is_repeatable ? std::nullopt : find_unfinished(context, options, request);
    if (!unfinished) {
        RotatedKey rotated = rotate_key(context.database(), request, context.write_options(), sink);
        unfinished = rotated.changed ? std::nullopt : find_unfinished(context, options, request);
        if (!unfinished || unfinished->key->key_id != rotated.key->key_id) {
            waits = options.wait_used && rotated.changed;
            return rotated;
        }
    }
    waits = true;
    context.output().note("the key was replaced by an earlier run: " + unfinished->unchanged_because +
                          " (--force makes another key)");
    return *std::move(unfinished);
}

/// Waits until the new key is used. Then begins the grace of the old one; until then, that is kept. Returns the warning if
/// the new key was not used.
std::optional<std::string> wait_until_used(Context &context, RotateOptions const &options, std::chrono::seconds grace,
                                           RotatedKey &rotated) {
    if (!rotated.key || rotated.key->state != KeyState::active || context.is_dry_run()) {
        return std::nullopt;
    }
    KeyId const key = rotated.key->key_id;
    context.output().note("waiting until key " + key.text() + " is used");
    if (!wait_for_key(context.database(), key, KeyGoal::used, *options.wait_used).reached) {
        return "key " + key.text() + " was not used within " + format_duration(*options.wait_used) +
               ": the old key is kept" +
               (rotated.previous && rotated.previous->expires_at
                    ? " until " + format_instant_seconds(*rotated.previous->expires_at)
                    : "");
    }
    if (auto old_key = shorten_grace(context.database(), key, grace, context.write_options())) {
        if (!old_key->live()) {
            rotated.ended.push_back(old_key->key_id);
        }
        rotated.previous = std::move(old_key);
        rotated.changed = true;
    }
    return std::nullopt;
}

ExitStatus run(RotateOptions const &options, Context &context) {
    check_rotation(options);
    if (options.is_for_fleet()) {
        return rotate_fleet(options, context);
    }
    AgentId agent = AgentId::parse(options.agent.required());
    WriteOptions const by = context.write_options();
    if (options.public_key) {
        RegisterPublicKey request{.agent = std::move(agent),
                                  .key = read_public_key(context, *options.public_key, options.sink.sink)};
        request.grace = options.grace.value_or(request.grace);
        request.expires_at = options.expires_at;
        request.force = options.force;
        return show_registered(context, register_public_key(context.database(), request, by));
    }
    if (options.revert) {
        RevertRotation request{.agent = std::move(agent)};
        request.grace = options.grace.value_or(request.grace);
        if (options.sink.sink.read_back) {
            request.look = [&] { return look_into_store(context, options.sink.sink, request.agent); };
        }
        return show(context, revert_rotation(context.database(), request, by), {}, {});
    }
    std::optional<ApiKey> own_key;
    std::unique_ptr<Sink> sink;
    if (!options.key_from || options.sink.sink.asked()) {
        SinkOptions sink_options = options.sink.sink;
        sink_options.repeated = repeated_flags(options);
        sink_options.existing_file =
            options.may_find_nothing_to_do() ? ExistingFile::refuse_at_delivery : ExistingFile::refuse_at_once;
        sink = open_sink(sink_options, context.output());
    }
    if (options.key_from) {
        own_key = read_own_key(context, *options.key_from);
    }
    RotateKey request = make_request(options, std::move(agent), own_key);
    confirm_instant_end(context, request, options.sink.sink.deliver || options.wait_used);
    if (sink && !by.dry_run) {
        settle_sink(context, *sink);
    }
    request.view = look_into_store(context, options.sink.sink, request.agent);
    std::chrono::seconds const grace = request.grace;
    if (options.wait_used) {
        request.grace_once_used = grace;
        request.grace = std::max(grace, kept_for);
    }
    bool waits = false;
    RotatedKey rotated = rotate_or_resume(context, options, request, sink.get(), waits);
    // Before the wait: it may be the command of --after that makes the agent use its new key.
    auto const failure = after_delivery(context, options.sink.sink, rotated.changed ? rotated.key : std::nullopt);
    auto const unused = waits ? wait_until_used(context, options, grace, rotated) : std::nullopt;
    ExitStatus const shown = show(context, rotated, request.request, failure);
    if (unused) {
        context.output().warn(*unused);
    }
    return unused ? ExitStatus::check_no : shown;
}

Runner declare(OptionSet &set) {
    auto options = std::make_shared<RotateOptions>();
    declare_rotation(set, *options);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "rotate-key",
    .summary = "give an agent a new key; the old one works for a while",
    .doc =
        R"(Gives an agent, or many, a new key. The old key keeps working for the grace period (--grace, default 24h), by the
database's clock, but never beyond its own expiry. With --retire-on-first-use it ends as soon as the new key is first
used.

The key is delivered first and committed then: to the place you choose, or shown if stdout is a terminal. If delivery
fails (disk full, file exists), everything is rolled back: exit 12, and the old key works as before. If the command is
killed at any instant, run the same command again: it completes the rotation. At no time is the agent without a
working key, and no key becomes live before it is delivered.

With --if-older-than or --due-within you can run the command every day: if the key is not due, nothing changes and no
file is made (exit 0, "changed": false). An age of 90d counts from when the key was made, not by the calendar. (These
flags do not work with --secret-stdout, because a reader would store the empty output.)

At most two keys of an agent are live. While an earlier rotation is still in its grace period, the next one exits 5,
unless you add --grace 0 or --force, which end the older key and say so. --grace 0 ends every other key immediately:
at a terminal the command asks first (--yes answers yes), a script is not asked. With --deliver, --grace 0 ends the
other keys when the store has settled, and the command does not ask. --revert takes a rotation back while the old key
still works. The key that was active before is active again, and the new one is retired.

--deliver CMD is for a store that is not a file: a secret manager, a CI variable, another machine. CMD is run by sh. The
key is on its stdin, in the form of --secret-format, and complete before CMD starts. RELAY_AGENT_ID, RELAY_ORG_ID and
RELAY_KEY_ID are in its environment. Its output goes to stderr; a line that contains the secret is not shown. The key
counts as delivered if CMD reads all of its stdin and exits 0.

A store may take a key although CMD fails, or take it late. So the key is first staged: it works, and the old key stays
active. Then CMD runs, while no transaction is open. --deliver-timeout counts from the staging. Then CMD is ended, with all
that it started in its process group. If CMD succeeds, the key becomes active, and the grace of the old key begins.
Otherwise the command exits 12: the old key and every staged key continue to work. The next run delivers another key.

--settle is the longest time after --deliver-timeout at which the store may still take a key. A key that may still arrive
stays staged. No old key ends before that time has passed, even with --grace 0. Use --settle 0 only for a store that
answers when the new value is in force, and that applies writes in order.

If a gateway sees a staged key in use after --deliver-timeout, the next run confirms that key. It does so before it
looks at the age of the active key. If a staged key has settled, the agent is due, whatever the age of its active key.
With five staged keys newer than the active one, the command exits 5. Look into the store, then end each key that it
does not hold with `key retire KEY-ID --force`.

--read-back CMD prints the key that the store holds, alone or in a text. RELAY_AGENT_ID is in its environment. It runs
before a key is staged, with --dry-run too, and after CMD of --deliver. The program compares the key by its hash. A staged key that the store shows is confirmed. Any other answer
confirms nothing and ends nothing. If the store shows no live key of the agent, the agent is due. So a fleet's
run asks for every agent, due or not, unless you give --expect or --missing. --revert of a delivered
rotation needs --read-back, which must show the old key. The new key then retires with the grace, or stays staged while
it may still arrive. --after CMD runs once when a delivery is confirmed, without the secret. If the command is killed,
it may not run.

So what the store holds works at every instant, if the store replaces a value whole. Not covered is a store that takes a
write after the settle time, or that loses what it acknowledged. Nor is a store into which others write, or a process
that CMD moves to another session. --read-back in the daily run shows when the store holds no live key.

--org ORG rotates the keys of all agents of an organization, and --all those of the whole relay. --owner, --label and
--match narrow it. --due-within and --if-older-than rotate what is due. --missing gives a key to agents that have no
working one. The keys go to --secrets-dir, one file each. Or they go to one --secret-file, one line each
(--secret-format json or sealed), or to --deliver. Agents that are blocked or revoked are left out. So are agents that
never had a key, unless you add --missing. The rules of one rotation hold for each agent. If an agent fails, the
others are rotated, and the command exits 7. The output names it. --on-error stop ends the run instead.

A fleet is rotated in batches. Each batch is first delivered and made durable, and then committed. If the command is
killed, run it again. Until 12 hours after its last batch, the same command continues the rotation, also on another
machine. Then agents that have their new key are left out; --restart rotates them again. Keys of the killed run's last
batch may be in an unfinished file, FILE.batch or AGENT-ID.key.new. Run the command where that file is, too: it settles
the file first. Into files, the server writes two batches at the same time, over
two connections. Such a batch has at most 1000 keys. Two runs at the same time share the work. With --deliver, one agent's key is staged
at a time: one commit confirms an agent and stages the next. After a kill, only the agent of that delivery gets another
key. --expect N changes nothing unless exactly N agents would get a key. --limit N ends the run after N keys; the
next run continues. At a terminal the command asks first; a script is not asked.

--wait-used 10m waits until a gateway has seen the new key in use. Until then the old key is kept, for 30 days or the
grace, whichever is longer. If the new key is used in time, the grace of the old key begins. Otherwise the command exits
10, and the old key stays. If the command was killed, or waited in vain, run it again. It makes no third key, and waits
again for the same one. --force makes another key.

--public-key FILE gives the agent an Ed25519 key that it made itself, with which it signs its requests. FILE has the public
key in base64, in PEM, or as a line that begins with ssh-ed25519. There is no secret to deliver. The key is staged, and the old key works.
When the first request that is signed with the new key is accepted, the grace of the old key begins. A later rotation ends a public key that has not signed. A public key is registered only once: one that was
registered before, or revoked, exits 5. No age makes a public key due.

--expires TIME is when the new key ends, whatever happens. If an end was set before, a later one needs --force.

To retry safely after a lost answer, use --request-id UUID: the same id returns the same key id and changes nothing;
with other parameters the command exits 5. Or make the key yourself and give it with --key-from FILE, which needs no
place for the key. With --deliver, a repeat delivers the same key again. The key itself is never an argument.

Exit 0: rotated, or not due. 2: no place for the key was given. 3: no such agent. 5: the agent is revoked, its key has
expired, a rotation is in its grace period, or the store must be looked into. 7: the key is confirmed, but CMD of --after failed; or some agents of a fleet failed. 8: nothing was changed; run it again. If another session
has locked the agent, the command waits 5 seconds for it before that; `block` and `revoke` do not wait for such a lock.
9: the outcome is unknown; the message has the command that settles it. 10: the new key was not used in time, and the
old one is kept (--wait-used). 11: the keys were not as requested when they
were read back; nothing was changed. 12: the key could not be delivered; nothing was changed. With --deliver: not confirmed, and every key that may have
arrived works.

EXAMPLES
  relay-admin rotate-key billing-bot --secret-file billing-bot.env --secret-format env
  # every day from cron or CI
  relay-admin rotate-key billing-bot --if-older-than 80d --grace 72h --no-input --replace --secret-file /etc/relay-agent/billing-bot.key
  # a leaked key: replace it immediately
  relay-admin rotate-key billing-bot --grace 0 --reason "key seen in a log" --secret-file new.key
  relay-admin rotate-key billing-bot --revert
  # every day, into a secret manager
  relay-admin rotate-key billing-bot --if-older-than 80d --deliver 'vault kv put secret/billing-bot key=-' --read-back 'vault kv get -field=key secret/billing-bot'
  # every day, a whole organization
  relay-admin rotate-key --org acme-corp --due-within 10d --replace --secrets-dir /etc/relay-keys --no-input
  relay-admin rotate-key --all --if-older-than 80d --deliver 'vault kv put "secret/$RELAY_AGENT_ID" key=-'
  # from now on, the agent signs
  relay-admin rotate-key billing-bot --public-key billing-bot.pub
  # a key from a secret manager
  relay-admin agent rotate-key --agent-id billing-bot --key-from new.key)",
    .declare = declare,
    .alias = "agent rotate-key",
    .audience = Audience::agents,
    .rank = 2,
    .effect = Effect::changes,
    .completes = IdFilter::live,
};

}  // namespace relay::cli::rotate_key_command
