#include "relay/db/service_files.hpp"

#include "relay/db/conninfo_names.hpp"
#include "relay/model/text.hpp"

#include <cstdlib>
#include <fstream>

namespace relay::db {
namespace {

constexpr std::size_t most_names = 20;

std::string path_of_file() {
    if (char const *const chosen = std::getenv("PGSERVICEFILE"); chosen != nullptr && *chosen != '\0') {
        return chosen;
    }
    char const *const home = std::getenv("HOME");
    return std::string(home == nullptr ? "~" : home) + "/.pg_service.conf";
}

}  // namespace

ServiceFile users_service_file() {
    std::string const path = path_of_file();
    ServiceFile file{.path = escape_for_terminal(path)};
    std::ifstream lines(path);
    file.exists = lines.is_open();
    for (std::string line; std::getline(lines, line) && file.names.size() < most_names;) {
        std::size_t const end = line.find(']');
        if (line.starts_with('[') && end != std::string::npos && is_like_a_name(line.substr(1, end - 1))) {
            file.names.push_back(line.substr(1, end - 1));
        }
    }
    return file;
}

}  // namespace relay::db
