#include "cli/docgen/man_program.hpp"

#include "cli/docgen/man_parts.hpp"
#include "cli/docgen/mdoc.hpp"
#include "cli/manual/exit_table.hpp"
#include "cli/manual/manual_page.hpp"
#include "cli/manual/overview.hpp"
#include "cli/manual/program_manual.hpp"

namespace relay::cli::docgen {

namespace {

ListItem command_item(CommandModel const &command) {
    std::string text = command.summary;
    text += command.alias.empty() ? "" : "; same as `" + join_path(command.alias) + '`';
    return {"Ic " + escape(join_path(command.path)), prose(text)};
}

/// Returns a command as one item, and a group as its commands.
void add_items(ProgramModel const &program, Path const &path, std::vector<ListItem> &items) {
    CommandModel const *command = program.find(path);
    if (!command->is_group) {
        items.push_back(command_item(*command));
        return;
    }
    for (Path const &member : program.below(path)) {
        if (program.find(member)->path == member) {  // the alias is shown with its command
            add_items(program, member, items);
        }
    }
}

/// Returns the longest path that is shown, and a gap.
std::string tree_width(ProgramModel const &program) {
    std::string widest;
    for (CommandModel const &command : program.commands) {
        std::string const name = join_path(command.path);
        widest = !command.is_group && name.size() > widest.size() ? name : widest;
    }
    return widest + "xx";
}

std::string commands(ProgramModel const &program) {
    std::string body =
        "Each command has its own page, named after the command with hyphens:\n"
        ".Ic relay\\-admin help org create\nopens\n.Xr relay\\-admin\\-org\\-create 1 .\n";
    for (AudienceGroup const &group : audience_groups(command_table())) {
        std::vector<ListItem> items;
        for (std::string const &word : group.words) {
            if (program.find({word}) != nullptr) {
                add_items(program, {word}, items);
            }
        }
        body += ".Ss " + escape(group.heading) + '\n' + tagged_list(items, tree_width(program));
    }
    return section("COMMANDS", body);
}

std::string entries(std::string_view title, std::span<ManualEntry const> rows, std::string_view macro) {
    std::vector<ListItem> items;
    for (ManualEntry const &row : rows) {
        items.push_back({std::string(macro) + ' ' + escape(row.name), prose(row.text)});
    }
    return section(title, tagged_list(items));
}

std::string exit_codes() {
    std::vector<ListItem> items;
    for (ExitCode const &row : exit_table()) {
        items.push_back({std::to_string(row.code) + " Em " + escape(row.name), prose(row.meaning)});
    }
    return section("EXIT STATUS",
                   "A code never changes its meaning.\nAn error in JSON has both its number and its name.\n.Pp\n" +
                       tagged_list(items, "x unavailablexx"));
}

}  // namespace

std::string program_page(ProgramModel const &program) {
    ManualText const manual = split_manual_text(program_doc());
    std::string page = page_head({manual_page_name({})}, program_summary());
    page += section("SYNOPSIS", ".Nm\n.Op Ar GLOBAL FLAGS\n.Ar COMMAND\n.Op Ar ARGUMENTS\n");
    page += section("DESCRIPTION", paragraphs(manual.blocks)) + commands(program);
    page += section("OPTIONS", "Every command accepts these flags, anywhere on the command line.\n" +
                                   option_lists(program.globals));
    for (ManualEntry const &part : program_sections()) {
        page += section(part.name, paragraphs(split_manual_text(part.text).blocks));
    }
    page +=
        entries("ENVIRONMENT", environment_variables(), "Ev") + entries("FILES", program_files(), "Pa") + exit_codes();
    return page + examples(manual.examples) +
           section("SEE ALSO",
                   cross_references({"psql", "relay-admin-devices(7)", "relay-admin-gateway(7)",
                                     "relay-admin-incident(7)", "relay-admin-migration(7)", "relay-admin-plans(7)",
                                     "relay-admin-registry(7)", "relay-admin-rotation(7)", "relay-admin-signing(7)"}));
}

}  // namespace relay::cli::docgen
