#include "cli/input/key_input.hpp"

#include "cli/input/input_file.hpp"
#include "cli/output/command_text.hpp"
#include "relay/crypto/secret_buffer.hpp"
#include "relay/model/error.hpp"

#include <algorithm>
#include <vector>

namespace relay::cli {

namespace {

constexpr std::size_t size_limit = 64 * 1024;

Error no_one_key(std::string const &message) {
    return {ErrorKind::usage,
            message,
            {.why = "the input must be a key, or a text that contains exactly one",
             .next = "pass a file with one key on stdin"}};
}

bool is_word_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool begins_like_a_key(std::string_view text) {
    return text.starts_with("relay_sk_") || text.starts_with("relay_at_") || text.starts_with("relay_dt_");
}

KeyInput parse(std::string_view text) {
    try {
        return {.key = ApiKey::parse(text)};
    } catch (Error const &error) {
        return {.fault = error.message()};
    }
}

}  // namespace

std::vector<std::string_view> key_words(std::string_view text) {
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

KeyInput find_key(std::string_view text) {
    auto const found = key_words(text);
    if (found.empty()) {
        throw no_one_key("no API key found in stdin");
    }
    if (found.size() > 1) {
        throw Error(ErrorKind::usage, "found " + std::to_string(found.size()) + " different keys in stdin",
                    {.why = "the input must be a key, or a text that contains exactly one",
                     .next = own_command({"revoke", "--scan", "FILE", "--dry-run"})
                                 .noting("shows whose keys they are, and changes nothing")});
    }
    // A raw key: a program that reads the file gets every byte of it, so an extra blank is a fault.
    return parse(begins_like_a_key(text) ? text : found.front());
}

KeyInput read_key_from_stdin(Context &context) {
    SecretBuffer const text = read_secret(context, "-", "", size_limit + 1);
    if (text.size() > size_limit) {
        throw no_one_key("stdin has more than 64 KiB, so it is not a key");
    }
    return find_key(text.reveal());
}

}  // namespace relay::cli
