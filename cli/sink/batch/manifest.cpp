#include "cli/sink/batch/manifest.hpp"

#include "cli/output/render.hpp"
#include "cli/posix/files.hpp"
#include "cli/posix/write_all.hpp"
#include "cli/sink/secret_file.hpp"
#include "cli/sink/sink_error.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <cerrno>
#include <climits>
#include <filesystem>

namespace relay::cli {
namespace {

constexpr std::string_view header = "agent_id,org_id,owner,wave,key_id,issued_at,file\n";
constexpr std::size_t piece_size = 64 * 1024;

std::string line_of(IssuedLegacyKey const &key, std::string const &file) {
    std::string line = csv_cell(key.agent_id.text()) + ',' + csv_cell(key.org_id.text()) + ',' +
                       (key.owner ? csv_cell(*key.owner) : "") + ',';
    line += (key.wave ? std::to_string(*key.wave) : "") + ',' + key.key_id.text() + ',' +
            format_instant(key.issued_at) + ',';
    return line + csv_cell(file) + '\n';
}

/// The next report, in a temporary file beside the one that it will replace. It does not disturb another run that
/// writes one.
class Draft {
  public:
    Draft(Folder const &folder, std::string const &name) : m_folder(folder), m_name("." + name + ".part") {
        // A draft that a killed run left is overwritten.
        m_fd = FileDescriptor(::openat(folder.fd.get(), m_name.c_str(),
                                       O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, private_mode));
        struct stat status {};
        if (!m_fd.is_open() || ::fstat(m_fd.get(), &status) != 0) {
            throw sink_error("cannot create " + path(), errno);
        }
        if (!S_ISREG(status.st_mode) || status.st_uid != ::geteuid() || status.st_nlink > 1) {
            throw sink_refusal(path() + " is in the way", "it was not made by this program", "move it away");
        }
        if (::flock(m_fd.get(), LOCK_EX | LOCK_NB) != 0 || !is_file_at(folder.fd.get(), m_name, identity_of(status))) {
            throw sink_refusal(path() + " is in use by another run", "two runs write the same report",
                               "run the same command again when the other run has ended");
        }
        m_is_locked = true;
        if (::ftruncate(m_fd.get(), 0) != 0) {
            throw sink_error("cannot create " + path(), errno);
        }
    }
    ~Draft() {
        if (m_is_locked) {
            ::unlinkat(m_folder.fd.get(), m_name.c_str(), 0);
        }
    }
    Draft(Draft const &) = delete;
    Draft &operator=(Draft const &) = delete;

    void add(std::string_view text) {
        m_buffer += text;
        if (m_buffer.size() >= piece_size) {
            flush();
        }
    }

    void replace(std::string const &name, mode_t mode) {
        flush();
        if (::fchmod(m_fd.get(), mode) != 0 || ::fsync(m_fd.get()) != 0 ||
            ::renameat(m_folder.fd.get(), m_name.c_str(), m_folder.fd.get(), name.c_str()) != 0) {
            throw sink_error("cannot write " + m_folder.path_of(name), errno);
        }
        m_is_locked = false;
        sync_folder(m_folder.fd.get());
    }

  private:
    std::string path() const { return m_folder.path_of(m_name); }

    void flush() {
        if (auto const error_number = write_all(m_fd.get(), m_buffer); error_number != 0) {
            throw sink_error("cannot write " + path(), error_number);
        }
        m_buffer.clear();
    }

    Folder const &m_folder;
    std::string m_name;
    FileDescriptor m_fd{};
    bool m_is_locked = false;
    std::string m_buffer{};
};

}  // namespace

Manifest::Manifest(std::string path, std::optional<std::string> const &made_later) : m_path(std::move(path)) {
    std::filesystem::path const whole(m_path);
    m_folder = whole.has_parent_path() ? whole.parent_path().string() : std::string(".");
    m_name = whole.filename().string();
    if (m_name.empty() || m_name == "." || m_name == ".." || m_name == "-" || m_name.size() + 6 > NAME_MAX) {
        throw Error(ErrorKind::usage, "--manifest: '" + m_path + "' is not a file name",
                    {.next = "for example --manifest issued.csv"});
    }
    auto const is_made_later = made_later && (std::filesystem::path(*made_later) / "").lexically_normal() ==
                                                 (std::filesystem::path(m_folder) / "").lexically_normal();
    if (!is_made_later || std::filesystem::exists(m_folder)) {
        auto const folder = open_folder(m_folder);
        require_trusted(*folder);
        require_writable(*folder);
        require_replaceable();
    }
}

void Manifest::require_replaceable() const {
    auto const folder = open_folder(m_folder);
    auto const status = status_at(folder->fd.get(), m_name);
    if (!status) {
        return;
    }
    std::string start(header.size(), '\0');
    FileDescriptor const fd(
        S_ISREG(status->st_mode) ? ::openat(folder->fd.get(), m_name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1);
    auto const got = fd.is_open() ? ::pread(fd.get(), start.data(), start.size(), 0) : -1;
    if (status->st_uid != ::geteuid() || got < 0 || (got > 0 && start != header)) {
        throw sink_refusal(m_path + " exists, and is not a manifest of yours",
                           "a file of another kind is never overwritten", "choose another name");
    }
}

void Manifest::write(std::function<void(Take const &)> const &rows) const {
    auto const folder = open_folder(m_folder);
    require_trusted(*folder);
    Draft draft(*folder, m_name);
    draft.add(header);
    rows([&](IssuedLegacyKey const &key, std::string const &file) { draft.add(line_of(key, file)); });
    require_replaceable();  // another file may have been put there meanwhile
    auto const status = status_at(folder->fd.get(), m_name);
    draft.replace(m_name, status ? status->st_mode & 0777 : private_mode);
}

}  // namespace relay::cli
