#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/key.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/input/prompt.hpp"
#include "cli/output/output.hpp"
#include "relay/identity/rotate_key.hpp"
#include "relay/inspect/inspect.hpp"
#include "relay/model/format_text.hpp"

#include <memory>

namespace relay::cli::key_retire_command {

namespace {

struct Options {
    SpelledId key{};
    bool force = false;
};

/// Asks, and names the agent of the key. Stops a script without --yes before it touches the database.
void confirm(KeyId const &id, Context &context) {
    Globals const &globals = context.globals();
    if (globals.yes || globals.dry_run) {
        return;
    }
    std::string question = "Retire key " + id.text() + " permanently?";
    if (context.prompt().can_ask()) {
        Key const key = show_key(context.database(), id, 0).key;
        if (!key.live()) {
            return;  // nothing will change
        }
        question = fmt::format("Retire the {} key {} of agent {} permanently?", key.status, id, key.agent_id);
    }
    context.prompt().confirm(question);
}

ExitStatus run(Options const &options, Context &context) {
    KeyId const id = KeyId::parse(options.key.required());
    confirm(id, context);
    RetiredKey const retired = retire_key(context.database(), id, options.force, context.write_options());

    Document document{.kind = "KeyRetirement", .id_key = "key_id"};
    document.data = hide(key_record(retired.key), {"blocked", "due_at", "expires_at"});
    document.data.push_back(people_only("Retired", retired.key.retired_at));
    stamp(document, context, retired);
    context.output().show(document);
    if (!retired.changed) {
        context.output().note(fmt::format("nothing changed: key {} is already {}", id, retired.key.status));
    }
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_key(set, options->key);
    add_flag(
        set,
        {.names = "--force", .description = "retire even an active or staged key; the agent may be left without one"},
        options->force);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "key retire",
    .summary = "end a key permanently",
    .doc =
        R"(Ends a key permanently: once the command has committed, gateways refuse the key, and this cannot be undone.
The usual case is the old key of a rotation: once its successor has been seen working, you need not wait for the end
of the grace period.

If the key is the agent's active one, the command exits 5, because the agent would be left without a key: rotate it,
or add --force. If the key is staged, the command exits 5, too: a store may hold it (`rotate-key --deliver`). Look
into the store, then add --force. The same is true of a key in grace while the delivery of its successor has not
settled. If the key is already retired, nothing changes ("changed": false).

At a terminal the command asks first; --yes answers yes. A script without --yes stops with exit 2 before it touches
the database. For a key that leaked, use `revoke`: it records that in the audit trail and waits for no lock.

Exit 0: retired, now or before. 2: --yes is missing. 3: no such key. 5: the key is active or staged, or the
delivery of its successor has not settled. 11: the key was still live when it was read back; the last line is
`NOT CONFIRMED: key K may still be live`. 13: the question was answered no.

EXAMPLES
  relay-admin key retire 9fq2mzx1b81k
  # from a script
  relay-admin key retire 9fq2mzx1b81k --yes --reason "successor works"
)",
    .declare = declare,
    .effect = Effect::changes,
    .completes = IdFilter::live,
};

}  // namespace relay::cli::key_retire_command
