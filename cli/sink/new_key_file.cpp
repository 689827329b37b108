#include "cli/sink/new_key_file.hpp"

#include <sys/stat.h>

namespace relay::cli {

std::string new_key_file(std::string const &agent) {
    constexpr int most_names = 100;  // then the command says that the file exists
    std::string name = agent + ".key";
    struct stat status {};
    for (int number = 2; number < most_names && ::lstat(name.c_str(), &status) == 0; ++number) {
        name = agent + '-' + std::to_string(number) + ".key";
    }
    return name;
}

}  // namespace relay::cli
