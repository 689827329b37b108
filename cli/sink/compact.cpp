#include "cli/sink/options.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <charconv>

namespace relay::cli {
namespace {

constexpr std::string_view fd_prefix = "fd:";
constexpr std::string_view file_prefix = "file:";

int parse_fd(std::string_view digits) {
    int fd = -1;
    auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), fd);
    if (error != std::errc{} || end != digits.data() + digits.size() || fd < 0) {
        throw Error(ErrorKind::usage, "'fd:" + std::string(digits) + "' is not a file descriptor",
                    {.next = "write fd: and a number, as in fd:3; for a file of that name, write file:fd:" +
                             std::string(digits)});
    }
    return fd;
}

}  // namespace

SinkOptions parse_compact_sink(std::string_view text) {
    SinkOptions options;
    if (text == "stdout") {
        options.secret_stdout = true;
    } else if (text == "terminal") {
        options.terminal = true;
    } else if (text.starts_with(fd_prefix)) {
        options.secret_fd = parse_fd(text.substr(fd_prefix.size()));
    } else if (text.starts_with(file_prefix)) {
        options.secret_file = std::string(text.substr(file_prefix.size()));
    } else {
        options.secret_file = std::string(text);
    }
    if (text.empty() || options.secret_file == "") {
        throw Error(ErrorKind::usage, "the place for the secret is empty",
                    {.next = "give a FILE, stdout, terminal or fd:N"});
    }
    if (text == "-") {
        throw Error(ErrorKind::usage, "'-' is not a place for a secret",
                    {.next = "write stdout for standard output, or file:- for a file of that name"});
    }
    // The name would be shown, and the file made.
    if (options.secret_file && (may_hold_password(*options.secret_file) || holds_key(*options.secret_file))) {
        throw Error(ErrorKind::usage, "the place for the secret may be a password or a key: " + quote_for_message(text),
                    {.next = "give a FILE with another name, stdout, terminal or fd:N"});
    }
    return options;
}

}  // namespace relay::cli
