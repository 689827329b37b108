#include "cli/audit/head_file.hpp"

#include "relay/model/error.hpp"

#include <charconv>

namespace relay::cli {

namespace {

constexpr std::string_view beginning = "relay-audit-head/1\n";
constexpr std::string_view signature_word = "signature ";

/// Takes the line `NAME VALUE` from the beginning of a text. Throws Error (usage).
std::string_view take(std::string_view &text, std::string_view name) {
    std::size_t const end = text.find('\n');
    if (!text.starts_with(name) || end == text.npos || end <= name.size() || text[name.size()] != ' ') {
        throw Error(ErrorKind::usage, "it has no line \"" + std::string(name) + " ...\" in its place");
    }
    std::string_view const value = text.substr(name.size() + 1, end - name.size() - 1);
    text.remove_prefix(end + 1);
    return value;
}

std::int64_t take_number(std::string_view &text, std::string_view name, std::int64_t lowest) {
    std::string_view const value = take(text, name);
    std::int64_t number = -1;
    auto const [end, failure] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (failure != std::errc() || end != value.data() + value.size() || number < lowest) {
        throw Error(ErrorKind::usage, "its line \"" + std::string(name) + "\" has no number" +
                                          (lowest > 0 ? " from " + std::to_string(lowest) : ""));
    }
    return number;
}

}  // namespace

std::string head_text(SealHead const &head) {
    return std::string(beginning) + "seal " + std::to_string(head.seal_no) + "\nhash " + head.hash.hex() + "\nup_to " +
           std::to_string(head.up_to_event_id) + "\nat " + format_instant_exact(head.sealed_at) + '\n';
}

HeadFile parse_head(std::string_view text, std::string const &source) {
    try {
        if (!text.starts_with(beginning)) {
            throw Error(ErrorKind::usage, "it does not begin with relay-audit-head/1");
        }
        text.remove_prefix(beginning.size());
        HeadFile file;
        file.head.seal_no = take_number(text, "seal", 1);
        file.head.hash = Sha256::parse(take(text, "hash"));
        file.head.up_to_event_id = take_number(text, "up_to", 0);
        file.head.sealed_at = parse_instant(take(text, "at"));
        if (text.starts_with(signature_word)) {
            file.signature = take(text, "signature");
        }
        if (!text.empty()) {
            throw Error(ErrorKind::usage, "it has more lines than a head");
        }
        return file;
    } catch (Error const &error) {
        throw Error(ErrorKind::usage, source + " is not the head of an audit trail: " + error.message(),
                    {.next = "give a file that audit seal --out has written"});
    }
}

OwnFile head_file(std::string const &path) { return {.flag = "--out", .path = path, .beginning = beginning}; }

}  // namespace relay::cli
