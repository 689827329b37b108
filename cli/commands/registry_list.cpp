#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/command_line/shared_flags.hpp"
#include "cli/context.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/registered.hpp"
#include "cli/output/own_file.hpp"
#include "cli/output/redraw.hpp"
#include "cli/registry/registry_page.hpp"

#include <memory>

namespace relay::cli::registry_list_command {

namespace {

struct Options {
    std::optional<std::string> org{};
    std::optional<std::string> skill{};
    std::optional<std::string> tag{};
    std::optional<std::string> capability{};
    std::optional<std::string> match{};
    bool gone = false;
    std::optional<std::string> html{};
    PageOptions page{};
};

OwnFile page_file(std::string const &path) {
    return {.flag = "--html", .path = path, .beginning = html::registry_page_beginning};
}

WhichRegistered which_of(Options const &options) {
    return {.org = options.org ? std::optional(OrgId::parse(*options.org)) : std::nullopt,
            .skill = options.skill,
            .tag = options.tag,
            .capability = options.capability,
            .match = options.match};
}

std::string describe(Options const &options) {
    std::string text;
    for (auto const &[name, value] : {std::pair("org", &options.org),
                                      {"skill", &options.skill},
                                      {"tag", &options.tag},
                                      {"capability", &options.capability},
                                      {"match", &options.match}}) {
        text += *value ? (text.empty() ? "" : ", ") + std::string(name) + " " + **value : "";
    }
    return text;
}

/// The page has the same agents as the list, but never more than it can show.
void write_page(Options const &options, Context &context) {
    require_place(page_file(*options.html));
    html::RegistryPage page{
        .summary = summarize_registry(context.database(), which_of(options), html::most_skills_on_page),
        .which = describe(options)};
    ListEnd const end =
        list_registered(context.database(), {.which = which_of(options), .page = {.limit = html::most_agents_on_page}},
                        [&](RegisteredAgent const &agent, ReadStamp const &) { page.agents.push_back(agent); });
    page.more = end.more;
    page.read = end.read;
    write_own_file(page_file(*options.html), html::registry_page(page));
}

ExitStatus run(Options const &options, Context &context) {
    ListRegistered const request{
        .which = which_of(options), .gone = options.gone, .page = page_request(options.page, registered_sort_fields())};
    if (options.html) {
        write_page(options, context);
    }
    auto const row = [&](RegisteredAgent const &agent) {
        return options.gone ? hide(registered_record(agent), {"instances", "since", "lease_ends_at"})
                            : hide(registered_record(agent), {"last_seen_at"});
    };
    browse_list(
        context, options.page.view, "RegisteredAgentList", "agent_id", sample_registered(), row,
        [&](EachItem<RegisteredAgent> const &each) { return list_registered(context.database(), request, each); });
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_org_flag(set, "only agents of this organization", options->org);
    add_value(set, {.names = "--skill", .type = "SKILL", .description = "only agents with this skill, by its exact id"},
              options->skill);
    add_value(set, {.names = "--tag", .type = "TAG", .description = "only agents with a skill that has this tag"},
              options->tag);
    add_value(set,
              {.names = "--capability",
               .type = "NAME",
               .description = "only agents with this capability, or the URI of an extension"},
              options->capability);
    add_value(set,
              {.names = "--match",
               .type = "GLOB",
               .description = "only agents whose id, name or skill matches, such as 'pay*'"},
              options->match);
    add_flag(set, {.names = "--gone", .description = "agents whose leases have ended, instead of those that run"},
             options->gone);
    add_value(set,
              {.names = "--html", .type = "FILE", .description = "also write one HTML page, with capacity by skill"},
              options->html);
    declare_page(set, registered_sort_fields(), options->page);
    return [options](Context &context) {
        at_most_one({{"--watch", options->page.view.watch.has_value()}, {"--html", options->html.has_value()}});
        at_most_one({{"--gone", options->gone}, {"--html", options->html.has_value()}});
        return redraw(context, options->page.view.watch, [&] { return run(*options, context); });
    };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "registry list",
    .summary = "list the agents that run now",
    .doc =
        R"(Lists the agents that run, with the number of their processes. The columns Since and Lease ends have the start of the
first process and the end of the last lease. An agent must meet all conditions that you give. Name and skills are those of
its card.

An agent sends a beat each third of its lease. The note "late by 28 s" means that a beat is overdue that long. The agent
still runs, until its lease ends.

The state is in JSON, and as a note in the table unless it is running:

  running     searches by other agents find it
  draining    all its processes finish their work and take no more
  blocked     the agent or its organization is blocked; revoked likewise
  over_limit  its organization has more agents than its plan allows

--gone lists agents that have registered at some time and do not run. It shows when they were last seen, and whether
they unregistered or went without a word. Ended leases are removed after a day. Then the last event and the last use of
a key count.

--html FILE also writes one page with the same agents, at most 1000. It shows how many processes take work of each skill.
The page needs nothing else: no script, no request. An earlier page is replaced, any other file is not.

The command shows at most 1000 agents; --all shows all. In JSON, "next" is the cursor for --after (null at the end).
Leases are not on standbys, so the command needs the primary.

Exit 0: listed, even if the list is empty. 3: no such organization. 5, 12: FILE cannot be written. 8: this is a standby.

EXAMPLES
  relay-admin registry list --org acme-corp
  # how many processes share the work of a skill
  relay-admin registry list --org acme-corp --skill search_kb
  # those whose beats are late first
  relay-admin registry list --sort=-late_seconds --limit 20
  relay-admin registry list --gone --org acme-corp
  relay-admin registry list --html registry.html
)",
    .declare = declare,
};

}  // namespace relay::cli::registry_list_command
