#include "cli/output/own_file.hpp"

#include "cli/posix/files.hpp"
#include "cli/posix/write_all.hpp"
#include "cli/sink/secret_file.hpp"
#include "cli/sink/sink_error.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include <fcntl.h>
#include <unistd.h>

namespace relay::cli {

namespace {

constexpr mode_t mode_bits = 07777;

struct Place {
    std::shared_ptr<Folder const> folder;
    std::string name;
};

std::string named(OwnFile const &file) { return file.flag + " " + file.path; }

Place place_of(OwnFile const &file) {
    std::string const &path = file.path;
    std::size_t const slash = path.rfind('/');
    std::string const name = slash == path.npos ? path : path.substr(slash + 1);
    if (name.empty() || name == "." || name == "..") {
        throw Error(ErrorKind::usage, named(file) + " is not a file name; nothing was written");
    }
    std::string const folder = slash == path.npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
    return {open_folder(folder), name};
}

Error in_the_way(OwnFile const &file, std::string const &why) {
    return {ErrorKind::conflict,
            named(file) + " already exists, and " + why + "; nothing was written",
            {.why = "this command replaces only a file that it made", .next = "name another file, or remove this one"}};
}

bool begins_with(int file, std::string_view beginning) {
    std::string found(beginning.size(), '\0');
    ssize_t const length = ::pread(file, found.data(), found.size(), 0);
    return length == static_cast<ssize_t>(beginning.size()) && found == beginning;
}

/// Returns the mode of the file that will be replaced; none if nothing is there. Throws Error (conflict, sink).
std::optional<mode_t> earlier_file(Place const &place, OwnFile const &own) {
    std::optional<struct stat> const status = status_at(place.folder->fd.get(), place.name);
    if (!status) {
        return std::nullopt;
    }
    if (!S_ISREG(status->st_mode)) {
        throw in_the_way(own, "is " + std::string(describe_file_type(status->st_mode)));
    }
    FileDescriptor const file(
        ::openat(place.folder->fd.get(), place.name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (!file.is_open()) {
        throw sink_error("cannot read " + named(own), errno, "name another file");
    }
    if (!begins_with(file.get(), own.beginning)) {
        throw in_the_way(own, "was not made by this command");
    }
    return status->st_mode & mode_bits;
}

/// A temporary file, removed by the destructor unless it was renamed.
class Draft {
  public:
    explicit Draft(Place const &place) : m_folder(place.folder), m_name("." + place.name + ".XXXXXX") {
        std::string path = m_folder->path_of(m_name);
        m_file = FileDescriptor(::mkostemp(path.data(), O_CLOEXEC));
        m_name = path.substr(path.rfind('/') + 1);
    }
    ~Draft() {
        if (m_file.is_open()) {
            ::unlinkat(m_folder->fd.get(), m_name.c_str(), 0);
        }
    }
    Draft(Draft const &) = delete;
    Draft &operator=(Draft const &) = delete;

    bool write(std::string_view text, mode_t mode) {
        if (!m_file.is_open() || ::fchmod(m_file.get(), mode) != 0) {
            return false;
        }
        errno = write_all(m_file.get(), text);
        return errno == 0 && ::fsync(m_file.get()) == 0;
    }
    /// Renames the draft to `name`. If `replace` is false, fails if `name` exists. On failure returns false with errno
    /// set.
    bool rename_to(std::string const &name, bool replace) {
        int const folder = m_folder->fd.get();
        int failed = ::renameat2(folder, m_name.c_str(), folder, name.c_str(), replace ? 0 : RENAME_NOREPLACE);
        if (failed != 0 && !replace && errno == EINVAL) {  // this file system does not support RENAME_NOREPLACE
            failed = ::renameat(folder, m_name.c_str(), folder, name.c_str());
        }
        if (failed == 0) {
            m_file.reset();
        }
        return failed == 0;
    }

  private:
    std::shared_ptr<Folder const> m_folder;
    std::string m_name;
    FileDescriptor m_file{};
};

}  // namespace

void require_place(OwnFile const &file) {
    Place const place = place_of(file);
    earlier_file(place, file);
    require_writable(*place.folder);
}

void remove_own_file(OwnFile const &file) {
    Place const place = place_of(file);
    int const folder = place.folder->fd.get();
    FileDescriptor const opened(::openat(folder, place.name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    struct stat status {};
    bool const is_ours = opened.is_open() && ::fstat(opened.get(), &status) == 0 && S_ISREG(status.st_mode) &&
                         begins_with(opened.get(), file.beginning) &&
                         is_file_at(folder, place.name, identity_of(status));
    if (is_ours && ::unlinkat(folder, place.name.c_str(), 0) != 0) {
        throw sink_error("cannot remove the earlier file " + file.path, errno);
    }
}

void write_own_file(OwnFile const &file, std::string_view text) {
    Place const place = place_of(file);
    std::optional<mode_t> const earlier = earlier_file(place, file);
    Draft draft(place);
    if (!draft.write(text, earlier.value_or(file.mode))) {
        throw sink_error("cannot write " + named(file), errno, "name another folder, or free some space");
    }
    if (!draft.rename_to(place.name, earlier.has_value())) {
        if (errno == EEXIST) {
            throw in_the_way(file, "was created just now");
        }
        throw sink_error("cannot write " + named(file), errno, "name another folder");
    }
    sync_folder(place.folder->fd.get());
}

}  // namespace relay::cli
