#pragma once

#include "cli/sink/secret_file.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace relay::cli {

struct NamedSecret {
    std::string name;  ///< of the file, without a slash
    SecretBuffer content;
};

/// Secrets in files of one folder, each by the protocol of SecretFile, made durable together: every NAME.new is on disk
/// before the first one gets its name, and every name is on disk before write() returns. For many files, the whole file
/// system is flushed once (syncfs): separate flushes would cost five times as much. For a few files, syncfs would wait
/// for unrelated dirty pages.
/// Each file stays open until the verdict, because it is locked.
class SecretFiles {
  public:
    SecretFiles(std::shared_ptr<Folder const> folder, bool replace) : m_folder(std::move(folder)), m_replace(replace) {}

    /// As SecretFile::write. On failure, removes all of them and throws Error (sink).
    void write(std::vector<NamedSecret> secrets, std::string const &database_id);

    /// The steps of write(), for several folders that share a flush: draft() for all folders; then flush() for each, or
    /// confirm_flushed() after a syncfs; then put_into_place(). Each throws Error (sink); then the caller must call
    /// undo().
    void draft(std::vector<NamedSecret> secrets, std::string const &database_id);
    void flush() const;
    void confirm_flushed() const;
    void put_into_place();
    /// From this number of files on, one syncfs is cheaper than a flush for each, even with some unrelated dirty pages
    /// (measured on ext4).
    static constexpr std::size_t many = 16;

    /// As SecretFile::finish. If one file cannot be put in place, the others still are; the first such Error is thrown
    /// at the end.
    std::optional<std::string> finish();
    void undo() noexcept;
    void keep() noexcept { m_files.clear(); }

  private:
    std::shared_ptr<Folder const> m_folder;
    bool m_replace;
    std::vector<SecretFile> m_files{};
};

}  // namespace relay::cli
