#pragma once

#include "cli/posix/files.hpp"
#include "relay/crypto/secret_buffer.hpp"
#include "relay/model/error.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace relay::cli {

/// An open folder and the name by which the user knows it.
struct Folder {
    FileDescriptor fd;
    std::string path;

    /// `path`/`name`, as the user would write it.
    std::string path_of(std::string const &name) const;
};

/// Opens a folder. Throws Error (sink).
std::shared_ptr<Folder const> open_folder(std::string const &path);
/// Throws Error (sink) unless files can be made in the folder now.
void require_writable(Folder const &folder);

/// What the unfinished content of `name` is called.
std::string unfinished_name(std::string_view name);
constexpr std::string_view unfinished_suffix = ".new";
/// What the batch that is to be appended to `name` is called.
std::string batch_name(std::string_view name);
constexpr std::string_view batch_suffix = ".batch";

/// One secret in a file of its own, by the protocol that survives a kill at any instant.
///
/// New file: NAME.new is written and flushed, then linked to NAME (which fails if NAME exists); after the commit NAME.new is removed.
/// While both names are one file, the operation is in progress. Replacement: NAME.new is renamed over NAME after the commit.
/// NAME.new is locked (flock) as long as this run has it in hand, so that no other run settles it meanwhile.
class SecretFile {
  public:
    /// `name` is relative to the folder, without a slash.
    SecretFile(std::shared_ptr<Folder const> folder, std::string name, bool replace);

    /// Looks, and changes nothing. Throws Error (sink) if NAME is in the way: it exists without leave to replace it (one that a killed run left
    /// in progress passes), is no regular file, or belongs to another user.
    void check() const;
    /// Makes the content durable, and NAME.new say which database it is for (cli/sink/made_for.hpp). On failure takes everything back and throws
    /// Error (sink).
    void write(SecretBuffer content, std::string database_id = {});
    /// After the commit. Returns a warning, or nothing. Throws Error (sink, changed yes) if the secret is not in NAME now.
    std::optional<std::string> finish();
    /// After a rollback: removes what was made.
    void undo() noexcept;

    /// write() in its steps, for many files of one folder that share their flushes (cli/sink/secret_files.hpp). Each throws Error (sink); then
    /// undo() is the caller's. NAME.new with all of its content, locked, not flushed.
    void draft(SecretBuffer content, std::string database_id);
    /// Flushes NAME.new.
    void flush() const;
    /// Once the whole file system was flushed: that the content was.
    void confirm_flushed() const;
    /// A new file gets its name; the flush of the folder is the caller's.
    void put_into_place();
    /// finish() and undo() without the flush of the folder.
    void finish_unflushed();
    void undo_unflushed() noexcept;
    /// After an unknown outcome: leaves everything, lets go of the lock.
    void keep() noexcept;

    std::string path() const { return m_folder->path_of(m_name); }
    std::string unfinished_path() const { return m_folder->path_of(m_unfinished); }
    bool is_written() const { return m_fd.is_open(); }

  private:
    void create_unfinished();
    void finish_new();
    void finish_replacement();
    Error live_but_misplaced(int error_number) const;

    std::shared_ptr<Folder const> m_folder;
    std::string m_name;
    std::string m_unfinished;
    bool m_replace;
    FileDescriptor m_fd{};  ///< NAME.new, locked; open from write() to the verdict
    FileIdentity m_identity{};
    std::optional<SecretBuffer> m_content{};
    std::string m_database_id{};
};

}  // namespace relay::cli
