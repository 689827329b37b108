#include "cli/docgen/man_pages.hpp"

#include "cli/docgen/man_command.hpp"
#include "cli/docgen/man_program.hpp"
#include "cli/manual/manual_page.hpp"

namespace relay::cli::docgen {

std::vector<GeneratedFile> man_pages(ProgramModel const &program) {
    std::vector<GeneratedFile> files{{manual_page_name({}) + ".1", program_page(program)}};
    for (CommandModel const &command : program.commands) {
        files.push_back({manual_page_name(command.path) + ".1", command_page(program, command)});
    }
    return files;
}

}  // namespace relay::cli::docgen
