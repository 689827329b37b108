/// relay-admin-docgen KIND FOLDER: writes the generated documents of one kind into FOLDER, and removes those that are
/// no longer made. relay-admin-docgen table: prints the table of commands as JSON.

#include "cli/completion/scripts.hpp"
#include "cli/docgen/man_pages.hpp"
#include "cli/docgen/table_json.hpp"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>
#include <stdexcept>
#include <string_view>

namespace {

using namespace relay::cli;
using namespace relay::cli::docgen;

struct Kind {
    std::string_view name;
    std::vector<GeneratedFile> (*make)(ProgramModel const &program);
};

std::vector<GeneratedFile> completions(ProgramModel const &) {
    return {{"_relay-admin", std::string(zsh_script())},
            {"relay-admin.bash", std::string(bash_script())},
            {"relay-admin.fish", std::string(fish_script())}};
}

constexpr std::array kinds{Kind{"completions", completions}, Kind{"man", man_pages}};

/// Returns whether docgen may replace or remove the file. The name must have our mark, so that a wrong FOLDER on the
/// command line loses no other files. Guides, in section 7 of the manual, are written by hand.
bool is_ours(std::filesystem::path const &file) {
    return file.filename().string().find("relay-admin") != std::string::npos && file.extension() != ".7";
}

void write_folder(std::filesystem::path const &folder, std::vector<GeneratedFile> const &files) {
    std::filesystem::create_directories(folder);
    std::set<std::filesystem::path> made;
    for (GeneratedFile const &file : files) {
        std::ofstream out(folder / file.name, std::ios::binary);
        out << file.text << std::flush;
        if (!out) {
            throw std::runtime_error("cannot write " + (folder / file.name).string());
        }
        made.insert(folder / file.name);
    }
    for (auto const &entry : std::filesystem::directory_iterator(folder)) {
        if (is_ours(entry.path()) && !made.contains(entry.path())) {
            std::filesystem::remove(entry.path());
        }
    }
}

}  // namespace

int main(int argc, char **argv) {
    try {
        if (argc == 2 && std::string_view(argv[1]) == "table") {
            std::cout << table_json(command_table()) << std::flush;
            return std::cout ? EXIT_SUCCESS : EXIT_FAILURE;
        }
        for (Kind const &kind : kinds) {
            if (argc == 3 && kind.name == argv[1]) {
                write_folder(argv[2], kind.make(describe_program(command_table())));
                return EXIT_SUCCESS;
            }
        }
        std::cerr << "usage: relay-admin-docgen table, or relay-admin-docgen KIND FOLDER, where KIND is";
        for (Kind const &kind : kinds) {
            std::cerr << ' ' << kind.name;
        }
        std::cerr << '\n';
    } catch (std::exception const &error) {
        std::cerr << "relay-admin-docgen: " << error.what() << '\n';
    }
    return EXIT_FAILURE;
}
