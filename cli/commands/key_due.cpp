#include "cli/command.hpp"
#include "cli/command_line/agent_flags.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/command_line/shared_flags.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/due.hpp"
#include "cli/output/output.hpp"
#include "cli/output/redraw.hpp"
#include "cli/policy/tell_owners.hpp"
#include "relay/model/error.hpp"

#include <memory>

namespace relay::cli::key_due_command {

namespace {

struct Options {
    std::optional<std::chrono::seconds> within{};
    std::optional<std::string> org{};
    WhichFlags which{};
    std::optional<std::string> by{};
    std::optional<std::string> html{};
    std::optional<std::string> notify{};
    std::optional<std::chrono::seconds> notify_timeout{};
    bool exec_condition = false;
    PageOptions page{};

    bool by_owner() const { return by.has_value(); }
    std::vector<std::string> sortable() const { return by_owner() ? due_owner_sort_fields() : due_key_sort_fields(); }
};

constexpr std::chrono::seconds default_notify_timeout{60};

DueRequest read(Options const &options) {
    require_partner("--notify-timeout", options.notify_timeout.has_value(), "--notify", options.notify.has_value());
    require_some_time("--notify-timeout", options.notify_timeout);
    at_most_one({{"--exec-condition", options.exec_condition}, {"--notify", options.notify.has_value()}});
    at_most_one({{"--exec-condition", options.exec_condition}, {"--html", options.html.has_value()}});
    DueRequest request{.within = options.within.value_or(std::chrono::seconds(0)),
                       .which = which_agents(options.which),
                       .page = page_request(options.page, options.sortable())};
    if (options.org) {
        request.org = OrgId::parse(*options.org);
    }
    return request;
}

/// Prints nothing, so that a reader who is gone cannot change the answer.
bool is_any_due(db::Database &database, DueRequest request) {
    request.page.limit = 1;
    bool any = false;
    list_due_keys(database, request, [&](DueKey const &, ReadStamp const &) { any = true; });
    return any;
}

/// Shows the list, and returns whether it has items. The failures are on stderr already: only JSON repeats them.
bool list(Options const &options, DueRequest const &request, Context &context,
          std::vector<std::string> const &failures) {
    bool any = false;
    auto const listing = [&](auto const &list) {
        return [&any, &context, &request, list](auto const &each) {
            return list(context.database(), request, [&](auto const &item, ReadStamp const &read) {
                any = true;
                each(item, read);
            });
        };
    };
    std::vector<std::string> const warnings = is_json(context.globals().format) ? failures : std::vector<std::string>();
    if (options.by_owner()) {
        browse_list(context, options.page.view, "DueOwnerList", "owner", DueOwner(), due_owner_record,
                    listing(list_due_owners), warnings);
    } else {
        browse_list(context, options.page.view, "DueKeyList", "key_id", sample_due_key(), due_key_record,
                    listing(list_due_keys), warnings);
    }
    return any;
}

ExitStatus run(Options const &options, Context &context) {
    DueRequest const request = read(options);
    // A wrong field is an error before any command runs.
    FieldChoice(options.page.view.fields,
                options.by_owner() ? due_owner_record(DueOwner()) : due_key_record(sample_due_key()),
                context.globals().format);
    if (options.exec_condition) {
        return is_any_due(context.database(), request) ? ExitStatus::check_no : ExitStatus::ok;
    }
    Told told;
    try {
        if (options.html || options.notify) {
            tell_owners(context,
                        {.html = options.html,
                         .notify = options.notify,
                         .limit = options.notify_timeout.value_or(default_notify_timeout)},
                        request, told);
        }
        bool const any = list(options, request, context, told.failures);
        return !told.failures.empty() ? ExitStatus::partial : any ? ExitStatus::check_no : ExitStatus::ok;
    } catch (...) {
        fail_after_telling(told, std::current_exception());
    }
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_duration(set, {.names = "--within", .description = "also keys that will be due within this time, such as 14d"},
                 options->within);
    add_org_flag(set, "only keys of this organization", options->org);
    declare_which_agents(set, "keys of agents", options->which);
    add_choice(set, {.names = "--by", .description = "list the owners instead: the people to write to"}, {"owner"},
               options->by);
    add_value(set,
              {.names = "--html", .type = "DIR", .description = "write a page for each owner into DIR, and index.html"},
              options->html);
    add_value(set,
              {.names = "--notify",
               .type = "CMD",
               .description = "run CMD with sh for each owner; it gets the owner's due keys as JSON on stdin"},
              options->notify);
    add_duration(set, {.names = "--notify-timeout", .description = "end CMD after this time (default: 60s)"},
                 options->notify_timeout);
    add_flag(set,
             {.names = "--exec-condition",
              .description = "exit codes for systemd's ExecCondition: 0 if due, 1 if not, 255 for errors"},
             options->exec_condition);
    declare_view(set, due_key_sort_fields(), options->page.view);
    declare_limit(set, options->page);
    return [options](Context &context) {
        bool const watches = options->page.view.watch.has_value();
        at_most_one({{"--watch", watches}, {"--exec-condition", options->exec_condition}});
        at_most_one({{"--watch", watches}, {"--html", options->html.has_value()}});
        at_most_one({{"--watch", watches}, {"--notify", options->notify.has_value()}});
        return redraw(context, options->page.view.watch, [&] { return run(*options, context); });
    };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "key due",
    .summary = "list keys that need someone to act; exit 10 if there are any",
    .doc =
        R"(Lists the keys that are due, the most urgent first, and whose they are: keys that are as old as their agent's or
organization's --key-max-age allows, keys that expire, and staged keys whose delivery no run has confirmed in time.
--within 14d also lists those that will be due within two weeks. All times are by the database's clock.

A key that is due by its age still works, and a rotation sets a new date. A key that expires ends at that time. A
rotation does not change that, because the new key keeps the expiry: the "reason" is then expiry. A key that has
expired is also listed: its agent is locked out. A staged key (`rotate-key --deliver`) works, too; the next rotation
confirms or replaces it: the "reason" is then delivery. Keys of revoked agents are not listed.

An agent that is not revoked can be left without a key. Its last one was revoked or retired, or is in its grace. The agent
is locked out, or soon will be, so it is listed whatever --within says. The "reason" is then missing, and "due_at" is when
its last key ends, or ended. `rotate-key` makes a new key; while the old one works, it asks for --force.

--by owner lists the owners of such keys instead, with numbers of keys: the people to write to. Agents without an owner
are the last line, without a name. This list can be sorted by owner, keys, overdue and first_due_at.

--html DIR writes one page for each owner into the folder DIR, and index.html, which links them. A page names at most
1000 keys, the most urgent ones. The pages need nothing else, contain no secrets, and have mode 0600; a page that is
replaced keeps its mode. Earlier pages of owners with nothing due are removed, unless a flag such as --owner narrows the
list. No other file in DIR is touched.

--notify CMD runs CMD by sh for each owner, one after the other. CMD gets on stdin what `key due --owner OWNER -o json`
prints, with at most 1000 keys, and in its environment RELAY_OWNER (empty for agents without an owner), RELAY_DUE and
RELAY_OVERDUE (numbers of keys). No text from the database is part of the command. Its output goes to stderr. If CMD
fails, or takes longer than --notify-timeout, a warning names the owner. The run continues with the next owner, and exits
7 at the end. It also exits 7 if something else fails after the first command. The error then names who was notified and
who was not. With --dry-run, no page is written and no command is run. The folder examples/notify of the package has
commands for mail, chat and webhooks.

--exec-condition is for systemd, which reads the exit codes 1 to 254 of a plain ExecCondition as "skip", so that a dead
database would stop rotation without a word. With it, the command prints nothing on stdout, and exits 0 if a key is
due, 1 if not, and 255 after any error, also one on the command line. (A misspelling of this flag itself exits 2.)

The command shows at most 1000 keys; --all shows all. It also works on a standby.

Exit 0: no key is due. 3: no such organization. 7: some owners were not notified. 10: at least one key is due.

EXAMPLES
  relay-admin key due --within 14d
  # the people to write to
  relay-admin key due --within 14d --by owner
  # a page for each owner
  relay-admin key due --within 14d --html .
  # send each owner a message in a chat
  relay-admin key due --within 14d --notify 'sh notify/chat'
)",
    .declare = declare,
};

}  // namespace relay::cli::key_due_command
