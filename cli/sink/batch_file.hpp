#pragma once

#include "cli/posix/files.hpp"
#include "cli/sink/format.hpp"
#include "cli/sink/secret_file.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace relay::cli {

/// A file of secrets that grows by batches, by a protocol that survives a kill at any instant.
///
/// A batch is written to NAME.batch and flushed; after the commit it is appended to NAME, flushed, and NAME.batch removed. So NAME holds only
/// keys that are live. NAME.batch is locked (flock) as long as this run has it in hand. A run that finds one asks what became of its
/// transaction, and appends what is missing of it (`append_missing`), or removes it.
class BatchFile {
  public:
    /// `name` is relative to the folder, without a slash; `first_words`: how such a file begins.
    BatchFile(std::shared_ptr<Folder const> folder, std::string name,
              std::string_view first_words = first_words_of_lines(SecretFormat::json))
        : m_folder(std::move(folder)), m_name(std::move(name)), m_first_words(first_words) {}

    /// Looks, and changes nothing. Returns true if NAME is there, with keys of earlier runs.
    /// Throws Error (sink): NAME is no regular file of this user's and private, or begins as no file of keys does.
    bool check() const;
    /// Makes the batch durable in NAME.batch, and that say which database it is for (cli/sink/made_for.hpp). On failure takes it back and throws
    /// Error (sink).
    void write(std::string_view content, std::string const &database_id = {});
    /// After the commit. Throws Error (unknown, changed yes) if the keys are not in NAME now: they are whole in NAME.batch.
    void finish(std::string_view content);
    /// After a rollback.
    void undo() noexcept;
    /// After an unknown outcome: leaves NAME.batch, lets go of the lock.
    void keep() noexcept { m_fd.reset(); }

  private:
    std::shared_ptr<Folder const> m_folder;
    std::string m_name;
    std::string_view m_first_words;
    FileDescriptor m_fd{};
    FileIdentity m_identity{};
};

/// Puts at the end of NAME what is missing of `content` there: all of it, or the rest after a kill in the middle of it; flushed. NAME is made if
/// it is not there. Throws Error (sink).
void append_missing(Folder const &folder, std::string const &name, std::string_view content);

}  // namespace relay::cli
