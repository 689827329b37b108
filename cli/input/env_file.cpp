#include "cli/input/env_file.hpp"

#include "cli/input/input_file.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <sys/stat.h>
#include <unistd.h>

namespace relay::cli {

namespace {

constexpr std::size_t longest_file = std::size_t{1024} * 1024;

}  // namespace

RelaySettings read_env_file(Context &context, std::string const &path, std::string_view flag) {
    if (path == "-" && ::isatty(STDIN_FILENO) == 1) {
        throw Error(ErrorKind::usage, std::string(flag) + " - reads stdin, which is a terminal",
                    {.next = "name a file, or use a pipe"});
    }
    SecretBuffer const text = read_secret_text(context, path, flag, longest_file + 1);
    if (text.size() > longest_file) {
        throw Error(ErrorKind::usage, std::string(flag) + " " + escape_for_terminal(input_name(path)) +
                                          ": longer than 1 MiB, so it is not a settings file");
    }
    RelaySettings found = scan_env_text(text.reveal(), input_name(path));
    struct stat status {};
    if (path != "-" && ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
        found.mode = status.st_mode & 07777U;
    }
    return found;
}

}  // namespace relay::cli
