#include "cli/input/input_file.hpp"

#include "cli/context.hpp"
#include "cli/input/other_kind.hpp"
#include "cli/input/prompt.hpp"
#include "cli/input/text_decoder.hpp"
#include "cli/posix/files.hpp"
#include "cli/posix/trust.hpp"
#include "relay/crypto/secret_buffer.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

namespace relay::cli {

namespace {

constexpr std::size_t piece_size = 64 * 1024;

[[noreturn]] void refuse(std::string_view flag, std::string const &path, std::string const &problem) {
    std::string const subject = flag.empty() ? "" : std::string(flag) + ' ';
    throw Error(ErrorKind::usage, subject + escape_for_terminal(input_name(path)) + ": " + problem);
}

class Input {
  public:
    Input(std::string path, std::string_view flag)
        : m_path(std::move(path)),
          m_flag(flag),
          m_file(m_path == "-" ? -1 : ::open(m_path.c_str(), O_RDONLY | O_CLOEXEC)) {
        if (m_path != "-" && !m_file.is_open()) {
            refuse(m_flag, m_path, std::strerror(errno));
        }
    }

    /// Throws Error (usage) if another user could have changed the file (cli/posix/trust.hpp).
    void require_trusted() const {
        if (auto const distrust = m_path == "-" ? std::nullopt : distrust_file(m_file.get(), m_path)) {
            throw Error(ErrorKind::usage, m_flag + ": " + distrust->fault,
                        {.why = distrust->why, .next = distrust->next});
        }
    }

    int descriptor() const { return m_path == "-" ? STDIN_FILENO : m_file.get(); }

    /// Returns how many bytes of a regular file are left to read; none for an input without a size, such as a pipe.
    std::optional<std::uint64_t> size() const {
        struct stat status {};
        if (::fstat(descriptor(), &status) != 0 || !S_ISREG(status.st_mode)) {
            return {};
        }
        off_t const from = std::max<off_t>(::lseek(descriptor(), 0, SEEK_CUR), 0);
        return static_cast<std::uint64_t>(std::max<off_t>(status.st_size - from, 0));
    }

    /// Returns how many bytes were read; 0 at the end.
    std::size_t read(std::span<char> buffer) const {
        while (true) {
            ssize_t const got = ::read(descriptor(), buffer.data(), buffer.size());
            if (got >= 0) {
                return static_cast<std::size_t>(got);
            }
            if (errno != EINTR) {
                refuse(m_flag, m_path, std::strerror(errno));
            }
        }
    }

  private:
    std::string m_path;
    std::string m_flag;
    FileDescriptor m_file;
};

/// Reads until the input ends or the buffer is full. Returns how many bytes were read.
std::size_t fill(Input const &input, SecretBuffer &buffer) {
    std::size_t size = 0;
    while (size < buffer.size()) {
        std::size_t const got = input.read(buffer.writable().subspan(size));
        size += got;
        if (got == 0) {
            break;
        }
    }
    return size;
}

std::string read_all(Input const &input, std::string const &path, std::string_view flag, std::size_t limit) {
    std::string text;
    std::string piece(piece_size, '\0');
    while (std::size_t const got = input.read(piece)) {
        text.append(piece, 0, got);
        if (text.size() > limit) {
            refuse(flag, path, "longer than " + std::to_string(limit) + " bytes");
        }
    }
    return text;
}

/// Returns what refuses a file of a kind that has no rows or lines, by its first bytes.
std::function<void(std::string_view)> kind_check(std::string const &path, std::string_view flag) {
    std::string const subject = (flag.empty() ? "" : std::string(flag) + ' ') + escape_for_terminal(input_name(path));
    return [path, subject](std::string_view head) { refuse_other_kinds(head, path, subject); };
}

}  // namespace

std::string input_name(std::string const &path) { return path == "-" ? "stdin" : path; }

std::string read_trusted(std::string const &path, std::string_view flag, std::size_t limit) {
    Input const input(path, flag);
    input.require_trusted();
    return read_all(input, path, flag, limit);
}

OpenText open_text(std::string const &path, std::string_view flag) {
    auto const input = std::make_shared<Input>(path, flag);
    auto const check = kind_check(path, flag);
    auto const raw = [input](std::span<char> room) { return input->read(room); };
    return {TextSource(decoded(raw, check)), input->size()};
}

TextSource open_exact_text(std::string const &path, std::string_view flag) {
    auto const input = std::make_shared<Input>(path, flag);
    auto const check = kind_check(path, flag);
    std::string head(text_head_size, '\0');
    std::size_t size = 0;
    for (std::size_t got = 1; got > 0 && size < head.size(); size += got) {
        got = input->read(std::span(head).subspan(size));
    }
    head.resize(size);
    check(head);
    return TextSource([input, head, at = std::size_t{0}](std::span<char> room) mutable {
        if (at == head.size()) {
            return input->read(room);
        }
        std::size_t const copied = head.copy(room.data(), room.size(), at);
        at += copied;
        return copied;
    });
}

SecretBuffer read_secret_text(Context &context, std::string const &path, std::string_view flag, std::size_t most,
                              From from) {
    SecretBuffer const raw = read_secret(context, path, flag, most, from);
    EncodingFound const found = detect_encoding(raw.reveal().substr(0, text_head_size));
    // Two bytes of UTF-16 become at most three; a carriage return at the end becomes a newline.
    SecretBuffer text(raw.size() * 2 + 4);
    std::size_t size = 0;
    auto const put = [&](std::string_view piece) {
        std::copy(piece.begin(), piece.end(), text.writable().subspan(size).begin());
        size += piece.size();
    };
    TextDecoder decoder(found.encoding);
    decoder.feed(raw.reveal().substr(std::min(found.mark, raw.size())), put);
    decoder.finish(put);
    text.truncate(size);
    return text;
}

SecretBuffer read_secret(Context &context, std::string const &path, std::string_view flag, std::size_t most,
                         From from) {
    if (path == "-" && ::isatty(STDIN_FILENO) == 1) {
        std::string const source =
            flag.empty() ? "this command reads the key from stdin" : std::string(flag) + " - reads stdin";
        return context.prompt().ask_hidden("API key", source, "name a file, or use a pipe");
    }
    Input const input(path, flag);
    if (from == From::trusted_place) {
        input.require_trusted();
    }
    SecretBuffer buffer(most);
    buffer.truncate(fill(input, buffer));
    return buffer;
}

ApiKey read_key(Context &context, std::string const &path, std::string_view flag) {
    // UTF-16 with its mark is two bytes for each character. One more than a key and its line end: a longer text is not a
    // key, however long it is.
    SecretBuffer const text = read_secret_text(context, path, flag, 2 * (ApiKey::length + 3) + 1, From::trusted_place);
    std::string_view key = text.reveal();
    key.remove_suffix(key.ends_with("\r\n") ? 2 : 0);
    try {
        return ApiKey::parse(key);
    } catch (Error const &error) {
        throw Error(error.kind(), std::string(flag) + ": " + error.message(), error.hint());
    }
}

}  // namespace relay::cli
