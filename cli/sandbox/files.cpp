#include "cli/sandbox/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>
#include <utility>

namespace relay::cli::sandbox {

namespace {

void write_all(int descriptor, std::string_view text, std::string const &path) {
    while (!text.empty()) {
        ssize_t const written = write(descriptor, text.data(), text.size());
        if (written < 0 && errno != EINTR) {
            throw file_error("cannot write " + path);
        }
        text.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
    }
}

}  // namespace

Descriptor &Descriptor::operator=(Descriptor &&other) noexcept {
    if (this != &other) {
        reset();
        m_number = other.release();
    }
    return *this;
}

int Descriptor::release() noexcept { return std::exchange(m_number, -1); }

void Descriptor::reset() noexcept {
    if (m_number >= 0) {
        close(std::exchange(m_number, -1));
    }
}

Descriptor above_stdio(Descriptor descriptor) {
    if (descriptor.get() < 0 || descriptor.get() > 2) {
        return descriptor;
    }
    return Descriptor(fcntl(descriptor.get(), F_DUPFD_CLOEXEC, 3));
}

Error file_error(std::string message) {
    int const number = errno;
    // strerror's text, without its capital: error texts here are lower case.
    std::string why = std::strerror(number);
    if (!why.empty()) {
        why[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(why[0])));
    }
    return Error(ErrorKind::unavailable, std::move(message), {.why = std::move(why)});
}

void make_directory(std::string const &path, mode_t mode) {
    if (mkdir(path.c_str(), mode) != 0) {
        if (errno == EEXIST) {
            return;
        }
        throw file_error("cannot create the folder " + path);
    }
    Descriptor const folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (folder.get() < 0) {
        // With umask 0777, the new folder cannot be opened until chmod sets its mode.
        if (fchmodat(AT_FDCWD, path.c_str(), mode, 0) != 0) {
            throw file_error("cannot set the mode of " + path);
        }
        return;
    }
    if (fchmod(folder.get(), mode) != 0) {
        throw file_error("cannot set the mode of " + path);
    }
}

void write_file(std::string const &path, std::string_view text) {
    std::string const fresh = path + ".new";
    unlink(fresh.c_str());
    Descriptor const file(open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (file.get() < 0 || fchmod(file.get(), 0600) != 0) {
        throw file_error("cannot create " + fresh);
    }
    write_all(file.get(), text, fresh);
    if (fsync(file.get()) != 0 || rename(fresh.c_str(), path.c_str()) != 0) {
        throw file_error("cannot write " + path);
    }
    flush_directory(std::filesystem::path(path).parent_path().string());
}

std::optional<std::string> read_file(std::string const &path) {
    Descriptor const file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    struct stat found {};
    if (file.get() < 0 || fstat(file.get(), &found) != 0 || !S_ISREG(found.st_mode)) {
        return std::nullopt;
    }
    constexpr off_t limit = 64 * 1024;
    if (found.st_size > limit) {
        lseek(file.get(), -limit, SEEK_END);
    }
    std::string text;
    std::array<char, 4096> block;
    for (ssize_t got = 0; (got = read(file.get(), block.data(), block.size())) > 0;) {
        text.append(block.data(), static_cast<std::size_t>(got));
    }
    return text;
}

std::string last_lines(std::string_view text, std::size_t lines) {
    while (!text.empty() && text.back() == '\n') {
        text.remove_suffix(1);
    }
    std::size_t from = text.size();
    for (; lines > 0 && from != std::string_view::npos && from > 0; --lines) {
        from = text.rfind('\n', from - 1);
    }
    return std::string(from == std::string_view::npos || from == 0 ? text : text.substr(from + 1));
}

bool remove_tree(std::string const &path) {
    // Workers of a killed server write for some more milliseconds, so a folder may fill again after we emptied it.
    for (int attempt = 0;; ++attempt) {
        std::error_code error;
        auto const removed = std::filesystem::remove_all(path, error);
        if (!error) {
            return removed > 0;
        }
        if (attempt == 20) {
            errno = error.value();
            throw file_error("cannot remove " + path);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
}

void flush_directory(std::string const &path) {
    Descriptor const folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.get() < 0 || fsync(folder.get()) != 0) {
        throw file_error("cannot flush the folder " + path);
    }
}

}  // namespace relay::cli::sandbox
