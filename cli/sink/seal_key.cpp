#include "cli/sink/seal_key.hpp"

#include "cli/json/json.hpp"
#include "cli/posix/files.hpp"
#include "cli/posix/trust.hpp"
#include "relay/model/error.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace relay::cli {
namespace {

constexpr std::size_t key_size_limit = 64 * 1024;
constexpr std::size_t key_id_limit = 128;
constexpr auto how_to_get =
    "get one with gh api repos/OWNER/REPO/actions/secrets/public-key > pk.json, then use --seal-key pk.json";

Error bad_seal_key(std::string const &source, std::string const &fault) {
    return Error(ErrorKind::usage, "the public key in " + source + " cannot be used: " + fault, {.next = how_to_get});
}

std::string read_limited(int fd, std::string const &source) {
    std::string text;
    std::array<char, 4096> piece{};
    while (true) {
        auto const count = ::read(fd, piece.data(), piece.size());
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            throw bad_seal_key(source, std::strerror(errno));
        }
        if (count == 0) {
            return text;
        }
        text.append(piece.data(), static_cast<std::size_t>(count));
        if (text.size() > key_size_limit) {
            throw bad_seal_key(source, "it is longer than 64 KiB");
        }
    }
}

bool is_plain_id(std::string_view text) {
    auto const is_plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    };
    return !text.empty() && text.size() <= key_id_limit && std::all_of(text.begin(), text.end(), is_plain);
}

std::string member(JsonObject const &document, char const *name, std::string const &source) {
    auto const found = document.find(name);
    if (found == document.end() || found->second.kind != JsonMember::Kind::text) {
        throw bad_seal_key(source, std::string("it has no string member \"") + name + '"');
    }
    return found->second.text;
}

}  // namespace

SealKey make_seal_key(std::string key_id, std::string_view key) {
    if (!is_plain_id(key_id)) {
        throw Error(ErrorKind::usage, "\"key_id\" must be 1 to 128 letters, digits, _ or -");
    }
    return {.key = SealingKey::from_base64(key), .key_id = std::move(key_id)};
}

SealKey read_seal_key(std::string const &path) {
    auto const source = path == "-" ? std::string("stdin") : path;
    FileDescriptor file(path == "-" ? -1 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (path != "-" && !file.is_open()) {
        throw bad_seal_key(source, std::strerror(errno));
    }
    if (auto const distrust = path == "-" ? std::nullopt : distrust_file(file.get(), path)) {
        throw Error(ErrorKind::usage, "--seal-key: " + distrust->fault, {.why = distrust->why, .next = distrust->next});
    }
    return parse_seal_key(read_limited(path == "-" ? STDIN_FILENO : file.get(), source), source);
}

SealKey parse_seal_key(std::string_view text, std::string const &source) {
    auto const document = read_json_object(text);
    if (!document) {
        throw bad_seal_key(source, json_object_fault(text));
    }
    auto key_id = member(*document, "key_id", source);
    auto const key = member(*document, "key", source);
    try {
        return make_seal_key(std::move(key_id), key);
    } catch (Error const &error) {
        throw bad_seal_key(source, error.message());
    }
}

}  // namespace relay::cli
