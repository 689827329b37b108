#include "cli/input_file.hpp"

#include "cli/sink/posix.hpp"
#include "cli/write_all.hpp"
#include "relay/crypto/secret_buffer.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <optional>

namespace relay::cli {

namespace {

constexpr std::size_t piece_size = 64 * 1024;
constexpr char ctrl_c = '\x03';

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

/// While it lives, a terminal does not show what is typed. Its signals are turned off with the echo, since dying of one would leave it so:
/// Ctrl-C arrives as a byte that ends the line.
class NoEcho {
  public:
    explicit NoEcho(int descriptor) : m_descriptor(descriptor) {
        m_on = ::isatty(descriptor) == 1 && ::tcgetattr(descriptor, &m_before) == 0;
        if (m_on) {
            termios quiet = m_before;
            quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ISIG);
            quiet.c_lflag |= ECHONL;
            quiet.c_cc[VEOL] = ctrl_c;
            ::tcsetattr(descriptor, TCSAFLUSH, &quiet);
        }
    }
    ~NoEcho() {
        if (m_on) {
            ::tcsetattr(m_descriptor, TCSAFLUSH, &m_before);
        }
    }
    NoEcho(NoEcho const &) = delete;
    NoEcho &operator=(NoEcho const &) = delete;
    bool on() const { return m_on; }

  private:
    int m_descriptor;
    termios m_before{};
    bool m_on = false;
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

/// One line of a terminal. Throws Interrupted at Ctrl-C; Error (declined) at Ctrl-D.
std::size_t read_line(Input const &input, SecretBuffer &buffer) {
    write_all(STDERR_FILENO, "API key (not shown): ");
    std::size_t const size = input.read(buffer.writable());
    if (buffer.reveal().substr(0, size).find(ctrl_c) != std::string_view::npos) {
        write_all(STDERR_FILENO, "\n");
        throw Interrupted();
    }
    if (size == 0) {
        write_all(STDERR_FILENO, "\n");
        throw Error(ErrorKind::declined, "declined; nothing was changed");
    }
    return size;
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

ApiKey read_key(std::string const &path, std::string_view flag) {
    Input const input(path, flag);
    // One byte more than a key and its newline: what is longer is no key, however long it is.
    SecretBuffer buffer(ApiKey::length + 2);
    std::size_t size = 0;
    {
        NoEcho const no_echo(input.descriptor());
        size = no_echo.on() ? read_line(input, buffer) : fill(input, buffer);
    }
    buffer.truncate(size);
    try {
        return ApiKey::parse(buffer.reveal());
    } catch (Error const &error) {
        throw Error(error.kind(), std::string(flag) + ": " + error.message(), error.hint());
    }
}

std::multimap<KeyId, KeyScanner::Found> scan_input(std::string const &path, std::string_view flag) {
    Input const input(path, flag);
    SecretBuffer buffer(piece_size);
    KeyScanner scanner;
    while (std::size_t const got = input.read(buffer.writable())) {
        scanner.feed(buffer.reveal().substr(0, got));
    }
    return scanner.finish();
}

}  // namespace relay::cli
