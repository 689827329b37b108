#include "cli/input_file.hpp"

#include "cli/context.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"
#include "cli/prompt.hpp"
#include "cli/sink/posix.hpp"
#include "cli/terminal_input.hpp"
#include "relay/crypto/secret_buffer.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

namespace relay::cli {

namespace {

constexpr std::size_t piece_size = 64 * 1024;

[[noreturn]] void refuse(std::string_view flag, std::string const &path, std::string const &problem) {
    throw Error(ErrorKind::usage, std::string(flag) + ' ' + escape_for_terminal(input_name(path)) + ": " + problem);
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

    int descriptor() const { return m_path == "-" ? STDIN_FILENO : m_file.get(); }

    /// What is left to read of a regular file; null for what has no size: a pipe.
    std::optional<std::uint64_t> size() const {
        struct stat status {};
        if (::fstat(descriptor(), &status) != 0 || !S_ISREG(status.st_mode)) {
            return {};
        }
        off_t const from = std::max<off_t>(::lseek(descriptor(), 0, SEEK_CUR), 0);
        return static_cast<std::uint64_t>(std::max<off_t>(status.st_size - from, 0));
    }

    /// 0 at the end.
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

/// Until the end of the text, or until the buffer is full.
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

/// One byte more than a key and its newline: what is longer is no key, however long it is.
SecretBuffer read_start(Input const &input) {
    SecretBuffer buffer(ApiKey::length + 2);
    buffer.truncate(fill(input, buffer));
    return buffer;
}

SecretBuffer ask_for_key(Context &context, std::string_view flag) {
    if (!context.prompt().can_ask()) {
        throw Error(ErrorKind::usage, std::string(flag) + " - reads stdin, which is a terminal that may not be asked",
                    {.next = "name a file, or use a pipe"});
    }
    return read_hidden_line("API key (not shown): ");
}

}  // namespace

std::string input_name(std::string const &path) { return path == "-" ? "stdin" : path; }

std::string read_input(std::string const &path, std::string_view flag, std::size_t limit) {
    Input const input(path, flag);
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

ApiKey read_key(Context &context, std::string const &path, std::string_view flag) {
    bool const at_terminal = path == "-" && ::isatty(STDIN_FILENO) == 1;
    SecretBuffer const text = at_terminal ? ask_for_key(context, flag) : read_start(Input(path, flag));
    try {
        return ApiKey::parse(text.reveal());
    } catch (Error const &error) {
        throw Error(error.kind(), std::string(flag) + ": " + error.message(), error.hint());
    }
}

std::multimap<KeyId, KeyScanner::Found> scan_input(std::string const &path, std::string_view flag, Output &output) {
    Input const input(path, flag);
    Progress progress(output.progress_stream(), "scanning " + input_name(path), true, input.size());
    std::uint64_t done = 0;
    SecretBuffer buffer(piece_size);
    KeyScanner scanner;
    while (std::size_t const got = input.read(buffer.writable())) {
        scanner.feed(buffer.reveal().substr(0, got));
        done += got;
        progress.report(done);
    }
    return scanner.finish();
}

}  // namespace relay::cli
