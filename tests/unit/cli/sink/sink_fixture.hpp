#pragma once

#include "cli/context.hpp"
#include "cli/output/output.hpp"
#include "cli/posix/files.hpp"
#include "cli/sink/sink.hpp"
#include "relay/crypto/api_key.hpp"
#include "relay/model/error.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

/// Shared by the tests of the sinks: real folders, real descriptors, real keys.
namespace relay::cli::sink_tests {

/// A new folder, removed at the end with everything in it.
class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "relay-sink-XXXXXX").string();
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        m_path = pattern;
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(m_path, ignored);
    }
    TemporaryFolder(TemporaryFolder const &) = delete;
    TemporaryFolder &operator=(TemporaryFolder const &) = delete;

    std::string const &path() const { return m_path; }
    std::string operator/(std::string const &name) const { return m_path + "/" + name; }
    std::vector<std::string> names() const {
        std::vector<std::string> found;
        for (auto const &entry : std::filesystem::directory_iterator(m_path)) {
            found.push_back(entry.path().filename().string());
        }
        std::sort(found.begin(), found.end());
        return found;
    }

  private:
    std::string m_path;
};

class UmaskGuard {
  public:
    explicit UmaskGuard(mode_t mask) : m_before(::umask(mask)) {}
    ~UmaskGuard() { ::umask(m_before); }

  private:
    mode_t m_before;
};

/// Puts `fd` in the place of `standard` (1 or 2) for a while.
class Redirect {
  public:
    Redirect(int standard, int fd) : m_standard(standard), m_saved(::fcntl(standard, F_DUPFD_CLOEXEC, 100)) {
        REQUIRE(::dup2(fd, standard) == standard);
    }
    ~Redirect() { ::dup2(m_saved.get(), m_standard); }

  private:
    int m_standard;
    FileDescriptor m_saved;
};

class EnvironmentGuard {
  public:
    EnvironmentGuard(char const *name, char const *value) : m_name(name) {
        auto const *before = std::getenv(name);
        m_before = before != nullptr ? std::optional<std::string>(before) : std::nullopt;
        ::setenv(name, value, 1);
    }
    ~EnvironmentGuard() { m_before ? ::setenv(m_name, m_before->c_str(), 1) : ::unsetenv(m_name); }

  private:
    char const *m_name;
    std::optional<std::string> m_before;
};

inline void write_file(std::string const &path, std::string_view content, mode_t mode = 0600) {
    FileDescriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    REQUIRE(fd.is_open());
    REQUIRE(::fchmod(fd.get(), mode) == 0);
    REQUIRE(::write(fd.get(), content.data(), content.size()) == static_cast<ssize_t>(content.size()));
}

inline std::string read_file(std::string const &path) {
    std::ifstream stream(path, std::ios::binary);
    REQUIRE(stream.good());
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

inline mode_t mode_of(std::string const &path) {
    struct stat status {};
    REQUIRE(::lstat(path.c_str(), &status) == 0);
    return status.st_mode & 07777;
}

/// Reads everything that is in a pipe now; its write end must be closed, or the pipe must not be empty.
inline std::string drain(int fd) {
    std::string text;
    std::array<char, 4096> piece{};
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
    for (auto count = ::read(fd, piece.data(), piece.size()); count > 0;
         count = ::read(fd, piece.data(), piece.size())) {
        text.append(piece.data(), static_cast<std::size_t>(count));
    }
    return text;
}

struct Pipe {
    FileDescriptor reader;
    FileDescriptor writer;
    Pipe() {
        std::array<int, 2> ends{};
        REQUIRE(::pipe(ends.data()) == 0);
        reader = FileDescriptor(ends[0]);
        writer = FileDescriptor(ends[1]);
        std::signal(SIGPIPE, SIG_IGN);  // as main does
    }
};

/// Returns the exception of `work`, which must be an Error of that kind.
template <typename Work>
Error error_of(ErrorKind kind, Work const &work) {
    try {
        work();
    } catch (Error const &error) {
        CHECK_MESSAGE(error.kind() == kind, error.message());
        return error;
    }
    FAIL("no error was thrown");
    throw std::logic_error("not reached");
}

inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// A key with its owner.
struct Issued {
    OrgId org = OrgId::parse("acme-corp");
    AgentId agent = AgentId::parse("payment_bot");
    ApiKey key = ApiKey::generate(KeyType::agent);
    ApiKey token = ApiKey::generate(KeyType::org_admin);

    NewKey for_agent() const { return {.org = org, .agent = &agent, .key = key}; }
    NewKey for_org() const { return {.org = org, .agent = nullptr, .key = token}; }
    std::string text() const { return std::string(key.reveal()); }
};

/// An Output, and what it writes to stderr.
struct Talk {
    Pipe pipe;
    Redirect redirect{STDERR_FILENO, pipe.writer.get()};
    Output output;
    explicit Talk(Globals const &globals = {}) : output(globals) {}
    std::string heard() { return drain(pipe.reader.get()); }
};

inline Judge says(Verdict verdict) {
    return [verdict](std::string_view, std::optional<std::string> const &) { return verdict; };
}

inline Verdict never_asked(std::string_view, std::optional<std::string> const &) {
    FAIL("the database was asked");
    return Verdict::aborted;
}

}  // namespace relay::cli::sink_tests
