#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/context.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/registered.hpp"
#include "cli/json/json.hpp"
#include "cli/json/json_value.hpp"
#include "cli/output/output.hpp"

#include <memory>

namespace relay::cli::registry_show_command {

namespace {

struct Options {
    SpelledId agent{};
    bool card = false;
};

std::string text_in(JsonValue const &object, std::string_view name) {
    JsonValue const *const value = object.find(name);
    return value != nullptr ? value->text : std::string();
}

/// Where it answers, in either shape of a card.
std::vector<std::string> addresses(JsonValue const &card) {
    std::vector<std::string> found;
    if (std::string const url = text_in(card, "url"); !url.empty()) {
        found.push_back(url);
    }
    for (auto const *const name : {"supportedInterfaces", "additionalInterfaces"}) {
        JsonValue const *const interfaces = card.find(name);
        for (JsonValue const &one : interfaces != nullptr ? interfaces->items : std::vector<JsonValue>()) {
            found.push_back(text_in(one, "url") + " " + text_in(one, "protocolBinding") + text_in(one, "transport"));
        }
    }
    return found;
}

std::vector<Record> skills(JsonValue const &card) {
    std::vector<Record> records;
    JsonValue const *const list = card.find("skills");
    for (JsonValue const &skill : list != nullptr ? list->items : std::vector<JsonValue>()) {
        std::string tags;
        JsonValue const *const tag_list = skill.find("tags");
        for (JsonValue const &tag : tag_list != nullptr ? tag_list->items : std::vector<JsonValue>()) {
            tags += (tags.empty() ? "" : ", ") + tag.text;
        }
        records.push_back({people_only("Skill", text_in(skill, "id")), people_only("Name", text_in(skill, "name")),
                           people_only("Tags", tags)});
    }
    return records;
}

Record details_record(RegisteredDetails const &details) {
    Record record = registered_record(details.agent);
    if (details.agent.state != RunState::gone) {
        record = hide(std::move(record), {"last_seen_at"});
    }
    ReadJsonValue const read = read_json_value(details.card);
    JsonValue const card = read.value.value_or(JsonValue{});
    append(record, {
                       people_only("Version", text_in(card, "version")),
                       people_only("Description", text_in(card, "description")),
                       people_only("Answers at", addresses(card)),
                       {"instance_list", "Processes", instance_records(details.instances)},
                       people_only("Skills", skills(card)),
                       machine_only("card", JsonText{details.card}),
                   });
    return record;
}

ExitStatus run(Options const &options, Context &context) {
    RegisteredDetails const details = show_registered(context.database(), AgentId::parse(options.agent.required()));
    if (options.card) {
        context.output().print(reformat_json(details.card, true).value_or(details.card) + "\n");
        return ExitStatus::ok;
    }
    browse(context, {.kind = "RegisteredAgentDetails", .id_key = "agent_id", .data = details_record(details)},
           details.at, details.db_role);
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_agent(set, options->agent);
    add_flag(set, {.names = "--card", .description = "print only its card, as JSON"}, options->card);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "registry show",
    .summary = "show an agent of the registry: its processes and its card",
    .doc =
        R"(Shows an agent's state, its processes and its card. Each process has its last beat and the end of its lease. A lease that has ended is listed until it is removed, a day later.

The card is the last one that the agent sent, with fields that this program does not know. --card prints it alone, as
JSON, whatever --output says. Texts in it are the agent's own.

Leases are not on standbys, so the command needs the primary.

Exit 0: shown, also if the agent does not run. 3: no such agent, or it has never registered. 8: this is a standby.

EXAMPLES
  relay-admin registry show payments
  relay-admin registry show payments --card > card.json
  relay-admin registry show payments -o json
)",
    .declare = declare,
};

}  // namespace relay::cli::registry_show_command
