#include "cli/docgen/table_json.hpp"

#include "cli/command_line/command_model.hpp"
#include "cli/output/render_json.hpp"

namespace relay::cli::docgen {

namespace {

std::vector<Record> option_records(std::vector<OptionModel> const &options) {
    std::vector<Record> records;
    for (OptionModel const &option : options) {
        records.push_back({
            {"names", "", option.names},
            {"value", "", option.value},
            {"type", "", option.type},
            {"choices", "", option.choices},
            {"required", "", option.required},
            {"repeatable", "", option.repeatable},
            {"description", "", option.description},
        });
    }
    return records;
}

std::string effect_name(Effect effect) {
    switch (effect) {
        case Effect::reads: return "reads";
        case Effect::changes: return "changes";
        case Effect::acts: return "acts";
    }
    return "";
}

std::string prints_name(Prints prints) {
    switch (prints) {
        case Prints::document: return "document";
        case Prints::stream: return "stream";
        case Prints::text: return "text";
    }
    return "";
}

Record command_record(Command const &command) {
    return {
        {"path", "", std::string(command.path)},
        {"alias", "", std::string(command.alias)},
        {"is_group", "", command.declare == nullptr},
        {"effect", "", effect_name(command.effect)},
        {"prints", "", prints_name(command.prints)},
        {"summary", "", std::string(command.summary)},
        {"options", "", option_records(describe_command(command).options)},
    };
}

}  // namespace

std::string table_json(std::span<Command const *const> table) {
    std::vector<Record> commands;
    for (Command const *command : table) {
        commands.push_back(command_record(*command));
    }
    return value_json(Record{
               {"globals", "", option_records(describe_globals())},
               {"commands", "", std::move(commands)},
           }) +
           '\n';
}

}  // namespace relay::cli::docgen
