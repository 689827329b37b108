#include "cli/sink/leftover.hpp"

#include "cli/output/output.hpp"
#include "cli/sink/batch_file.hpp"
#include "cli/sink/format.hpp"
#include "cli/sink/made_for.hpp"
#include "cli/sink/sink_error.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <thread>

namespace relay::cli {
namespace {

constexpr std::size_t leftover_size_limit = 64 * 1024 * 1024;

std::string name_of(Unfinished kind, std::string const &name) {
    return kind == Unfinished::batch ? batch_name(name) : unfinished_name(name);
}

/// NAME.new, open and locked.
struct Leftover {
    Folder const &folder;
    std::string const &name;
    std::string unfinished;
    FileDescriptor fd;
    FileIdentity identity;
    std::size_t size;
};

Error not_ours(std::string const &path, std::string const &why) {
    return sink_refusal(path + " is in the way and was not made by this program", why,
                        "move it away, or choose another name");
}

Error another_database(std::string const &path) {
    return sink_refusal(path + " of an earlier run belongs to another database",
                        "only that database knows whether its key is live",
                        Advice("run the same command with that database").also("move " + path + " away"));
}

void require_ours(struct stat const &status, std::string const &path) {
    if (!S_ISREG(status.st_mode)) {
        throw not_ours(path, "it is " + std::string(describe_file_type(status.st_mode)));
    }
    if (status.st_uid != ::geteuid()) {
        throw not_ours(path, "it belongs to another user (uid " + std::to_string(status.st_uid) + ")");
    }
    if ((status.st_mode & 07177) != 0) {
        throw not_ours(path, "it is not private (an unfinished secret file has mode 0600)");
    }
    if (status.st_size > static_cast<off_t>(leftover_size_limit)) {
        throw not_ours(path, "it is larger than 64 MiB");
    }
}

/// Removes an empty file of mode 0000, which a run under umask 0777 leaves if it is killed between open and fchmod.
bool remove_if_empty_and_closed(Folder const &folder, std::string const &unfinished) {
    auto const status = status_at(folder.fd.get(), unfinished);
    return status && S_ISREG(status->st_mode) && status->st_uid == ::geteuid() && status->st_size == 0 &&
           (status->st_mode & 0777) == 0 && ::unlinkat(folder.fd.get(), unfinished.c_str(), 0) == 0;
}

bool lock(FileDescriptor const &fd, std::chrono::milliseconds patience) {
    auto const until = std::chrono::steady_clock::now() + patience;
    while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        if (std::chrono::steady_clock::now() >= until) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

/// Opens and locks what an earlier run left; none if it does not exist, or not any more. O_NONBLOCK: opening a FIFO
/// must not wait for its other end.
std::optional<Leftover> open_leftover(Folder const &folder, std::string const &name, std::string unfinished,
                                      std::chrono::milliseconds patience) {
    auto const path = folder.path_of(unfinished);
    auto const before = status_at(folder.fd.get(), unfinished);
    if (!before && errno == ENOENT) {
        return std::nullopt;
    }
    if (before) {
        require_ours(*before, path);
    }
    FileDescriptor fd(::openat(folder.fd.get(), unfinished.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!fd.is_open()) {
        if (errno == ENOENT) {
            return std::nullopt;
        }
        throw sink_error("cannot open " + path, errno);
    }
    if (!lock(fd, patience)) {
        throw sink_refusal(path + " is in use by another run", "two runs write to the same place",
                           "run the same command again when the other run has ended");
    }
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) {
        throw sink_error("cannot check " + path, errno);
    }
    require_ours(status, path);
    auto const identity = identity_of(status);
    if (!is_file_at(folder.fd.get(), unfinished, identity)) {
        return std::nullopt;  // its run ended while we waited
    }
    return Leftover{.folder = folder,
                    .name = name,
                    .unfinished = std::move(unfinished),
                    .fd = std::move(fd),
                    .identity = identity,
                    .size = static_cast<std::size_t>(status.st_size)};
}

SecretBuffer read_content(Leftover const &leftover) {
    SecretBuffer content(leftover.size);
    std::size_t filled = 0;
    while (filled < leftover.size) {
        auto const room = content.writable().subspan(filled);
        auto const count = ::pread(leftover.fd.get(), room.data(), room.size(), static_cast<off_t>(filled));
        if (count < 0 && errno != EINTR) {
            throw sink_error("cannot read " + leftover.folder.path_of(leftover.unfinished), errno);
        }
        if (count == 0) {
            break;
        }
        filled += count > 0 ? static_cast<std::size_t>(count) : 0;
    }
    content.truncate(filled);
    return content;
}

void finish(Leftover const &leftover) {
    auto const folder = leftover.folder.fd.get();
    auto const path = leftover.folder.path_of(leftover.name);
    auto const unfinished_path = leftover.folder.path_of(leftover.unfinished);
    auto const status = status_at(folder, leftover.name);
    if (status && !S_ISREG(status->st_mode)) {
        throw Error(ErrorKind::sink,
                    path + " is " + std::string(describe_file_type(status->st_mode)) + ": " + unfinished_path +
                        " of an earlier run contains a live key and cannot be moved there",
                    {.next = "move " + path + " away, then run the same command again"});
    }
    // If both names are the same file, rename(2) does nothing and leaves both.
    auto const is_in_place = status && identity_of(*status) == leftover.identity;
    auto const failed = is_in_place ? ::unlinkat(folder, leftover.unfinished.c_str(), 0)
                                    : ::renameat(folder, leftover.unfinished.c_str(), folder, leftover.name.c_str());
    if (failed != 0) {
        throw sink_error(unfinished_path + " of an earlier run contains a live key and cannot be moved to " + path,
                         errno);
    }
    clear_made_for(leftover.fd.get());
    sync_folder(folder);
}

/// Appends a batch to its file, and removes the batch.
void finish_batch(Leftover const &leftover, std::string_view content) {
    auto const folder = leftover.folder.fd.get();
    append_missing(leftover.folder, leftover.name, content);
    if (::unlinkat(folder, leftover.unfinished.c_str(), 0) != 0) {
        throw sink_error(leftover.folder.path_of(leftover.unfinished) + " of an earlier run cannot be removed", errno);
    }
    sync_folder(folder);
}

void remove(Leftover const &leftover) {
    auto const folder = leftover.folder.fd.get();
    if (is_file_at(folder, leftover.name, leftover.identity)) {
        ::unlinkat(folder, leftover.name.c_str(), 0);
    }
    if (::unlinkat(folder, leftover.unfinished.c_str(), 0) != 0 && errno != ENOENT) {
        throw sink_error("cannot remove " + leftover.folder.path_of(leftover.unfinished), errno);
    }
    sync_folder(folder);
}

struct Name {
    std::string name;
    Unfinished kind;
    friend auto operator<=>(Name const &, Name const &) = default;
};

using Listing = std::unique_ptr<DIR, int (*)(DIR *)>;

Listing list_folder(Folder const &folder) {
    FileDescriptor copy(::openat(folder.fd.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    Listing listing(copy.is_open() ? ::fdopendir(copy.get()) : nullptr, ::closedir);
    if (!listing) {
        throw sink_error("cannot read the folder " + folder.path, errno);
    }
    copy.release();  // closedir closes it
    return listing;
}

/// Returns the subfolders that --group-by could have made: private ones of this user.
std::vector<std::string> group_names(Folder const &folder) {
    Listing const listing = list_folder(folder);
    std::vector<std::string> names;
    while (auto const *entry = ::readdir(listing.get())) {
        std::string const name = entry->d_name;
        if (name.starts_with('.') || (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN)) {
            continue;
        }
        auto const status = status_at(folder.fd.get(), name);
        if (status && S_ISDIR(status->st_mode) && status->st_uid == ::geteuid() && (status->st_mode & 0777) == 0700) {
            names.push_back(name);
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

/// Returns NAME for each NAME.new and NAME.batch.
std::vector<Name> unfinished_names(Folder const &folder) {
    Listing const listing = list_folder(folder);
    std::vector<Name> names;
    while (auto const *entry = ::readdir(listing.get())) {
        std::string_view const name = entry->d_name;
        for (auto const kind : {Unfinished::file, Unfinished::batch}) {
            auto const suffix = kind == Unfinished::file ? unfinished_suffix : batch_suffix;
            if (name.size() > suffix.size() && name.ends_with(suffix)) {
                names.push_back({std::string(name.substr(0, name.size() - suffix.size())), kind});
            }
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

void settle_names(Folder const &folder, Judge const &judge, std::vector<FolderEntry> &entries) {
    for (auto const &[name, kind] : unfinished_names(folder)) {
        FolderEntry entry{.path = folder.path_of(name_of(kind, name))};
        try {
            entry.settled = settle_in(folder, name, judge, kind);
            entry.message = describe_settled(folder, name, entry.settled, kind);
        } catch (Error const &error) {
            entry.error = error;
            entry.message = error.message();
        }
        entries.push_back(std::move(entry));
    }
}

}  // namespace

Settled settle_in(Folder const &folder, std::string const &name, Judge const &judge, Unfinished kind) {
    std::string const unfinished = name_of(kind, name);
    if (remove_if_empty_and_closed(folder, unfinished)) {
        return Settled::removed;
    }
    auto const leftover = open_leftover(folder, name, unfinished,
                                        kind == Unfinished::batch ? BatchFile::patience : std::chrono::milliseconds(0));
    if (!leftover) {
        return Settled::nothing;
    }
    auto const content = read_content(*leftover);
    if (!may_be_rendered(content.reveal())) {
        throw not_ours(folder.path_of(leftover->unfinished), "it does not begin like a secret of this program");
    }
    // An empty file was never complete, so its transaction never reached COMMIT: no need to ask the database.
    auto const verdict = content.size() != 0 ? judge(content.reveal(), made_for(leftover->fd.get())) : Verdict::aborted;
    switch (verdict) {
        case Verdict::done:
            kind == Unfinished::batch ? finish_batch(*leftover, content.reveal()) : finish(*leftover);
            return Settled::finished;
        case Verdict::aborted: remove(*leftover); return Settled::removed;
        case Verdict::elsewhere: break;
    }
    throw another_database(folder.path_of(leftover->unfinished));
}

std::string describe_settled(Folder const &folder, std::string const &name, Settled settled, Unfinished kind) {
    auto const start = folder.path_of(name_of(kind, name)) + " was left by an earlier run: ";
    if (kind == Unfinished::batch) {
        return settled == Settled::finished ? start + "its keys are live and are now in " + folder.path_of(name)
                                            : start + "its keys are not live and never will be; removed";
    }
    return settled == Settled::finished ? start + "its key is live and is now in " + folder.path_of(name)
                                        : start + "its key is not live and never will be; removed";
}

bool settle_leftover(std::string const &path, Judge const &judge, Output &output) {
    std::filesystem::path const whole(path);
    auto const parent = whole.has_parent_path() ? whole.parent_path().string() : std::string(".");
    auto const folder = open_folder(parent);
    require_trusted(*folder);
    auto const name = whole.filename().string();
    auto const settled = settle_in(*folder, name, judge);
    if (settled != Settled::nothing) {
        output.note(describe_settled(*folder, name, settled));
    }
    return settled != Settled::nothing;
}

std::vector<FolderEntry> settle_folder(std::string const &path, Judge const &judge) {
    auto const folder = open_folder(path);
    require_trusted(*folder);
    std::vector<FolderEntry> entries;
    settle_names(*folder, judge, entries);
    for (auto const &name : group_names(*folder)) {
        FileDescriptor fd(::openat(folder->fd.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (fd.is_open()) {
            settle_names({.fd = std::move(fd), .path = folder->path_of(name)}, judge, entries);
        }
    }
    return entries;
}

}  // namespace relay::cli
