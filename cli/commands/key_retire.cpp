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

namespace relay::cli::commands {

namespace {

struct Options {
    SpelledId key{};
    bool force = false;
};

/// A person is told whose key it is; a script without --yes is stopped before the database is touched.
void confirm(KeyId const &id, Context &context) {
    Globals const &globals = context.globals();
    if (globals.yes || globals.dry_run) {
        return;
    }
    std::string question = "end key " + id.text() + " for good?";
    if (context.prompt().can_ask()) {
        Key const key = show_key(context.database(), id).key;
        if (!key.live()) {
            return;  // nothing will change
        }
        question = fmt::format("end the {} key {} of agent {} for good?", key.status, id, key.agent_id);
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
        context.output().note(fmt::format("nothing changed: key {} is {} already", id, retired.key.status));
    }
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_key(set, options->key);
    add_flag(set,
             {.names = "--force", .description = "also if it is the agent's active key, which leaves it without one"},
             options->force);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const key_retire;
Command const key_retire{
    .path = "key retire",
    .summary = "end a key for good",
    .doc =
        R"(Ends a key: from the commit on, gateways refuse it, and nothing brings it back. The usual case is the old key of a rotation, once its
successor was seen working: it need not wait for the end of its grace.

An agent's active key is refused with exit 5, since the agent would be left without one: rotate it, or say --force. A key that is
retired already changes nothing ("changed": false).

At a terminal it asks first; --yes answers. A script without --yes is exit 2, before the database is touched. For a key that leaked
use `revoke`, which says so in the audit trail and waits for no lock.

Exit 0: ended, now or before. 2: --yes is missing. 3: no such key. 5: it is the agent's active key. 13: the question was answered no.

EXAMPLES
  relay-admin key retire 9fq2mzx1b81k
  # from a script
  relay-admin key retire 9fq2mzx1b81k --yes --reason "successor works"
)",
    .declare = declare,
    .effect = Effect::changes,
    .completes = IdFilter::live,
};

}  // namespace relay::cli::commands
