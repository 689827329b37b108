#include "cli/key_input.hpp"

#include "cli/prompt.hpp"
#include "cli/terminal_input.hpp"
#include "relay/model/error.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include <unistd.h>

namespace relay::cli {

namespace {

constexpr std::size_t size_limit = 64 * 1024;

Error no_one_key(std::string const &message) {
    return {ErrorKind::usage,
            message,
            {.why = "expected is a key as it was delivered: alone, or in a text that holds no other",
             .next = "relay-admin key verify < FILE"}};
}

SecretBuffer read_all_of_stdin() {
    SecretBuffer text(size_limit + 1);
    std::size_t size = 0;
    while (size < text.size()) {
        ssize_t const got = ::read(STDIN_FILENO, text.writable().data() + size, text.size() - size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            throw Error(ErrorKind::internal, std::string("stdin cannot be read: ") + std::strerror(errno));
        }
        if (got == 0) {
            text.truncate(size);
            return text;
        }
        size += static_cast<std::size_t>(got);
    }
    throw no_one_key("stdin holds more than 64 KiB, which is no key");
}

bool is_word_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool begins_like_a_key(std::string_view text) { return text.starts_with("relay_sk_") || text.starts_with("relay_at_"); }

/// The words that begin like a key, each once.
std::vector<std::string_view> candidates_in(std::string_view text) {
    std::vector<std::string_view> found;
    for (auto at = text.begin(); at != text.end();) {
        auto const begin = std::find_if(at, text.end(), is_word_character);
        at = std::find_if_not(begin, text.end(), is_word_character);
        std::string_view const word(begin, at);
        if (begins_like_a_key(word) && std::find(found.begin(), found.end(), word) == found.end()) {
            found.push_back(word);
        }
    }
    return found;
}

KeyInput parse(std::string_view text) {
    try {
        return {.key = ApiKey::parse(text)};
    } catch (Error const &error) {
        return {.fault = error.message()};
    }
}

}  // namespace

KeyInput find_key(std::string_view text) {
    auto const found = candidates_in(text);
    if (found.empty()) {
        throw no_one_key("there is no API key in the input");
    }
    if (found.size() > 1) {
        throw no_one_key("there are " + std::to_string(found.size()) + " different keys in the input");
    }
    // Raw: whoever reads the file gets each of its bytes, so a blank too many is a fault.
    return parse(begins_like_a_key(text) ? text : found.front());
}

KeyInput read_key_from_stdin(Context &context) {
    if (::isatty(STDIN_FILENO) != 1) {
        return find_key(read_all_of_stdin().reveal());
    }
    if (!context.prompt().can_ask()) {
        throw Error(ErrorKind::usage, "the key is read from stdin, and stdin is a terminal that may not be asked",
                    {.next = "relay-admin key verify < FILE"});
    }
    return find_key(read_hidden_line("API key (not shown): ").reveal());
}

}  // namespace relay::cli
