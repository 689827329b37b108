#include "cli/input/key_input.hpp"

#include "cli/input/input_file.hpp"
#include "cli/input/keys_in_text.hpp"
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

/// Returns true if a key is whole at the start of `text`, whatever is behind it.
bool begins_with_a_key(std::string_view text) {
    return text.size() >= ApiKey::length && parse(text.substr(0, ApiKey::length)).key.has_value();
}

/// Returns the words of a text that begin like a key, each once.
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

Error several_keys(std::size_t count) {
    return {ErrorKind::usage,
            "found " + std::to_string(count) + " different keys in stdin",
            {.why = "the input must be a key, or a text that contains exactly one",
             .next = own_command({"revoke", "--scan", "FILE", "--dry-run"})
                         .noting("shows whose keys they are, and changes nothing")}};
}

Error no_key(std::string const &unopened) {
    if (unopened.empty()) {
        return no_one_key("no API key found in stdin");
    }
    return {
        ErrorKind::usage,
        "no API key found in stdin, but a part that cannot be looked into: " + unopened,
        {.why = "a key in it cannot be seen before it is opened", .next = "open it first, and pass its text on stdin"}};
}

}  // namespace

KeyInput find_key(std::string_view text) {
    auto const words = key_words(text);
    bool const is_longer =
        words.size() == 1 && words.front().size() > ApiKey::length && begins_with_a_key(words.front());
    // A raw key: a program that reads the file gets every byte of it, so an extra blank is a fault.
    if (begins_with_a_key(text)) {
        if (words.size() > 1) {
            throw several_keys(words.size());
        }
        return parse(text);
    }
    if (is_longer) {
        return parse(words.front());
    }
    KeysInText keys = keys_in_text(text);
    if (keys.count() > 1) {
        throw several_keys(keys.count());
    }
    if (!keys.whole.empty()) {
        return {.key = std::move(keys.whole.front())};
    }
    if (words.size() > 1) {
        throw several_keys(words.size());
    }
    if (words.size() == 1) {
        return parse(begins_like_a_key(text) ? text : words.front());
    }
    if (!keys.cut.empty()) {
        return {.fault = "the key in the text is cut or damaged"};
    }
    throw no_key(keys.unopened);
}

KeyInput read_key_from_stdin(Context &context) {
    SecretBuffer const text = read_secret(context, "-", "", size_limit + 1);
    if (text.size() > size_limit) {
        throw no_one_key("stdin has more than 64 KiB, so it is not a key");
    }
    return find_key(text.reveal());
}

}  // namespace relay::cli
