#include "cli/input/dsn_file.hpp"

#include "cli/input/blanks.hpp"
#include "cli/input/text_decoder.hpp"
#include "cli/posix/service_secret.hpp"
#include "cli/posix/trust.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace relay::cli {

namespace {

constexpr std::size_t longest_conninfo = 65'536;

class File {
  public:
    explicit File(std::string const &path) : m_descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
    ~File() {
        if (m_descriptor >= 0) {
            ::close(m_descriptor);
        }
    }
    File(File const &) = delete;
    File &operator=(File const &) = delete;
    int descriptor() const { return m_descriptor; }

  private:
    int m_descriptor;
};

[[noreturn]] void refuse(std::string const &path, std::string const &problem) {
    throw Error(ErrorKind::usage, "--dsn-file " + path + ": " + problem);
}

std::string read_all(File const &file, std::string const &path) {
    std::string text;
    std::array<char, 4096> buffer{};
    while (text.size() <= longest_conninfo) {
        ssize_t const got = ::read(file.descriptor(), buffer.data(), buffer.size());
        if (got == 0) {
            return text;
        }
        if (got < 0 && errno != EINTR) {
            refuse(path, std::strerror(errno));
        }
        text.append(buffer.data(), got < 0 ? 0 : static_cast<std::size_t>(got));
    }
    refuse(path, "longer than 64 KiB, so it is not a connection string");
}

}  // namespace

std::string read_dsn_file(std::string const &path) {
    File const file(path);
    struct stat status {};
    if (file.descriptor() < 0 || ::fstat(file.descriptor(), &status) != 0) {
        refuse(path, std::strerror(errno));
    }
    if (auto const distrust = distrust_file(file.descriptor(), path)) {
        throw Error(ErrorKind::usage, "--dsn-file: " + distrust->fault, {.why = distrust->why, .next = distrust->next});
    }
    std::string const text(trimmed(decode_text(read_all(file, path))));
    if (text.empty()) {
        refuse(path, "the file is empty");
    }
    if (!is_clean_utf8(text)) {
        refuse(path, "not valid UTF-8");
    }
    bool const is_open = S_ISREG(status.st_mode) && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0;
    if (is_open && may_hold_password(text) && !is_service_secret(status, path)) {
        throw Error(ErrorKind::usage, "--dsn-file " + path + " contains a password, but other users may read it",
                    {.next = "chmod 600 " + path});
    }
    return text;
}

}  // namespace relay::cli
